"""The table that clients see: nine columns, as the City of Austin's Jobs API has them."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Kind(StrEnum):
    """A column's type, as PostgreSQL calls it."""

    INTEGER = "integer"
    TEXT = "text"
    INSTANT = "timestamp with time zone"


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    kind: Kind
    nullable: bool = False
    generated: bool = False
    """Whether the database gives it a value where none is given."""
    note: str = ""


COLUMNS: dict[str, Column] = {
    column.name: column
    for column in (
        Column("id", Kind.INTEGER, generated=True, note="System-generated incremental ID"),
        Column("name", Kind.TEXT, note="Name that uniquely identifies the ETL job"),
        Column("start_date", Kind.INSTANT, note="When the job started"),
        Column("end_date", Kind.INSTANT, nullable=True, note="When the job ended"),
        Column("message", Kind.TEXT, nullable=True, note="Optional message"),
        Column("status", Kind.TEXT, note="'in_progress', 'success' or 'error'"),
        Column("records_processed", Kind.INTEGER, nullable=True, note="Number of records processed"),
        Column("source", Kind.TEXT, note="Name of the source database"),
        Column("destination", Kind.TEXT, note="Name of the destination database"),
    )
}
NAMES = tuple(COLUMNS)

SCHEMAS = ("api", "public")
"""Both name the same table; the first is what a request without a profile asks."""

JOBS = "jobs"
LATEST = "jobs_latest"
"""The newest record of each name; only to be read."""

TABLES = (JOBS, LATEST)
FINAL = frozenset({"success", "error"})
"""The statuses that end a run."""
