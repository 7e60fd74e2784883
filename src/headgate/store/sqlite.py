"""The embedded database: which SQLite is used, how it is opened, and what its errors mean to us.

No statement about our own tables is here.
"""

from __future__ import annotations

import os
import sqlite3
import threading
from collections.abc import Generator, Iterable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from time import monotonic
from typing import Any

from headgate.errors import StateError
from headgate.store.clock import SteadyClock, wall_micros
from headgate.store.connection import FETCHED, Conflict, Connection, Parameters, Row, too_long, value_invalid
from headgate.store.matching import like, matches
from headgate.store.wakeups import PolledWakeups, Wakeups

SAFE_VERSION = (3, 51, 3)
"""SQLite 3.7.0 to 3.51.2 can corrupt a WAL database when two connections checkpoint at the same instant."""

BUSY_TIMEOUT_SECONDS = 10.0
APPLICATION_ID = 0x48644774  # "HdGt": marks the file as ours to `file` and to a later open
NOTHING: dict[str, Any] = {}
STEPS_BETWEEN_LOOKS = 50_000
"""How many steps of SQLite's machine, a few milliseconds, pass between two looks at the clock."""


def _driver() -> Any:
    if sqlite3.sqlite_version_info < SAFE_VERSION:
        try:
            from pysqlite3 import dbapi2
        except ImportError:
            return sqlite3
        if dbapi2.sqlite_version_info > sqlite3.sqlite_version_info:
            return dbapi2
    return sqlite3


driver: Any = _driver()
"""The module that speaks to SQLite: the standard library's, or `pysqlite3` where that one is too old."""

DRIVER_ERRORS = (driver.Error, OverflowError, UnicodeEncodeError)
"""The latter two are values that no column can hold."""


def sqlite_version() -> tuple[int, ...]:
    """The version of the SQLite library in use; below SAFE_VERSION `doctor` warns."""
    version: tuple[int, ...] = driver.sqlite_version_info
    return version


class SqliteConnection:
    __slots__ = ("_path", "give_up_at", "notifies", "raw", "seconds")

    def __init__(self, path: Path, raw: Any) -> None:
        self._path = path
        self.raw = raw
        self.notifies = False
        self.seconds = self.give_up_at = float("inf")

    def notify(self) -> None:
        self.notifies = True

    def rows(self, sql: str, parameters: Parameters = NOTHING) -> list[Row]:
        try:
            found: list[Row] = self.raw.execute(sql, parameters).fetchall()
        except DRIVER_ERRORS as error:
            raise mapped(error, self._path) from error
        return found

    def row(self, sql: str, parameters: Parameters = NOTHING) -> Row | None:
        # All rows are fetched: a statement with RETURNING is finished only when its cursor is drained.
        found = self.rows(sql, parameters)
        return found[0] if found else None

    def change(self, sql: str, parameters: Parameters = NOTHING) -> int:
        try:
            count: int = self.raw.execute(sql, parameters).rowcount
        except DRIVER_ERRORS as error:
            raise mapped(error, self._path) from error
        return count

    def change_many(self, sql: str, parameters: Iterable[Parameters]) -> int:
        try:
            count: int = self.raw.executemany(sql, parameters).rowcount
        except DRIVER_ERRORS as error:
            raise mapped(error, self._path) from error
        return max(count, 0)

    @contextmanager
    def snapshot(self, seconds: float) -> Iterator[None]:
        self.seconds, self.give_up_at = seconds, monotonic() + seconds
        self.raw.set_progress_handler(lambda: monotonic() > self.give_up_at, STEPS_BETWEEN_LOOKS)
        try:
            self.change("BEGIN")
            yield
        finally:
            self.raw.set_progress_handler(None, 0)
            with suppress(driver.Error):
                self.raw.execute("ROLLBACK")

    def each(self, sql: str, parameters: Parameters = NOTHING) -> Generator[Row]:
        try:
            cursor = self.raw.execute(sql, parameters)
            while rows := cursor.fetchmany(FETCHED):
                yield from rows
                self.give_up_at = monotonic() + self.seconds  # whoever takes the rows may take long
        except DRIVER_ERRORS as error:
            raise mapped(error, self._path) from error


