"""Watches over jobs of the job log: what is expected of them, and how they stand. `job_watch_looks` judges them."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from shlex import quote

from headgate.errors import Busy, NotFound, Refused
from headgate.joblog.runs import LogRecord
from headgate.joblog.trend import RUNS, Trend, trend_of
from headgate.joblog.verdict import SECOND
from headgate.joblog.watch import DAY, State, Watch
from headgate.store import audit
from headgate.store.audit import Actor
from headgate.store.codec import from_json, to_json
from headgate.store.connection import Connection, Database, Row, again
from headgate.store.job_log_marks import Names
from headgate.store.statements import in_list, load, one_of

SQL = load("job_watches")
AHEAD = 86_400 * SECOND
"""Runs that are to begin later than so are nobody's newest."""


@dataclass(frozen=True, slots=True)
class Watched:
    """A job with its watch. `project` and `path` name the file that says it, '' where it lives in the state. Instants
    are microseconds since 1970."""

    name: str
    watch: Watch
    project: str
    path: str
    paused: bool
    created_at: int
    resumed_at: int | None
    state: State
    state_since: int
    reason: str
    unusual: bool
    unusual_reason: str
    due_at: int | None
    look_at: int
    version: int


@dataclass(frozen=True, slots=True)
class Defined:
    """A watch, and the file that says it."""

    watch: Watch
    project: str = ""
    path: str = ""


class JobWatches:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    # --- what is expected -----------------------------------------------------------------------------------

    @again
    def set(self, name: str, watch: Watch, *, by: Actor) -> Watched:
        """Defines a watch that lives in the state. Raises Refused `watch_read_only` for one of a file."""
        with self._database.write() as connection:
            held = _hold(connection, name)
            if held is not None and held.project:
                raise read_only(held)
            if held is None or held.watch != watch:
                self._define(connection, name, Defined(watch), new=held is None, by=by)
            return _require(connection, name)

    @again
    def apply(self, project: str, wanted: Mapping[str, Defined], *, by: Actor) -> None:
        """Makes those of a project's files what they say, by name. One that lived in the state is the file's from then
        on; those that are in no file any more go. Raises Refused `watch_taken`."""
        with self._database.read() as connection:
            if not wanted and not connection.rows(SQL["of_project"], {"project": project}):
                return  # as in most projects: nothing is written for it
        with self._database.write() as connection:
            held = {
                row[0]: watched_of(row) for row in connection.rows(SQL["of_project"], {"project": project})
            }
            for name in sorted(held.keys() | wanted.keys()):
                if name not in wanted:
                    self._remove(connection, name, by=by)
                    continue
                old = held.get(name) or _hold(connection, name)
                if old is not None and old.project not in ("", project):
                    raise Refused(
                        "watch_taken",
                        f"{name} is watched by the project {old.project} already ({old.path})",
                        hint="say in one project what is expected of a job; where that one is no more: "
                        f"headgate job-log apply --forget {quote(old.project)}",
                    )
                if old is None or Defined(old.watch, old.project, old.path) != wanted[name]:
                    self._define(connection, name, wanted[name], new=old is None, by=by)

    @again
    def pause(self, name: str, *, paused: bool, by: Actor) -> Watched:
        """Paused, a job is looked at no more; resumed, what is due counts from then. Raises NotFound
        `watch_not_found`."""
        now = self._now()
        with self._database.write() as connection:
            held = _hold(connection, name)
            if held is None:
                raise _unknown(name)
            if held.paused is not paused:
                resumed_at = held.resumed_at if paused else now
                values = {"name": name, "paused": int(paused), "resumed_at": resumed_at}
                connection.change(SQL["pause"], values)
                audit.add(connection, now, by, "watch_paused" if paused else "watch_resumed", f"watch/{name}")
            return _require(connection, name)

    @again
    def remove(self, name: str, *, by: Actor) -> None:
        """Raises NotFound `watch_not_found`, Refused `watch_read_only` for one of a file."""
        with self._database.write() as connection:
            held = _hold(connection, name)
            if held is None:
                raise _unknown(name)
            if held.project:
                raise read_only(held)
            self._remove(connection, name, by=by)

    def _define(self, connection: Connection, name: str, wanted: Defined, *, new: bool, by: Actor) -> None:
        now = self._now()
        place = {"project": wanted.project, "path": wanted.path}
        values = {
            "name": name,
            "definition": to_json(wanted.watch),
            "overlap": str(wanted.watch.overlap),
            "stale_micros": round(wanted.watch.stale_after * SECOND),
            **place,
        }
        if not new:
            connection.change(SQL["define"], values)
        elif not connection.change(SQL["add"], {**values, "now": now}):
            raise Busy("state_conflict", f"somebody else says what is expected of {name}", hint="try again")
        audit.add(connection, now, by, "watch_set", f"watch/{name}", place)

    def _remove(self, connection: Connection, name: str, *, by: Actor) -> None:
        connection.change(SQL["remove"], {"name": name})
        audit.add(connection, self._now(), by, "watch_removed", f"watch/{name}")

    # --- asking ---------------------------------------------------------------------------------------------

    def get(self, name: str) -> Watched:
        """Raises NotFound `watch_not_found`."""
        with self._database.read() as connection:
            return _require(connection, name)

    def find(self, name: str) -> Watched | None:
        with self._database.read() as connection:
            row = connection.row(SQL["get"], {"name": name})
        return None if row is None else watched_of(row)

    def page(
        self, *, after: str = "", limit: int = 100, states: Iterable[State] = (), names: Names = None
    ) -> list[Watched]:
        """By name, those after `after`; all states where none is named."""
        where, parameters = visible("name", names)
        wanted = [str(state) for state in states]
        text = SQL["list"].replace("{visible}", where)
        text = text.replace("{states}", f"state IN ({one_of(wanted)})" if wanted else "1 = 1")
        with self._database.read() as connection:
            rows = connection.rows(text, {"after": after, "limit": limit, **parameters})
        return [watched_of(row) for row in rows]

    def trend(self, name: str) -> Trend:
        with self._database.read() as connection:
            return trend_of(newest(connection, name, self._now()))

    def stale(self, limit: int = 100, names: Names = None) -> list[LogRecord]:
        """Runs in progress for too long: than their watch says, or a day. The newest first."""
        where, parameters = visible("log.name", names)
        text = SQL["stale"].replace("{visible}", where)
        values = {"now": self._now(), "stale_micros": round(DAY * SECOND), "limit": limit, **parameters}
        with self._database.read() as connection:
            return [LogRecord(*row) for row in connection.rows(text, values)]

    def counts(self) -> tuple[dict[str, int], int]:
        """How many jobs stand how, and how many have unusual counts of records."""
        with self._database.read() as connection:
            rows = connection.rows(SQL["counts"])
        return {row[0]: row[1] for row in rows}, sum(int(row[2] or 0) for row in rows)


