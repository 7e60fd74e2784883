"""The DAG of a run: which step runs next, on which thread, and what a failure skips.

Worker threads take ready steps from one heap under one lock; each keeps its own session. A step costs two
turns of the lock, whatever the size of the run.
"""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from headgate.engine.marker import decided
from headgate.engine.step import Clock, Reshape, run_step, step_error
from headgate.engine.stop import Stop
from headgate.errors import HeadgateError
from headgate.model.steps import LateValues, Step, StepError, StepOutcome, StepSink, StepStatus
from headgate.warehouse.base import Session, Warehouse


@dataclass(frozen=True, slots=True)
class Execution:
    """What a run needs beside its steps. `parallelism` bounds the steps at once; the warehouse's own bound
    on statements holds as well."""

    warehouse: Warehouse
    sink: StepSink
    late: LateValues
    clock: Clock
    stop: Stop = field(default_factory=Stop)
    parallelism: int = 16
    reshape: Reshape | None = None


def execute(steps: Sequence[Step], execution: Execution) -> dict[str, StepOutcome]:
    """Run `steps` in dependency order and return every step's outcome, in the order of `steps`.

    A dependency that is not among the steps counts as done. A failed step skips all that needs it and nothing
    else. On a stop the running statements are cancelled in the warehouse and every step that never started is
    reported as canceled. What the sink raises ends the run and is raised here, after all threads have ended.
    """
    dag = _Dag(steps, execution)
    dag.run()
    return {step.id: dag.outcomes[step.id] for step in steps}


