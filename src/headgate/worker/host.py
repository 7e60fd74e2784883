"""A worker for a whole queue: claims whatever is due and carries it out, several runs at once, until it is stopped.

Then it takes nothing more, lets what runs end for a while, and hands the rest back.
"""

from __future__ import annotations

import logging
import threading
import time
from dataclasses import dataclass, field

from headgate.engine.stop import Stop, StopCode
from headgate.errors import HeadgateError, LeaseLost
from headgate.model.runs import Run, RunStatus
from headgate.model.steps import StepError
from headgate.recovery import release_dead_runs
from headgate.worker.process import process_started
from headgate.worker.turns import Worker
from headgate.worker.warehouses import KeptWarehouses

LOOK_SECONDS = 1.0
"""How often a worker looks by itself for runs that became due, leases that ran out and warehouses to close."""

log = logging.getLogger("headgate.worker")


@dataclass(slots=True)
class _Carried:
    run: Run
    stop: Stop = field(default_factory=Stop)
    thread: threading.Thread | None = None


class Host:
    """`turn` is one look at the queue; `serve` looks until it is stopped. `max_running` bounds the runs at once."""

    def __init__(
        self, worker: Worker, *, max_running: int = 4, warehouses: KeptWarehouses | None = None
    ) -> None:
        self._worker = worker
        self._max_running = max_running
        self._warehouses = warehouses
        self._carried: dict[int, _Carried] = {}
        self._lost: list[Run] = []
        self._lock = threading.Lock()
        self._looked_at = 0.0
        self._hurry = threading.Event()
        self._wakeups = worker.store.database.wakeups

    @property
    def running(self) -> int:
        """How many runs are carried out here now."""
        with self._lock:
            return len(self._carried)

    def serve(self, stop: Stop, *, drain_seconds: float = 0.0) -> None:
        """Take runs until `stop` is requested, then let them end for so long, and hand back what still runs."""
        stop.when_requested(self._wakeups.poke)
        while not stop.requested:
            try:
                while not stop.requested and self.turn():
                    pass
            except HeadgateError as error:
                # The state cannot be reached, or is full: runs keep their lease as long as it lasts, and we look again.
                log.warning("the queue cannot be read: %s", error.message)
                stop.wait(LOOK_SECONDS)
                continue
            if not stop.requested:
                self._wakeups.wait(LOOK_SECONDS)
        self.drain(drain_seconds)

    def turn(self) -> bool:
        """One look: whether a run was taken, so that it is worth to look again at once."""
        if time.monotonic() - self._looked_at >= LOOK_SECONDS:
            self._looked_at = time.monotonic()
            self._tidy()
        if self.running >= self._max_running:
            return False
        run = self._worker.claim_next()
        if run is None:
            return False
        carried = _Carried(run)
        carried.thread = threading.Thread(target=self._carry, args=(carried,), name=f"run-{run.id}")
        with self._lock:
            self._carried[run.id] = carried
        carried.thread.start()
        return True

    def drain(self, seconds: float) -> None:
        """Wait for the runs at work, at most so long; then hand them back. Returns when none is left."""
        give_up_at = time.monotonic() + seconds
        while self.running and not self._hurry.is_set() and time.monotonic() < give_up_at:
            self._hurry.wait(min(0.05, seconds))
        rest = self._at_work()
        for carried in rest:
            carried.stop.request("its worker stops", StopCode.HANDED_BACK)
        for carried in rest:
            if carried.thread is not None:
                carried.thread.join()
        if self._warehouses is not None:
            self._warehouses.close_idle(at_once=True)

    def hurry(self) -> None:
        """Hand back at once what a drain still waits for."""
        self._hurry.set()

    def _at_work(self) -> list[_Carried]:
        with self._lock:
            return list(self._carried.values())

    def _carry(self, carried: _Carried) -> None:
        run = carried.run
        try:
            ended = self._worker.carry_out(run, stop=carried.stop)
            log.info("run %s (%s) %s", ended.id, ended.kind, ended.status)
        except HeadgateError as error:
            if isinstance(error, LeaseLost):
                log.warning("%s", error.message)
            else:
                log.warning("run %s cannot be recorded: %s", run.id, error.message)
            with self._lock:  # where it is still ours, it goes back as soon as the state answers
                self._lost.append(run)
        except Exception as error:  # the outermost loop of the thread
            log.exception("run %s broke", run.id)
            self._fail(run, error)
        finally:
            with self._lock:
                del self._carried[run.id]
            self._wakeups.poke()

    def _fail(self, run: Run, error: Exception) -> None:
        """End a run that a mistake of ours broke: taken up again, it would break again."""
        reason = StepError(
            "internal_error", f"{type(error).__name__}: {error}", "report this, with the worker's log"
        )
        try:
            self._worker.store.runs.finish(run.id, run.fence, RunStatus.FAILED, reason)
        except HeadgateError:
            with self._lock:
                self._lost.append(run)

    def _tidy(self) -> None:
        """What nobody wakes us for: runs without a worker, jobs of the job log that are due, warehouses that nobody
        uses, and what is kept no longer."""
        with self._lock:
            lost, self._lost = self._lost, []
        for number, run in enumerate(lost):
            try:
                self._worker.store.queue.release(run, attached=False, reason="its worker could not record it")
            except HeadgateError:
                with self._lock:
                    self._lost += lost[number:]
                raise
        release_dead_runs(self._worker.store, self._worker.owner.host, process_started)
        # Our own runs beat, or stop, by themselves: a machine that slept need not take them from itself.
        with self._lock:
            own = set(self._carried)
        self._worker.store.queue.release_expired(but=own)
        if self._warehouses is not None:
            self._warehouses.close_idle()
        for change in self._worker.store.job_watch_looks.look():
            log.log(logging.WARNING if change.alert else logging.INFO, "%s", change)
        if self._worker.retention is not None:
            self._worker.retention.piece()
