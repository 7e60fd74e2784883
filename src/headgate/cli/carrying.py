"""A run from its start to its end on the command line: signals, progress, what came of it, the exit code."""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import click

from headgate.cli import output
from headgate.cli.errors import DONE, FAILED, STRICT
from headgate.cli.invocation import Invocation
from headgate.cli.out_file import OutFile
from headgate.cli.progress import Lines, Quietly
from headgate.cli.signals import stopping
from headgate.cli.target import Body, Target
from headgate.client import reading
from headgate.client.answers import RunInfo
from headgate.engine.stop import Stop
from headgate.errors import UsageError
from headgate.model.runs import RunKind, RunStatus, StepRow
from headgate.model.steps import StepError, StepStatus

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
    detached: bool = False
    out: OutFile | None = None
    body: Callable[[Body], Body] = lambda run: run
    """What JSON shows, made of the run's own body."""


class Carrier:
    """Everything that a command needs to carry a run out while a person watches. Made before the state is opened,
    because waiting for a warehouse is part of it."""

    def __init__(self, invocation: Invocation) -> None:
        self._invocation = invocation
        self.stop = Stop()

    def carry_out(self, target: Target, run: Body, ending: Ending) -> int:
        """See the waiting `run` to its end, report on it, and return the exit code. A detached one is left to the
        server."""
        if ending.detached:
            return _leave(run, ending)
        run_id: int = run["id"]
        view = self._view(target)
        say = Quietly(view.say)
        try:
            left = {"left": "leaves the run to the server"} if target.remote else {}
            with stopping(self.stop, say, before_exit=view.close, **left):
                target.carry_out(run_id, view, self.stop)
        finally:
            view.close()
        return report(target, target.run(run_id), ending)

    def _view(self, target: Target) -> Lines | LiveView:
        reused = target.reused
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


def _leave(run: Body, ending: Ending) -> int:
    if ending.as_json:
        output.show_json(ending.body(run))
    else:
        output.show(f"{run['kind']} {run['id']} {output.status(run['status'])}")
    return DONE


def check_detached(target: Target, detached: bool) -> None:
    """Before a run is started. Raises UsageError `detach_needs_server`."""
    if detached and not target.remote:
        raise UsageError(
            "detach_needs_server",
            "without a server, a run ends with the command that started it",
            hint="headgate serve, or --server URL",
        )


def report(target: Target, body: Body, ending: Ending) -> int:
    """Say how a run ended; write its file; return the exit code."""
    found = reading.run_info(body)
    run = found.run
    good = run.status in (RunStatus.SUCCEEDED, RunStatus.WARNING)
    steps: tuple[StepRow, ...] = ()
    if ending.out is not None and ending.out.path is not None:
        results = target.logs(run.id)
        ending.out.write(output.as_json({"run": body, **results}).encode() + b"\n")
        steps = _steps(results, run.id)
    elif run.status is not RunStatus.SUCCEEDED:
        steps = _steps(target.logs(run.id, failed=not good), run.id)
    for note in run.notes:
        output.say(f"note: {note}")
    if run.status is RunStatus.WARNING:
        _tell(steps, StepStatus.WARNING, output.warn)
    if not good:
        _tell(steps, StepStatus.FAILED, lambda text: output.complain(text, ""))
        _tell_run(found)
    if ending.as_json:
        output.show_json(ending.body(body))
    else:
        output.show(summary(found))
    code = _EXIT[run.status]
    return STRICT if ending.strict and code == DONE and run.status is not RunStatus.SUCCEEDED else code


def _steps(results: Body, run_id: int) -> tuple[StepRow, ...]:
    return tuple(result.step for result in reading.results(results, run_id))


def summary(found: RunInfo) -> str:
    """`refresh 12 failed in 3.20s: 20 succeeded, 1 failed, 4 skipped`."""
    run = found.run
    words = ", ".join(f"{count:,} {output.status(status)}" for status, count in found.counts.items())
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


def _tell_run(found: RunInfo) -> None:
    run = found.run
    failed = bool(found.counts.get(StepStatus.FAILED))
    hints = [f"`headgate logs {run.id} --failed` shows their statements"] if failed else []
    if run.kind is RunKind.REFRESH and found.counts:
        hints.append(f"`headgate rerun {run.id}` runs what did not succeed")
    if run.kind is RunKind.DEPLOY and failed:
        hints.append(f"{found.environment_name} is as it was: mend this, then deploy again")
    if run.error is not None and not failed:
        output.complain(f"{run.kind.value} {run.id}: {run.error.message}", run.error.hint)
    if hints:
        output.say(f"{click.style('hint:', fg='cyan')} {'; '.join(hints)}")
