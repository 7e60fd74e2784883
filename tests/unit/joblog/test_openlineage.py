"""What is read of an OpenLineage event, and what the events of a run make together."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import UsageError
from headgate.joblog import lineage
from headgate.joblog.instants import write_instant
from headgate.joblog.lineage import LineageRun
from headgate.joblog.openlineage import MOST_MESSAGE, MOST_NAME, Dataset, EventType, RunEvent, read_event
from headgate.store.codec import from_json, to_json

RUN = "11111111-2222-3333-4444-555555555555"
TIME = "2026-01-31T06:00:00Z"
NOW = 1_000


def body(**changed: Any) -> bytes:
    """An event; a key whose value is None stands not in it."""
    usual = {
        "eventTime": TIME,
        "eventType": "COMPLETE",
        "producer": "https://example.com",
        "schemaURL": "https://openlineage.io/spec/2-0-2/OpenLineage.json#/$defs/RunEvent",
        "run": {"runId": RUN},
        "job": {"namespace": "crm", "name": "orders"},
    }
    return json.dumps(
        {key: value for key, value in {**usual, **changed}.items() if value is not None}
    ).encode()


def read(**changed: Any) -> RunEvent:
    event = read_event(body(**changed))
    assert event is not None
    return event


def named(name: str, namespace: str = "db", **facets: Any) -> dict[str, Any]:
    return {"namespace": namespace, "name": name, "outputFacets": facets}


def counted(name: str, rows: Any) -> dict[str, Any]:
    return named(name, outputStatistics={"rowCount": rows, "size": 12})


def failed(**facet: Any) -> dict[str, Any]:
    return {"runId": RUN, "facets": {"errorMessage": facet}}


# --- reading ------------------------------------------------------------------------------------------


def test_an_event_of_a_run_is_read() -> None:
    at = int(datetime(2026, 1, 31, 6, tzinfo=UTC).timestamp()) * 1_000_000
    assert read(inputs=[named("a")], outputs=[counted("b", 3)]) == RunEvent(
        UUID(RUN), "crm/orders", EventType.COMPLETE, at, (Dataset("db/a"),), (Dataset("db/b", 3),)
    )


def test_an_event_of_a_job_or_of_a_dataset_tells_of_no_run() -> None:
    assert read_event(body(run=None)) is None
    assert read_event(body(run=None, job=None, dataset={"namespace": "a", "name": "b"})) is None


def test_an_event_without_a_type_is_a_remark() -> None:
    assert read(eventType=None).type is EventType.OTHER


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-01-31T06:00:00.123456789Z", "2026-01-31T06:00:00.123456+00:00"),
        ("2026-01-31T06:00:00+05:30", "2026-01-31T00:30:00+00:00"),
        ("2026-01-31t06:00:00.5z", "2026-01-31T06:00:00.5+00:00"),
        ("2026-01-31T06:00Z", "2026-01-31T06:00:00+00:00"),
        ("2026-01-31T06:00:00", "2026-01-31T06:00:00+00:00"),
        ("1969-12-31T23:59:59-08:00", "1970-01-01T07:59:59+00:00"),
    ],
)
def test_the_time_of_an_event_has_any_zone_and_any_precision(text: str, instant: str) -> None:
    assert write_instant(read(eventTime=text).at, UTC) == instant


@pytest.mark.parametrize(
    ("namespace", "name", "shown"),
    [
        ("default", "orders", "orders"),
        ("", "orders", "orders"),
        ("crm", "orders", "crm/orders"),
        ("s3://bucket", "raw/orders", "s3://bucket/raw/orders"),
        ("hdfs://nn:8020", "/raw/orders", "hdfs://nn:8020/raw/orders"),
        ("s3://bucket/", "orders", "s3://bucket/orders"),
    ],
)
def test_names_stand_in_their_namespaces(namespace: str, name: str, shown: str) -> None:
    event = read(job={"namespace": namespace, "name": name}, inputs=[named(name, namespace)])
    assert (event.name, event.inputs) == (shown, (Dataset(shown),))


@pytest.mark.parametrize(
    ("rows", "read_as"),
    [(0, 0), (7, 7), (7.0, 7), (7.5, None), (-1, None), ("7", None), (True, None), (2**70, None)],
)
def test_a_count_that_is_none_is_passed_over(rows: Any, read_as: int | None) -> None:
    assert read(outputs=[counted("a", rows)]).outputs == (Dataset("db/a", read_as),)


def test_a_dataset_that_stands_twice_was_written_in_parts() -> None:
    outputs = [counted("a", 3), named("b"), counted("a", 4), named("a")]
    assert read(outputs=outputs).outputs == (Dataset("db/a", 7), Dataset("db/b"))


def test_a_message_stands_above_the_end_of_its_stack_trace() -> None:
    assert read(run=failed(message="boom", programmingLanguage="python")).message == "boom"
    assert read(run=failed(message="boom", stackTrace="at a\nat b\n")).message == "boom\nat a\nat b"
    long = read(run=failed(message="boom", stackTrace=f"{'x' * 9_000}the end")).message
    assert long is not None
    assert len(long) == MOST_MESSAGE
    assert long.startswith("boom\nxxx")
    assert long.endswith("xthe end")
    assert len(read(run=failed(message="m" * 9_000, stackTrace="t" * 9_000)).message or "") == MOST_MESSAGE
    assert len(read(run=failed(message="m" * 9_000)).message or "") == MOST_MESSAGE


def test_a_message_is_kept_as_a_database_takes_it() -> None:
    assert read(run=failed(message="a\0b\ud800c")).message == "a\\0b\\ud800c"


@pytest.mark.parametrize(
    "facets", [None, [], {"errorMessage": None}, {"errorMessage": {"message": 4}}, {"x": {}}]
)
def test_facets_of_another_shape_are_passed_over(facets: Any) -> None:
    event = read(run={"runId": RUN, "facets": facets}, outputs=[{**named("a"), "outputFacets": facets}])
    assert (event.message, event.outputs) == (None, (Dataset("db/a"),))


def test_whatever_else_stands_in_an_event_is_passed_over() -> None:
    deep: Any = []
    for _ in range(90):
        deep = [deep]
    run = {"runId": RUN, "facets": {"own": {"deep": deep, "nul": "\0", "huge": 2**80, "nan": float("nan")}}}
    assert read(run=run, more="x").name == "crm/orders"


@pytest.mark.parametrize("run_id", [RUN.upper(), RUN.replace("-", ""), f"{{{RUN}}}", f"urn:uuid:{RUN}"])
def test_a_run_is_the_same_however_its_id_is_spelled(run_id: str) -> None:
    assert read(run={"runId": run_id}).run_id == UUID(RUN)


@pytest.mark.parametrize(
    ("changed", "told"),
    [
        ({"eventTime": None}, "`eventTime` is missing"),
        ({"eventTime": 12}, "`eventTime` is of the type int, and should be str"),
        ({"eventTime": "yesterday"}, "eventTime"),
        ({"eventTime": "2026-01-31"}, "eventTime"),
        ({"eventTime": "0001-01-01T00:00:00+14:00"}, "eventTime"),
        ({"eventTime": "2026-13-31T00:00:00Z"}, "eventTime"),
        (
            {"eventType": "BEGIN"},
            "`eventType` is none of START, RUNNING, COMPLETE, ABORT, FAIL, OTHER: 'BEGIN'",
        ),
        ({"eventType": ""}, "eventType"),
        ({"run": {}}, "`run.runId` is missing"),
        ({"run": {"runId": "orders-1"}}, "run.runId"),
        ({"run": "orders-1"}, "run"),
        ({"job": None}, "job"),
        ({"job": {"name": "a"}}, "`job.namespace` is missing"),
        ({"job": {"namespace": "a", "name": ""}}, "job.name"),
        ({"job": {"namespace": "a", "name": 4}}, "job.name"),
        ({"job": {"namespace": "a", "name": "a\0b"}}, "job"),
        ({"job": {"namespace": "a", "name": "\ud800"}}, "job"),
        ({"job": {"namespace": "a", "name": "b" * MOST_NAME}}, "job.name"),
        ({"inputs": {"namespace": "a"}}, "inputs"),
        ({"inputs": [named("a\0b")]}, "inputs"),
        ({"outputs": [named("a"), {"name": "b"}]}, "`outputs[1].namespace` is missing"),
        ({"run": None, "job": None}, "run"),
    ],
)
def test_an_event_that_cannot_be_recorded_says_what_is_wrong(changed: dict[str, Any], told: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_event(body(**changed))
    assert (caught.value.code, told in caught.value.message) == ("lineage_event_invalid", True)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff", b"[" * 100_000, b"1" * 10_000])
def test_what_is_no_json_is_refused(text: bytes) -> None:
    with pytest.raises(UsageError) as caught:
        read_event(text)
    assert caught.value.code == "body_malformed"


@given(
    st.binary()
    | st.recursive(st.none() | st.text() | st.integers(), st.lists).map(json.dumps).map(str.encode)
)
def test_nothing_else_is_raised_whatever_is_sent(text: bytes) -> None:
    with pytest.raises(UsageError):
        read_event(text)


# --- put together -------------------------------------------------------------------------------------


def event(
    type_: EventType, at: int, message: str | None = None, name: str = "orders", **datasets: Any
) -> RunEvent:
    return RunEvent(UUID(RUN), name, type_, at, message=message, **datasets)


def told(*events: RunEvent) -> LineageRun:
    run = LineageRun()
    for one in events:
        run = run.told(one)
    return run


def columns(*events: RunEvent) -> dict[str, Any]:
    found = told(*events).columns(NOW)
    assert found is not None
    return found


names = st.sampled_from("abcd")
datasets = st.lists(
    st.builds(Dataset, names, st.none() | st.integers(0, 9)), max_size=3, unique_by=lambda one: one.name
).map(tuple)
events = st.builds(
    event,
    st.sampled_from(EventType),
    st.integers(0, 5),
    st.sampled_from([None, "a", "b"]),
    st.sampled_from(["orders", "unknown"]),
    inputs=datasets,
    outputs=datasets,
)


@given(st.data())
def test_the_same_events_make_the_same_record_in_any_order_and_however_often(data: st.DataObject) -> None:
    given_events = data.draw(st.lists(events, max_size=6))
    again = data.draw(st.lists(st.sampled_from(given_events), max_size=4)) if given_events else []
    others = data.draw(st.permutations(given_events + again))
    assert told(*others) == told(*given_events)


@given(st.lists(events, max_size=5), events)
def test_what_was_told_is_nothing_new(before: list[RunEvent], one: RunEvent) -> None:
    run = told(*before, one)
    assert run.told(one) == run
    assert from_json(to_json(run), LineageRun) == run


@given(st.lists(events, max_size=6))
def test_a_run_that_ended_stays_ended_and_never_ends_before_it_began(given_events: list[RunEvent]) -> None:
    ended = False
    run = LineageRun()
    for one in given_events:
        run = run.told(one)
        found: dict[str, Any] | None = run.columns(NOW)
        ended = ended or one.type in (EventType.COMPLETE, EventType.FAIL, EventType.ABORT)
        assert (found is not None and found["status"] != "in_progress") is ended
        if found is not None and ended:
            assert found["end_date"] >= found["start_date"]


def test_a_run_begins_when_its_start_says_or_else_when_it_was_first_told_of() -> None:
    assert columns(event(EventType.RUNNING, 5))["start_date"] == 5
    assert columns(event(EventType.RUNNING, 5), event(EventType.START, 7))["start_date"] == 7
    assert columns(event(EventType.COMPLETE, 9), event(EventType.RUNNING, 5))["start_date"] == 5


def test_a_later_end_wins_and_at_one_time_an_error() -> None:
    done, failure = event(EventType.COMPLETE, 9), event(EventType.FAIL, 9, "boom")
    assert columns(done, event(EventType.FAIL, 8, "boom"))["status"] == "success"
    assert columns(failure, done)["message"] == "boom"
    assert columns(failure, event(EventType.COMPLETE, 10))["message"] is None


def test_nothing_is_told_before_it_happens() -> None:
    found = told(event(EventType.START, NOW + 1), event(EventType.COMPLETE, NOW + 9)).columns(NOW)
    assert found is not None
    assert (found["start_date"], found["end_date"]) == (NOW, NOW)


def test_what_was_aborted_says_so() -> None:
    assert columns(event(EventType.ABORT, 1))["message"] == "aborted"
    assert columns(event(EventType.ABORT, 1, "by ann"))["message"] == "aborted: by ann"


def test_remarks_alone_make_no_record_but_are_kept_for_it() -> None:
    remark = event(EventType.OTHER, 1, outputs=(Dataset("a", 4),))
    assert told(remark).columns(NOW) is None
    found = columns(remark, event(EventType.COMPLETE, 9))
    assert (found["start_date"], found["destination"], found["records_processed"]) == (9, "a", 4)


def test_rows_are_those_of_the_last_event_that_counts_them() -> None:
    first = event(EventType.RUNNING, 1, outputs=(Dataset("a", 400), Dataset("b", 1)))
    then = event(EventType.COMPLETE, 2, outputs=(Dataset("a", 30), Dataset("b")))
    assert columns(first, then)["records_processed"] == 31
    assert columns(event(EventType.COMPLETE, 2))["records_processed"] is None


def test_datasets_stand_in_the_order_of_their_first_event() -> None:
    late = event(EventType.COMPLETE, 9, inputs=(Dataset("c"), Dataset("a")))
    early = event(EventType.START, 1, inputs=(Dataset("b"), Dataset("a")))
    assert columns(late, early)["source"] == "b, a, c"


def test_more_datasets_than_there_is_room_for_are_counted() -> None:
    many = tuple(Dataset(f"db/table_{number:04}") for number in range(1_200))
    found = columns(event(EventType.COMPLETE, 1, inputs=many))["source"]
    assert found.startswith("db/table_0000, db/table_0001, ")
    assert found.endswith(" more")
    assert len(found) < lineage.MOST_PLACES + 20
    assert len(told(event(EventType.COMPLETE, 1, inputs=many)).inputs) == lineage.MOST_DATASETS
