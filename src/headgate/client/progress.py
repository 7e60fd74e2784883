"""Events of a run -> what somebody who watches is told: the steps that are planned, each as it starts and ends."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol, TextIO

from headgate.model.runs import Event, Run, RunStatus
from headgate.model.steps import Step, StepError, StepKind, StepOutcome, StepStatus


class Observer(Protocol):
    """Somebody who watches a run, told by several threads. `usual_seconds` says how long steps usually take, as far
    as it is known."""

    def planned(self, run: Run, steps: Sequence[Step], usual_seconds: Mapping[str, float]) -> None: ...

    def waiting(self, reason: str) -> None: ...

    def step_started(self, step: Step, at: datetime) -> None: ...

    def step_finished(self, step: Step, outcome: StepOutcome, at: datetime) -> None: ...


class Teller:
    """Tells an observer. The rows of a step come in an event of their own, right after the one of its end; what a
    rerun does not do again is left out."""

    def __init__(self, run: Run, observer: Observer) -> None:
        self._run = run
        self._observer = observer
        self._planned: int | None = None
        self._ended: tuple[Step, StepOutcome, datetime] | None = None

    def hear(self, event: Event) -> None:
        if event.kind == "table_published":
            self._settle(event.step_id, event.data)
            return
        self._settle()
        status = event.data.get("status")
        match event.kind:
            case "run_status" if status == RunStatus.WAITING and event.data.get("reason"):
                self._observer.waiting(str(event.data["reason"]))  # again: its worker has given it back
            case "steps_planned":
                self._planned = event.data.get("count", 0)
            case "step_status" if event.step_id is not None and status is not None:
                self._hear_step(_step(event.step_id), StepStatus(status), event)

    def _hear_step(self, step: Step, status: StepStatus, event: Event) -> None:
        if status is StepStatus.REUSED:
            self._planned = None if self._planned is None else self._planned - 1
            return
        self._plan()  # all that is reused has been told
        if status is StepStatus.RUNNING:
            self._observer.step_started(step, event.at)
        elif status.final:
            error = event.data.get("error")
            outcome = StepOutcome(status, error=StepError(error["code"], error["message"]) if error else None)
            self._ended = (step, outcome, event.at)

    def _plan(self) -> None:
        if self._planned is not None:
            self._observer.planned(self._run, [_step(f"step {n + 1}") for n in range(self._planned)], {})
            self._planned = None

    def _settle(self, step_id: str | None = None, counts: Mapping[str, Any] | None = None) -> None:
        if self._ended is None:
            return
        step, outcome, at = self._ended
        self._ended = None
        if counts is not None and step.id == step_id:
            rows = (counts.get("rows_inserted"), counts.get("rows_updated"), counts.get("rows_deleted"))
            outcome = StepOutcome(outcome.status, (), *rows, published=True, error=outcome.error)
        self._observer.step_finished(step, outcome, at)

    def close(self) -> None:
        """No event comes any more."""
        self._plan()  # a run may have no step
        self._settle()


def _step(name: str) -> Step:
    return Step(id=name, name=name, kind=StepKind.TABLE)


class Printer:
    """One line for each step that ends."""

    def __init__(self, stream: TextIO | None = None) -> None:
        self._stream = stream
        self._total = 0
        self._done = 0

    def say(self, text: str) -> None:
        print(text, file=self._stream or sys.stderr, flush=True)

    def planned(self, run: Run, steps: Sequence[Step], usual_seconds: Mapping[str, float]) -> None:  # noqa: ARG002
        self._total, self._done = len(steps), 0
        self.say(f"{run.kind} {run.id}: {len(steps)} step{'' if len(steps) == 1 else 's'}")

    def waiting(self, reason: str) -> None:
        self.say(f"waiting: {reason}")

    def step_started(self, step: Step, at: datetime) -> None:
        pass

    def step_finished(self, step: Step, outcome: StepOutcome, at: datetime) -> None:  # noqa: ARG002
        self._done += 1
        why = f" - {outcome.error.message}" if outcome.error else ""
        self.say(f"{self._done}/{self._total} {outcome.status} {step.id}{why}")
