"""Our own state on PostgreSQL: how it is reached, what a transaction is, and whose clock counts.

Nothing is serialized here: many processes write at once, at READ COMMITTED, and lock the rows that they decide by.
What its errors mean is in `postgres_errors`; who is told of changes in `listener`.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import lru_cache
from typing import Any

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import TransactionStatus
from psycopg.types.numeric import Int8BinaryDumper

from headgate.errors import StateError, UsageError
from headgate.store.clock import SteadyClock, steady_micros
from headgate.store.connection import FETCHED, Connection, Parameters, Row
from headgate.store.listener import ListeningWakeups, readable
from headgate.store.postgres_errors import busy, mapped, uncertain, unreachable
from headgate.store.statements import load, overrides
from headgate.store.wakeups import Wakeups

SCHEMA = "headgate"
LEAST_VERSION = 14
MAX_CONNECTIONS = 20
"""A thread that finds all of them lent waits. With those of a handful of processes this stays below the 100 that a
server allows by default."""
KEPT_CONNECTIONS = 8
"""For four runs at once beside requests. With fewer, every fifth run opens one, which plans all its statements anew."""
LEND_SECONDS = 10.0
CLOCK_SECONDS = 10
"""How long the time is carried on before the server is asked again, with the next transaction."""
PREPARE_AFTER = 2
NOTHING: dict[str, Any] = {}
DRIVER_ERRORS = (psycopg.Error, OverflowError, UnicodeEncodeError)
"""The latter two are values that no column can hold."""

SQL = load("postgres")
_OWN_TEXT = overrides("postgres")
_PARTS = re.compile(
    r"""'(?:[^']|'')*' | "[^"]*" | :: | :(?P<name>[a-z_]\w*) | /\*\ for\ update(?P<lock>[^*]*)\*/""",
    re.VERBOSE,
)


@lru_cache(maxsize=2000)
def spelled(sql: str) -> tuple[bytes, tuple[str, ...]]:
    """A statement as PostgreSQL reads it, and its parameters in the order of their numbers."""
    names: dict[str, str] = {}

    def part(found: re.Match[str]) -> str:
        if name := found["name"]:
            return names.setdefault(name, f"${len(names) + 1}")
        # The lock that an UPDATE takes: rows that refer to this one may still be added.
        return f"FOR NO KEY UPDATE{found['lock'].rstrip()}" if found["lock"] is not None else found[0]

    text = _PARTS.sub(part, _OWN_TEXT.get(sql, sql))
    return text.encode(), tuple(names)


class PostgresConnection:
    __slots__ = ("_cursor", "_where", "notifies", "raw")

    def __init__(self, raw: psycopg.Connection[Row], where: str) -> None:
        self._where = where
        self._cursor = raw.cursor(binary=True)
        self.raw = raw
        self.notifies = False

    def rows(self, sql: str, parameters: Parameters = NOTHING) -> list[Row]:
        text, names = spelled(sql)
        try:
            cursor = self._cursor.execute(text, [parameters[name] for name in names])
            return cursor.fetchall() if cursor.description else []
        except DRIVER_ERRORS as error:
            raise mapped(error, self._where) from error

    def row(self, sql: str, parameters: Parameters = NOTHING) -> Row | None:
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def change(self, sql: str, parameters: Parameters = NOTHING) -> int:
        return self.change_many(sql, (parameters,))

    def change_many(self, sql: str, parameters: Iterable[Parameters]) -> int:
        text, names = spelled(sql)
        values = [[row[name] for name in names] for row in parameters]
        try:
            if len(values) == 1:
                self._cursor.execute(text, values[0])
            elif values:
                self._cursor.executemany(text, values)  # sent in a row, without waiting for each answer
            return max(self._cursor.rowcount, 0) if values else 0
        except DRIVER_ERRORS as error:
            raise mapped(error, self._where) from error

    @contextmanager
    def snapshot(self, seconds: float) -> Iterator[None]:
        begin = SQL["begin_snapshot"]
        self.send(f"{begin}; SET LOCAL statement_timeout = {round(seconds * 1000):d}")
        try:
            yield
        finally:
            with suppress(psycopg.Error):
                self.raw.execute(b"ROLLBACK")

    def each(self, sql: str, parameters: Parameters = NOTHING) -> Generator[Row]:
        text, names = spelled(sql)
        try:
            with psycopg.RawServerCursor(self.raw, "each") as cursor:
                cursor.itersize = FETCHED
                cursor.execute(text, [parameters[name] for name in names], binary=True)
                yield from cursor
        except DRIVER_ERRORS as error:
            raise mapped(error, self._where) from error

    def notify(self) -> None:
        self.notifies = True

    def send(self, script: str) -> Row | None:
        """Sends statements that have no parameters all at once; gives the first row of the last one."""
        try:
            cursor = self.raw.execute(script.encode())
            while cursor.nextset():
                pass
            return cursor.fetchone() if cursor.description else None
        except psycopg.Error as error:
            raise mapped(error, self._where) from error

    @property
    def idle(self) -> bool:
        return not self.raw.closed and self.raw.info.transaction_status == TransactionStatus.IDLE

    def ended(self) -> bool:
        """Whether the server has closed the connection since it was last used. Costs no question: the server says
        nothing else to a connection that asked nothing."""
        return bool(readable((self.raw.fileno(),), 0))

    def close(self) -> None:
        with suppress(psycopg.Error):
            self.raw.close()