def read_only(watched: Watched) -> Refused:
    return Refused(
        "watch_read_only",
        f"what is expected of {watched.name} stands in {watched.path} of the project {watched.project}",
        hint="change the file; here the job can only be paused and resumed",
    )


def newest(connection: Connection, name: str, now: int) -> list[LogRecord]:
    values = {"name": name, "until": now + AHEAD, "limit": RUNS}
    return [LogRecord(*row) for row in connection.rows(SQL["newest"], values)]


def _hold(connection: Connection, name: str) -> Watched | None:
    row = connection.row(SQL["hold"], {"name": name})
    return None if row is None else watched_of(row)


def _require(connection: Connection, name: str) -> Watched:
    row = connection.row(SQL["get"], {"name": name})
    if row is None:
        raise _unknown(name)
    return watched_of(row)


def _unknown(name: str) -> NotFound:
    return NotFound(
        "watch_not_found",
        f"nobody watches {name}",
        hint=f"say what is expected of it: headgate job-log watch {quote(name)} --every 1d",
    )


def visible(column: str, names: Names) -> tuple[str, dict[str, str]]:
    if names is None:
        return "1 = 1", {}
    if not names:
        return "1 = 0", {}
    listed, parameters = in_list(sorted(names))
    return f"{column} IN ({listed})", parameters


def watched_of(row: Row) -> Watched:
    name, definition, project, path, paused, created_at, resumed_at, state, *rest = row
    state_since, reason, unusual, unusual_reason, due_at, look_at, version = rest
    return Watched(
        name,
        from_json(definition, Watch),
        project,
        path,
        bool(paused),
        created_at,
        resumed_at,
        State(state),
        state_since,
        reason,
        bool(unusual),
        unusual_reason,
        due_at,
        look_at,
        version,
    )
