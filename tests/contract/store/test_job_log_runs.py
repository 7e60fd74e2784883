"""Runs of the job log as our own client tells them: begun once, finished once, and how far each job has come."""

from __future__ import annotations

import threading
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from tests.contract.store.conftest import OpenStore
from tests.contract.store.samples import Clock

from headgate.errors import NotFound, Refused
from headgate.joblog.runs import Begin, Finish, LogRecord, Overlap, Standing
from headgate.store import Store
from headgate.store.statements import load

MINUTE = 60_000_000
SQL = {**load("job_watches"), **load("job_log_overlap"), **load("job_log_runs")}


def begun(store: Store, name: str = "orders", **more: Any) -> LogRecord:
    record = store.job_log_runs.begin(replace(Begin(name), **more)).record
    assert record is not None
    return record


def finished(store: Store, record: LogRecord, status: str = "success", **more: Any) -> Standing:
    return store.job_log_runs.finish(replace(Finish(record.id, status), **more))


def told(store: Store) -> list[tuple[str, str]]:
    events = store.events.read(limit=1000)
    return [
        (event.data["name"], event.data["status"]) for event in events if event.kind == "job_log_recorded"
    ]


def test_a_run_begins_and_ends_by_the_clock_of_the_state(store: Store, clock: Clock) -> None:
    first = store.job_log_runs.begin(Begin("orders", "crm", "lake"))
    assert first == Standing(
        LogRecord(1, "orders", store.now_micros(), None, None, "in_progress", None, "crm", "lake"), None, None
    )
    assert first.record is not None
    began = store.now_micros()
    clock.advance(seconds=60)
    done = finished(store, first.record, message="fine", records_processed=7, watermark='"2026-01-31"')
    ended = LogRecord(1, "orders", began, began + MINUTE, "fine", "success", 7, "crm", "lake")
    assert done == Standing(ended, ended, '"2026-01-31"')
    assert store.job_log_runs.begin(Begin("orders")).previous == ended
    assert told(store) == [("orders", "success")]


def test_only_a_success_moves_the_watermark_and_the_previous_run(store: Store) -> None:
    good = begun(store)
    finished(store, good, watermark="1")
    bad = begun(store)
    assert finished(store, bad, "error", watermark="2").watermark == "1"
    about = store.job_log_runs.about("orders")
    assert about.previous is not None
    assert about.record is not None
    assert (about.previous.id, about.record.id, about.watermark) == (good.id, bad.id, "1")
    assert store.job_log_runs.about("nobody") == Standing(None, None, None)


def test_a_success_without_a_watermark_leaves_the_one_that_is_there(store: Store) -> None:
    finished(store, begun(store), watermark="1")
    assert finished(store, begun(store)).watermark == "1"
    assert finished(store, begun(store), watermark="null").watermark == "null"


def test_a_run_that_began_earlier_does_not_set_the_watermark_back(store: Store, clock: Clock) -> None:
    early = begun(store)
    clock.advance(seconds=1)
    late = begun(store)
    finished(store, late, watermark="20")
    assert finished(store, early, watermark="10").watermark == "20"


def test_a_call_that_is_sent_again_is_carried_out_once(store: Store) -> None:
    begin = Begin("orders", key="k1")
    first = store.job_log_runs.begin(begin)
    assert first.record is not None
    finish = Finish(first.record.id, "success", watermark="1", key="k2")
    done = store.job_log_runs.finish(finish)
    assert store.job_log_runs.begin(begin) == first
    assert store.job_log_runs.begin(replace(begin, start_date=5)) == first  # by now with a time of its own
    assert store.job_log_runs.finish(finish) == done
    assert store.job_log_runs.about("orders").record == done.record
    assert told(store) == [("orders", "success")]


def test_a_key_stands_for_one_call_of_one_job(store: Store) -> None:
    first, other = begun(store, key="k1"), begun(store, "customers", key="k1")
    assert first.id != other.id
    with pytest.raises(Refused) as caught:
        finished(store, first, key="k1")
    assert caught.value.code == "idempotency_key_reused"
    second = begun(store)
    finished(store, first, key="k2")
    with pytest.raises(Refused) as caught:
        finished(store, second, key="k2")
    assert caught.value.code == "idempotency_key_reused"


def test_a_key_is_forgotten_after_90_days(store: Store, clock: Clock) -> None:
    first = begun(store, key="k1")
    clock.advance(days=91)
    begun(store, key="k2")
    assert begun(store, key="k1").id != first.id


