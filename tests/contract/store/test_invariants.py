"""Random sequences of operations, refused ones included, keep what must always hold."""

from __future__ import annotations

import tempfile
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule
from tests.contract.store.samples import OTHER, OWNER, PROJECT, Clock, environment, step

from headgate.errors import HeadgateError, LeaseLost
from headgate.model.runs import RUN_MOVES, STEP_MOVES, DeploymentStatus, Owner, Run, RunKind, RunStatus
from headgate.model.steps import StepOutcome, StepStatus
from headgate.store import Journal, NewRun, Store

FINAL_RUN = [status for status in RunStatus if status.final]
FINAL_STEP = [status for status in StepStatus if status.final]
NAMES = ("A", "B", "C")


class Operations(RuleBasedStateMachine):
    """Rules pick among the open runs, now and then among all; a stale writer is one that lost its claim."""

    picks = st.integers(0, 11)
    stale = st.sampled_from([False] * 7 + [True])
    keys = st.sampled_from([None, "all/1", "all/1", "job/1/4"])
    names = st.sampled_from(NAMES)

    def __init__(self) -> None:
        super().__init__()
        self._folder = tempfile.TemporaryDirectory()
        self.clock = Clock()
        self.store = Store.open(Path(self._folder.name) / "state.db", clock=self.clock)
        self.store.environments.apply(environment(1), PROJECT)
        self.fences: dict[int, int] = {}

    def teardown(self) -> None:
        self.store.close()
        self._folder.cleanup()

    def pick(self, number: int, stale: bool = False, *, waiting: bool = False) -> Run:
        everything = [run for run, _ in self.store.runs.open()]
        runs = [run for run in everything if (run.status is RunStatus.WAITING) == waiting] or everything
        if number == 0 or not runs:
            runs = self.store.runs.list(limit=1000)
        run = runs[number % len(runs)]
        return replace(run, fence=run.fence - 1) if stale else run

    def any_run(self) -> bool:
        return bool(self.fences)

    @rule(kind=st.sampled_from(RunKind), key=keys)
    def create(self, kind: RunKind, key: str | None) -> None:
        run = self.store.runs.create(NewRun(kind, 1, config_key=key))
        if kind is RunKind.DEPLOY:
            self.store.deployments.begin(environment_id=1, manifest_digest="m", run_id=run.id)

    @precondition(any_run)
    @rule(number=picks, owner=st.sampled_from([OWNER, OTHER]))
    def claim(self, number: int, owner: Owner) -> None:
        self.clock.advance(seconds=1)
        with suppress(HeadgateError):
            run = self.store.queue.claim(self.pick(number, waiting=True).id, owner, 30)
            if run is not None:
                self.store.steps.plan(run.id, run.fence, [step(name) for name in NAMES])

    @precondition(any_run)
    @rule(
        number=picks,
        stale=stale,
        reports=st.lists(
            st.tuples(names, st.sampled_from([None, None, None, *FINAL_STEP])), min_size=1, max_size=4
        ),
    )
    def journal(self, number: int, stale: bool, reports: list[tuple[str, StepStatus | None]]) -> None:
        with suppress(HeadgateError), Journal(self.store, self.pick(number, stale)) as journal:
            for name, status in reports:
                at = self.clock.advance(seconds=1)
                if status is None:
                    journal.step_started(step(name), at)
                else:
                    journal.step_finished(step(name), StepOutcome(status, published=status.good), at)
                journal.flush()

    @precondition(any_run)
    @rule(number=picks, stale=stale, name=names)
    def reuse(self, number: int, stale: bool, name: str) -> None:
        run = self.pick(number, stale)
        with suppress(HeadgateError):
            self.store.steps.reuse(run.id, run.fence, [f"MART.{name}"])

    @precondition(any_run)
    @rule(number=picks, stale=stale, status=st.sampled_from(FINAL_RUN))
    def finish(self, number: int, stale: bool, status: RunStatus) -> None:
        run = self.pick(number, stale)
        with suppress(HeadgateError):
            self.store.runs.finish(run.id, run.fence, status)

    @precondition(any_run)
    @rule(number=picks, ok=st.booleans())
    def finish_deployment(self, number: int, ok: bool) -> None:
        with suppress(HeadgateError):
            self.store.deployments.finish(self.store.deployments.of_run(self.pick(number).id).id, ok=ok)

    @precondition(any_run)
    @rule(number=picks, stale=stale)
    def interrupt(self, number: int, stale: bool) -> None:
        run = self.pick(number, stale)
        with suppress(HeadgateError):
            self.store.runs.interrupt(run.id, run.fence)

    @precondition(any_run)
    @rule(number=picks)
    def cancel(self, number: int) -> None:
        with suppress(HeadgateError):
            self.store.runs.request_cancel(self.pick(number, waiting=number == 1).id)

    @precondition(any_run)
    @rule(number=picks, stale=stale)
    def hand_back(self, number: int, stale: bool) -> None:
        run = self.pick(number, stale)
        with suppress(HeadgateError):
            self.store.queue.hand_back(run.id, run.fence, "it stops")

    @rule()
    def claim_next(self) -> None:
        self.store.queue.claim_next(OWNER, 30)

    @precondition(any_run)
    @rule(number=picks, status=st.sampled_from(FINAL_RUN))
    def writer_that_lost_its_claim_changes_nothing(self, number: int, status: RunStatus) -> None:
        run = self.pick(number)
        old = run.fence - 1
        before = self.store.events.last_id()
        attempts: list[Callable[[], object]] = [
            lambda: self.store.runs.finish(run.id, old, status),
            lambda: self.store.runs.interrupt(run.id, old),
            lambda: self.store.queue.heartbeat(run.id, old, 30),
            lambda: self.store.runs.pin(run.id, old, 1),
            lambda: self.store.steps.plan(run.id, old, [step("Z")]),
            lambda: self.store.steps.reuse(run.id, old, ["MART.A"]),
        ]
        for attempt in attempts:
            with pytest.raises(LeaseLost):
                attempt()
        assert self.store.events.last_id() == before
        assert self.store.runs.get(run.id) == run

    @invariant()
    def one_run_of_a_configuration_runs(self) -> None:
        keys = [run.config_key for run, _ in self.store.runs.running() if run.config_key]
        assert len(keys) == len(set(keys))

    @invariant()
    def work_is_of_open_runs_only_and_a_deploy_alone_in_its_environment(self) -> None:
        everything = self.store.runs.list(limit=1000)
        open_ids = {run.id for run in everything if not run.status.final}
        assert {run.id for run, _ in self.store.runs.open()} == open_ids
        begun = [run for run in everything if run.id in open_ids and run.started_at is not None]
        assert len(begun) <= 1 or RunKind.DEPLOY not in {run.kind for run in begun}

    @invariant()
    def nothing_of_a_run_that_is_over_is_open(self) -> None:
        for run in self.store.runs.list(limit=1000):
            assert (run.ended_at is not None) == run.status.final
            if run.status.final:
                assert all(row.status.final for row in self.store.steps.list(run.id))
            if run.kind is RunKind.DEPLOY and run.status.final:
                assert self.store.deployments.of_run(run.id).status is not DeploymentStatus.APPLYING

    @invariant()
    def runs_of_a_configuration_start_in_their_order(self) -> None:
        for run, _ in self.store.runs.running():
            for other, _ in self.store.runs.open():
                if run.config_key and (other.config_key, other.kind) == (run.config_key, run.kind):
                    assert other.id >= run.id

    @invariant()
    def fences_only_grow(self) -> None:
        for run in self.store.runs.list(limit=1000):
            assert run.fence >= self.fences.get(run.id, 0)
            self.fences[run.id] = run.fence

    @invariant()
    def events_tell_every_move_and_only_allowed_ones(self) -> None:
        runs: dict[int, RunStatus] = {}
        steps: dict[tuple[int, str], StepStatus] = {}
        last = 0
        for event in self.store.events.read(limit=10_000):
            assert event.id > last
            last = event.id
            if event.kind == "run_status" and event.run_id is not None:
                status = RunStatus(event.data["status"])
                before = runs.get(event.run_id)
                assert status is RunStatus.WAITING if before is None else status in RUN_MOVES[before]
                runs[event.run_id] = status
            if event.kind == "step_status" and event.run_id is not None and event.step_id is not None:
                moved = StepStatus(event.data["status"])
                place = (event.run_id, event.step_id)
                assert moved in STEP_MOVES[steps.get(place, StepStatus.WAITING)]
                steps[place] = moved
        for run in self.store.runs.list(limit=1000):
            assert runs[run.id] is run.status
            for row in self.store.steps.list(run.id):
                assert steps.get((run.id, row.step_id), StepStatus.WAITING) is row.status

    @invariant()
    def what_stands_was_deployed(self) -> None:
        for row in self.store.environments.list():
            if row.current_deployment_id is not None:
                current = self.store.deployments.get(row.current_deployment_id)
                assert current.status is DeploymentStatus.DEPLOYED


TestOperations = Operations.TestCase
TestOperations.settings = settings(max_examples=40, stateful_step_count=40, deadline=timedelta(seconds=20))
