"""A run from its start to its end on the command line: signals, progress, what came of it, the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from headgate.cli import output
from headgate.cli.embedded import Embedded
from headgate.cli.errors import DONE, FAILED, STRICT
from headgate.cli.invocation import Invocation
from headgate.cli.out_file import OutFile
from headgate.cli.progress import Lines, Quietly
from headgate.cli.signals import stopping
from headgate.engine.stop import Stop
from headgate.model.runs import Run, RunKind, RunStatus, StepRow
from headgate.model.steps import StepError, StepStatus
from headgate.service import asking, bodies

if TYPE_CHECKING:
    from headgate.cli.live import LiveView

MOST_FAILURES = 10
MOST_SAMPLES = 5

_EXIT = {
    RunStatus.SUCCEEDED: DONE,
    RunStatus.WARNING: DONE,
    RunStatus.SKIPPED: DONE,
    RunStatus.FAILED: FAILED,
    RunStatus.CANCELED: FAILED,
}


@dataclass(frozen=True, slots=True)
class Ending:
    """What is to happen when a run has ended."""

    as_json: bool = False
    strict: bool = False
    out: OutFile | None = None
    body: Callable[[bodies.Body], bodies.Body] = lambda run: run
    """What JSON shows, made of the run's own body."""


class Carrier:
    """Everything that a command needs to carry a run out while a person watches. Made before the state is opened,
    because waiting for a warehouse is part of it."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self.stop = Stop()

    def carry_out(self, opened: Embedded, run: Run, ending: Ending) -> int:
        """Carry the waiting `run` out, report on it, and return the exit code."""
        view = self._view(opened)
        say = Quietly(view.say)
        try:
            with stopping(self.stop, say, before_exit=view.close):
                run = opened.worker.run_one(run.id, observer=view, stop=self.stop)
        finally:
            view.close()
        return report(opened, run, ending)

    def _view(self, opened: Embedded) -> Lines | LiveView:
        steps = opened.context.store.steps

        def reused(run_id: int) -> list[str]:
            return [step.step_id for step in steps.list(run_id) if step.status is StepStatus.REUSED]

        color = self._invocation.color
        if sys.stderr.isatty():
            from headgate.cli.live import open_view

            if (view := open_view(reused, color=color)) is not None:
                return view
        return Lines(_to_stderr, reused, color=bool(color))


def _to_stderr(text: str) -> None:
    # Not click.echo: several threads write, and a line must go out whole.
    sys.stderr.write(text + "\n")
    sys.stderr.flush()


def report(opened: Embedded, run: Run, ending: Ending) -> int:
    """Say how `run` ended; write its file; return the exit code."""
    context = opened.context
    found = asking.report_run(
        context, run.id, statements=ending.out is not None and ending.out.path is not None
    )
    body = bodies.run_detail(run, found.environment.name, found.history, found.steps)
    if ending.out is not None and ending.out.path is not None:
        results = bodies.results_body(found.steps, found.statements, found.environment.warehouse.type)
        ending.out.write(output.as_json({"run": body, **results}).encode() + b"\n")
    for note in run.notes:
        output.say(f"note: {note}")
    if run.status is RunStatus.WARNING:
        _tell(found.steps, StepStatus.WARNING, output.warn)
    good = run.status in (RunStatus.SUCCEEDED, RunStatus.WARNING)
    if not good:
        _tell(found.steps, StepStatus.FAILED, lambda text: output.complain(text, ""))
        _tell_run(run, found.steps, found.environment.name)
    if ending.as_json:
        output.show_json(ending.body(body))
    else:
        output.show(summary(run, found.steps))
    code = _EXIT[run.status]
    return STRICT if ending.strict and code == DONE and run.status is not RunStatus.SUCCEEDED else code


def summary(run: Run, steps: Sequence[StepRow]) -> str:
    """`refresh 12 failed in 3.20s: 20 succeeded, 1 failed, 4 skipped`."""
    counts = bodies.status_counts(steps)
    words = ", ".join(f"{count:,} {output.status(status)}" for status, count in counts.items())
    lasted = output.since(run.started_at, run.ended_at) if run.started_at else ""
    text = f"{run.kind.value} {run.id} {output.status(run.status.value)}"
    return text + (f" in {lasted}" if lasted else "") + (f": {words}" if words else "")


def _tell(steps: Sequence[StepRow], status: StepStatus, tell: Callable[[str], None]) -> None:
    concerned = [step for step in steps if step.status is status]
    for step in concerned[:MOST_FAILURES]:
        error = step.error
        tell(f"{step.step_id}: {error.message if error else '; '.join(step.notes) or 'see its tests'}")
        if error is not None and status is StepStatus.FAILED:
            tell_error(error, indent="  ")
    if len(concerned) > MOST_FAILURES:
        tell(f"and {len(concerned) - MOST_FAILURES} more")


def tell_error(error: StepError, *, indent: str = "", write: Callable[[str], None] = output.say) -> None:
    """The hint of an error, and a sample of offending rows."""
    if error.hint:
        write(f"{indent}{click.style('hint:', fg='cyan')} {output.one_line(error.hint)}")
    if error.sample:
        columns = error.sample_columns or tuple(f"column {n + 1}" for n in range(len(error.sample[0])))
        for line in output.table(columns, error.sample[:MOST_SAMPLES]):
            write(f"{indent}  {line}")
        if len(error.sample) > MOST_SAMPLES:
            write(f"{indent}  … and {len(error.sample) - MOST_SAMPLES} more in this sample")


def _tell_run(run: Run, steps: Sequence[StepRow], environment: str) -> None:
    failed = any(step.status is StepStatus.FAILED for step in steps)
    hints = [f"`headgate logs {run.id} --failed` shows their statements"] if failed else []
    if run.kind is RunKind.REFRESH and steps:
        hints.append(f"`headgate rerun {run.id}` runs what did not succeed")
    if run.kind is RunKind.DEPLOY and failed:
        hints.append(f"{environment} is as it was: mend this, then deploy again")
    if run.error is not None and not failed:
        output.complain(f"{run.kind.value} {run.id}: {run.error.message}", run.error.hint)
    if hints:
        output.say(f"{click.style('hint:', fg='cyan')} {'; '.join(hints)}")