@pytest.mark.parametrize("key", [None, "another"])
def test_a_run_ends_once(store: Store, key: str | None) -> None:
    record = begun(store)
    finished(store, record, "error", message="first", key="k1")
    with pytest.raises(Refused, match=r"record 1 of orders has ended with error at .*: first") as caught:
        finished(store, record, key=key)
    assert caught.value.code == "job_record_finished"


def test_a_record_that_is_not_there_cannot_be_finished(store: Store) -> None:
    with pytest.raises(NotFound) as caught:
        store.job_log_runs.finish(Finish(9, "success"))
    assert caught.value.code == "job_record_not_found"


def test_times_of_the_sender_are_kept_and_no_run_ends_before_it_began(store: Store) -> None:
    record = begun(store, start_date=1_000)
    assert record.start_date == 1_000
    ended = finished(store, record, end_date=900).record
    assert ended is not None
    assert ended.end_date == 1_000


def test_a_second_run_in_progress_is_refused_where_that_is_asked(store: Store) -> None:
    first = begun(store)
    begun(store, "customers", overlap=Overlap.REFUSE)
    with pytest.raises(Refused, match=r"orders is in progress since .* \(record 1\)") as caught:
        begun(store, overlap=Overlap.REFUSE)
    assert caught.value.code == "job_in_progress"
    finished(store, first)
    assert begun(store, overlap=Overlap.REFUSE).id > first.id


def test_a_start_that_is_sent_again_does_not_refuse_itself(store: Store) -> None:
    first = begun(store, overlap=Overlap.REFUSE, key="k1")
    assert begun(store, overlap=Overlap.REFUSE, key="k1") == first


def test_a_run_takes_over_what_is_in_progress(store: Store) -> None:
    old, other = begun(store), begun(store, "customers")
    new = begun(store, overlap=Overlap.TAKE_OVER)
    ended = store.job_log_runs.get(old.id)
    assert (ended.status, ended.end_date) == ("error", store.now_micros())
    assert ended.message == f"taken over by record {new.id}, which began while this one was in progress"
    assert store.job_log_runs.get(other.id).status == "in_progress"
    assert told(store) == [("orders", "error")]
    with pytest.raises(Refused, match="taken over by record"):
        finished(store, old)
    finished(store, new)


def test_of_many_at_once_one_begins(open_store: OpenStore) -> None:
    stores = [open_store() for _ in range(4)]
    ready = threading.Barrier(len(stores))
    ended: list[str] = []

    def start(store: Store) -> None:
        ready.wait(10)
        try:
            begun(store, overlap=Overlap.REFUSE)
            ended.append("began")
        except Refused as error:
            ended.append(error.code)

    threads = [threading.Thread(target=start, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert sorted(ended) == ["began", *["job_in_progress"] * 3]


def test_the_same_call_from_many_at_once_is_carried_out_once(open_store: OpenStore) -> None:
    stores = [open_store() for _ in range(4)]
    ready = threading.Barrier(len(stores))
    records: list[LogRecord] = []

    def start(store: Store) -> None:
        ready.wait(10)
        records.append(begun(store, key="k1"))

    threads = [threading.Thread(target=start, args=(store,)) for store in stores]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert [record.id for record in records] == [1] * 4


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        ("previous", "job_log_by_end (name=? AND status=?)"),
        ("in_progress", "job_log_by_end (name=? AND status=?)"),
        ("take_over", "job_log_by_end (name=? AND status=?)"),
        ("close", "job_log_by_end (name=? AND status=?)"),
        ("newest", "job_log_by_name (name=?)"),
    ],
)
def test_a_job_is_found_among_millions_of_records_by_its_name(
    tmp_path: Path, statement: str, index: str
) -> None:
    values = {"name": "orders", "id": 1, "now": 1, "message": "", "before": 1, "version": 1}
    with Store.open(tmp_path / "state.db") as store, store.database.read() as connection:
        plan = connection.rows(f"EXPLAIN QUERY PLAN {SQL[statement]}", values)
    lines = [row[3].replace("COVERING ", "") for row in plan]
    assert [line for line in lines if " job_log " in line] == [f"SEARCH job_log USING INDEX {index}"]
    assert not [line for line in lines if line.startswith("SCAN job_")]


def test_the_previous_run_is_the_success_that_ended_last(store: Store, clock: Clock) -> None:
    early = begun(store)
    clock.advance(seconds=1)
    late = begun(store)
    clock.advance(seconds=1)
    finished(store, late)
    clock.advance(seconds=1)
    standing = finished(store, early)
    assert standing.previous is not None
    assert standing.previous.id == early.id
