"""Carries runs out: claim -> execute -> finish. Reads what a run needs from the store and the warehouse only; it
never compiles, binds or plans, and needs no project folder.

Where a run's own parameters differ from the deployed ones, steps are made again by a function that the host
passes in (`Rebind`), so that the SQL parser is loaded only then.
"""

from __future__ import annotations

import os
import socket
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Protocol

from headgate.engine.executor import Execution, execute
from headgate.engine.step import Reshape, step_error
from headgate.engine.stop import Stop
from headgate.engine.transaction import execute_atomically
from headgate.errors import Busy, HeadgateError, LeaseLost, Refused
from headgate.model.bound import Catalog
from headgate.model.project import Environment, Parameters
from headgate.model.runs import Deployment, Owner, Run, RunKind, RunStatus
from headgate.model.steps import LateValues, Step, StepError, StepOutcome, StepSink, StepStatus
from headgate.recovery import (
    DEPLOY_MARKER,
    fail_dead_runs,
    finish_deployment,
    remaining_steps,
    settle_deployment,
)
from headgate.selection import run_parameters, run_selection
from headgate.store.content import Content
from headgate.store.journal import Journal
from headgate.store.locks import LockMode
from headgate.store.store import Store
from headgate.warehouse.base import Warehouse

POLL_SECONDS = 0.1
"""How often a waiting run looks whether its turn has come."""

KEEP_MARKERS = timedelta(days=90)
"""How long the warehouse remembers what was published by which run: a rerun of an older run knows only the journal."""

OpenWarehouse = Callable[[Environment, str], Warehouse]


class Rebind(Protocol):
    """Makes the refresh steps of nodes again, with parameters other than the deployed ones. Raises Refused
    `parameter_changes_shape` where that would change edges or columns."""

    def __call__(
        self, deployment: Deployment, environment: Environment, parameters: Parameters, ids: Sequence[str]
    ) -> dict[str, Step]: ...


class Observer(StepSink, Protocol):
    """A person's view of a run as it goes: told of the steps before the first of them starts."""

    def planned(self, run: Run, steps: Sequence[Step], usual_seconds: Mapping[str, float]) -> None: ...

    def waiting(self, reason: str) -> None: ...


@dataclass(frozen=True, slots=True)
class Worker:
    """`host` functions come from whoever starts the worker: how a warehouse is opened, how steps are rebound
    (None: a run with other parameters is refused) and reshaped."""

    store: Store
    owner: Owner
    open_warehouse: OpenWarehouse
    lease_seconds: float = 30.0
    wait_seconds: float | None = None
    rebind: Rebind | None = None
    reshape: Callable[[Deployment], Reshape] | None = None

    def run_one(self, run_id: int, *, observer: Observer | None = None, stop: Stop | None = None) -> Run:
        """Claim the run, waiting for its turn, and carry it out to its end. Returns it as it ended.

        Raises LeaseLost where somebody else took it over; every other failure is the run's own and stands in it.
        """
        stop = Stop() if stop is None else stop
        run = self._claim(run_id, observer, stop)
        if run.status is not RunStatus.RUNNING:
            return run
        with _heartbeat(self.store, run, self.lease_seconds, stop):
            return _Execution(self, run, observer, stop).carry_out()

    def _claim(self, run_id: int, observer: Observer | None, stop: Stop) -> Run:
        """Lock the run's environment, then claim the run: a claim pins the deployment that then stands."""
        run = self.store.runs.get(run_id)
        mode = LockMode.EXCLUSIVE if run.kind is RunKind.DEPLOY else LockMode.SHARED
        waited = 0.0
        told = ""
        while not run.status.final:
            if waited:  # whom we wait for may have died since
                fail_dead_runs(self.store, self.owner.host, process_started)
            holder = self.store.locks.try_lock_environment(run.environment_id, run_id, mode)
            if holder is None:
                try:
                    claimed = self.store.runs.claim(run_id, self.owner, self.lease_seconds)
                    return claimed or self.store.runs.get(run_id)
                except Busy as busy:
                    self.store.locks.unlock(run_id)
                    reason = busy.message
            else:
                reason = f"run {run_id} waits for run {holder.id}, a {holder.kind} of the same environment"
            if observer is not None and reason != told:
                told = reason
                observer.waiting(reason)
            if self.wait_seconds is not None and waited >= self.wait_seconds:
                self.store.runs.request_cancel(run_id)
                raise Busy("run_busy", reason, hint="try again later, or wait longer with --wait")
            if stop.wait(POLL_SECONDS):
                return self.store.runs.request_cancel(run_id)
            waited += POLL_SECONDS
            run = self.store.runs.get(run_id)
        return run


