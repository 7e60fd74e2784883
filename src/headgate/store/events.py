"""The event log: one row for every change of status and every published table, in the change's transaction.

Kinds: `run_status`, `job_log_recorded`, `job_watch_changed`, `cancel_requested`, `steps_planned`, `step_status`,
`table_published`, `deployment_status`, `environment_marked`, `environment_applied`, `environment_deleted`, `tag_set`,
`job_created`, `job_changed`, `job_deleted`, `job_activated`, `job_deactivated`.
"""

from __future__ import annotations

from typing import Any

from headgate.model.runs import Event
from headgate.store.codec import from_json, from_micros, to_json
from headgate.store.connection import Connection, Database, Row
from headgate.store.statements import load

SQL = load("events")


def values(
    at_micros: int,
    kind: str,
    data: dict[str, Any] | str,
    *,
    run_id: int | None = None,
    step_id: str | None = None,
    environment_id: int | None = None,
) -> dict[str, Any]:
    """The parameters of one event; `data` may be JSON already."""
    return {
        "at": at_micros,
        "kind": kind,
        "run_id": run_id,
        "step_id": step_id,
        "environment_id": environment_id,
        "data": data if isinstance(data, str) else to_json(data),
    }


def add(connection: Connection, *events: dict[str, Any]) -> None:
    """Writes events (made by `values`) in their order, inside the caller's transaction."""
    connection.change_many(SQL["add"], events)


class Events:
    def __init__(self, database: Database) -> None:
        self._database = database

    def read(self, after_id: int = 0, limit: int = 500, run_id: int | None = None) -> list[Event]:
        """Events after `after_id`, at most `limit`; of one run where it is named. In an order in which nothing ever
        appears before what was read, so that a reader goes on from the last one it saw."""
        with self._database.read() as connection:
            if run_id is None:
                rows = connection.rows(SQL["read"], {"after_id": after_id, "limit": limit})
            else:
                parameters = {"after_id": after_id, "limit": limit, "run_id": run_id}
                rows = connection.rows(SQL["read_of_run"], parameters)
        return [_event(row) for row in rows]

    def last_id(self) -> int:
        """Where a reader starts that wants only what comes from now on. 0 for an empty log."""
        with self._database.read() as connection:
            row = connection.row(SQL["last_id"])
        return (row[0] or 0) if row else 0

    def last_move(self, run_id: int) -> int:
        """The event of a run's newest change of status, also where no reader sees it yet; 0 where it was pruned."""
        with self._database.read() as connection:
            row = connection.row(SQL["last_move"], {"run_id": run_id})
        return row[0] if row else 0


def _event(row: Row) -> Event:
    event_id, at, kind, run_id, step_id, environment_id, data = row
    fields: dict[str, Any] = from_json(data, dict)
    return Event(event_id, from_micros(at), kind, run_id, step_id, environment_id, fields)
