"""The queue: who enters it, whose turn it is, and what becomes of a run whose process left."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from tests.contract.store.samples import (
    OTHER,
    OWNER,
    PROJECT,
    START,
    Clock,
    environment,
    started,
    step,
    waiting,
)

from headgate.errors import Busy, LeaseLost, NotFound, Refused
from headgate.model.runs import Overlap, Owner, Run, RunKind, RunRequest, RunStatus
from headgate.model.steps import StepStatus
from headgate.store import Admission, Journal, NewRun, Store


def deploy(store: Store, **fields: object) -> Run:
    return waiting(store, kind=RunKind.DEPLOY, **fields)


def take(store: Store, run: Run, owner: Owner = OWNER) -> Run:
    claimed = store.queue.claim(run.id, owner, 30)
    assert claimed is not None
    return claimed


def next_id(store: Store, owner: Owner = OWNER) -> int | None:
    run = store.queue.claim_next(owner, 30)
    return run.id if run else None


def end(store: Store, run: Run) -> None:
    store.runs.finish(run.id, run.fence, RunStatus.FAILED)


def enter(store: Store, overlap: Overlap = Overlap.QUEUE, **fields: Any) -> Run:
    admission = {name: fields.pop(name) for name in ("cap", "caller", "key", "digest") if name in fields}
    new = NewRun(RunKind.REFRESH, 1, **{"config_key": "job/1/4", **fields})
    return store.queue.enter(new, Admission(overlap, **admission))


# --- whose turn it is -----------------------------------------------------------------------------------------


def test_oldest_run_goes_first_and_the_urgent_one_before_it(store: Store) -> None:
    first, second, urgent = waiting(store), waiting(store), waiting(store, priority=5)
    assert [next_id(store) for _ in range(4)] == [urgent.id, first.id, second.id, None]


def test_run_of_a_configuration_that_runs_is_passed_over(store: Store) -> None:
    first, second = waiting(store, config_key="job/1/4"), waiting(store, config_key="job/1/4")
    other = waiting(store, config_key="job/1/5")
    assert [next_id(store) for _ in range(3)] == [first.id, other.id, None]
    end(store, store.runs.get(first.id))
    assert next_id(store) == second.id


def test_run_that_is_not_due_waits(store: Store, clock: Clock) -> None:
    later = waiting(store, not_before=START + timedelta(minutes=1))
    assert next_id(store) is None
    clock.advance(minutes=1)
    assert next_id(store) == later.id


def test_run_that_belongs_to_a_process_is_nobody_elses(store: Store) -> None:
    mine = waiting(store, owner=OWNER)
    assert next_id(store, OTHER) is None
    assert take(store, mine).status is RunStatus.RUNNING


def test_embedded_warehouse_is_reached_by_its_host_alone(store: Store) -> None:
    store.environments.apply(environment(), PROJECT, host=OTHER.host)
    run = waiting(store)
    assert next_id(store, OWNER) is None
    assert next_id(store, OTHER) == run.id


def test_environment_takes_no_more_runs_than_it_may(store: Store) -> None:
    store.environments.apply(environment(max_running=2), PROJECT)
    runs = [waiting(store) for _ in range(3)]
    assert [next_id(store) for _ in range(3)] == [runs[0].id, runs[1].id, None]
    with pytest.raises(Busy, match="takes no more"):
        store.queue.claim(runs[2].id, OWNER, 30)
    end(store, store.runs.get(runs[0].id))
    assert next_id(store) == runs[2].id


# --- environments ---------------------------------------------------------------------------------------------


def test_refreshes_share_an_environment(store: Store) -> None:
    assert started(store).status is started(store).status is RunStatus.RUNNING


@pytest.mark.parametrize("mine", list(RunKind))
@pytest.mark.parametrize("other", list(RunKind))
def test_deploy_has_its_environment_alone(store: Store, mine: RunKind, other: RunKind) -> None:
    holder = take(store, waiting(store, kind=mine))
    second = waiting(store, kind=other)
    if mine is other is RunKind.REFRESH:
        take(store, second)
        return
    assert next_id(store) is None
    with pytest.raises(Busy, match=f"waits for run {holder.id}, a {mine}"):
        store.queue.claim(second.id, OWNER, 30)
    end(store, holder)
    assert next_id(store) == second.id


def test_deploy_of_one_environment_leaves_the_others_free(store: Store) -> None:
    store.environments.apply(environment(2, "prod"), PROJECT)
    take(store, deploy(store))
    take(store, deploy(store, environment_id=2))


def test_waiting_deploy_lets_no_refresh_begin(store: Store) -> None:
    at_work, comes, late = started(store), deploy(store), waiting(store)
    assert next_id(store) is None
    with pytest.raises(Busy, match=f"waits for run {comes.id}, a deploy"):
        store.queue.claim(late.id, OWNER, 30)
    end(store, at_work)
    assert next_id(store) == comes.id
    assert next_id(store) is None
    end(store, store.runs.get(comes.id))
    assert next_id(store) == late.id


def test_of_two_deploys_the_older_goes_first(store: Store) -> None:
    first, second = deploy(store), deploy(store)
    assert [next_id(store), next_id(store)] == [first.id, None]
    end(store, store.runs.get(first.id))
    assert next_id(store) == second.id


def test_deploy_that_is_canceled_lets_refreshes_in_again(store: Store) -> None:
    started(store)
    comes, late = deploy(store), waiting(store)
    assert next_id(store) is None
    store.runs.request_cancel(comes.id)
    assert next_id(store) == late.id


# --- leases ---------------------------------------------------------------------------------------------------


def test_run_with_expired_lease_is_taken_over(store: Store, clock: Clock) -> None:
    run = started(store, config_key="job/1/4")
    assert store.queue.release_expired() == []
    clock.advance(seconds=31)
    (back,) = store.queue.release_expired()
    assert (back.id, back.status) == (run.id, RunStatus.WAITING)
    taken = store.queue.claim_next(OTHER, 30)
    assert taken is not None
    assert (taken.id, taken.started_at) == (run.id, run.started_at)
    assert taken.fence > run.fence
    with pytest.raises(LeaseLost):
        store.queue.heartbeat(run.id, run.fence, 30)


def test_heartbeat_keeps_a_lease(store: Store, clock: Clock) -> None:
    run = started(store)
    for _ in range(5):
        clock.advance(seconds=20)
        assert store.queue.heartbeat(run.id, run.fence, 30) is False
        assert store.queue.release_expired() == []


def test_run_bound_to_its_process_fails_with_its_lease(store: Store, clock: Clock) -> None:
    run = take(store, waiting(store, owner=OWNER))
    clock.advance(seconds=31)
    (ended,) = store.queue.release_expired()
    assert (ended.id, ended.status) == (run.id, RunStatus.FAILED)
    assert ended.error is not None
    assert ended.error.code == "interrupted"


def test_run_that_waits_in_a_process_is_kept_while_that_is_heard_of(store: Store, clock: Clock) -> None:
    run = waiting(store, owner=OWNER)
    store.queue.keep_waiting(run.id, 30)
    clock.advance(seconds=29)
    assert store.queue.release_expired() == []
    clock.advance(seconds=2)
    assert [ended.status for ended in store.queue.release_expired()] == [RunStatus.FAILED]


def test_handed_back_run_keeps_its_environment_and_goes_first(store: Store) -> None:
    store.environments.apply(environment(2, "prod"), PROJECT)
    run = started(store)
    urgent = waiting(store, environment_id=2, priority=9)
    comes = deploy(store)
    store.queue.hand_back(run.id, run.fence, "the worker stops")
    assert [next_id(store, OTHER) for _ in range(3)] == [run.id, urgent.id, None]
    end(store, store.runs.get(run.id))
    assert next_id(store) == comes.id


def test_steps_that_ran_wait_again_after_a_hand_back(store: Store) -> None:
    run = started(store)
    steps = [step("A"), step("B"), step("C")]
    store.steps.plan(run.id, run.fence, steps)
    with Journal(store, run) as journal:
        journal.step_started(steps[0], START)
    store.queue.hand_back(run.id, run.fence, "the worker stops")
    assert {row.status for row in store.steps.list(run.id)} == {StepStatus.WAITING}
    assert [row.started_at for row in store.steps.list(run.id)] == [None] * 3
    with pytest.raises(LeaseLost):
        store.queue.hand_back(run.id, run.fence, "again")
    assert store.queue.held_by(OWNER.host) == []


def test_run_that_is_over_or_unknown_is_not_claimed(store: Store) -> None:
    run = started(store)
    assert store.queue.claim(run.id, OTHER, 30) is None
    end(store, run)
    assert store.queue.claim(run.id, OTHER, 30) is None
    assert store.queue.claim(99, OWNER, 30) is None


# --- entering -------------------------------------------------------------------------------------------------


def test_queued_runs_wait_up_to_a_cap(store: Store) -> None:
    take(store, enter(store))
    enter(store, cap=1)
    with pytest.raises(Refused, match="1 runs of job/1/4 wait already"):
        enter(store, cap=1)
    enter(store, cap=1, config_key="job/1/5")
    enter(store, cap=1, config_key=None)


def test_coalesced_run_is_the_one_that_waits_already(store: Store) -> None:
    running = take(store, enter(store, Overlap.COALESCE))
    second = enter(store, Overlap.COALESCE)
    assert second.id != running.id
    assert enter(store, Overlap.COALESCE) == second
    other = enter(store, Overlap.COALESCE, request=RunRequest(parameters={"days": 7}))
    assert other.id != second.id


def test_skipped_run_is_recorded_with_its_reason(store: Store) -> None:
    first = enter(store, Overlap.SKIP)
    second = enter(store, Overlap.SKIP)
    assert (first.status, second.status) == (RunStatus.WAITING, RunStatus.SKIPPED)
    assert second.notes == (f"run {first.id} of the same configuration is waiting (overlap: skip)",)
    assert second.ended_at == START
    assert next_id(store) == first.id
    end(store, store.runs.get(first.id))
    assert enter(store, Overlap.SKIP).status is RunStatus.WAITING


def test_replacing_run_cancels_those_before_it(store: Store) -> None:
    running = take(store, enter(store))
    waits = enter(store)
    last = enter(store, Overlap.REPLACE)
    assert store.runs.get(waits.id).status is RunStatus.CANCELED
    assert store.runs.cancel_requested(running.id)
    end(store, running)
    assert next_id(store) == last.id


def test_start_sent_twice_with_one_key_starts_one_run(store: Store) -> None:
    first = enter(store, caller="token/1", key="k", digest="a")
    assert enter(store, caller="token/1", key="k", digest="a") == first
    assert enter(store, caller="token/2", key="k", digest="a") != first
    with pytest.raises(Refused, match="was sent before with another request"):
        enter(store, caller="token/1", key="k", digest="b")


def test_run_of_an_unknown_environment_does_not_enter(store: Store) -> None:
    with pytest.raises(NotFound):
        store.queue.enter(NewRun(RunKind.REFRESH, 99), Admission())


def test_lengths_count_what_waits_and_runs(store: Store) -> None:
    started(store)
    waiting(store)
    waiting(store)
    assert store.queue.lengths() == {
        (RunKind.REFRESH, RunStatus.WAITING): 2,
        (RunKind.REFRESH, RunStatus.RUNNING): 1,
    }
