"""Markers of published steps and the ledger of intervals, on every engine."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime, timedelta, timezone

import pytest

from headgate.errors import StatementFailed
from headgate.model.bound import TableName
from headgate.warehouse.base import Session, Warehouse

OpenSession = Callable[[], Session]
TABLE = TableName("mart", "fct_orders")
OTHER = TableName("mart", "fct_returns")


def day(number: int) -> datetime:
    return datetime(2024, 1, number, tzinfo=UTC)


def mark(session: Session, step: str, rows: int | None = 1) -> None:
    session.write_marker(run_uid="run-1", step_id=step, fence=1, rows=rows, table=TABLE)


def test_prepare_can_be_repeated_and_keeps_markers(warehouse: Warehouse, session: Session) -> None:
    mark(session, "a")
    warehouse.prepare()
    assert session.committed("run-1") == {"a": 1}


def test_marker_stands_only_when_its_transaction_committed(open_session: OpenSession) -> None:
    session, other = open_session(), open_session()
    session.begin()
    mark(session, "a", rows=None)
    assert other.committed("run-1") == {}
    session.commit()
    session.begin()
    mark(session, "b")
    session.rollback()
    assert other.committed("run-1") == {"a": None}
    assert other.committed("run-2") == {}


def test_step_cannot_be_published_twice(open_session: OpenSession) -> None:
    first, second = open_session(), open_session()
    mark(first, "a")
    second.begin()
    with pytest.raises(StatementFailed, match="step a of run run-1 is already published") as caught:
        mark(second, "a")
    assert caught.value.code == "already_published"
    second.rollback()
    mark(second, "b")
    assert first.committed("run-1") == {"a": 1, "b": 1}


def test_of_two_open_publications_of_one_step_one_wins(open_session: OpenSession) -> None:
    """PostgreSQL makes the second INSERT wait for the first; DuckDB refuses the second COMMIT."""
    first, second = open_session(), open_session()
    first.begin()
    second.begin()
    first.execute("CREATE TABLE t AS SELECT 'first' AS who")
    mark(first, "a")
    caught: list[StatementFailed] = []

    def publish_too() -> None:
        try:
            second.execute("CREATE TABLE u AS SELECT 'second' AS who")
            mark(second, "a")
            first_committed.wait()
            second.commit()
        except StatementFailed as error:
            caught.append(error)
            second.rollback()

    first_committed = threading.Event()
    thread = threading.Thread(target=publish_too)
    thread.start()
    first.commit()
    first_committed.set()
    thread.join()
    assert [error.code for error in caught] == ["already_published"]
    with pytest.raises(StatementFailed):
        first.execute("SELECT * FROM u")


def test_old_markers_are_forgotten(warehouse: Warehouse, session: Session) -> None:
    mark(session, "a")
    mark(session, "b")
    assert warehouse.forget_markers(datetime.now(UTC) - timedelta(hours=1)) == 0
    assert warehouse.forget_markers(datetime.now(UTC) + timedelta(hours=1)) == 2
    assert session.committed("run-1") == {}


@pytest.mark.parametrize(
    ("recorded", "done"),
    [
        ([(1, 2), (2, 3), (3, 4)], [(1, 4)]),
        ([(1, 2), (4, 5)], [(1, 2), (4, 5)]),
        ([(4, 5), (1, 2), (2, 4)], [(1, 5)]),
        ([(1, 10), (3, 4)], [(1, 10)]),
        ([(3, 4), (6, 7), (1, 10)], [(1, 10)]),
        ([(1, 3), (2, 5)], [(1, 5)]),
        ([(1, 1)], []),
    ],
)
def test_ledger_keeps_the_union_of_what_was_recorded(
    session: Session, recorded: list[tuple[int, int]], done: list[tuple[int, int]]
) -> None:
    for start, end in recorded:
        session.record_intervals(TABLE, [(day(start), day(end))], "run-1")
    expected = [(day(start), day(end)) for start, end in done]
    assert session.done_intervals(TABLE) == expected
    stored = session.execute("SELECT count(*) FROM _headgate.intervals").rows
    assert stored == [(len(expected),)]


def test_several_ranges_at_once_are_recorded(session: Session) -> None:
    session.record_intervals(TABLE, [(day(3), day(4)), (day(1), day(2)), (day(2), day(3))], "run-1")
    assert session.done_intervals(TABLE) == [(day(1), day(4))]


def test_ledger_keeps_tables_apart(session: Session) -> None:
    session.record_intervals(TABLE, [(day(1), day(2))], "run-1")
    session.record_intervals(OTHER, [(day(2), day(3))], "run-1")
    assert session.done_intervals(TABLE) == [(day(1), day(2))]
    assert session.done_intervals(OTHER) == [(day(2), day(3))]


def test_ledger_rolls_back_with_its_transaction(session: Session) -> None:
    session.record_intervals(TABLE, [(day(1), day(2))], "run-1")
    session.begin()
    session.record_intervals(TABLE, [(day(2), day(3))], "run-2")
    session.rollback()
    assert session.done_intervals(TABLE) == [(day(1), day(2))]


def test_ledger_knows_instants_whatever_their_zone(session: Session) -> None:
    prague = timezone(timedelta(hours=2))
    start = datetime(2024, 3, 31, 2, 0, 0, 123456, tzinfo=prague)
    session.record_intervals(TABLE, [(start, start + timedelta(hours=1))], "run-1")
    assert session.done_intervals(TABLE) == [(start, start + timedelta(hours=1))]
    assert session.done_intervals(TABLE)[0][0].utcoffset() == timedelta(0)
