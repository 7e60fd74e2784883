"""Headgate's own tables in a warehouse: markers of published steps, and the intervals that are loaded.

The SQL is the same on every engine. Instants are stored as TIMESTAMP in UTC, so that no time zone of a client
matters and no engine needs a time zone database to hand them over.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from typing import Any

from headgate.errors import StatementFailed
from headgate.interval import merge_ranges
from headgate.model.bound import TableName
from headgate.warehouse.base import Answer, IntervalRange

SCHEMA = "_headgate"
UNIQUE_VIOLATION = "23505"

CREATE_LEDGER = (
    "CREATE SCHEMA IF NOT EXISTS _headgate",
    """CREATE TABLE IF NOT EXISTS _headgate.commits (
    run_uid VARCHAR NOT NULL,
    step_id VARCHAR NOT NULL,
    fence BIGINT NOT NULL,
    table_name VARCHAR,
    row_count BIGINT,
    committed_at TIMESTAMP NOT NULL,
    PRIMARY KEY (run_uid, step_id)
)""",
    """CREATE TABLE IF NOT EXISTS _headgate.intervals (
    table_name VARCHAR NOT NULL,
    interval_from TIMESTAMP NOT NULL,
    interval_to TIMESTAMP NOT NULL,
    run_uid VARCHAR NOT NULL,
    done_at TIMESTAMP NOT NULL
)""",
)
"""The primary key is what makes a second publication of one step impossible."""

_WRITE_MARKER = """INSERT INTO _headgate.commits
    (run_uid, step_id, fence, table_name, row_count, committed_at)
VALUES ($hg_run_uid, $hg_step_id, $hg_fence, $hg_table_name, $hg_row_count, now() AT TIME ZONE 'UTC')"""
_COMMITTED = "SELECT step_id, row_count FROM _headgate.commits WHERE run_uid = $hg_run_uid"
_FORGET = "DELETE FROM _headgate.commits WHERE committed_at < $hg_before"
_DONE = """SELECT interval_from, interval_to FROM _headgate.intervals
WHERE table_name = $hg_table_name ORDER BY interval_from"""
_TOUCHED = """SELECT interval_from, interval_to FROM _headgate.intervals
WHERE table_name = $hg_table_name AND interval_from <= $hg_to AND interval_to >= $hg_from"""
_DELETE_TOUCHED = """DELETE FROM _headgate.intervals
WHERE table_name = $hg_table_name AND interval_from <= $hg_to AND interval_to >= $hg_from"""
_RECORD = """INSERT INTO _headgate.intervals (table_name, interval_from, interval_to, run_uid, done_at)
VALUES ($hg_table_name, $hg_from, $hg_to, $hg_run_uid, now() AT TIME ZONE 'UTC')"""


class LedgerSession(ABC):
    """The part of a session that reads and writes Headgate's own tables, over `execute`."""

    @abstractmethod
    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Answer: ...

    def committed(self, run_uid: str) -> dict[str, int | None]:
        return dict(self.execute(_COMMITTED, {"run_uid": run_uid}).rows)

    def write_marker(
        self, *, run_uid: str, step_id: str, fence: int, rows: int | None, table: TableName | None
    ) -> None:
        values = {
            "run_uid": run_uid,
            "step_id": step_id,
            "fence": fence,
            "table_name": str(table) if table else None,
            "row_count": rows,
        }
        try:
            self.execute(_WRITE_MARKER, values)
        except StatementFailed as error:
            if error.sqlstate == UNIQUE_VIOLATION:
                raise already_published(run_uid, step_id) from error
            raise

    def forget_markers(self, older_than: datetime) -> int:
        return self.execute(_FORGET, {"before": _stored(older_than)}).row_count or 0

    def done_intervals(self, table: TableName) -> list[IntervalRange]:
        rows = self.execute(_DONE, {"table_name": str(table)}).rows
        return merge_ranges((_instant(start), _instant(end)) for start, end in rows)

    def record_intervals(self, table: TableName, ranges: Iterable[IntervalRange], run_uid: str) -> None:
        """Replaces what the new ranges touch by their union, so that a table that is loaded without gaps
        keeps one row however long it lives."""
        for start, end in merge_ranges(ranges):
            touched = {"table_name": str(table), "from": _stored(start), "to": _stored(end)}
            rows = self.execute(_TOUCHED, touched).rows
            if rows:
                self.execute(_DELETE_TOUCHED, touched)
            union = {
                "table_name": str(table),
                "from": min([touched["from"], *(row[0] for row in rows)]),
                "to": max([touched["to"], *(row[1] for row in rows)]),
                "run_uid": run_uid,
            }
            self.execute(_RECORD, union)


def already_published(run_uid: str, step_id: str) -> StatementFailed:
    return StatementFailed(
        "already_published",
        f"step {step_id} of run {run_uid} is already published",
        hint="another worker committed it; its data stands, and this transaction was undone",
        sqlstate=UNIQUE_VIOLATION,
    )


def _stored(instant: datetime) -> datetime:
    return instant.astimezone(UTC).replace(tzinfo=None)


def _instant(stored: datetime) -> datetime:
    return stored.replace(tzinfo=UTC)
