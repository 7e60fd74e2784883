"""Random sequences of operations, refused ones included, keep what must always hold."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from tests.contract.store.conftest import BACKENDS, Target, emptied
from tests.contract.store.samples import OTHER, OWNER, PROJECT, Clock, environment, step
from tests.contract.store.whole import assert_whole

from headgate.errors import HeadgateError, LeaseLost
from headgate.model.runs import Owner, Run, RunKind, RunStatus
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

    def __init__(self, state: Target) -> None:
        super().__init__()
        self.clock = Clock()
        self.store = Store.connect(state, clock=self.clock)
        self.store.environments.apply(environment(1), PROJECT)
        self.fences: dict[int, int] = {}

    def teardown(self) -> None:
        self.store.close()

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
    @rule(number=picks, owner=st.sampled_from([OWNER, OTHER]), reused=st.lists(names, unique=True))
    def claim(self, number: int, owner: Owner, reused: list[str]) -> None:
        self.clock.advance(seconds=1)
        with suppress(HeadgateError):
            run = self.store.queue.claim(self.pick(number, waiting=True).id, owner, 30)
            if run is not None:
                done = [f"MART.{name}" for name in reused]
                self.store.steps.plan(run.id, run.fence, [step(name) for name in NAMES], reused=done)

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
        ]
        for attempt in attempts:
            with pytest.raises(LeaseLost):
                attempt()
        assert self.store.events.last_id() == before
        assert self.store.runs.get(run.id) == run

    @invariant()
    def state_is_whole(self) -> None:
        assert_whole(self.store)

    @invariant()
    def fences_only_grow(self) -> None:
        for run in self.store.runs.list(limit=1000):
            assert run.fence >= self.fences.get(run.id, 0)
            self.fences[run.id] = run.fence


@pytest.mark.parametrize("backend", BACKENDS)
def test_random_operations_keep_the_state_whole(
    backend: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    numbers = itertools.count()

    def operations() -> Operations:
        if backend == "sqlite":
            return Operations(tmp_path / str(next(numbers)) / "state.db")
        return Operations(emptied(request.getfixturevalue("state_url")))

    run_state_machine_as_test(
        operations,  # type: ignore[arg-type]  # any callable that makes one will do
        settings=settings(max_examples=40, stateful_step_count=40, deadline=timedelta(seconds=20)),
    )
