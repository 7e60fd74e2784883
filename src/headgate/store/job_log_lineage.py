"""Runs that OpenLineage's events tell of: one transaction for each event, which holds the job's name and the run.

What is known of a run is kept beside its record, so that an event changes of the record only what it says itself: what
others wrote there meanwhile stays, and a record that somebody deleted stays deleted.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from headgate.joblog.lineage import LineageRun
from headgate.joblog.openlineage import RunEvent
from headgate.joblog.tree import Value
from headgate.store.codec import from_json, to_json
from headgate.store.connection import Connection, Database, again
from headgate.store.job_log_marks import tell, touch
from headgate.store.job_log_overlap import hold
from headgate.store.statements import load

SQL = load("job_log_lineage")
_NOTHING = to_json(LineageRun())
Columns = dict[str, Value]


@dataclass(frozen=True, slots=True)
class Recorded:
    """`id` is None where there is no record: nothing but datasets was told of the run, or somebody deleted it."""

    id: int | None
    name: str


class JobLogLineage:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    @again
    def record(self, event: RunEvent, permit: Callable[[str], None]) -> Recorded:
        """Writes down what is new of a run; the same event again changes nothing. `permit` raises where a name may not
        be written, the event's or that of the run so far, and nothing is done then."""
        permit(event.name)
        now = self._now()
        run_id = str(event.run_id)
        with self._database.write() as connection:
            known = connection.row(SQL["find"], {"run_id": run_id})
            for name in sorted({event.name, event.name if known is None else known[0]}):
                hold(connection, name)
            new = {"run_id": run_id, "name": event.name, "told": _NOTHING, "now": now}
            connection.change(SQL["know"], new)
            so_far, record_id, told = connection.rows(SQL["hold"], {"run_id": run_id})[0]
            permit(so_far)
            before = from_json(told, LineageRun)
            after = before.told(event)
            columns = after.columns(now)
            there = True
            if columns is not None and record_id is None:
                record_id = _add(connection, columns, now)
            elif columns is not None:
                there = _change(connection, record_id, _new_of(before.columns(now) or {}, columns), now)
            if after != before:
                kept = {"name": after.name, "record_id": record_id, "told": to_json(after), "now": now}
                connection.change(SQL["keep"], {"run_id": run_id, **kept})
        return Recorded(record_id if there else None, after.name)


def _add(connection: Connection, columns: Columns, now: int) -> int:
    rows = connection.rows(SQL["add"], columns)
    tell(connection, rows, now)
    touch(connection, [rows[0][1]])
    number: int = rows[0][0]
    return number


def _new_of(before: Columns, after: Columns) -> Columns:
    changed = {name: value for name, value in after.items() if name not in before or before[name] != value}
    # Whoever else ended it left a message to that.
    return changed | {"message": after["message"]} if "status" in changed else changed


def _change(connection: Connection, record_id: int, columns: Columns, now: int) -> bool:
    """Whether there is such a record."""
    row = connection.row(SQL["standing"], {"id": record_id})
    if row is not None and columns:
        sets = ", ".join(f"{name} = :{name}" for name in columns)
        rows = connection.rows(SQL["change"].replace("{sets}", sets), {"id": record_id, **columns})
        name, status = row
        if (columns.get("name", name), columns.get("status", status)) != (name, status):
            tell(connection, rows, now)
        touch(connection, [name, rows[0][1]])
    return row is not None