class _Execution:
    """One claimed run on its way to its end."""

    def __init__(self, worker: Worker, run: Run, observer: Observer | None, stop: Stop) -> None:
        self.worker = worker
        self.store = worker.store
        self.run = run
        self.observer = observer
        self.stop = stop
        self.notes: list[str] = []
        self.environment = self.store.environments.get(run.environment_id).environment

    def carry_out(self) -> Run:
        try:
            warehouse = self.worker.open_warehouse(
                self.environment, f"headgate {self.run.kind}, run {self.run.id}"
            )
            try:
                carry = self.deploy if self.run.kind is RunKind.DEPLOY else self.refresh
                outcomes = carry(warehouse)
            finally:
                warehouse.close()
        except LeaseLost:
            raise
        except HeadgateError as error:
            return self.finish(RunStatus.FAILED, step_error(error))
        except KeyboardInterrupt:
            self.stop.request("canceled")
            return self.finish(RunStatus.CANCELED, StepError("canceled", self.stop.reason))
        return self.finish(*_verdict(outcomes, self.stop))

    def finish(self, status: RunStatus, error: StepError | None) -> Run:
        return self.store.runs.finish(self.run.id, self.run.fence, status, error, self.notes)

    # --- deploy -----------------------------------------------------------------------------------

    def deploy(self, warehouse: Warehouse) -> dict[str, StepOutcome]:
        deployment = self.store.deployments.of_run(self.run.id)
        current = self.store.deployments.current(self.environment.id)
        if (current.id if current else None) != self.run.request.based_on:
            raise Refused(
                "plan_outdated",
                f"another deploy of {self.environment.name} came first, so this plan no longer fits",
                hint=f"plan again: headgate deploy -e {self.environment.name}",
            )
        steps = Content(self.store, deployment).ddl()
        warehouse.prepare()
        with self.journal(steps) as sink:
            outcomes = execute_atomically(steps, self.execution(warehouse, sink), marker_step=DEPLOY_MARKER)
        if all(outcome.status.good for outcome in outcomes.values()):
            finish_deployment(self.store, warehouse, deployment)
            warehouse.forget_markers(self.store.now() - KEEP_MARKERS)
        else:
            self.store.deployments.finish(deployment.id, ok=False, fence=self.run.fence)
        return outcomes

    # --- refresh ----------------------------------------------------------------------------------

    def refresh(self, warehouse: Warehouse) -> dict[str, StepOutcome]:
        settle_deployment(self.store, warehouse, self.environment.id)
        deployment = self.pinned()
        content = Content(self.store, deployment)
        catalog = content.catalog()
        session = warehouse.session()
        try:
            chosen = remaining_steps(self.store, session, self.run, deployment)
        finally:
            session.close()
        ids = run_selection(catalog, self.run, None if chosen is None else chosen.step_ids)
        if chosen is not None:
            self.notes += chosen.notes
        steps = self.steps(content, catalog, deployment, ids)
        reused = [s.id for s in steps if chosen is not None and s.id in chosen.published]
        with self.journal(steps) as sink:
            if reused:
                self.store.steps.reuse(self.run.id, self.run.fence, reused)
            todo = [step for step in steps if step.id not in set(reused)]
            outcomes = execute(todo, self.execution(warehouse, sink))
        return outcomes | {name: StepOutcome(StepStatus.REUSED) for name in reused}

    def pinned(self) -> Deployment:
        """The deployment that stands now; from here on the run is bound to it."""
        row = self.store.environments.get(self.environment.id)
        deployment = self.store.deployments.current(self.environment.id)
        if deployment is None:
            raise Refused(
                "not_deployed",
                f"nothing is deployed in {self.environment.name}",
                hint=f"headgate deploy -e {self.environment.name}",
            )
        if row.marked and not self.run.request.force:
            raise Refused(
                "deploy_failed",
                f"the last deploy of {self.environment.name} failed",
                hint=f"headgate deploy -e {self.environment.name}, or refresh what stands there with"
                " --forceIgnoreEnvironmentStatus",
            )
        self.store.runs.pin(self.run.id, self.run.fence, deployment.id)
        self.run = replace(self.run, deployment_id=deployment.id)
        return deployment

    def steps(
        self, content: Content, catalog: Catalog, deployment: Deployment, ids: Sequence[str]
    ) -> list[Step]:
        """The deployed steps of `ids`, made again where the run's parameters differ from the deployed ones."""
        parameters = run_parameters(catalog, self.run)
        changed = [name for name, value in parameters.items() if catalog.parameters.get(name) != value]
        readers = {node for name in changed for node in catalog.parameter_readers.get(name, ())}
        affected = [name for name in ids if name in readers]
        steps = content.steps(ids)
        if affected:
            if self.worker.rebind is None:
                raise Refused("parameters_fixed", "this worker runs deployed parameters only")
            steps |= self.worker.rebind(deployment, self.environment, parameters, affected)
        return [steps[name] for name in ids]

    # --- shared -----------------------------------------------------------------------------------

    def execution(self, warehouse: Warehouse, sink: StepSink) -> Execution:
        deployment_id = self.run.deployment_id
        reshape = None
        if self.worker.reshape is not None and deployment_id is not None:
            reshape = self.worker.reshape(self.store.deployments.get(deployment_id))
        request = self.run.request
        return Execution(
            warehouse=warehouse,
            sink=sink,
            late=LateValues(
                run_uid=self.run.uid,
                fence=self.run.fence,
                run_started_at=self.run.started_at or self.store.now(),
                backfill_from=request.backfill_from,
                backfill_to=request.backfill_to,
            ),
            clock=_now,
            stop=self.stop,
            parallelism=request.parallelism,
            reshape=reshape,
        )

    @contextmanager
    def journal(self, steps: Sequence[Step]) -> Iterator[StepSink]:
        self.store.steps.plan(self.run.id, self.run.fence, steps)
        if self.observer is not None:
            usual = self.store.steps.usual_durations(self.environment.id, [step.id for step in steps])
            self.observer.planned(self.run, steps, usual)
        journal = Journal(self.store, self.run, on_failure=lambda error: self.stop.request(error.message))
        sink: StepSink = journal if self.observer is None else _Tee(journal, self.observer)
        try:
            yield sink
        finally:
            journal.close()


