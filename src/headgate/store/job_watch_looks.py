"""Looks at the jobs that are watched: what a record or time calls for is judged, and every change is told once.

Anybody may look, also several at the same time: a change is written by who is first. A record that is written has its
job looked at again in the same transaction (`job_log_marks.touch`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

from headgate.errors import UsageError
from headgate.joblog.verdict import LONGEST, SECOND, Seen, Verdict, judge
from headgate.joblog.watch import State
from headgate.store import events
from headgate.store.connection import Connection, Database, Row, again
from headgate.store.job_log_marks import Names, tell, touch
from headgate.store.job_watches import Watched, newest, visible, watched_of
from headgate.store.statements import load

SQL = load("job_watches")
AT_ONCE = 50
LOOK_SECONDS = 0.5
"""How long a look goes on, where very many jobs are due at the same moment; the next one goes on behind it."""

ASTRAY = LONGEST + 60 * SECOND
"""So far ahead of now nobody puts a look, unless its clock is wrong."""

AGAIN = 60 * SECOND
"""After so long a job that cannot be judged is looked at again, here or by somebody who can."""

NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class WatchChange:
    """`subject` is `state` or `records`; `alert`: somebody is to be told."""

    id: int
    name: str
    at: int
    subject: str
    before: str
    after: str
    alert: bool
    reason: str

    def __str__(self) -> str:
        return f"job {self.name}: {self.before} -> {self.after}: {self.reason}"


class JobWatchLooks:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def look(self, name: str | None = None) -> list[WatchChange]:
        """Judges what a record or time calls to be looked at, or `name` alone, and returns what this changed. Costs one
        question where nothing does."""
        found: list[WatchChange] = []
        wanted = {"limit": AT_ONCE} if name is None else {"name": name}
        text = SQL["due" if name is None else "due_one"]
        give_up_at = time.monotonic() + LOOK_SECONDS
        while True:  # a run that is closed for being stale is a record to be looked at
            now = self._now()
            with self._database.read() as connection:
                rows = connection.rows(text, {**wanted, "now": now, "astray": now + ASTRAY})
            for row in rows:
                found += self._settle(watched_of(row), now)
            if not rows or time.monotonic() >= give_up_at:
                return found

    @again
    def _settle(self, held: Watched, now: int) -> list[WatchChange]:
        with self._database.read() as connection:
            runs = newest(connection, held.name, now)
        seen = Seen(runs, held.created_at, held.resumed_at, held.paused)
        verdict = _judged(held, seen, now)
        with self._database.write() as connection:
            if held.watch.close_stale and not held.paused and self._close(connection, held, now):
                return []
            return _write(connection, held, verdict, now)

    def _close(self, connection: Connection, held: Watched, now: int) -> bool:
        """Also those behind many newer ones. Whether there were any."""
        seconds = held.watch.stale_after
        values = {
            "name": held.name,
            "now": now,
            "version": held.version,
            "before": now - round(seconds * SECOND),
            "message": f"ended by its watch: still in progress after {seconds:,g} seconds",
        }
        rows = connection.rows(SQL["close"], values)
        if rows:
            touch(connection, [held.name])
            tell(connection, rows, now)
        return bool(rows)

    def changes(
        self,
        name: str | None = None,
        *,
        alerts: bool = False,
        before_id: int = NEWEST,
        limit: int = 100,
        names: Names = None,
    ) -> list[WatchChange]:
        """The newest first, those before `before_id`. `alerts`: those alone that somebody is to be told of."""
        values: dict[str, Any] = {"before_id": before_id, "limit": limit, "alert": int(alerts)}
        if name is None:
            where, parameters = visible("name", names)
            text, values = SQL["changes"].replace("{visible}", where), {**values, **parameters}
        else:
            text, values = SQL["changes_of"], {**values, "name": name}
        with self._database.read() as connection:
            return [change_of(row) for row in connection.rows(text, values)]


def _judged(held: Watched, seen: Seen, now: int) -> Verdict:
    try:
        return judge(held.watch, seen, now)
    except (
        UsageError
    ) as error:  # the time zones of two machines differ: the others are to be judged all the same
        return Verdict(held.state, f"it cannot be judged: {error.message}", None, now + AGAIN, None, ())


def _write(connection: Connection, held: Watched, verdict: Verdict, now: int) -> list[WatchChange]:
    """Settled by another one, or touched since it was read: it is looked at again, and nothing is written."""
    moved = verdict.state is not held.state
    unusual, unusual_reason = held.unusual, held.unusual_reason
    if verdict.unusual is not None:
        unusual, unusual_reason = bool(verdict.unusual), verdict.unusual
    values = {
        "name": held.name,
        "version": held.version,
        "state": str(verdict.state),
        "state_since": now if moved else held.state_since,
        "reason": verdict.reason,
        "unusual": int(unusual),
        "unusual_reason": unusual_reason,
        "due_at": verdict.due_at,
        "look_at": verdict.look_at,
    }
    if not connection.change(SQL["settle"], values):
        return []
    changes = []
    if moved:
        recovered = held.state is State.DOWN and verdict.state is not State.PAUSED
        alert = verdict.state is State.DOWN or recovered
        texts = ("state", str(held.state), str(verdict.state))
        changes.append(WatchChange(0, held.name, now, *texts, alert, verdict.reason))
    if unusual is not held.unusual:
        texts = ("records", *(("usual", "unusual") if unusual else ("unusual", "usual")))
        reason = unusual_reason or "its count of records is usual again"
        changes.append(WatchChange(0, held.name, now, *texts, True, reason))
    _tell(connection, changes)
    return changes


def _tell(connection: Connection, changes: Sequence[WatchChange]) -> None:
    for one in changes:
        values = {
            "name": one.name,
            "subject": one.subject,
            "before": one.before,
            "after": one.after,
            "alert": one.alert,
            "reason": one.reason,
        }
        connection.change(SQL["told"], {**values, "at": one.at, "alert": int(one.alert)})
        events.add(connection, events.values(one.at, "job_watch_changed", values))
    if changes:
        connection.notify()


def change_of(row: Row) -> WatchChange:
    number, name, at, subject, before, after, alert, reason = row
    return WatchChange(number, name, at, subject, before, after, bool(alert), reason)
