"""A claimed run on its way to its end: a deploy or a refresh, from its beginning or from where another worker left it.

Where a run's own parameters differ from the deployed ones, steps are made again by a function that the host
passes in (`Rebind`), so that the SQL parser is loaded only then.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime

from headgate.engine import executor
from headgate.engine.step import step_error
from headgate.engine.stop import Stop, StopCode
from headgate.engine.transaction import execute_atomically
from headgate.errors import HeadgateError, LeaseLost, Refused
from headgate.model.bound import Catalog
from headgate.model.project import LoadStrategy
from headgate.model.runs import Deployment, DeploymentStatus, Run, RunKind, RunStatus, StepRow
from headgate.model.steps import LateValues, Step, StepError, StepOutcome, StepSink, StepStatus
from headgate.recovery import (
    DEPLOY_MARKER,
    finish_deployment,
    forget_markers,
    remaining_steps,
    settle_deployment,
)
from headgate.selection import run_parameters, run_selection
from headgate.store.connection import PASSING, insist, passes
from headgate.store.content import Content
from headgate.store.journal import Journal
from headgate.warehouse.base import Warehouse
from headgate.worker.equipment import Equipment, Observer
from headgate.worker.redacting import RedactingSink, redacted
from headgate.worker.resuming import blocked, left_of

FIRST_FENCE = 1
LEAVING = (StopCode.HANDED_BACK, StopCode.LEASE_LOST)
"""Stops after which the run is not over."""


class Execution:
    """One claimed run on its way to its end."""

    def __init__(self, worker: Equipment, run: Run, observer: Observer | None, stop: Stop) -> None:
        self.worker = worker
        self.store = worker.store
        self.run = run
        self.observer = observer
        self.stop = stop
        self.notes: list[str] = []
        self.row = self.store.environments.get(run.environment_id)
        self.environment = self.row.environment
        self.deployment: Deployment | None = None

    def carry_out(self) -> Run:
        try:
            with self.timeout():
                who = f"headgate {self.run.kind}, run {self.run.id}"
                warehouse = self.worker.open_warehouse(self.environment, who, self.stop)
                try:
                    carry = self.deploy if self.run.kind is RunKind.DEPLOY else self.refresh
                    outcomes = carry(warehouse)
                finally:
                    warehouse.close()
        except LeaseLost:
            raise
        except HeadgateError as error:
            if passes(error):  # the run itself has not failed
                raise
            if self.leaving:
                return self.leave()
            return self.finish(RunStatus.FAILED, step_error(error))
        except KeyboardInterrupt:
            if self.leaving:
                return self.leave()
            self.stop.request("canceled")
            return self.finish(RunStatus.CANCELED, StepError("canceled", self.stop.reason))
        if self.leaving and any(o.status is StepStatus.CANCELED for o in outcomes.values()):
            return self.leave()
        return self.finish(*_verdict(outcomes, self.stop))

    def finish(self, status: RunStatus, error: StepError | None) -> Run:
        """Waits for a state that does not answer, so that work which is done counts as done."""
        run = self.run
        try:
            return insist(
                lambda: self.store.runs.finish(run.id, run.fence, status, redacted(error), self.notes),
                PASSING,
            )
        except Refused as refused:
            if refused.code != "run_move_refused":
                raise
            return self.store.runs.get(run.id)  # over under our fence: the answer to an earlier try was lost

    @property
    def leaving(self) -> bool:
        """Whether somebody else is to go on with the run."""
        return self.stop.requested and self.stop.code in LEAVING

    def leave(self) -> Run:
        if self.stop.code is StopCode.LEASE_LOST:
            raise LeaseLost("lease_lost", f"run {self.run.id} was stopped: {self.stop.reason}")
        return self.store.queue.hand_back(self.run.id, self.run.fence, self.stop.reason)

    @contextmanager
    def timeout(self) -> Iterator[None]:
        """Stops the run when it has lasted as long as it may, counted from its first claim."""
        seconds = self.run.request.timeout_seconds
        if seconds is None:
            yield
            return
        lasted = self.store.now() - (self.run.started_at or self.store.now())
        timer = threading.Timer(
            max(0.0, seconds - lasted.total_seconds()),
            self.stop.request,
            (f"timed out after {seconds:g} seconds", StopCode.TIMED_OUT),
        )
        timer.daemon = True
        timer.start()
        try:
            yield
        finally:
            timer.cancel()

    # --- deploy -----------------------------------------------------------------------------------

    def deploy(self, warehouse: Warehouse) -> dict[str, StepOutcome]:
        deployment = self.store.deployments.of_run(self.run.id)
        begun = self.begun()
        if begun and (outcomes := self.settled(warehouse, deployment, begun)):
            return outcomes
        current = self.store.deployments.current(self.environment.id)
        if (current.id if current else None) != self.run.request.based_on:
            raise Refused(
                "plan_outdated",
                f"another deploy of {self.environment.name} came first, so this plan no longer fits",
                hint=f"plan again: headgate deploy -e {self.environment.name}",
            )
        steps = Content(self.store, deployment).ddl()
        warehouse.prepare()
        with self.journal(steps, planned=bool(begun)) as sink:
            outcomes = execute_atomically(steps, self.execution(warehouse, sink), marker_step=DEPLOY_MARKER)
        if all(outcome.status.good for outcome in outcomes.values()):
            finish_deployment(self.store, warehouse, deployment)
            forget_markers(self.store, warehouse)
        elif not self.leaving:
            self.store.deployments.finish(deployment.id, ok=False, fence=self.run.fence)
        return outcomes

    def settled(
        self, warehouse: Warehouse, deployment: Deployment, begun: Sequence[StepRow]
    ) -> dict[str, StepOutcome] | None:
        """What came of a deploy that another worker began: its steps' outcomes where it was committed or had
        failed, None where nothing happened yet."""
        session = warehouse.session()
        try:
            committed = DEPLOY_MARKER in session.committed(self.run.uid)
        finally:
            session.close()
        left = left_of(begun, {row.step_id: None for row in begun} if committed else {})
        if not committed and all(outcome.status.good for outcome in left.done.values()):
            return None
        undone = StepOutcome(StepStatus.SKIPPED, error=StepError("rolled_back", "undone with its deploy"))
        rest = left.published if committed else dict.fromkeys(left.todo, undone)
        steps = [step for step in Content(self.store, deployment).ddl() if step.id in rest]
        with self.journal(steps, planned=True) as sink:
            for step in steps:
                sink.step_finished(step, rest[step.id], _now())
        if deployment.status is DeploymentStatus.APPLYING:
            if committed:
                finish_deployment(self.store, warehouse, deployment)
            else:
                self.store.deployments.finish(deployment.id, ok=False, fence=self.run.fence)
        return {**left.done, **rest}

    # --- refresh ----------------------------------------------------------------------------------

    def refresh(self, warehouse: Warehouse) -> dict[str, StepOutcome]:
        if settle_deployment(self.store, warehouse, self.environment.id) is not None:
            self.row = self.store.environments.get(self.environment.id)
        begun = self.begun()
        deployment = self.deployment = self.pinned(begun=bool(begun))
        content = Content(self.store, deployment)
        catalog = content.runnable()
        if begun:
            return self.resume(warehouse, content, catalog, begun)
        session = warehouse.session()
        try:
            chosen = remaining_steps(self.store, session, self.run, deployment)
        finally:
            session.close()
        ids = run_selection(catalog, self.run, None if chosen is None else chosen.step_ids)
        if chosen is not None:
            self.notes += chosen.notes
        steps = self.steps(content, catalog, deployment, ids)
        self.require_intervals(steps)
        reused = [s.id for s in steps if chosen is not None and s.id in chosen.published]
        with self.journal(steps, reused=reused) as sink:
            todo = [step for step in steps if step.id not in set(reused)]
            outcomes = executor.execute(todo, self.execution(warehouse, sink))
        return outcomes | {name: StepOutcome(StepStatus.REUSED) for name in reused}

    def require_intervals(self, steps: Sequence[Step]) -> None:
        """A range to backfill is for interval loads; a run over none of them would load as ever, and say nothing."""
        request = self.run.request
        if request.backfill_from is None and request.backfill_to is None:
            return
        if not any(step.load is not None and step.load.strategy is LoadStrategy.INTERVAL for step in steps):
            raise Refused(
                "nothing_to_backfill",
                "--from and --to are for interval loads, and the run has none",
                hint="leave them out, or select a node with load: interval",
            )

    def resume(
        self, warehouse: Warehouse, content: Content, catalog: Catalog, begun: Sequence[StepRow]
    ) -> dict[str, StepOutcome]:
        """Go on where another worker left the run: what it published is not done again."""
        session = warehouse.session()
        try:
            left = left_of(begun, session.committed(self.run.uid))
        finally:
            session.close()
        self.notes.append(
            f"taken over: {len(left.done) + len(left.published)} of {len(begun)} steps were done"
        )
        steps = self.steps(content, catalog, content.deployment, [*left.published, *left.todo])
        by_id = {step.id: step for step in steps}
        waiting = [by_id[name] for name in left.todo]
        skipped = blocked(waiting, left.done)
        with self.journal(steps, planned=True) as sink:
            for name, outcome in (*left.published.items(), *skipped.items()):
                sink.step_finished(by_id[name], outcome, _now())
            todo = [step for step in waiting if step.id not in skipped]
            outcomes = executor.execute(todo, self.execution(warehouse, sink))
        return {**left.done, **left.published, **skipped, **outcomes}

    def pinned(self, *, begun: bool) -> Deployment:
        """The deployment that stands now; from here on the run is bound to it, also when it is taken over."""
        if begun and self.run.deployment_id is not None:
            return self.store.deployments.get(self.run.deployment_id)
        deployment = self.store.deployments.current(self.environment.id)
        if deployment is None:
            raise Refused(
                "not_deployed",
                f"nothing is deployed in {self.environment.name}",
                hint=f"headgate deploy -e {self.environment.name}",
            )
        if self.row.marked and not self.run.request.force:
            raise Refused(
                "deploy_failed",
                f"the last deploy of {self.environment.name} failed",
                hint=f"headgate deploy -e {self.environment.name}, or refresh what stands there with"
                " --forceIgnoreEnvironmentStatus",
            )
        if (
            self.run.deployment_id != deployment.id
        ):  # its claim pinned the one that stood before a deploy was settled
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

    def begun(self) -> Sequence[StepRow]:
        """The steps that an earlier claim of the run wrote down."""
        return self.store.steps.list(self.run.id) if self.run.fence > FIRST_FENCE else ()

    def execution(self, warehouse: Warehouse, sink: StepSink) -> executor.Execution:
        reshape = None
        if self.worker.reshape is not None and self.deployment is not None:
            reshape = self.worker.reshape(self.deployment)
        request = self.run.request
        return executor.Execution(
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
    def journal(
        self, steps: Sequence[Step], *, planned: bool = False, reused: Sequence[str] = ()
    ) -> Iterator[StepSink]:
        """Where the steps' ends are written; `planned` where the steps themselves are already."""
        if not planned:
            self.store.steps.plan(self.run.id, self.run.fence, steps, reused=reused)
        if self.observer is not None:
            usual = self.store.steps.usual_durations(self.environment.id, [step.id for step in steps])
            self.observer.planned(self.run, steps, usual)
        journal = Journal(self.store, self.run, on_failure=lambda error: self.stop.request(error.message))
        sink: StepSink = _UnlessLeft(journal, self.stop)
        if self.observer is not None:
            sink = _Tee(sink, self.observer)
        sink = RedactingSink(sink)
        try:
            yield sink
        finally:
            journal.close()


