"""A run as a person watches it: estimates, plain lines."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from headgate.cli.estimate import Estimate
from headgate.cli.progress import EACH_UP_TO, Lines
from headgate.model.runs import Run, RunKind, RunRequest, RunStatus
from headgate.model.steps import Step, StepError, StepKind, StepOutcome, StepStatus

AT = datetime(2026, 1, 1, tzinfo=UTC)
OK = StepOutcome(StepStatus.SUCCEEDED, rows_inserted=1204)


def step(name: str, *needs: str) -> Step:
    return Step(id=name, name=name, kind=StepKind.TABLE, depends_on=needs)


def run(*, rerun_of: int | None = None) -> Run:
    return Run(12, "u", RunKind.REFRESH, RunStatus.RUNNING, 1, AT, RunRequest(), rerun_of=rerun_of)


def watched(steps: list[Step], *, reused: list[str] | None = None) -> tuple[Lines, list[str]]:
    told: list[str] = []
    lines = Lines(told.append, lambda _: reused or [], color=False)
    lines.planned(run(rerun_of=11 if reused else None), steps, {})
    assert told.pop() == f"refresh 12: {len(steps)} step{'s' if len(steps) > 1 else ''}"
    return lines, told


def finish(lines: Lines, one: Step, outcome: StepOutcome = OK) -> None:
    lines.step_started(one, AT)
    lines.step_finished(one, outcome, AT + timedelta(seconds=0.31))


def test_estimate_is_the_longest_chain_or_the_work_left_by_lanes() -> None:
    steps = [step("a"), step("b", "a"), step("c")]
    usual = {"a": 10.0, "b": 20.0, "c": 6.0}
    assert Estimate(steps, usual, lanes=16).remaining(0) == 30
    narrow = Estimate(steps, usual, lanes=1)
    assert narrow.remaining(0) == 36
    narrow.start("a", 0)
    assert narrow.remaining(4) == 32
    narrow.end("a")
    assert narrow.remaining(10) == 26


def test_step_without_a_usual_duration_counts_as_the_mean_of_the_others() -> None:
    assert Estimate([step("a"), step("new")], {"a": 4.0}, lanes=1).remaining(0) == 8


def test_step_that_takes_longer_than_usual_leaves_nothing_of_itself() -> None:
    estimate = Estimate([step("a"), step("b", "a")], {"a": 10.0, "b": 5.0}, lanes=2)
    estimate.start("a", 0)
    assert estimate.remaining(1000) == 5


def test_nothing_is_estimated_where_nothing_is_known_or_left() -> None:
    assert Estimate([step("a")], {}, lanes=1).remaining(0) is None
    done = Estimate([step("a")], {"a": 1.0}, lanes=1)
    done.end("a")
    assert done.remaining(0) is None


def test_plain_line_tells_place_status_rows_and_time() -> None:
    steps = [step("MART.FCT_ORDERS"), *(step(f"S{n}") for n in range(39))]
    lines, told = watched(steps)
    finish(lines, steps[0])
    assert told == [" 1/40 ok MART.FCT_ORDERS 1,204 inserted 0.31s"]


def test_failure_is_told_with_its_message_and_what_it_skips_is_not() -> None:
    steps = [step("a"), step("b", "a")]
    lines, told = watched(steps)
    finish(
        lines,
        steps[0],
        StepOutcome(StepStatus.FAILED, error=StepError("statement_failed", "no such\n table")),
    )
    lines.step_finished(steps[1], StepOutcome(StepStatus.SKIPPED), AT)
    assert told == ["1/2 failed a 0.31s - no such table"]


def test_what_an_earlier_run_published_is_not_counted() -> None:
    steps = [step("a"), step("b"), step("c")]
    lines, told = watched(steps, reused=["a", "b"])
    finish(lines, steps[2])
    assert told[0].startswith("1/1 ok c")


def test_large_run_tells_failures_only() -> None:
    steps = [step(f"s{n}") for n in range(EACH_UP_TO + 1)]
    lines, told = watched(steps)
    finish(lines, steps[0])
    finish(lines, steps[1], StepOutcome(StepStatus.FAILED, error=StepError("x", "bad")))
    assert len(told) == 1
    assert "failed s1" in told[0]


def test_closed_terminal_never_breaks_a_run() -> None:
    def closed(_: str) -> None:
        raise BrokenPipeError

    lines = Lines(closed, lambda _: [], color=False)
    lines.planned(run(), [step("a")], {})
    finish(lines, step("a"))
    lines.waiting("for nobody")