class PostgresDatabase:
    """Connections to one database, in whose schema `headgate` the state is. A connection is lent to one thread at a
    time; one that broke is dropped, and the next caller gets another."""

    dialect = "postgres"
    identity_type = "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
    bytes_type = "bytea"
    text_type = (
        'text COLLATE "C"'  # the order that SQLite has, on every machine and after every upgrade of one
    )
    clustered = ""

    def __init__(self, url: str) -> None:
        self._conninfo, self.where = parsed(url)
        self.transaction_count = 0
        self._idle: list[PostgresConnection] = []
        self._lock = threading.Lock()
        self._free = threading.BoundedSemaphore(MAX_CONNECTIONS)
        self._writers: set[int] = set()
        self._closed = False
        self._clock: SteadyClock | None = None
        self.wakeups: Wakeups = ListeningWakeups(self._connect)

    def now_micros(self) -> int:
        if self._clock is None:
            with self.read():
                pass
        assert self._clock is not None
        return self._clock.now_micros()

    # --- connections --------------------------------------------------------------------------------

    def _connect(self) -> PostgresConnection:
        try:
            raw = psycopg.connect(
                self._conninfo,
                autocommit=True,  # transactions are ours to begin
                cursor_factory=psycopg.RawCursor,
                prepare_threshold=PREPARE_AFTER,
            )
        except psycopg.Error as error:
            raise unreachable(error, self.where, self._conninfo) from None
        try:
            require_version(raw.info.server_version, self.where)
            for kind in (int, bool):  # one type for all numbers, so that a statement is prepared once
                raw.adapters.register_dumper(kind, Int8BinaryDumper)
            connection = PostgresConnection(raw, self.where)
            asked_at = steady_micros()
            row = connection.send(SQL["session"])
            assert row is not None
            self._set_clock(row[-1], asked_at)
        except BaseException:
            raw.close()
            raise
        return connection

    def _set_clock(self, micros: int, asked_at: int) -> None:
        if self._clock is None:
            self._clock = SteadyClock(micros)
        self._clock.set(micros, asked_at)

    def _borrow(self) -> PostgresConnection:
        if self._closed:
            raise StateError("state_closed", f"the state {self.where} is closed")
        if not self._free.acquire(timeout=LEND_SECONDS):
            raise busy(self.where, f"all {MAX_CONNECTIONS} connections to it are at work")
        try:
            while self._idle:
                with suppress(IndexError):
                    connection = self._idle.pop()
                    if not connection.ended():
                        return connection
                    connection.close()
            return self._connect()
        except BaseException:
            self._free.release()
            raise

    def _give_back(self, connection: PostgresConnection) -> None:
        if self._closed or len(self._idle) >= KEPT_CONNECTIONS or not connection.idle:
            connection.close()
        else:
            self._idle.append(connection)
        self._free.release()

    @contextmanager
    def read(self) -> Iterator[PostgresConnection]:
        connection = self._borrow()
        try:
            yield connection
        finally:
            self._give_back(connection)

    # --- transactions -------------------------------------------------------------------------------

    def write(self) -> AbstractContextManager[PostgresConnection]:
        return self._transaction(SQL["begin"])

    @contextmanager
    def migration(self) -> Iterator[PostgresConnection]:
        with self._transaction(SQL["begin_migration"]) as connection:
            if not connection.rows(SQL["tables"])[0][2]:
                connection.change(f"CREATE SCHEMA {SCHEMA}")
            yield connection

    @contextmanager
    def _transaction(self, begin: str) -> Iterator[PostgresConnection]:
        me = threading.get_ident()
        if me in self._writers:
            raise RuntimeError("a write transaction inside another one")
        with self.read() as connection:
            self._writers.add(me)
            try:
                self._begin(connection, begin)
                yield connection
                self._commit(connection)
            except BaseException:
                # The first error is the one to tell. A connection that cannot roll back is dropped.
                with suppress(psycopg.Error):
                    if connection.raw.info.transaction_status != TransactionStatus.IDLE:
                        connection.raw.execute(b"ROLLBACK")
                raise
            finally:
                self._writers.discard(me)
        with self._lock:
            self.transaction_count += 1

    def _begin(self, connection: PostgresConnection, begin: str) -> None:
        asked_at = steady_micros()
        row = connection.send(begin)
        assert row is not None
        connection.notifies = False
        if self._clock is None or self._clock.age_micros() > CLOCK_SECONDS * 1_000_000:
            self._set_clock(row[0], asked_at)

    def _commit(self, connection: PostgresConnection) -> None:
        if connection.raw.info.transaction_status == TransactionStatus.INERROR:
            raise RuntimeError("a statement of this transaction had failed, and nobody minded")
        try:
            connection.send(f"NOTIFY {SCHEMA}; COMMIT" if connection.notifies else "COMMIT")
        except StateError:
            if connection.raw.closed:
                raise uncertain(self.where) from None
            raise

    # --- the schema ---------------------------------------------------------------------------------

    def schema_version(self, connection: Connection) -> int:
        tables, ours, _ = connection.rows(SQL["tables"])[0]
        if not tables:
            return 0
        row = connection.row("SELECT value FROM meta WHERE key = 'schema_version'") if ours else None
        if row is None:
            raise StateError(
                "state_corrupt",
                f"the schema {SCHEMA} of {self.where} holds tables, but not a state of Headgate",
                hint="rename that schema, or use another database",
            )
        return int(row[0])

    def set_schema_version(self, connection: Connection, version: int) -> None:
        """It stands in `meta`, with the other facts about the state."""

    def adopt_events(self) -> None:
        """Makes a log that was restored from another server's dump readable here."""
        with self.read() as connection:
            if connection.row(SQL["foreign_events"]) is None:
                return
        with self.write() as connection:
            connection.change(SQL["adopt_events"])

    def close(self) -> None:
        self._closed = True
        self.wakeups.close()
        while self._idle:
            self._idle.pop().close()


