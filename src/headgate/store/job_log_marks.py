"""What a write to the job log leaves for others, in its transaction: events, and jobs to be looked at again."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from headgate.joblog.runs import Overlap
from headgate.joblog.table import FINAL
from headgate.store import events
from headgate.store.connection import Connection, Row
from headgate.store.statements import chunks, in_list, load

SQL = load("job_watches")
Names = frozenset[str] | None
"""The names of jobs that somebody may see or write; None is all."""


def tell(connection: Connection, rows: Sequence[Row], now: int) -> None:
    """One event for each name whose records have a final status now."""
    newest = {row[1]: row for row in rows if row[5] in FINAL}
    if not newest:
        return
    told = [
        events.values(
            now,
            "job_log_recorded",
            {"id": row[0], "name": row[1], "status": row[5], "records": row[6]},
        )
        for row in newest.values()
    ]
    events.add(connection, *told)
    connection.notify()


def touch(connection: Connection, names: Iterable[str]) -> None:
    """Has the jobs of these names looked at again, where they are watched."""
    for part in chunks(sorted(set(names))):
        listed, parameters = in_list(part)
        if len(part) > 1:  # two who write of the same jobs take them in the same order
            connection.rows(SQL["in_order"].replace("{ids}", listed), parameters)
        connection.change(SQL["touch"].replace("{ids}", listed), parameters)


def overlaps(connection: Connection, names: Iterable[str]) -> dict[str, Overlap]:
    """Name -> what becomes of a run that begins while another one of it is in progress; without those that allow it."""
    found: dict[str, Overlap] = {}
    for part in chunks(sorted(set(names))):
        listed, parameters = in_list(part)
        rows = connection.rows(SQL["overlaps"].replace("{ids}", listed), parameters)
        found |= {name: Overlap(overlap) for name, overlap in rows}
    return found
