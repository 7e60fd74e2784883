"""A run as it goes, in plain lines on stderr; on a terminal `live` draws over them instead.

Nothing here may break a run: who watches it may close the terminal, or the pipe, at any time.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping, Sequence
from datetime import datetime

from headgate.cli.output import STATUS_COLORS, plural, rows_text, seconds
from headgate.model.runs import Run
from headgate.model.steps import Step, StepOutcome, StepStatus

EACH_UP_TO = 200
"""A run of more steps tells failures, and how far it is now and then."""
EVERY_SECONDS = 5.0

_WORDS = {StepStatus.SUCCEEDED: "ok"}

Write = Callable[[str], None]


class Quietly:
    """A function that writes, and stops doing so for good where nobody can read it."""

    def __init__(self, write: Write) -> None:
        self._write = write
        self._open = True

    def __call__(self, text: str) -> None:
        if self._open:
            try:
                self._write(text)
            except (OSError, ValueError):  # a closed pipe; a closed stream
                self._open = False


class Tally:
    """What has been told of a run: counts, running steps and failures. Guarded by its owner's lock."""

    def __init__(self, done_before: Callable[[int], Collection[str]]) -> None:
        self._done_before = done_before
        self.total = 0
        self.done = 0
        self.counts: dict[StepStatus, int] = {}
        self.running: dict[str, tuple[Step, float]] = {}
        self._rerun: int | None = None

    def planned(self, run: Run, steps: Sequence[Step]) -> None:
        self.total = len(steps)
        # What an earlier run had published is marked as reused only after the plan is written.
        self._rerun = run.id if run.rerun_of is not None else None

    def started(self, step: Step, now: float) -> None:
        self._settle()
        self.running[step.id] = (step, now)

    def finished(self, step: Step, outcome: StepOutcome) -> None:
        self._settle()
        self.running.pop(step.id, None)
        self.done += 1
        self.counts[outcome.status] = self.counts.get(outcome.status, 0) + 1

    def _settle(self) -> None:
        if self._rerun is not None:
            self.total -= len(self._done_before(self._rerun))
            self._rerun = None


class Lines:
    """One line for each step that ends, with its place in the count."""

    def __init__(self, write: Write, done_before: Callable[[int], Collection[str]], *, color: bool) -> None:
        self._write = Quietly(write)
        self._color = color
        self._lock = threading.Lock()
        self._tally = Tally(done_before)
        self._told_at = time.monotonic()
        self._skipped = 0

    def waiting(self, reason: str) -> None:
        self._write(f"waiting: {reason}")

    def say(self, text: str) -> None:
        self._write(text)

    def planned(self, run: Run, steps: Sequence[Step], _usual_seconds: Mapping[str, float]) -> None:
        with self._lock:
            self._tally.planned(run, steps)
            self._write(f"{run.kind.value} {run.id}: {plural(len(steps), 'step')}")

    def step_started(self, step: Step, at: datetime) -> None:
        with self._lock:
            self._tally.started(step, at.timestamp())

    def step_finished(self, step: Step, outcome: StepOutcome, at: datetime) -> None:
        with self._lock:
            started = self._tally.running.get(step.id)
            self._tally.finished(step, outcome)
            lasted = at.timestamp() - started[1] if started else None
            if self._worth_telling(outcome):
                self._write(self._line(step, outcome, lasted))
            elif self._tally.total > EACH_UP_TO and time.monotonic() - self._told_at > EVERY_SECONDS:
                self._told_at = time.monotonic()
                failed = self._tally.counts.get(StepStatus.FAILED, 0)
                self._write(f"{self._place()} done" + (f", {failed:,} failed" if failed else ""))

    def close(self) -> None:
        pass

    def _worth_telling(self, outcome: StepOutcome) -> bool:
        if outcome.status in (StepStatus.SKIPPED, StepStatus.CANCELED) and outcome.statements == ():
            return False  # the summary counts them; the failure above says why
        return self._tally.total <= EACH_UP_TO or outcome.status in (StepStatus.FAILED, StepStatus.WARNING)

    def _place(self) -> str:
        width = len(str(self._tally.total))
        return f"{self._tally.done:>{width}}/{self._tally.total}"

    def _line(self, step: Step, outcome: StepOutcome, lasted: float | None) -> str:
        return f"{self._place()} {step_line(step, outcome, lasted, color=self._color)}"


def step_line(step: Step, outcome: StepOutcome, lasted: float | None, *, color: bool) -> str:
    """`ok MART.FCT_ORDERS 1,204 inserted 0.31s`."""
    word = _WORDS.get(outcome.status, outcome.status.value)
    if color:
        import click

        word = click.style(word, fg=STATUS_COLORS.get(outcome.status.value))
    parts = [word, step.id]
    parts.append(rows_text(outcome.rows_inserted, outcome.rows_updated, outcome.rows_deleted))
    parts.append(seconds(lasted))
    if outcome.error is not None and outcome.status is not StepStatus.SUCCEEDED:
        parts.append(f"- {outcome.error.message}")
    elif outcome.status is StepStatus.WARNING:
        parts.append("- " + "; ".join(_warnings(outcome)))
    return " ".join(" ".join(part for part in parts if part).split())


def _warnings(outcome: StepOutcome) -> list[str]:
    found = [s.error.message for s in outcome.statements if s.error is not None]
    return found or list(outcome.notes) or ["a test of severity warn failed"]
