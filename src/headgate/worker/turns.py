"""One run from its claim to its end: waits for its turn where it has to, and keeps its lease meanwhile."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass

from headgate.engine.step import Reshape
from headgate.engine.stop import Stop
from headgate.errors import Busy, HeadgateError, LeaseLost
from headgate.model.runs import Deployment, Owner, Run, RunStatus
from headgate.model.steps import StepError
from headgate.recovery import release_dead_runs
from headgate.store.connection import insist, passes
from headgate.store.retention import Retention
from headgate.store.store import Store
from headgate.worker.equipment import Observer, OpenWarehouse, Rebind
from headgate.worker.execution import Execution
from headgate.worker.heartbeat import heartbeat
from headgate.worker.process import process_started

SWEEP_SECONDS = 0.05
POLL_SECONDS = 0.1
"""How often a waiting run looks whether its turn has come."""


@dataclass(frozen=True, slots=True)
class Worker:
    """Equipped with functions of whoever starts it; see `equipment`."""

    store: Store
    owner: Owner
    open_warehouse: OpenWarehouse
    lease_seconds: float = 30.0
    wait_seconds: float | None = None
    rebind: Rebind | None = None
    reshape: Callable[[Deployment], Reshape] | None = None
    retention: Retention | None = None
    """Drops what is kept no longer: a piece now and then beside the queue, and a little after a single run."""

    def run_one(self, run_id: int, *, observer: Observer | None = None, stop: Stop | None = None) -> Run:
        """Claim the run, waiting for its turn, and carry it out to its end. Returns it as it ended.

        Raises LeaseLost where somebody else took it over; every other failure is the run's own and stands in it.
        """
        stop = Stop() if stop is None else stop
        run = self._claim(run_id, observer, stop)
        if run.status is RunStatus.RUNNING:
            try:
                run = self.carry_out(run, observer=observer, stop=stop)
            except HeadgateError as error:
                run = self._give_up(run, error)
        if self.retention is not None:
            with suppress(HeadgateError):  # the run has ended; what is not dropped now is dropped later
                self.retention.sweep(SWEEP_SECONDS)
        return run

    def carry_out(self, run: Run, *, observer: Observer | None = None, stop: Stop | None = None) -> Run:
        """Carry a claimed run out. Returns it as it ended, or as it was handed back."""
        stop = Stop() if stop is None else stop
        with heartbeat(self.store, run, self.lease_seconds, stop):
            return Execution(self, run, observer, stop).carry_out()

    def _give_up(self, run: Run, error: HeadgateError) -> Run:
        """End a run that could not be recorded, or whose lease was not kept: nobody else goes on with it. Raises
        LeaseLost where somebody has it."""
        if not passes(error) and not isinstance(error, LeaseLost):
            raise error
        reason = StepError(error.code, error.message, error.hint or f"headgate rerun {run.id}")
        return insist(lambda: self.store.runs.finish(run.id, run.fence, RunStatus.FAILED, reason))

    def claim_next(self) -> Run | None:
        """The run whose turn it is, claimed."""
        return self.store.queue.claim_next(self.owner, self.lease_seconds)

    def _claim(self, run_id: int, observer: Observer | None, stop: Stop) -> Run:
        """A claim pins the deployment that then stands."""
        queue = self.store.queue
        run = self.store.runs.get(run_id)
        waited = beat = 0.0
        told = ""
        while not run.status.final:
            if waited:  # whom we wait for may have died since
                release_dead_runs(self.store, self.owner.host, process_started)
            try:
                claimed = queue.claim(run_id, self.owner, self.lease_seconds)
                return claimed or self.store.runs.get(run_id)
            except Busy as busy:
                reason = busy.message
            if observer is not None and reason != told:
                told = reason
                observer.waiting(reason)
            if self.wait_seconds is not None and waited >= self.wait_seconds:
                self.store.runs.request_cancel(run_id)
                raise Busy("run_busy", reason, hint="try again later, or wait longer with --wait")
            if stop.wait(POLL_SECONDS):
                return self.store.runs.request_cancel(run_id)
            waited += POLL_SECONDS
            if waited >= beat:
                beat = waited + self.lease_seconds / 3
                queue.keep_waiting(run_id, self.lease_seconds)
            run = self.store.runs.get(run_id)
        return run