def parsed(url: str) -> tuple[str, str]:
    """How to connect, and how to name the database to people: without a password."""
    try:
        given = conninfo_to_dict(url)
        # A network that fails without a word is noticed within half a minute.
        defaults = {"connect_timeout": "10", "keepalives_idle": "10", "keepalives_interval": "5"}
        last = {"keepalives_count": "3", "tcp_user_timeout": "25000", "application_name": "headgate"}
        conninfo = make_conninfo("", **{**defaults, **last, **given, "client_encoding": "utf8"})
    except psycopg.Error:
        # The driver's own message quotes the part it could not read, which may be the password.
        raise UsageError(
            "database_url_invalid",
            "the address of the state's database cannot be read",
            hint="it is postgresql://user:password@host:port/database, special characters percent-encoded",
        ) from None
    user, host, port = (given.get(word) for word in ("user", "host", "port"))
    place = f"{user}@" if user else ""
    place += f"{host or 'local'}:{port}" if port else str(host or "local")
    return conninfo, f"postgresql://{place}/{given.get('dbname') or user or ''}"


def require_version(server_version: int, where: str) -> None:
    """Raises StateError `state_version` for a server that is too old; `server_version` is 140005 for 14.5."""
    if server_version < LEAST_VERSION * 10_000:
        raise StateError(
            "state_version",
            f"{where} is PostgreSQL {server_version // 10_000}, and the state needs {LEAST_VERSION} or newer",
            hint="upgrade the server, or keep the state elsewhere",
        )