class SqliteDatabase:
    """Connections to one file. A connection is lent to one thread at a time and goes back when it is done,
    so a process with one thread has one, and a server as many as it has threads at work.
    """

    dialect = "sqlite"
    identity_type = "integer primary key autoincrement"  # ids are never used again, also after pruning
    bytes_type = "blob"
    text_type = "text"
    clustered = "without rowid"

    def __init__(self, path: Path) -> None:
        self.path = path
        self.transaction_count = 0
        self._idle: list[SqliteConnection] = []
        self._closed = False
        # Threads of one process queue here, in order, rather than in SQLite's busy handler, which sleeps.
        self._writing = threading.Lock()
        self._writer: int | None = None
        self._watcher: SqliteConnection | None = None
        self.wakeups: Wakeups = PolledWakeups(self._version)
        self.now_micros = SteadyClock(wall_micros()).now_micros

    def _connect(self) -> SqliteConnection:
        raw = None
        try:
            raw = driver.connect(
                self.path,
                timeout=BUSY_TIMEOUT_SECONDS,
                isolation_level=None,  # transactions are ours to begin
                check_same_thread=False,  # lent to one thread at a time
                cached_statements=256,
            )
            raw.execute("PRAGMA foreign_keys=ON")
            for function in (like, matches):
                raw.create_function(f"text_{function.__name__}", 3, function, deterministic=True)
            # NORMAL: a power cut may lose the last commits, never the file. That is enough, because commit
            # markers in the warehouse, not our journal, decide what was published; and it saves an fsync
            # for every transaction.
            raw.execute("PRAGMA synchronous=NORMAL")
        except driver.Error as error:
            if raw is not None:
                raw.close()
            raise mapped(error, self.path) from error
        return SqliteConnection(self.path, raw)

    @contextmanager
    def read(self) -> Iterator[SqliteConnection]:
        if self._closed:
            raise StateError("state_closed", f"the state {self.path} is closed")
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._connect()
        try:
            yield connection
        finally:
            self._give_back(connection)

    def _give_back(self, connection: SqliteConnection) -> None:
        if self._closed:
            connection.raw.close()
        else:
            self._idle.append(connection)

    @contextmanager
    def write(self) -> Iterator[SqliteConnection]:
        me = threading.get_ident()
        if self._writer == me:
            raise RuntimeError("a write transaction inside another one")
        with self._writing, self.read() as connection:
            self._writer = me
            connection.notifies = False
            try:
                connection.change("BEGIN IMMEDIATE")
                yield connection
                connection.change("COMMIT")
                self.transaction_count += 1
                if connection.notifies:
                    self.wakeups.poke()
            except BaseException:
                # The first error is the one to tell; without a transaction to end, this is an error too.
                with suppress(driver.Error):
                    connection.raw.execute("ROLLBACK")
                raise
            finally:
                self._writer = None

    def schema_version(self, connection: Connection) -> int:
        row = connection.row("PRAGMA user_version")
        version: int = row[0] if row else 0
        if version == 0 and connection.row("SELECT 1 FROM sqlite_master LIMIT 1"):
            raise StateError(
                "state_corrupt",
                f"{self.path} is an SQLite file, but not a state of Headgate",
                hint="point the state folder elsewhere (HEADGATE_STATE_DIR)",
            )
        return version

    def set_schema_version(self, connection: Connection, version: int) -> None:
        connection.change(f"PRAGMA user_version={version:d}")
        connection.change(f"PRAGMA application_id={APPLICATION_ID:d}")

    @contextmanager
    def migration(self) -> Iterator[SqliteConnection]:
        with self.read() as connection:
            connection.rows("PRAGMA journal_mode=WAL")  # stays in the file
        with self.write() as connection:
            yield connection

    def _version(self) -> int:
        """A number that changes with every commit of any other connection, of this process or another one."""
        if self._watcher is None:
            self._watcher = self._connect()
        version: int = self._watcher.rows("PRAGMA data_version")[0][0]
        return version

    def close(self) -> None:
        self._closed = True
        self.wakeups.close()
        if self._watcher is not None:
            self._watcher.raw.close()
        while self._idle:
            self._idle.pop().raw.close()


def create_file(path: Path) -> None:
    """Makes the file and its folder where they are missing, for their owner alone. A new folder also gets a
    `.gitignore`, so that no state is ever committed."""
    try:
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, mode=0o700)
            (path.parent / ".gitignore").write_text("*\n")
        os.close(os.open(path, os.O_CREAT | os.O_RDWR, 0o600))
    except OSError as error:
        raise StateError(
            "state_read_only",
            f"cannot write the state {path}: {error.strerror}",
            hint="make the folder writable, or choose another one (HEADGATE_STATE_DIR)",
        ) from error


def mapped(error: Exception, path: Path) -> Exception:
    """What an error of the driver means. Errors that only a mistake of ours can cause stay as they are."""
    if isinstance(error, driver.IntegrityError):
        return Conflict(str(error))
    if isinstance(error, OverflowError | UnicodeEncodeError):
        return value_invalid(error)
    match getattr(error, "sqlite_errorcode", 0) & 0xFF:
        case sqlite3.SQLITE_BUSY | sqlite3.SQLITE_LOCKED:
            return StateError(
                "state_locked",
                f"another process has kept the state {path} locked for {BUSY_TIMEOUT_SECONDS:g} seconds",
                hint="wait for the other command to end, or look for a program that holds the file open",
            )
        case sqlite3.SQLITE_INTERRUPT:
            return too_long()
        case sqlite3.SQLITE_FULL:
            return StateError(
                "disk_full",
                f"no space is left for the state {path}",
                hint="free some space on that disk; nothing that was committed is lost",
            )
        case sqlite3.SQLITE_CORRUPT | sqlite3.SQLITE_NOTADB:
            return StateError(
                "state_corrupt",
                f"the state {path} is damaged: {error}",
                hint="restore it from a backup, or move the file away to start with an empty history; "
                "the warehouse's tables are not touched",
            )
        case sqlite3.SQLITE_READONLY | sqlite3.SQLITE_CANTOPEN | sqlite3.SQLITE_PERM | sqlite3.SQLITE_AUTH:
            return StateError(
                "state_read_only",
                f"cannot write the state {path}: {error}",
                hint="make the folder writable, or choose another one (HEADGATE_STATE_DIR)",
            )
        case sqlite3.SQLITE_IOERR:
            return StateError(
                "state_unreadable",
                f"the disk failed under the state {path}: {error}",
                hint="check the disk, then run the command again",
            )
    return error
