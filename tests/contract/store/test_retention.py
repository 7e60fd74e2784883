"""What is kept no longer goes in small pieces; what somebody may still need stays."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import timedelta
from uuid import UUID

import pytest
from tests.contract.store.conftest import OpenStore
from tests.contract.store.samples import (
    PROJECT,
    Clock,
    environment,
    failed,
    started,
    step,
    succeeded,
    waiting,
)
from tests.contract.store.whole import assert_whole

from headgate.errors import NotFound
from headgate.joblog.openlineage import EventType, RunEvent
from headgate.model.runs import Run, RunKind, RunStatus
from headgate.store import Admission, Journal, NewRun, Store
from headgate.store.retention import Keep, Retention, undecided_since

KEEP = Keep(runs=timedelta(days=90), events=timedelta(days=30), newest=1)
CountRows = Callable[[str], int]


@pytest.fixture
def store(store: Store) -> Store:
    """Nothing was swept before, also where the database is not a new one."""
    with store.database.write() as connection:
        connection.change("DELETE FROM meta WHERE key = 'pruned_at'")
    return store


@pytest.fixture
def count(store: Store) -> CountRows:
    def rows(table: str) -> int:
        with store.database.read() as connection:
            return int(connection.rows(f"SELECT count(*) FROM {table}")[0][0])

    return rows


def over(store: Store, clock: Clock, *, good: bool = True, text: str = "T", **fields: object) -> Run:
    """A run with two steps that has ended."""
    run = started(store, **fields)
    steps = [step("A"), step("B")]
    store.steps.plan(run.id, run.fence, steps)
    with Journal(store, run) as journal:
        for one in steps:
            journal.step_started(one, clock.now)
            journal.step_finished(one, succeeded(clock.now, text) if good else failed(clock.now), clock.now)
    return store.runs.finish(run.id, run.fence, RunStatus.SUCCEEDED if good else RunStatus.FAILED)


def sweep(store: Store, keep: Keep = KEEP) -> int:
    """Everything that is due; how many pieces it took."""
    return sum(1 for _ in iter(Retention(store, keep).piece, False))


def left(store: Store) -> list[int]:
    return sorted(run.id for run in store.runs.list(limit=1000))


def test_old_runs_go_with_their_steps_and_statements(store: Store, clock: Clock, count: CountRows) -> None:
    old = [over(store, clock) for _ in range(3)]
    clock.advance(days=89)
    young = over(store, clock)
    clock.advance(days=2)
    assert sweep(store) > 0
    assert left(store) == [young.id]
    assert (count("step"), count("step_statement"), count("work")) == (2, 4, 0)
    with pytest.raises(NotFound):
        store.runs.get(old[0].id)
    assert over(store, clock).id > young.id


def test_what_is_young_enough_stays(store: Store, clock: Clock, count: CountRows) -> None:
    over(store, clock)
    over(store, clock)
    clock.advance(days=29)
    before = {table: count(table) for table in ("run", "event", "statement_text", "step_statement")}
    sweep(store)
    assert {table: count(table) for table in before} == before
    assert_whole(store)


def test_kept_for_ever_is_for_ever(store: Store, clock: Clock, count: CountRows) -> None:
    over(store, clock)
    over(store, clock)
    events = count("event")
    clock.advance(days=10_000)
    sweep(store, Keep(runs=None, events=None, newest=1))
    assert (len(left(store)), count("event")) == (2, events)


def test_newest_runs_of_each_job_and_each_environment_stay_however_old(store: Store, clock: Clock) -> None:
    store.environments.apply(environment(2, "qa"), PROJECT)
    runs = [
        over(store, clock, job_id=job_id, environment_id=environment_id)
        for environment_id, job_id in ((1, 4), (1, 4), (1, 5), (1, 4), (2, 4), (1, None), (1, None), (1, 5))
    ]
    clock.advance(days=1000)
    sweep(store, Keep(newest=1))
    assert left(store) == [runs[3].id, runs[4].id, runs[7].id]


def test_open_runs_stay_with_their_events(store: Store, clock: Clock, count: CountRows) -> None:
    first = waiting(store)
    running = started(store)
    for _ in range(3):
        over(store, clock)
    clock.advance(days=1000)
    sweep(store)
    assert {first.id, running.id} <= set(left(store))
    assert {event.run_id for event in store.events.read()} == {first.id, running.id}


def test_run_goes_with_all_that_repeat_it_or_not_at_all(store: Store, clock: Clock) -> None:
    first = over(store, clock, good=False)
    second = over(store, clock, good=False, rerun_of=first.id)
    alone = over(store, clock)
    clock.advance(days=80)
    third = over(store, clock, rerun_of=first.id)
    newest = over(store, clock)
    clock.advance(days=20)
    sweep(store)
    assert left(store) == [first.id, second.id, third.id, newest.id]
    assert [run.id for run in store.runs.history_chain(second.id)] == [first.id, second.id, third.id]
    clock.advance(days=80)
    sweep(store)
    assert left(store) == [newest.id]
    assert alone.id not in left(store)


def test_run_that_is_just_being_repeated_stays(
    store: Store, open_store: OpenStore, clock: Clock, state: object
) -> None:
    old = over(store, clock, good=False)
    over(store, clock)
    clock.advance(days=100)
    other = open_store()
    again = NewRun(RunKind.REFRESH, 1, rerun_of=old.id)
    made: list[Run | None] = []

    def repeat() -> None:
        try:
            made.append(other.runs.create(again))
        except NotFound:
            made.append(None)

    threads = [threading.Thread(target=repeat), threading.Thread(target=sweep, args=(store,))]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    (run,) = made
    if run is None:
        assert old.id not in left(store)
    else:
        assert [one.id for one in store.runs.history_chain(run.id)] == [old.id, run.id]


def test_run_of_what_is_deployed_stays_and_an_older_deploy_goes(store: Store, clock: Clock) -> None:
    deploys = []
    for _ in range(3):
        run = started(store, kind=RunKind.DEPLOY)
        deployment = store.deployments.begin(environment_id=1, manifest_digest="a" * 64, run_id=run.id)
        store.deployments.finish(deployment.id, ok=True)
        deploys.append(store.runs.finish(run.id, run.fence, RunStatus.SUCCEEDED))
        clock.advance(days=1)
    last = over(store, clock)
    clock.advance(days=100)
    sweep(store)
    assert left(store) == [deploys[2].id, last.id]
    assert [one.run_id for one in store.deployments.list(1)] == [deploys[2].id, None, None]


def test_old_events_go_before_their_runs(store: Store, clock: Clock) -> None:
    run = over(store, clock)
    last = store.events.last_id()
    clock.advance(days=31)
    sweep(store)
    assert (left(store), store.events.read()) == ([run.id], [])
    again = waiting(store)
    (event,) = store.events.read(after_id=last)
    assert (event.run_id, event.id > last) == (again.id, True)


def test_text_goes_when_no_run_names_it_any_more(store: Store, clock: Clock, count: CountRows) -> None:
    over(store, clock, text="gone", job_id=4)
    over(store, clock, text="kept", job_id=5)
    over(store, clock, text="kept", job_id=4)
    clock.advance(days=95)
    sweep(store, Keep(newest=2))
    assert count("statement_text") == 4
    clock.advance(days=95)  # it was just seen to be named
    sweep(store, Keep(newest=1))
    texts = {
        record.sql for run in left(store) for one in store.steps.statements(run).values() for record in one
    }
    assert count("statement_text") == len(texts) == 2
    assert all("kept" in text for text in texts)


def test_text_that_is_used_again_stays(store: Store, clock: Clock, count: CountRows) -> None:
    over(store, clock, text="same")
    clock.advance(days=91)
    retention = Retention(store, KEEP)
    young = over(store, clock, text="same")
    while retention.piece():
        pass
    assert left(store) == [young.id]
    assert [len(records) for records in store.steps.statements(young.id).values()] == [2, 2]
    assert count("statement_text") == 2


def test_keys_of_requests_go_after_a_week(store: Store, clock: Clock, count: CountRows) -> None:
    for number in range(3):
        admission = Admission(caller="me", key=f"key {number}", digest="d")
        store.queue.enter(NewRun(RunKind.REFRESH, 1), admission)
        clock.advance(days=3)
    sweep(store)
    assert count("idempotency") == 2


def test_runs_of_lineage_are_forgotten_90_days_after_their_last_event(
    store: Store, clock: Clock, count: CountRows
) -> None:
    begun, ended = (
        RunEvent(UUID(int=1), "orders", kind, at)
        for kind, at in ((EventType.START, 1), (EventType.COMPLETE, 2))
    )
    record = store.job_log_lineage.record(begun, lambda _: None)
    clock.advance(days=60)
    assert store.job_log_lineage.record(ended, lambda _: None) == record
    clock.advance(days=60)
    sweep(store)
    assert count("job_log_lineage") == 1
    clock.advance(days=31)
    sweep(store)
    assert (count("job_log_lineage"), count("job_log")) == (0, 1)


def test_contents_that_nothing_names_go(store: Store, clock: Clock) -> None:
    loose, tagged = store.blobs.put([b"loose", b"tagged"])
    store.tags.set(PROJECT, "v1", tagged)
    clock.advance(days=2)
    sweep(store)
    assert store.blobs.get(tagged) == b"tagged"
    with pytest.raises(NotFound):
        store.blobs.get(loose)


def test_one_process_sweeps_an_hour_and_nothing_is_asked_meanwhile(
    store: Store, open_store: OpenStore, clock: Clock
) -> None:
    other = open_store()
    first, second = Retention(store, KEEP), Retention(other, KEEP)
    while first.piece():
        pass
    for _ in range(3):
        over(store, clock)
    assert not second.piece()
    before = (store.database.transaction_count, other.database.transaction_count)
    assert not any(one.piece() for one in (first, second) for _ in range(10))
    assert before == (store.database.transaction_count, other.database.transaction_count)
    clock.advance(days=100)
    assert second.piece()
    assert not first.piece()


def test_two_that_sweep_at_once_do_no_harm(store: Store, open_store: OpenStore, clock: Clock) -> None:
    for _ in range(60):
        over(store, clock)
    clock.advance(days=100)
    stores = [store, *(open_store() for _ in range(3))]
    begin = threading.Barrier(len(stores))
    broken: list[BaseException] = []

    def prune(own: Store) -> None:
        retention = Retention(own, KEEP)
        retention._sweep = retention._pieces()  # as if the other had begun an hour ago
        begin.wait()
        try:
            while retention.piece():
                pass
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=prune, args=(own,)) for own in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert broken == []
    assert len(left(store)) == 1


def test_big_run_goes_in_many_pieces(store: Store, clock: Clock, count: CountRows) -> None:
    run = started(store)
    steps = [step(f"N{number:04d}") for number in range(2000)]
    store.steps.plan(run.id, run.fence, steps)
    with Journal(store, run) as journal:
        for one in steps:
            journal.step_started(one, clock.now)
            journal.step_finished(one, succeeded(clock.now, one.name), clock.now)
    store.runs.finish(run.id, run.fence, RunStatus.SUCCEEDED)
    over(store, clock)
    clock.advance(days=100)
    assert sweep(store) > 4000 // 500
    assert (count("run"), count("step_statement"), count("statement_text")) == (1, 4, 2)


def test_markers_are_needed_as_long_as_something_is_undecided(store: Store, clock: Clock) -> None:
    assert undecided_since(store) is None
    waiting(store)
    assert undecided_since(store) is None
    run = started(store)
    began = clock.now
    clock.advance(days=200)
    started(store)
    assert undecided_since(store) == began
    store.runs.finish(run.id, run.fence, RunStatus.FAILED)
    assert undecided_since(store) == clock.now
