"""What is left of a run that another worker began: decided by the commit markers in the warehouse, then by the
journal, which may lag behind them. Pure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from headgate.model.runs import StepRow
from headgate.model.steps import Step, StepError, StepOutcome, StepStatus

TAKEN_OVER = "published before another worker took the run over"


@dataclass(frozen=True, slots=True)
class Left:
    """`done` are steps whose end is journaled; `published` stand in the warehouse and are only to be journaled;
    `todo` has neither, in the order of the plan."""

    done: Mapping[str, StepOutcome]
    published: Mapping[str, StepOutcome]
    todo: tuple[str, ...]


def left_of(rows: Sequence[StepRow], marked: Mapping[str, int | None]) -> Left:
    """`marked` are the run's markers, with the rows that each step inserted."""
    still_open = [row.step_id for row in rows if not row.status.final]
    return Left(
        done={row.step_id: StepOutcome(row.status, error=row.error) for row in rows if row.status.final},
        published={
            name: StepOutcome(
                StepStatus.SUCCEEDED, rows_inserted=marked[name], published=True, notes=(TAKEN_OVER,)
            )
            for name in still_open
            if name in marked
        },
        todo=tuple(name for name in still_open if name not in marked),
    )


def blocked(steps: Sequence[Step], done: Mapping[str, StepOutcome]) -> dict[str, StepOutcome]:
    """Those of `steps` (in dependency order) that need something which did not succeed before the run was taken
    over: the executor knows of the steps it is given only."""
    bad = {name for name, outcome in done.items() if not outcome.status.good}
    found: dict[str, StepOutcome] = {}
    for step in steps:
        if need := next((name for name in step.depends_on if name in bad), None):
            bad.add(step.id)
            error = StepError("upstream_failed", f"{need} did not succeed")
            found[step.id] = StepOutcome(StepStatus.SKIPPED, error=error)
    return found
