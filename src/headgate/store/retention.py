"""What is kept no longer is dropped, in pieces so small that nobody waits for one: old runs with their steps and
statements, events, texts that no statement names, keys of requests, contents that nothing names.

A run goes with the runs that it repeats and that repeat it, or not at all: a rerun decides by all of them. The newest
runs stay whatever their age, and so do those that are open or made what is deployed.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from headgate.store.codec import MICROSECOND, from_micros, to_micros
from headgate.store.connection import Connection
from headgate.store.journal import TOUCH_TEXTS
from headgate.store.run_lists import NEWEST_FIRST, RunFilter, list_statement
from headgate.store.runs import SQL as OF_RUNS
from headgate.store.runs import run_of_row
from headgate.store.statements import load
from headgate.store.store import Store

SQL = load("retention")

KEEP_KEYS = timedelta(days=7)
KEEP_LINEAGE = timedelta(days=90)
"""How long a run of the job log is known by its runId after the last event: as long as calls of our own client."""

REST = timedelta(hours=1)
PIECE_SECONDS = 0.02
"""How long a piece keeps other writers waiting, where there is one writer at a time."""
RUNS, ROWS = 200, 500
"""How many runs a piece looks at, and how many rows a statement drops."""


@dataclass(frozen=True, slots=True)
class Keep:
    """How long ended runs and events stay; None: for ever. The `newest` runs of each job, and of each environment, stay
    whatever their age."""

    runs: timedelta | None = timedelta(days=90)
    events: timedelta | None = timedelta(days=30)
    newest: int = 20


_Place = tuple[int, int | None]
"""An environment, and a job of it or all runs there."""


@dataclass(frozen=True, slots=True)
class _Old:
    id: int
    ended_at: int
    environment_id: int
    job_id: int | None
    repeated: bool


class Retention:
    """One object for each process. `piece` is called again and again; not by two threads at once."""

    def __init__(self, store: Store, keep: Keep = Keep()) -> None:
        self._database = store.database
        self._now = store.now_micros
        self._blobs = store.blobs
        self._keep = keep
        self._sweep: Iterator[None] | None = None
        self._rest_until = 0

    def piece(self) -> bool:
        """Drops a little of what is kept no longer. False where nothing is to be done: there is nothing more, or a
        process has swept within the last hour. Costs nothing then."""
        if self._sweep is None:
            if self._now() < self._rest_until:
                return False
            self._rest_until = self._now() + REST // MICROSECOND
            if not self._begin():
                return False
            self._sweep = self._pieces()
        try:
            next(self._sweep)
        except StopIteration:
            self._sweep = None
            return False
        except BaseException:
            self._sweep = None
            raise
        return True

    def sweep(self, seconds: float) -> None:
        """Drops what is due, for about so long. What is left then is anybody's, at once."""
        give_up_at = time.monotonic() + seconds
        while self.piece():
            if time.monotonic() >= give_up_at:
                self._sweep, self._rest_until = None, 0
                with self._database.write() as connection:
                    connection.change(SQL["leave"])
                return

    def _begin(self) -> bool:
        with self._database.write() as connection:
            parameters = {"now": str(self._now()), "before": str(self._ago(REST))}
            return connection.change(SQL["begin"], parameters) > 0

    def _ago(self, age: timedelta) -> int:
        return self._now() - age // MICROSECOND

    def _pieces(self) -> Iterator[None]:
        yield from self._rows("drop_keys", KEEP_KEYS)
        yield from self._rows("drop_lineage", KEEP_LINEAGE)
        if self._keep.events is not None:
            yield from self._rows("drop_events", self._keep.events)
        if self._keep.runs is not None:
            yield from self._rows("drop_changes", self._keep.runs)
        if self._keep.runs is not None:
            yield from self._runs(self._ago(self._keep.runs))
            yield from self._texts(self._ago(self._keep.runs))
        yield from self._contents()

    def _rows(self, name: str, age: timedelta) -> Iterator[None]:
        before = self._ago(age)
        found = ROWS
        while found == ROWS:
            with self._database.write() as connection:
                found = connection.change(SQL[name], {"before": before, "limit": ROWS})
            if found:
                yield

    # --- runs ---------------------------------------------------------------------------------------

    def _runs(self, before: int) -> Iterator[None]:
        newest = _Newest(self._keep.newest)
        after = (0, 0)
        while True:
            with self._database.read() as connection:
                page = {"before": before, "after_at": after[0], "after_id": after[1], "limit": RUNS}
                old = [_Old(*row) for row in connection.rows(SQL["ended"], page)]
                if not old:
                    return
                groups = _families(connection, old, before, newest)
            after = (old[-1].ended_at, old[-1].id)
            while groups:
                groups = self._drop(groups)
                yield
            yield

    def _drop(self, groups: Sequence[tuple[int, ...]]) -> Sequence[tuple[int, ...]]:
        """Drops runs for a moment; returns those that are left. Each group goes whole, newest run first. Its
        statements may go before it: they decide nothing."""
        ids = json.dumps([run_id for group in groups for run_id in group])
        with self._database.write() as connection:
            give_up_at = time.monotonic() + PIECE_SECONDS
            held = {row[0] for row in connection.rows(SQL["lock"], {"ids": ids})}
            repeated: dict[int, set[int]] = {}
            for run_id, again in connection.rows(SQL["repeated"], {"ids": ids}):
                repeated.setdefault(run_id, set()).add(again)
            for position, group in enumerate(groups):
                if not all(one in held and repeated.get(one, set()) <= set(group) for one in group):
                    continue
                for run_id in reversed(group):
                    statements = {"run_id": run_id, "limit": ROWS}
                    while connection.change(SQL["drop_statements"], statements) == ROWS:
                        if time.monotonic() >= give_up_at:
                            return groups[position:]
                for run_id in reversed(group):
                    connection.change(SQL["drop_run"], {"id": run_id})
                if time.monotonic() >= give_up_at:
                    return groups[position + 1 :]
        return ()

    # --- texts and contents -------------------------------------------------------------------------

    def _texts(self, before: int) -> Iterator[None]:
        page = {"before": before, "limit": ROWS}
        with self._database.read() as connection:
            if not connection.rows(SQL["old_texts"], page):
                return
        named: set[str] = set()
        # When a text was used is known to a day, by the clock of whoever used it.
        for texts in self._texts_of_runs(before + 2 * TOUCH_TEXTS // MICROSECOND):
            named |= texts
            yield
        while True:
            with self._database.read() as connection:
                old = [row[0] for row in connection.rows(SQL["old_texts"], page)]
            if not old:
                return
            now = self._now()
            with self._database.write() as connection:
                connection.change_many(
                    SQL["keep_text"], [{"digest": one, "now": now} for one in sorted(named.intersection(old))]
                )
                connection.change_many(
                    SQL["drop_text"],
                    [{"digest": one, "before": before} for one in sorted(set(old) - named)],
                )
            yield

    def _texts_of_runs(self, before: int) -> Iterator[set[str]]:
        """What the runs use that began before: all that may have used a text then and not since."""
        after = (0, 0)
        while True:
            with self._database.read() as connection:
                page = {"before": before, "after_at": after[0], "after_id": after[1], "limit": RUNS}
                runs = connection.rows(SQL["begun"], page)
                if not runs:
                    return
                texts = [connection.rows(SQL["texts_of"], {"run_id": run_id}) for run_id, _ in runs]
            after = (runs[-1][1], runs[-1][0])
            yield {row[0] for rows in texts for row in rows}

    def _contents(self) -> Iterator[None]:
        unused = self._blobs.unused()
        for start in range(0, len(unused), ROWS):
            self._blobs.drop(unused[start : start + ROWS])
            yield


class _Newest:
    """Which runs are among the newest of their job or environment; remembers where those begin."""

    def __init__(self, count: int) -> None:
        self._count = count
        self._first: dict[_Place, int] = {}

    def holds(self, connection: Connection, run_id: int, place: _Place) -> bool:
        environment_id, _ = place
        return any(run_id >= self._since(connection, one) for one in {place, (environment_id, None)})

    def _since(self, connection: Connection, place: _Place) -> int:
        if place not in self._first:
            which = RunFilter(environment_id=place[0], job_id=place[1])
            rows = connection.rows(*list_statement(which, NEWEST_FIRST, self._count))
            self._first[place] = rows[-1][0] if len(rows) == self._count else 0
        return self._first[place]


def _families(
    connection: Connection, old: Sequence[_Old], before: int, newest: _Newest
) -> Sequence[tuple[int, ...]]:
    """The runs of `old` that may go, each with those that it repeats and that repeat it: all of them, or none."""
    groups = []
    seen: set[int] = set()
    for run in old:
        if run.id in seen or newest.holds(connection, run.id, (run.environment_id, run.job_id)):
            continue
        group: tuple[int, ...] = (run.id,)
        if run.repeated:
            family = [run_of_row(row) for row in connection.rows(OF_RUNS["family"], {"id": run.id})]
            group = tuple(one.id for one in family)
            seen.update(group)
            if any(
                one.ended_at is None
                or to_micros(one.ended_at) >= before
                or newest.holds(connection, one.id, (one.environment_id, one.job_id))
                for one in family
            ):
                continue
        groups.append(group)
    return groups


def undecided_since(store: Store) -> datetime | None:
    """When the oldest thing began of which the warehouse may have to tell what became: its markers are still needed."""
    with store.database.read() as connection:
        row = connection.row(SQL["undecided_since"])
    return None if row is None or row[0] is None else from_micros(row[0])