class _UnlessLeft:
    """Steps that were stopped because their run is left to others are not over: whoever takes it goes on with them."""

    def __init__(self, journal: StepSink, stop: Stop) -> None:
        self._journal = journal
        self._stop = stop
        self.step_started = journal.step_started

    def step_finished(self, step: Step, outcome: StepOutcome, at: datetime) -> None:
        left = self._stop.requested and self._stop.code in LEAVING
        undone = outcome.status is StepStatus.CANCELED or (
            outcome.error and outcome.error.code == "rolled_back"
        )
        if not (left and undone):
            self._journal.step_finished(step, outcome, at)


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
    if StepStatus.CANCELED in statuses and stop.code is StopCode.TIMED_OUT:
        return RunStatus.FAILED, StepError(
            "timed_out", stop.reason, "raise the job's timeout, or make it faster"
        )
    if StepStatus.CANCELED in statuses:
        return RunStatus.CANCELED, StepError("canceled", stop.reason or "canceled")
    if failed:
        names = ", ".join(failed[:3]) + (f" and {len(failed) - 3} more" if len(failed) > 3 else "")
        return RunStatus.FAILED, StepError(
            "steps_failed", f"{len(failed)} of {len(statuses)} failed: {names}"
        )
    return (RunStatus.WARNING if StepStatus.WARNING in statuses else RunStatus.SUCCEEDED), None


def _now() -> datetime:
    return datetime.now(UTC)
