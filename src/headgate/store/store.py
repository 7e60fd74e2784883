"""The open state: one database, one clock, one repository per noun."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from types import TracebackType
from typing import Self

from headgate.store.accounts import Accounts
from headgate.store.audit import Audit
from headgate.store.blobs import Blobs
from headgate.store.codec import to_micros
from headgate.store.connection import Database
from headgate.store.deployments import Deployments
from headgate.store.environments import Environments
from headgate.store.events import Events
from headgate.store.migrate import SQL, migrate
from headgate.store.queue import Queue
from headgate.store.runs import Runs
from headgate.store.secrets import Secrets
from headgate.store.sqlite import SqliteDatabase, create_file
from headgate.store.steps import Steps
from headgate.store.tags import Tags
from headgate.store.tokens import Tokens

Clock = Callable[[], datetime]


def system_clock() -> datetime:
    return datetime.now(UTC)


class Store:
    """Headgate's own state. Usable from any number of threads; closed once, by who opened it."""

    def __init__(self, database: Database, where: object, clock: Clock = system_clock) -> None:
        migrate(database, where)
        self.database = database
        self.where = where
        self._clock = clock
        self._uid: str | None = None
        self.blobs = Blobs(database, self.now_micros)
        self.environments = Environments(database, self.now_micros)
        self.deployments = Deployments(database, self.now_micros)
        self.runs = Runs(database, self.now_micros)
        self.queue = Queue(database, self.now_micros)
        self.steps = Steps(database, self.now_micros)
        self.events = Events(database)
        self.tags = Tags(database, self.now_micros)
        self.accounts = Accounts(database, self.now_micros)
        self.tokens = Tokens(database, self.now_micros)
        self.secrets = Secrets(database, self.now_micros)
        self.audit = Audit(database, self.now_micros)

    @classmethod
    def open(cls, path: Path, *, clock: Clock = system_clock) -> Self:
        """Opens the state in the SQLite file `path`, made (with its folder) where it is missing, and brought
        to this version's schema.

        Raises StateError: `state_too_new`, `state_corrupt`, `state_locked`, `state_read_only`, `disk_full`.
        """
        if not path.exists():
            create_file(path)
        database = SqliteDatabase(path)
        try:
            return cls(database, path, clock)
        except BaseException:
            database.close()
            raise

    @property
    def uid(self) -> str:
        """Names this state among all states; never changes."""
        if self._uid is None:
            with self.database.read() as connection:
                row = connection.row(SQL["get"], {"key": "uid"})
            self._uid = row[0] if row else ""
        return self._uid

    def now(self) -> datetime:
        """The clock that leases and records go by: aware, UTC."""
        return self._clock()

    def now_micros(self) -> int:
        return to_micros(self._clock())

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()
