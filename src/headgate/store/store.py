"""The open state: one database, one clock, one repository per noun."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Self

from headgate.settings import Settings
from headgate.store.accounts import Accounts
from headgate.store.audit import Audit
from headgate.store.blobs import Blobs
from headgate.store.codec import from_micros, to_micros
from headgate.store.connection import Database
from headgate.store.deployments import Deployments
from headgate.store.environments import Environments
from headgate.store.events import Events
from headgate.store.jobs import Jobs
from headgate.store.migrate import SQL, migrate
from headgate.store.queue import Queue
from headgate.store.runs import Runs
from headgate.store.secrets import Secrets
from headgate.store.sqlite import SqliteDatabase, create_file
from headgate.store.steps import Steps
from headgate.store.tags import Tags
from headgate.store.tokens import Tokens

if TYPE_CHECKING:
    from headgate.store.job_log import JobLog
    from headgate.store.job_log_imports import JobLogImports
    from headgate.store.job_log_lineage import JobLogLineage
    from headgate.store.job_log_runs import JobLogRuns
    from headgate.store.job_watch_looks import JobWatchLooks
    from headgate.store.job_watches import JobWatches

Clock = Callable[[], datetime]

STATE_FILE = "state.db"


class Store:
    """Headgate's own state. Usable from any number of threads; closed once, by who opened it.

    `where` names it to people. `clock` replaces the database's own in tests. `wakeups` tells of changes that somebody
    may wait for.
    """

    def __init__(self, database: Database, where: object, clock: Clock | None = None) -> None:
        migrate(database, where)
        self.database = database
        self.wakeups = database.wakeups
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
        self.jobs = Jobs(database, self.now_micros)
        self.accounts = Accounts(database, self.now_micros)
        self.tokens = Tokens(database, self.now_micros)
        self.secrets = Secrets(database, self.now_micros)
        self.audit = Audit(database, self.now_micros)

    @classmethod
    def open(cls, path: Path, *, clock: Clock | None = None) -> Self:
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

    @classmethod
    def open_url(cls, url: str, *, clock: Clock | None = None) -> Self:
        """Opens the state in a PostgreSQL database, made in its schema `headgate` where it is missing, and brought to
        this version's schema.

        Raises UsageError `database_url_invalid`, StateError: `state_unavailable`, `state_version`, `state_too_new`,
        `state_corrupt`, `state_locked`, `state_read_only`, `disk_full`.
        """
        from headgate.store.postgres import PostgresDatabase

        database = PostgresDatabase(url)
        try:
            store = cls(database, database.where, clock)
            database.adopt_events()
        except BaseException:
            database.close()
            raise
        return store

    @classmethod
    def connect(cls, target: Path | str, *, clock: Clock | None = None) -> Self:
        """Opens a file or, where `target` is an address, a database."""
        if isinstance(target, str) and "://" in target:
            return cls.open_url(target, clock=clock)
        return cls.open(Path(target), clock=clock)

    @cached_property
    def job_log(self) -> JobLog:
        # Its grammar is imported where it is asked for: a command that runs nodes needs none of it.
        from headgate.store.job_log import JobLog

        return JobLog(self.database, self.now_micros)

    @cached_property
    def job_log_runs(self) -> JobLogRuns:
        from headgate.store.job_log_runs import JobLogRuns

        return JobLogRuns(self.database, self.now_micros)

    @cached_property
    def job_watches(self) -> JobWatches:
        from headgate.store.job_watches import JobWatches

        return JobWatches(self.database, self.now_micros)

    @cached_property
    def job_watch_looks(self) -> JobWatchLooks:
        from headgate.store.job_watch_looks import JobWatchLooks

        return JobWatchLooks(self.database, self.now_micros)

    @cached_property
    def job_log_lineage(self) -> JobLogLineage:
        from headgate.store.job_log_lineage import JobLogLineage

        return JobLogLineage(self.database, self.now_micros)

    @cached_property
    def job_log_imports(self) -> JobLogImports:
        from headgate.store.job_log_imports import JobLogImports

        return JobLogImports(self.database, self.now_micros)

    @property
    def uid(self) -> str:
        """Names this state among all states; never changes."""
        if self._uid is None:
            with self.database.read() as connection:
                row = connection.row(SQL["get"], {"key": "uid"})
            self._uid = row[0] if row else ""
        return self._uid

    def now(self) -> datetime:
        """The clock that leases and records go by: aware, UTC. It is the database's, so that all processes agree."""
        return from_micros(self.database.now_micros()) if self._clock is None else self._clock()

    def now_micros(self) -> int:
        return self.database.now_micros() if self._clock is None else to_micros(self._clock())

    def close(self) -> None:
        self.database.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def open_store(settings: Settings) -> Store:
    """The state that the settings name: a PostgreSQL database, or the file in the state folder."""
    if settings.database_url is not None:
        return Store.open_url(settings.database_url.reveal())
    return Store.open(settings.state_dir / STATE_FILE)
