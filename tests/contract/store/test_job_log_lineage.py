"""Runs that events of OpenLineage tell of, beside watches and other writers."""

from __future__ import annotations

import threading
from uuid import UUID

import pytest
from tests.contract.store.conftest import OpenStore
from tests.contract.store.samples import Clock

from headgate.errors import Forbidden, Refused
from headgate.joblog.openlineage import EventType, RunEvent
from headgate.joblog.runs import Begin, Overlap
from headgate.joblog.watch import Watch
from headgate.store import Store
from headgate.store.audit import Actor
from headgate.store.job_log_lineage import Recorded

SECOND = 1_000_000
ONE, TWO = UUID(int=1), UUID(int=2)


def told(
    store: Store, kind: EventType, run_id: UUID = ONE, name: str = "orders", ago: int = 0, message: str = ""
) -> Recorded:
    at = store.now_micros() - ago * SECOND
    return store.job_log_lineage.record(
        RunEvent(run_id, name, kind, at, message=message or None), lambda _: None
    )


def watch(store: Store, overlap: Overlap = Overlap.ALLOW) -> None:
    store.job_watches.set("orders", Watch(every=86_400.0, grace=3_600.0, overlap=overlap), by=Actor("me"))


def states(store: Store) -> list[str]:
    return [one.after for one in store.job_watch_looks.look()]


def test_what_an_event_says_moves_a_watched_job(store: Store, clock: Clock) -> None:
    watch(store)
    assert states(store) == []
    told(store, EventType.START)
    clock.advance(minutes=5)
    told(store, EventType.COMPLETE)
    assert states(store) == ["up"]
    clock.advance(minutes=5)
    told(store, EventType.FAIL, TWO)
    assert states(store) == ["down"]
    clock.advance(minutes=5)
    told(store, EventType.COMPLETE, TWO)
    assert states(store) == ["up"]
    told(store, EventType.COMPLETE, TWO)
    assert states(store) == []


def test_a_clock_that_is_ahead_is_not_believed(store: Store, clock: Clock) -> None:
    """Nor is a local time that is sent as if it were UTC."""
    hours = 5 * 3_600
    began = store.now_micros()
    number = told(store, EventType.START, ago=-hours).id
    assert number is not None
    clock.advance(minutes=5)
    ended = store.now_micros()
    told(store, EventType.COMPLETE, ago=-hours)
    clock.advance(minutes=5)
    told(store, EventType.OTHER, ago=-hours, name="late")
    record = store.job_log_runs.get(number)
    assert (record.name, record.start_date, record.end_date) == ("late", began, ended)


@pytest.mark.parametrize("overlap", [Overlap.REFUSE, Overlap.TAKE_OVER])
def test_a_rule_against_a_second_run_meets_no_event_but_whoever_starts_one(
    store: Store, overlap: Overlap
) -> None:
    """An event may come late: a run that it tells of need not have begun after the others."""
    watch(store, overlap)
    first, second = told(store, EventType.START), told(store, EventType.START, TWO)
    assert first.id is not None
    assert second.id is not None
    assert store.job_log_runs.get(first.id).status == "in_progress"
    if overlap is Overlap.REFUSE:
        with pytest.raises(Refused):
            store.job_log_runs.begin(Begin("orders", overlap=None))
        return
    store.job_log_runs.begin(Begin("orders", overlap=None))
    assert {store.job_log_runs.get(number).status for number in (first.id, second.id)} == {"error"}
    told(store, EventType.COMPLETE)
    assert store.job_log_runs.get(first.id).status == "success"


def test_a_job_that_gets_its_name_late_is_looked_at_under_both(store: Store, clock: Clock) -> None:
    watch(store)
    told(store, EventType.COMPLETE, name="unknown")
    assert states(store) == []
    clock.advance(minutes=1)
    assert told(store, EventType.OTHER).name == "orders"
    assert states(store) == ["up"]
    clock.advance(minutes=1)
    told(store, EventType.OTHER, name="orders.daily")
    assert states(store) != []


def test_nothing_is_done_for_whoever_may_not_write_the_name_of_the_run(store: Store) -> None:
    def permit(name: str) -> None:
        if name != "orders":
            raise Forbidden("scope_missing", name)

    record = told(store, EventType.START, name="customers")
    assert record.id is not None
    for name in ("orders", "customers"):
        with pytest.raises(Forbidden, match="customers"):
            store.job_log_lineage.record(RunEvent(ONE, name, EventType.FAIL, 1), permit)
    assert store.job_log_runs.get(record.id).status == "in_progress"
    assert store.job_log_runs.about("orders").record is None


def test_of_events_that_come_at_once_under_several_names_the_last_names_the_run(
    open_store: OpenStore,
) -> None:
    stores = [open_store() for _ in range(4)]
    for run_id in map(UUID, [f"{number:032x}" for number in range(5)]):
        found: list[Recorded] = []
        barrier = threading.Barrier(4)

        def send(
            place: int,
            run_id: UUID = run_id,
            barrier: threading.Barrier = barrier,
            found: list[Recorded] = found,
        ) -> None:
            barrier.wait(30)
            kind = EventType.COMPLETE if place % 2 else EventType.START
            found.append(told(stores[place], kind, run_id, name=f"n{place}", ago=9 - place))

        threads = [threading.Thread(target=send, args=(place,)) for place in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(found) == 4
        (number,) = {one.id for one in found}
        assert number is not None
        written = stores[0].job_log_runs.get(number)
        assert (written.status, written.name) == ("success", "n3")
        assert written.end_date is not None
        assert written.end_date - written.start_date == 3 * SECOND
