"""Other job logs that are taken over: each page in one transaction with how far it leads.

Imports of one origin wait for each other on its row. No event tells of a record: what ended long ago starts nothing;
but jobs that are watched are looked at again.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from headgate.errors import NotFound, Refused
from headgate.joblog.importing import LATE_IDS, Origin, OtherRecord, Page, Progress
from headgate.joblog.table import FINAL, NAMES
from headgate.store.connection import Connection, Database, again
from headgate.store.job_log_marks import touch
from headgate.store.statements import load

SQL = load("job_log_imports")
MOST_OPEN = 1_000
"""Ids of one answer."""


class JobLogImports:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def progress(self, origin: str) -> Progress:
        with self._database.read() as connection:
            return _progress(connection, origin)

    def open_ids(self, origin: str, after: int) -> list[int]:
        """Ids there that are asked for again, above `after`, MOST_OPEN at most."""
        values = {"origin": origin, "after": after, "limit": MOST_OPEN}
        with self._database.read() as connection:
            return [row[0] for row in connection.rows(SQL["open"], values)]

    @again
    def forget(self, origin: Origin) -> None:
        """As if nothing had come from it; the records stay. Raises NotFound `import_not_found`."""
        with self._database.write() as connection:
            if not connection.change(SQL["forget"], {"origin": origin.key}):
                raise NotFound(
                    "import_not_found",
                    f"nothing was imported from {origin.key}",
                    hint="the address is compared as it is written",
                )
            connection.change(SQL["forget_open"], {"origin": origin.key})

    @again
    def take(self, page: Page) -> Progress:
        """Writes the records above the last one that was taken, and what changed of those below it that are asked for
        again; others below it are known. Raises Refused (`import_moved`, `import_overlaps`)."""
        now = self._now()
        with self._database.write() as connection:
            return _Taking(connection, page, now).take()


class _Taking:
    """One page, in its transaction."""

    def __init__(self, connection: Connection, page: Page, now: int) -> None:
        self._connection = connection
        self._page = page
        self._key = page.origin.key
        self._now = now
        self._jobs: set[str] = set()

    def take(self) -> Progress:
        connection, page = self._connection, self._page
        last = self._hold()
        if last != page.after:
            raise _moved(page, last)
        new = [record for record in page.records if last is None or record.id > last]
        updated, late = self._settle(page.records[: len(page.records) - len(new)])
        self._add(new)
        if new:
            self._await_missing(new, last)
            last = new[-1].id
        touch(connection, self._jobs)
        imported = len(new) + late
        values = {"origin": self._key, "last_id": last, "imported": imported, "now": self._now}
        connection.change(SQL["advance"], values)
        return _progress(connection, self._key, imported, updated)

    def _hold(self) -> int | None:
        """The last one that was taken. All of a log and one of its jobs are not both taken: records would come twice.
        Who takes the one waits for who takes the other on the row of the whole log."""
        url, name = self._page.origin.url, self._page.origin.name
        whole = self._held(url, None)
        if name is None:
            jobs = (
                [row[0] for row in self._connection.rows(SQL["jobs_of"], {"url": url})]
                if whole is None
                else []
            )
            if jobs:
                raise _overlaps(f"of {url}, {', '.join(jobs)} came alone", "with --name")
            return whole
        if whole is not None:
            raise _overlaps(f"{url} is imported as a whole, {name} with it", "without --name")
        return self._held(url, name)

    def _held(self, url: str, name: str | None) -> int | None:
        origin = Origin(url, name).key
        values = {"origin": origin, "url": url, "name": name, "now": self._now}
        self._connection.change(SQL["know"], values)
        row = self._connection.row(SQL["hold"], {"origin": origin})
        return row[0] if row else None

    def _add(self, records: Sequence[OtherRecord]) -> None:
        """In their order: ours get their ids in it, too."""
        over: list[Any] = []
        for record in records:
            self._jobs.add(str(record.values["name"]))
            if record.is_open:
                self._connection.change_many(SQL["add"], over)
                over = []
                self._add_open(record)
            else:
                over.append(record.values)
        self._connection.change_many(SQL["add"], over)

    def _add_open(self, record: OtherRecord) -> None:
        row = self._connection.row(SQL["add_open"], record.values)
        assert row is not None
        self._watch(record.id, row[0])

    def _await_missing(self, new: Sequence[OtherRecord], before: int | None) -> None:
        last = new[-1].id
        low = max(last - LATE_IDS, 0) if before is None else max(last - LATE_IDS, before)
        there = {record.id for record in new}
        missing = [number for number in range(low + 1, last) if number not in there]
        self._connection.change_many(
            SQL["watch"],
            [{"origin": self._key, "other_id": number, "record_id": None} for number in missing],
        )
        self._connection.change(SQL["give_up"], {"origin": self._key, "before": last - LATE_IDS})

    def _settle(self, records: Sequence[OtherRecord]) -> tuple[int, int]:
        """(how many were updated, how many appeared late)."""
        for number in self._page.gone:
            self._connection.change(SQL["gone"], {"origin": self._key, "other_id": number})
        if not records:
            return 0, 0
        asked = {"origin": self._key, "first": records[0].id, "last": records[-1].id}
        ours: dict[int, int | None] = {row[0]: row[1] for row in self._connection.rows(SQL["open_of"], asked)}
        updated = late = 0
        for record in records:
            if record.id not in ours:
                continue
            if (own := ours[record.id]) is None:
                late += 1
                self._appeared(record)
            else:
                updated += self._update(own, record)
        return updated, late

    def _appeared(self, record: OtherRecord) -> None:
        self._jobs.add(str(record.values["name"]))
        if record.is_open:
            self._add_open(record)
        else:
            self._connection.change(SQL["add"], record.values)
            self._unwatch(record.id)

    def _update(self, number: int, record: OtherRecord) -> int:
        """1 where ours was changed. One that ended here (it was taken over, say) stays so until it ends there."""
        row = self._connection.row(SQL["present"], {"id": number})
        present = None if row is None else dict(zip(NAMES, row, strict=True))
        if not record.is_open or present is None:
            self._unwatch(record.id)
        if present is None or (record.is_open and present["status"] in FINAL):
            return 0
        values = {"id": number, **record.values}
        if values == present:
            return 0
        self._jobs |= {str(values["name"]), str(present["name"])}
        return self._connection.change(SQL["change"], values)

    def _watch(self, other_id: int, record_id: int) -> None:
        values = {"origin": self._key, "other_id": other_id, "record_id": record_id}
        self._connection.change(SQL["watch"], values)

    def _unwatch(self, other_id: int) -> None:
        self._connection.change(SQL["unwatch"], {"origin": self._key, "other_id": other_id})


def _progress(connection: Connection, origin: str, imported: int = 0, updated: int = 0) -> Progress:
    row = connection.row(SQL["progress"], {"origin": origin})
    if row is None:
        return Progress()
    last_id, records, in_progress, started_at, changed_at = row
    return Progress(last_id, records, in_progress, started_at, changed_at, imported, updated)


def _moved(page: Page, last: int | None) -> Refused:
    return Refused(
        "import_moved",
        f"{page.origin.key} is taken up to {_place(last)}, not {_place(page.after)}: another import goes on, or an "
        "answer was lost",
        hint="go on from there: GET /api/v1/jobLog/imports says how far it is",
    )


def _overlaps(what: str, how: str) -> Refused:
    return Refused(
        "import_overlaps",
        f"records would come twice: {what}",
        hint=f"go on {how}, as it was begun; --forget forgets that",
    )


def _place(number: int | None) -> str:
    return "no record" if number is None else f"record {number}"
