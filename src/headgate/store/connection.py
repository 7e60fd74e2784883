"""What a repository may ask of a database: rows, changes, and transactions. No SQL and no driver here.

Statements name their parameters `:name`. A driver that spells them otherwise rewrites the text once, when the
statement is first prepared; repositories and their SQL stay the same for every database.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Container, Generator, Iterable, Mapping
from contextlib import AbstractContextManager
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

from headgate.errors import Busy, HeadgateError, StateError, UsageError
from headgate.store.wakeups import Wakeups

P = ParamSpec("P")
T = TypeVar("T")
Parameters = Mapping[str, Any]
Row = tuple[Any, ...]

ATTEMPTS = 5
FETCHED = 1_000
"""Rows that are held at once where rows are read as they come."""
YIELD_SECONDS = 0.05
"""Without it, the change that gave way takes its first row again before the other has woken up to take it."""

PATIENCE_SECONDS = 20.0
PAUSE_SECONDS = 0.1
NOTHING_DONE = ("state_unavailable", "state_conflict")
"""Errors after which the same transaction may be tried again: nothing of it was done."""

PASSING = (*NOTHING_DONE, "state_uncertain", "state_locked", "disk_full")
"""Errors of the state that are over some time: what could not be written down then can be."""


class Conflict(Exception):
    """A constraint refused the change (unique, foreign key). The repository knows what it means."""


class Connection(Protocol):
    """One connection, used by one thread at a time."""

    def rows(self, sql: str, parameters: Parameters = ...) -> list[Row]: ...

    def row(self, sql: str, parameters: Parameters = ...) -> Row | None:
        """The first row, None where there is none."""
        ...

    def change(self, sql: str, parameters: Parameters = ...) -> int:
        """How many rows the statement changed."""
        ...

    def change_many(self, sql: str, parameters: Iterable[Parameters]) -> int:
        """How many rows were changed in all."""
        ...

    def snapshot(self, seconds: float) -> AbstractContextManager[None]:
        """Every question inside sees the state as of the first one. One whose next rows take longer than `seconds` is
        given up with StateError `question_too_long`. Nothing is written inside."""
        ...

    def each(self, sql: str, parameters: Parameters = ...) -> Generator[Row]:
        """The rows as they come, inside a snapshot; few are held at once. Close it there too."""
        ...

    def notify(self) -> None:
        """Wakes whoever waits for a change (`Database.wakeups`, in every process) once this transaction is
        committed."""
        ...


class Spelling(Protocol):
    """How a database spells the words in which migrations differ (see `migrate`), and what its own files are
    called (see `statements`)."""

    dialect: str
    identity_type: str
    bytes_type: str
    text_type: str
    clustered: str


class Database(Spelling, Protocol):
    """Lends connections. `schema_version` is 0 for a database without our tables."""

    transaction_count: int
    """How many write transactions were committed here."""

    wakeups: Wakeups

    def now_micros(self) -> int:
        """The time that everybody who uses this database agrees on, in microseconds since 1970. Costs no question
        to it, and does not jump with this machine's clock."""
        ...

    def read(self) -> AbstractContextManager[Connection]:
        """A connection for single statements, each in a snapshot of its own."""
        ...

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction; commits at the end, rolls back on any exception. Never nested.

        Others may write meanwhile (not on SQLite). What is read to decide on a change is read with
        `{for_update}`, and several rows of a table are changed in the order of their keys. Where two wait for
        each other all the same, one of them gets Busy `state_conflict`, and nothing of it is done: see `again`.

        Raises StateError `state_unavailable` where nothing was done, and `state_uncertain` where the connection
        ended during the commit.
        """
        ...

    def migration(self) -> AbstractContextManager[Connection]:
        """A transaction for changes of the schema, which one process makes at a time."""
        ...

    def schema_version(self, connection: Connection) -> int: ...

    def set_schema_version(self, connection: Connection, version: int) -> None: ...

    def close(self) -> None: ...


def again(change: Callable[P, T]) -> Callable[P, T]:
    """Repeats a change that consists of one transaction where the database gave it up for another one."""

    @wraps(change)
    def repeated(*args: P.args, **kwargs: P.kwargs) -> T:
        for _ in range(ATTEMPTS - 1):
            try:
                return change(*args, **kwargs)
            except Busy as error:
                if error.code != "state_conflict":
                    raise
            time.sleep(YIELD_SECONDS)
        return change(*args, **kwargs)

    return repeated


def insist(change: Callable[[], T], codes: Container[str] = NOTHING_DONE) -> T:
    """Makes a change that consists of one transaction as soon as the state takes it, within PATIENCE_SECONDS. With
    PASSING also one that was not answered is made again, which the caller can tell from the refusal."""
    give_up_at = time.monotonic() + PATIENCE_SECONDS
    while True:
        try:
            return change()
        except HeadgateError as error:
            if error.code not in codes or time.monotonic() >= give_up_at:
                raise
        time.sleep(PAUSE_SECONDS)


def passes(error: HeadgateError) -> bool:
    """Whether it is the state that could not take a change just now. A warehouse has a full disk of its own."""
    return isinstance(error, StateError | Busy) and error.code in PASSING


def value_invalid(error: Exception) -> UsageError:
    """A number or a text that no column can hold."""
    return UsageError(
        "value_invalid", f"a value cannot be kept: {error}", hint="correct the number or the text"
    )


def too_long() -> StateError:
    return StateError(
        "question_too_long", "the state was asked for too much at once", hint="ask for less: filter more"
    )