class _Dag:
    def __init__(self, steps: Sequence[Step], execution: Execution) -> None:
        self.execution = execution
        self.steps = {step.id: step for step in steps}
        self.dependents: dict[str, list[str]] = {step.id: [] for step in steps}
        self.missing: dict[str, int] = {}
        for step in steps:
            needs = {name for name in step.depends_on if name in self.steps and name != step.id}
            self.missing[step.id] = len(needs)
            for name in needs:
                self.dependents[name].append(step.id)
        self.rank = self.ranks()
        self.outcomes: dict[str, StepOutcome] = {}
        self.condition = threading.Condition()
        self.ready = [self.entry(name) for name, count in self.missing.items() if count == 0]
        heapq.heapify(self.ready)
        self.sessions: set[Session] = set()
        self.broken: BaseException | None = None

    def ranks(self) -> dict[str, int]:
        """The length of the longest chain that waits for each step: long chains start first."""
        waiting = dict(self.missing)
        order = [name for name, count in waiting.items() if count == 0]
        for name in order:
            for dependent in self.dependents[name]:
                waiting[dependent] -= 1
                if waiting[dependent] == 0:
                    order.append(dependent)
        if len(order) != len(self.steps):
            stuck = sorted(name for name, count in waiting.items() if count > 0)
            raise HeadgateError("cycle", f"these steps wait for each other: {', '.join(stuck[:5])}")
        rank: dict[str, int] = {}
        for name in reversed(order):
            rank[name] = 1 + max((rank[dependent] for dependent in self.dependents[name]), default=0)
        return rank

    def entry(self, name: str) -> tuple[int, str]:
        return (-self.rank[name], name)

    # --- threads ----------------------------------------------------------------------------------

    def run(self) -> None:
        execution = self.execution
        bound = execution.warehouse.max_statements or execution.parallelism
        count = max(1, min(execution.parallelism, bound, len(self.steps)))
        execution.stop.when_requested(self.cancel_sessions)
        threads = [threading.Thread(target=self.work, name=f"step-{n}") for n in range(count)]
        for thread in threads:
            thread.start()
        for thread in threads:
            # With a timeout, so that the main thread goes on taking signals.
            while thread.is_alive():
                thread.join(0.2)
        if self.broken is not None:
            raise self.broken
        self.finish_unstarted()

    def work(self) -> None:
        session: Session | None = None
        try:
            while (name := self.take()) is not None:
                step = self.steps[name]
                execution = self.execution
                execution.sink.step_started(step, execution.clock())
                if session is None:
                    session, refusal = self.open_session()
                if session is None:
                    outcome = StepOutcome(StepStatus.FAILED, error=refusal)
                else:
                    outcome = run_step(
                        step, session, execution.late, execution.clock, execution.stop, execution.reshape
                    )
                if outcome.error is not None and outcome.error.code == "warehouse_unavailable":
                    self.drop_session(session)
                    session = None
                outcome = decided(step, outcome, execution.warehouse, execution.late.run_uid)
                execution.sink.step_finished(step, outcome, execution.clock())
                self.complete(name, outcome)
        except BaseException as error:  # the outermost loop of the thread: handed to the caller
            self.give_up(error)
        finally:
            self.drop_session(session)

    def take(self) -> str | None:
        """The next ready step, or None when nothing will become ready any more."""
        with self.condition:
            while True:
                if self.broken is not None or self.execution.stop.requested:
                    return None
                if self.ready:
                    return heapq.heappop(self.ready)[1]
                if len(self.outcomes) == len(self.steps):
                    return None
                self.condition.wait(0.5)

    def complete(self, name: str, outcome: StepOutcome) -> None:
        with self.condition:
            self.outcomes[name] = outcome
            fresh = 0
            skipped: list[str] = []
            if outcome.status.good:
                fresh = self.release(name)
            elif outcome.status is not StepStatus.CANCELED or not self.execution.stop.requested:
                skipped = self.skip_dependents(name)
            if fresh > 1 or len(self.outcomes) == len(self.steps):
                self.condition.notify(fresh if len(self.outcomes) < len(self.steps) else len(self.steps))
        for skipped_name in skipped:
            self.report_skipped(skipped_name)

    def release(self, name: str) -> int:
        """Count `name` as done for its dependents; how many became ready."""
        fresh = 0
        for dependent in self.dependents[name]:
            self.missing[dependent] -= 1
            if self.missing[dependent] == 0 and dependent not in self.outcomes:
                heapq.heappush(self.ready, self.entry(dependent))
                fresh += 1
        return fresh

    def skip_dependents(self, failed: str) -> list[str]:
        skipped: list[str] = []
        frontier = [failed]
        while frontier:
            for dependent in self.dependents[frontier.pop()]:
                if dependent not in self.outcomes:
                    error = StepError("upstream_failed", f"{failed} did not succeed")
                    self.outcomes[dependent] = StepOutcome(StepStatus.SKIPPED, error=error)
                    skipped.append(dependent)
                    frontier.append(dependent)
        return skipped

    def report_skipped(self, name: str) -> None:
        execution = self.execution
        execution.sink.step_finished(self.steps[name], self.outcomes[name], execution.clock())

    def finish_unstarted(self) -> None:
        for name in self.steps:
            if name not in self.outcomes:
                error = StepError("canceled", self.execution.stop.reason or "canceled")
                self.outcomes[name] = StepOutcome(StepStatus.CANCELED, error=error)
                self.report_skipped(name)

    # --- sessions ---------------------------------------------------------------------------------

    def open_session(self) -> tuple[Session | None, StepError | None]:
        try:
            session = self.execution.warehouse.session()
        except HeadgateError as error:
            return None, step_error(error)
        with self.condition:
            self.sessions.add(session)
        if self.execution.stop.requested:
            session.cancel()
        return session, None

    def drop_session(self, session: Session | None) -> None:
        if session is not None:
            with self.condition:
                self.sessions.discard(session)
            session.close()

    def cancel_sessions(self) -> None:
        with self.condition:
            sessions = list(self.sessions)
            self.condition.notify_all()
        for session in sessions:
            session.cancel()

    def give_up(self, error: BaseException) -> None:
        with self.condition:
            self.broken = self.broken or error
            sessions: Iterable[Session] = list(self.sessions)
            self.condition.notify_all()
        for session in sessions:
            session.cancel()
