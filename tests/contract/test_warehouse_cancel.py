"""Cancel from another thread: nothing is lost between statements, and the session serves again."""

from __future__ import annotations

import threading
from collections.abc import Callable

import pytest

from headgate.errors import StatementCanceled
from headgate.warehouse.base import Session, StatementGate, Warehouse

ENDLESS = "SELECT sum(a.i * b.i) FROM generate_series(1, 300000) AS a(i), generate_series(1, 300000) AS b(i)"
"""Minutes of work on any machine, so a test that waits for its end does not pass."""


class Running:
    """A statement running in a thread of its own, and how it ended."""

    def __init__(self, session: Session, sql: str) -> None:
        self.error: BaseException | None = None
        self._session = session
        self._sql = sql
        self._sent = threading.Event()
        self._thread = threading.Thread(target=self._run)
        self._thread.start()
        assert self._sent.wait(30)

    def _run(self) -> None:
        self._sent.set()
        try:
            self._session.execute(self._sql)
        except BaseException as error:
            self.error = error

    def end(self) -> BaseException | None:
        self._thread.join(30)
        assert not self._thread.is_alive()
        return self.error


def test_cancel_stops_the_statement_and_the_session_serves_again(session: Session) -> None:
    session.execute("CREATE TABLE t AS SELECT 1 AS i")
    for _ in range(5):  # the cancel comes at another instant each time
        session.begin()
        session.execute("DELETE FROM t")
        running = Running(session, ENDLESS)
        session.cancel()
        assert isinstance(running.end(), StatementCanceled)
        session.rollback()
        assert session.execute("SELECT i FROM t").rows == [(1,)]


def test_cancel_between_statements_makes_the_next_one_fail(session: Session) -> None:
    session.begin()
    session.execute("CREATE TABLE t (i integer)")
    session.cancel()
    session.cancel()
    with pytest.raises(StatementCanceled):
        session.execute("SELECT 1")
    with pytest.raises(StatementCanceled):
        session.describe("SELECT 1 AS i")
    session.rollback()
    assert session.execute("SELECT 1").rows == [(1,)]


def test_cancel_before_commit_publishes_nothing(open_session: Callable[[], Session]) -> None:
    session, reader = open_session(), open_session()
    session.execute("CREATE TABLE t AS SELECT 1 AS i")
    session.begin()
    session.execute("DELETE FROM t")
    session.cancel()
    with pytest.raises(StatementCanceled):
        session.commit()
    session.rollback()
    assert reader.execute("SELECT i FROM t").rows == [(1,)]


def test_cancel_stops_its_own_session_only(open_session: Callable[[], Session]) -> None:
    stopped, other = open_session(), open_session()
    other.execute("CREATE TABLE t AS SELECT i FROM generate_series(1, 2000) AS g(i)")
    running = Running(stopped, ENDLESS)
    also = Running(other, "SELECT sum(a.i * b.i) FROM t AS a, t AS b")
    stopped.cancel()
    assert isinstance(running.end(), StatementCanceled)
    assert also.end() is None


def test_cancel_of_a_closed_session_does_nothing(session: Session) -> None:
    session.close()
    session.cancel()


def test_canceled_backend_of_postgres_is_a_cancel(
    warehouse: Warehouse, open_session: Callable[[], Session]
) -> None:
    if warehouse.type != "postgres":
        return
    session, administrator = open_session(), open_session()
    backend = session.execute("SELECT pg_backend_pid()").rows[0][0]
    running = Running(session, ENDLESS)
    active = f"SELECT count(*) FROM pg_stat_activity WHERE pid = {backend} AND state = 'active'"
    while administrator.execute(active).rows == [(0,)]:
        pass
    administrator.execute(f"SELECT pg_cancel_backend({backend})")
    assert isinstance(running.end(), StatementCanceled)
    assert session.execute("SELECT 1").rows == [(1,)]


def test_gate_repeats_an_interrupt_that_came_too_early() -> None:
    """The first interrupts are lost, as when the engine has not started the statement yet."""
    heard = threading.Event()
    sent: list[int] = []

    def interrupt() -> None:
        sent.append(1)
        if len(sent) == 3:
            heard.set()

    gate = StatementGate(interrupt)
    running = threading.Event()

    def statement() -> None:
        with gate:
            running.set()
            heard.wait(30)

    thread = threading.Thread(target=statement)
    thread.start()
    running.wait(30)
    gate.cancel()
    thread.join(30)
    assert heard.is_set()
    with pytest.raises(StatementCanceled), gate:
        pass
    gate.reset()
    with gate:
        pass
