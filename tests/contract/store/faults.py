"""A database that fails at one chosen call, as networks, disks and killed processes make real ones do."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager
from enum import StrEnum
from typing import Any

from headgate.errors import StateError
from headgate.store import Store
from headgate.store.connection import Connection, Parameters, Row


class Fault(StrEnum):
    BEFORE = "before"
    """The call is not carried out."""

    AFTER = "after"
    """It is carried out, and nobody hears of it."""


class FaultyDatabase:
    """Passes everything on to `real`. Statements and commits are counted from 1; the one whose number is `at` fails."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.count = 0
        self.at = 0
        self.fault = Fault.BEFORE

    def arm(self, at: int, fault: Fault) -> None:
        self.count, self.at, self.fault = 0, at, fault

    def disarm(self) -> None:
        self.at = 0

    @contextmanager
    def call(self) -> Iterator[None]:
        self.count += 1
        fails = self.count == self.at
        if fails and self.fault is Fault.BEFORE:
            raise StateError("state_unavailable", f"call {self.count} was not carried out, as it was told")
        yield
        if fails:
            raise StateError("state_uncertain", f"call {self.count} was not answered, as it was told")

    @contextmanager
    def read(self) -> Iterator[Connection]:
        with self.real.read() as connection:
            yield FaultyConnection(self, connection)

    @contextmanager
    def write(self) -> Iterator[Connection]:
        commit = self.call()
        with self.real.write() as connection:
            yield FaultyConnection(self, connection)
            commit.__enter__()  # raises inside the transaction, which rolls back
        commit.__exit__(None, None, None)  # raises after it was committed

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


class FaultyConnection:
    def __init__(self, database: FaultyDatabase, real: Connection) -> None:
        self._database = database
        self._real = real

    def rows(self, sql: str, parameters: Parameters | None = None) -> list[Row]:
        with self._database.call():
            return self._real.rows(sql, parameters or {})

    def row(self, sql: str, parameters: Parameters | None = None) -> Row | None:
        with self._database.call():
            return self._real.row(sql, parameters or {})

    def change(self, sql: str, parameters: Parameters | None = None) -> int:
        with self._database.call():
            return self._real.change(sql, parameters or {})

    def change_many(self, sql: str, parameters: Iterable[Parameters]) -> int:
        with self._database.call():
            return self._real.change_many(sql, parameters)

    def snapshot(self, seconds: float) -> AbstractContextManager[None]:
        return self._real.snapshot(seconds)

    def each(self, sql: str, parameters: Parameters | None = None) -> Generator[Row]:
        with self._database.call():
            yield from self._real.each(sql, parameters or {})

    def notify(self) -> None:
        self._real.notify()


def make_faulty(store: Store) -> tuple[Store, FaultyDatabase]:
    """A second store over the same database, whose calls can fail. Closing either closes both."""
    database = FaultyDatabase(store.database)
    return Store(database, store.where, store.now), database