class _Tee:
    """The journal first, then whoever watches."""

    def __init__(self, journal: StepSink, observer: StepSink) -> None:
        self._journal = journal
        self._observer = observer

    def step_started(self, step: Step, at: datetime) -> None:
        self._journal.step_started(step, at)
        self._observer.step_started(step, at)

    def step_finished(self, step: Step, outcome: StepOutcome, at: datetime) -> None:
        self._journal.step_finished(step, outcome, at)
        self._observer.step_finished(step, outcome, at)


def _verdict(outcomes: Mapping[str, StepOutcome], stop: Stop) -> tuple[RunStatus, StepError | None]:
    """What the run's status is, from its steps': it never hides a failed one."""
    statuses = [outcome.status for outcome in outcomes.values()]
    failed = [name for name, outcome in outcomes.items() if outcome.status is StepStatus.FAILED]
    if StepStatus.CANCELED in statuses:
        return RunStatus.CANCELED, StepError("canceled", stop.reason or "canceled")
    if failed:
        names = ", ".join(failed[:3]) + (f" and {len(failed) - 3} more" if len(failed) > 3 else "")
        return RunStatus.FAILED, StepError(
            "steps_failed", f"{len(failed)} of {len(statuses)} failed: {names}"
        )
    return (RunStatus.WARNING if StepStatus.WARNING in statuses else RunStatus.SUCCEEDED), None


@contextmanager
def _heartbeat(store: Store, run: Run, lease_seconds: float, stop: Stop) -> Iterator[None]:
    """Keep the lease while the run goes on, and pass on a cancel that somebody asked for."""
    over = threading.Event()

    def beat() -> None:
        next_beat = lease_seconds / 3
        waited = 0.0
        while not over.wait(0.5):
            waited += 0.5
            try:
                if waited >= next_beat:
                    waited = 0.0
                    store.runs.heartbeat(run.id, run.fence, lease_seconds)
                if store.runs.cancel_requested(run.id):
                    stop.request(f"canceled by request: headgate cancel {run.id}")
            except LeaseLost:
                stop.request("another process took the run over")
            except HeadgateError:
                continue  # a busy state is no reason to stop; the lease outlives a few missed beats

    thread = threading.Thread(target=beat, name="heartbeat", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()


def this_process(label: str = "") -> Owner:
    """Who we are, in a way that tells a reused pid apart."""
    return Owner(
        host=socket.gethostname(),
        pid=os.getpid(),
        process_started=process_started(os.getpid()) or 0.0,
        label=label,
    )


def process_started(pid: int) -> float | None:
    """When the process with this pid started, in clock ticks since boot; None where there is none.

    Where the system has no /proc, any living process counts as started at 0.
    """
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii", errors="replace") as file:
            return float(file.read().rpartition(")")[2].split()[19])
    except FileNotFoundError:
        pass
    except OSError:
        return None
    if os.path.isdir("/proc/self"):
        return None
    with suppress(OSError):
        os.kill(pid, 0)
        return 0.0
    return None


def _now() -> datetime:
    return datetime.now(UTC)
