"""What every warehouse engine offers: the protocol, its capabilities, and how a statement is cancelled.

No engine's driver is imported here; see `open` for the table of engines.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Protocol

from headgate.errors import StatementCanceled
from headgate.model.bound import BoundColumn, TableName, WarehouseFacts

IntervalRange = tuple[datetime, datetime]
"""A half-open range `[from, to)` of aware UTC instants."""


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What differs between engines in a way that callers must know.

    `transactional_ddl`: CREATE, ALTER and DROP roll back like data does.
    `create_or_replace_table`: CREATE OR REPLACE TABLE is one atomic statement.
    `single_process`: the database belongs to one process at a time.
    `detached_statements`: a statement outlives its connection and can be waited for by its handle.
    """

    transactional_ddl: bool
    create_or_replace_table: bool
    single_process: bool
    detached_statements: bool


@dataclass(frozen=True, slots=True)
class Handle:
    """A submitted statement. Without detached statements it is the statement itself, run by `wait`."""

    sql: str
    parameters: Mapping[str, Any] | None = None
    query_id: str | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """What a statement gave. `row_count`: rows inserted, updated or deleted; None for a query or DDL."""

    rows: list[tuple[Any, ...]]
    columns: tuple[str, ...]
    row_count: int | None
    query_id: str | None = None


@dataclass(frozen=True, slots=True)
class Opening:
    """How to open a warehouse, beside its options: the project's folder, who we are for those who wait,
    whom to tell that we wait, and for how long (None: for ever)."""

    root: Path
    label: str
    on_wait: Callable[[str], None] | None = None
    wait_seconds: float | None = None


class Session(Protocol):
    """One connection, in time zone UTC. One thread at a time, except `cancel`, which any thread may call.

    Statements outside begin/commit commit by themselves. Errors are those of `headgate.errors`: after
    `StatementFailed` and `StatementCanceled` the session serves again once rolled back, after
    `WarehouseUnavailable` it does not.
    """

    def begin(self) -> None: ...

    def commit(self) -> None:
        """Publish. Raises StatementCanceled, and publishes nothing, when a cancel came before. After
        WarehouseUnavailable it is not known whether the commit took place: only the marker tells."""
        ...

    def rollback(self) -> None:
        """Undo the open transaction, if any, and forget a cancel. Never raises."""
        ...

    def submit(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Handle:
        """`parameters` gives the late values in the text ("from" for `$hg_from`); others are ignored."""
        ...

    def wait(self, handle: Handle) -> Answer: ...

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Answer: ...

    def cancel(self) -> None:
        """Stop the running statement in the warehouse, and make every later one fail until `rollback`.
        Idempotent; returns when the statement has stopped, or after a few seconds."""
        ...

    def describe(self, query: str) -> tuple[BoundColumn, ...]:
        """The query's columns without running it, named and typed as the warehouse says them."""
        ...

    def committed(self, run_uid: str) -> dict[str, int | None]:
        """The steps of a run whose publication stands, with their row counts."""
        ...

    def writing(self, table: TableName) -> AbstractContextManager[None]:
        """Held around a transaction that writes `table`, from before its begin: waits while another session of this
        process does. Nothing on an engine whose own locks keep writers apart. Raises StatementCanceled when a
        cancel comes while it waits."""
        ...

    def write_marker(
        self, *, run_uid: str, step_id: str, fence: int, rows: int | None, table: TableName | None
    ) -> None:
        """Mark the open transaction as this step's publication. A second one of the same step fails with
        `already_published`, here or on `commit`."""
        ...

    def done_intervals(self, table: TableName) -> list[IntervalRange]:
        """The ranges of `table` that are loaded, in order, merged where they touch."""
        ...

    def record_intervals(self, table: TableName, ranges: Iterable[IntervalRange], run_uid: str) -> None: ...

    def close(self) -> None: ...


class Warehouse(Protocol):
    """An open warehouse. Safe to use from many threads; each takes its own session.

    `max_statements` bounds the statements that are worth running at once; None means no bound of its own.
    """

    @property
    def type(self) -> str: ...

    @property
    def dialect(self) -> str: ...

    @property
    def capabilities(self) -> Capabilities: ...

    @property
    def max_statements(self) -> int | None: ...

    def session(self) -> Session: ...

    def prepare(self) -> None:
        """Create the schema `_headgate` with its tables where they are missing. Idempotent."""
        ...

    def facts(self, places: Iterable[tuple[str | None, str]]) -> WarehouseFacts:
        """What stands in the given (database, schema) places, in a few catalogue queries."""
        ...

    def forget_markers(self, older_than: datetime) -> int:
        """Drop markers of steps published before `older_than`; returns how many. Their runs must be over."""
        ...

    def close(self) -> None: ...


class StatementGate:
    """Guards a session's statements so that no cancel is lost between two of them.

    Used as a context manager around each statement. An engine may miss an interrupt that comes in the instant
    before a statement starts, so `cancel` repeats it until the statement has ended. The interrupt is sent
    under the lock that a statement needs to end, so it never reaches the one after.
    """

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self._interrupt = interrupt
        self._lock = threading.Lock()
        self._canceled = False
        self._running = False
        self._number = 0
        self._ended = threading.Condition(self._lock)

    def __enter__(self) -> None:
        with self._lock:
            if self._canceled:
                raise _canceled()
            self._running = True
            self._number += 1

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with self._lock:
            self._running = False
            self._ended.notify_all()

    def check(self) -> None:
        """Raise StatementCanceled when a cancel came since the last `reset`."""
        with self._lock:
            if self._canceled:
                raise _canceled()

    def cancel(self, patience_seconds: float = 5.0) -> None:
        give_up_at = time.monotonic() + patience_seconds
        pause_seconds = 0.02
        with self._lock:
            self._canceled = True
            number = self._number
            while self._running and self._number == number and time.monotonic() < give_up_at:
                self._interrupt()
                self._ended.wait(pause_seconds)
                pause_seconds = min(pause_seconds * 2, 0.5)

    def reset(self) -> None:
        with self._lock:
            self._canceled = False


def _canceled() -> StatementCanceled:
    return StatementCanceled("statement_canceled", "the statement was canceled before it ran")
