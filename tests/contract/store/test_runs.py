"""Runs: made, claimed, ended, listed; and every move that is refused."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

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

from headgate.errors import Busy, HeadgateError, LeaseLost, NotFound, Refused
from headgate.model.runs import RUN_MOVES, Owner, RunKind, RunRequest, RunStatus
from headgate.model.steps import StepError, StepStatus
from headgate.store import RunFilter, Store
from headgate.store.run_lists import RunKey, RunOrder

FINAL = [status for status in RunStatus if status.final]


def test_new_run_waits_and_is_read_back_whole(store: Store) -> None:
    request = RunRequest(
        include="{ location: MART }+",
        parallelism=4,
        parameters={"days": [1, {"a": None}]},
        backfill_from=datetime(2026, 1, 1, tzinfo=UTC),
    )
    first = waiting(store)
    run = waiting(
        store,
        request=request,
        job_id=4,
        job_name="nightly",
        rerun_of=first.id,
        config_key="job/1/4",
        requested_by="ada",
        owner=OWNER,
    )
    assert (run.status, run.fence, run.created_at, run.started_at) == (RunStatus.WAITING, 0, START, None)
    assert run.request == request
    assert len(run.uid) == 32
    assert run.uid != first.uid
    assert store.runs.get(run.id) == run
    assert store.runs.open() == [(first, None), (run, OWNER)]


def test_run_in_an_unknown_environment_is_refused(store: Store) -> None:
    with pytest.raises(NotFound, match="environment 9"):
        waiting(store, environment_id=9)
    with pytest.raises(NotFound, match="run 77"):
        waiting(store, rerun_of=77)
    assert store.runs.list() == []


def test_unknown_run_is_not_found(store: Store) -> None:
    waiting(store)
    for ask in (store.runs.get, store.runs.request_cancel, store.runs.history_chain):
        with pytest.raises(NotFound) as caught:
            ask(12)
        assert caught.value.code == "run_not_found"
        assert "newest run is 1" in caught.value.hint


def test_claim_moves_the_run_and_raises_its_fence(store: Store, clock: Clock) -> None:
    run = waiting(store)
    at = clock.advance(seconds=2)
    claimed = store.queue.claim(run.id, OWNER, 30)
    assert claimed is not None
    assert (claimed.status, claimed.fence, claimed.started_at) == (RunStatus.RUNNING, 1, at)
    assert store.runs.running() == [(claimed, OWNER)]


def test_run_is_claimed_once(store: Store) -> None:
    run = started(store)
    assert store.queue.claim(run.id, OTHER, 30) is None
    assert store.runs.running() == [(run, OWNER)]


def test_run_that_ended_is_not_claimed_also_when_its_configuration_runs_again(store: Store) -> None:
    first = waiting(store, config_key="job/1/4")
    store.runs.request_cancel(first.id)
    started(store, config_key="job/1/4")
    assert store.queue.claim(first.id, OTHER, 30) is None


def test_unknown_run_is_not_claimed(store: Store) -> None:
    assert store.queue.claim(99, OWNER, 30) is None


def test_second_run_of_a_configuration_is_told_whom_it_waits_for(store: Store) -> None:
    first = started(store, config_key="job/1/4", job_id=4, job_name="nightly")
    second = waiting(store, config_key="job/1/4")
    with pytest.raises(Busy) as caught:
        store.queue.claim(second.id, OTHER, 30)
    assert caught.value.code == "configuration_running"
    assert f"run {first.id} of job nightly, which is running" in caught.value.message
    store.runs.finish(first.id, first.fence, RunStatus.SUCCEEDED)
    assert store.queue.claim(second.id, OTHER, 30) is not None


def test_runs_of_a_configuration_start_in_the_order_in_which_they_came(store: Store) -> None:
    first = waiting(store, config_key="all/1")
    second = waiting(store, config_key="all/1")
    with pytest.raises(Busy, match="came first"):
        store.queue.claim(second.id, OWNER, 30)
    store.runs.request_cancel(first.id)
    assert store.queue.claim(second.id, OWNER, 30) is not None


def test_runs_without_a_configuration_key_run_side_by_side(store: Store) -> None:
    assert len({started(store).id, started(store).id}) == 2
    assert started(store, config_key="job/1/4").status is RunStatus.RUNNING
    assert started(store, config_key="job/1/5").status is RunStatus.RUNNING


def test_database_itself_refuses_two_running_runs_of_one_configuration(store: Store) -> None:
    # Not through the repository: this is the index that holds when the code above it is wrong.
    from headgate.store.connection import Conflict

    started(store, config_key="all/1")
    second = waiting(store, config_key="all/1")
    with pytest.raises(Conflict), store.database.write() as connection:
        connection.change("UPDATE run SET status = 'running' WHERE id = :id", {"id": second.id})
    assert store.runs.get(second.id).status is RunStatus.WAITING


def test_refresh_pins_what_is_deployed_when_it_is_claimed(store: Store) -> None:
    def deploy(tag: str) -> int:
        deployment = store.deployments.begin(environment_id=1, manifest_digest=tag)
        return store.deployments.finish(deployment.id, ok=True).id

    deploy("m1")
    run = waiting(store)
    second = deploy("m2")
    claimed = store.queue.claim(run.id, OWNER, 30)
    assert claimed is not None
    assert claimed.deployment_id == second
    store.runs.finish(claimed.id, claimed.fence, RunStatus.SUCCEEDED)
    assert started(store, kind=RunKind.DEPLOY).deployment_id is None


def test_pin_names_the_deployment_of_a_running_run_only(store: Store) -> None:
    run = started(store)
    store.runs.pin(run.id, run.fence, 7)
    assert store.runs.get(run.id).deployment_id == 7
    with pytest.raises(LeaseLost):
        store.runs.pin(run.id, run.fence + 1, 8)
    with pytest.raises(LeaseLost):
        store.runs.pin(waiting(store).id, 0, 8)
    assert store.runs.get(run.id).deployment_id == 7


def test_heartbeat_keeps_the_lease_and_tells_of_a_cancel(store: Store, clock: Clock) -> None:
    run = started(store)
    clock.advance(seconds=10)
    assert store.queue.heartbeat(run.id, run.fence, 30) is False
    with store.database.read() as connection:
        row = connection.row("SELECT lease_until FROM work WHERE run_id = :id", {"id": run.id})
    assert row == (int(START.timestamp() + 40) * 1_000_000,)
    store.runs.request_cancel(run.id)
    assert store.queue.heartbeat(run.id, run.fence, 30) is True
    with pytest.raises(LeaseLost):
        store.queue.heartbeat(run.id, run.fence - 1, 30)


@pytest.mark.parametrize("status", RUN_MOVES[RunStatus.RUNNING])
def test_running_run_ends_in_every_final_status(store: Store, clock: Clock, status: RunStatus) -> None:
    if not status.final:
        return
    run = started(store)
    at = clock.advance(minutes=3)
    error = StepError("steps_failed", "1 of 2 failed") if status is RunStatus.FAILED else None
    ended = store.runs.finish(run.id, run.fence, status, error, ["one", "two"])
    assert (ended.status, ended.ended_at, ended.error, ended.notes) == (status, at, error, ("one", "two"))
    assert store.runs.get(run.id) == ended
    assert store.runs.open() == []


@pytest.mark.parametrize(("first", "second"), list(itertools.product(FINAL, repeat=2)))
def test_final_status_never_moves(store: Store, first: RunStatus, second: RunStatus) -> None:
    run = started(store) if first in RUN_MOVES[RunStatus.RUNNING] else waiting(store)
    ended = store.runs.finish(run.id, run.fence, first)
    with pytest.raises(Refused) as caught:
        store.runs.finish(run.id, run.fence, second)
    assert caught.value.code == "run_move_refused"
    assert str(first) in caught.value.message
    assert store.runs.get(run.id) == ended


@pytest.mark.parametrize(
    ("source", "target"),
    [(s, t) for s in (RunStatus.WAITING, RunStatus.RUNNING) for t in FINAL if t not in RUN_MOVES[s]],
)
def test_end_that_the_table_does_not_allow_is_refused(
    store: Store, source: RunStatus, target: RunStatus
) -> None:
    run = waiting(store) if source is RunStatus.WAITING else started(store)
    with pytest.raises(Refused, match=f"is {source} and cannot become {target}"):
        store.runs.finish(run.id, run.fence, target)
    assert store.runs.get(run.id) == run


def test_finish_with_an_old_fence_is_a_lost_lease(store: Store) -> None:
    run = started(store)
    with pytest.raises(LeaseLost):
        store.runs.finish(run.id, run.fence - 1, RunStatus.SUCCEEDED)
    assert store.runs.get(run.id) == run


def test_finish_closes_what_the_run_left_open(store: Store) -> None:
    run = started(store)
    store.steps.plan(run.id, run.fence, [step("A"), step("B")])
    with pytest.raises(Refused, match="2 of its parts are open"):
        store.runs.finish(run.id, run.fence, RunStatus.SUCCEEDED)
    assert store.runs.get(run.id) == run
    store.runs.finish(run.id, run.fence, RunStatus.FAILED)
    assert {row.status for row in store.steps.list(run.id)} == {StepStatus.CANCELED}
    assert started(store, kind=RunKind.DEPLOY).status is RunStatus.RUNNING


def test_waiting_run_is_canceled_at_once(store: Store) -> None:
    run = waiting(store)
    assert store.runs.request_cancel(run.id).status is RunStatus.CANCELED
    assert store.runs.open() == []
    with pytest.raises(Refused, match="is canceled already"):
        store.runs.request_cancel(run.id)


def test_running_run_is_asked_to_stop_and_told_once(store: Store) -> None:
    run = started(store)
    assert not store.runs.cancel_requested(run.id)
    for _ in range(2):
        assert store.runs.request_cancel(run.id).status is RunStatus.RUNNING
    assert store.runs.cancel_requested(run.id)
    assert [event.kind for event in store.events.read(run_id=run.id)].count("cancel_requested") == 1
    assert not store.runs.cancel_requested(99)


def test_interrupted_run_fails_with_its_steps_and_frees_what_it_held(store: Store, clock: Clock) -> None:
    run = started(store, config_key="all/1")
    store.steps.plan(run.id, run.fence, [step("A"), step("B"), step("C")], reused=["MART.C"])
    with store.database.write() as connection:
        connection.change("UPDATE step SET status = 'running' WHERE step_id = 'MART.A'")
    at = clock.advance(hours=1)
    ended = store.runs.interrupt(run.id, run.fence)
    assert (ended.status, ended.ended_at) == (RunStatus.FAILED, at)
    assert ended.error is not None
    assert ended.error.code == "interrupted"
    assert ended.error.hint == f"headgate rerun {run.id}"
    rows = store.steps.list(run.id)
    assert [row.status for row in rows] == [StepStatus.FAILED, StepStatus.CANCELED, StepStatus.REUSED]
    assert rows[0].error is not None
    assert rows[0].error.code == "interrupted"
    assert store.runs.open() == []
    assert started(store, config_key="all/1").fence == 1


def test_process_that_was_thought_dead_writes_nothing_more(store: Store) -> None:
    run = started(store)
    store.runs.interrupt(run.id, run.fence)
    late: list[Callable[[], object]] = [
        lambda: store.runs.finish(run.id, run.fence, RunStatus.SUCCEEDED),
        lambda: store.queue.heartbeat(run.id, run.fence, 30),
        lambda: store.runs.pin(run.id, run.fence, 1),
        lambda: store.runs.interrupt(run.id, run.fence),
        lambda: store.steps.plan(run.id, run.fence, [step("A")]),
    ]
    for write in late:
        with pytest.raises(LeaseLost):
            write()


def test_waiting_run_whose_process_died_is_interrupted_too(store: Store) -> None:
    run = waiting(store, owner=OWNER)
    assert store.runs.interrupt(run.id, run.fence).status is RunStatus.FAILED


def test_every_change_of_status_leaves_an_event(store: Store) -> None:
    done = started(store)
    store.runs.finish(done.id, done.fence, RunStatus.WARNING)
    dead = started(store)
    store.runs.interrupt(dead.id, dead.fence)
    gone = waiting(store)
    store.runs.request_cancel(gone.id)
    seen = [(e.run_id, e.data["status"]) for e in store.events.read() if e.kind == "run_status"]
    assert seen == [
        (done.id, "waiting"),
        (done.id, "running"),
        (done.id, "warning"),
        (dead.id, "waiting"),
        (dead.id, "running"),
        (dead.id, "failed"),
        (gone.id, "waiting"),
        (gone.id, "canceled"),
    ]
    assert store.events.read(run_id=dead.id)[-1].data["error"]["code"] == "interrupted"


def test_list_is_newest_first_filtered_and_paged_by_key(store: Store) -> None:
    store.environments.apply(environment(2, "prod"), PROJECT)
    runs = [
        waiting(store, environment_id=1 + n % 2, job_id=4 + n % 3, kind=list(RunKind)[n % 2])
        for n in range(30)
    ]
    for run in runs[::5]:
        store.runs.request_cancel(run.id)
    everything = store.runs.list(limit=100)
    assert [run.id for run in everything] == [run.id for run in reversed(runs)]
    for environment_id, status, kind, job_id in itertools.product(
        (None, 1), (None, RunStatus.CANCELED), (None, RunKind.DEPLOY), (None, 4)
    ):
        wanted = [
            run
            for run in everything
            if (environment_id in (None, run.environment_id))
            and (status in (None, run.status))
            and (kind in (None, run.kind))
            and (job_id in (None, run.job_id))
        ]
        which = RunFilter(environment_id, status, kind, job_id)
        assert store.runs.list(which, limit=100) == wanted
        pages, before = [], None
        while page := store.runs.list(which, limit=4, before_id=before):
            pages += page
            before = page[-1].id
        assert pages == wanted


def test_list_takes_several_of_a_kind_both_directions_and_instants(store: Store, clock: Clock) -> None:
    runs = [waiting(store, job_id=n % 3 or None) for n in range(12)]
    for run in (runs[7], runs[2], runs[5], runs[10]):
        clock.advance(seconds=1)
        store.runs.request_cancel(run.id)  # ends it
    ended = [runs[n].id for n in (7, 2, 5, 10)]

    def ids(which: RunFilter, order: RunOrder, limit: int = 100) -> list[int]:
        return [run.id for run in store.runs.list(which, limit=limit, order=order)]

    oldest_first = RunOrder(descending=False)
    assert ids(RunFilter(), oldest_first) == [run.id for run in runs]
    assert ids(RunFilter(), replace(oldest_first, after_id=runs[9].id)) == [run.id for run in runs[10:]]
    some = RunFilter(status=(RunStatus.WAITING, RunStatus.CANCELED), job_id=(1, 2))
    assert ids(some, oldest_first) == [run.id for n, run in enumerate(runs) if n % 3]
    many = RunFilter(job_id=tuple(range(1, 41)))  # more ranges than one statement is given
    assert ids(many, oldest_first) == [run.id for n, run in enumerate(runs) if n % 3]
    by_end = RunOrder(RunKey.ENDED, descending=False)
    assert ids(RunFilter(), by_end) == ended
    assert ids(RunFilter(), replace(by_end, descending=True)) == ended[::-1]
    assert ids(many, by_end) == ids(RunFilter(job_id=(1, 2)), by_end) == [runs[n].id for n in (7, 2, 5, 10)]
    assert ids(RunFilter(environment_id=1, kind=RunKind.DEPLOY), by_end) == []
    last = store.runs.get(ended[1])
    following = replace(by_end, after_id=last.id, after_at=last.ended_at)
    assert ids(RunFilter(status=RunStatus.CANCELED), following) == ended[2:]
    assert ids(RunFilter(), replace(by_end, after_at=last.ended_at), limit=1) == ended[2:3]
    assert ids(RunFilter(), RunOrder(RunKey.STARTED)) == []


def test_history_holds_the_first_run_and_all_its_reruns(store: Store) -> None:
    first, other = waiting(store), waiting(store)
    second = waiting(store, rerun_of=first.id)
    third = waiting(store, rerun_of=second.id)
    again = waiting(store, rerun_of=first.id)
    family = [first.id, second.id, third.id, again.id]
    for run_id in family:
        assert [run.id for run in store.runs.history_chain(run_id)] == family
    assert store.runs.history_chain(other.id) == [other]


def test_owner_of_a_running_run_is_who_claimed_it_not_who_made_it(store: Store) -> None:
    run = waiting(store, owner=Owner("made", 1, 1.0))
    claimed = store.queue.claim(run.id, OTHER, 30)
    assert claimed is not None
    assert store.runs.running() == [(claimed, OTHER)]


def test_refused_write_leaves_nothing_behind(store: Store) -> None:
    run = started(store)
    before = store.events.last_id()
    for status in FINAL:
        with pytest.raises(HeadgateError):
            store.runs.finish(run.id, run.fence + 5, status)
    assert store.events.last_id() == before
