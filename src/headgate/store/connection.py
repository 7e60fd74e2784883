"""What a repository may ask of a database: rows, changes, and transactions. No SQL and no driver here.

Statements name their parameters `:name`. A driver that spells them otherwise rewrites the text once, when the
statement is first prepared; repositories and their SQL stay the same for every database.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager
from typing import Any, Protocol

Parameters = Mapping[str, Any]
Row = tuple[Any, ...]


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


class Spelling(Protocol):
    """How a database spells the three words in which migrations differ (see `migrate`)."""

    identity_type: str
    bytes_type: str
    clustered: str


class Database(Spelling, Protocol):
    """Lends connections. `schema_version` is 0 for a database without our tables."""

    transaction_count: int
    """How many write transactions were committed here."""

    def read(self) -> AbstractContextManager[Connection]:
        """A connection for single statements, each in a snapshot of its own."""
        ...

    def write(self) -> AbstractContextManager[Connection]:
        """A transaction that holds the write lock from its start; commits at the end, rolls back on any
        exception. Never nested."""
        ...

    def schema_version(self, connection: Connection) -> int: ...

    def set_schema_version(self, connection: Connection, version: int) -> None: ...

    def prepare_new(self) -> None:
        """Settings that stay in the database, made once before its first migration."""
        ...

    def close(self) -> None: ...
