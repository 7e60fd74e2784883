"""One run of a job as our own client tells it: begun with one call, finished with another.

Instants are microseconds since 1970, watermarks are JSON.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

IN_PROGRESS = "in_progress"
SUCCESS = "success"
ERROR = "error"


class Overlap(StrEnum):
    """What becomes of a run that begins while another one of its name is in progress."""

    ALLOW = "allow"
    REFUSE = "refuse"
    TAKE_OVER = "take_over"
    """The older one ends as an error."""


@dataclass(frozen=True, slots=True)
class LogRecord:
    """A row of the job log, its columns in their order."""

    id: int
    name: str
    start_date: int
    end_date: int | None
    message: str | None
    status: str
    records_processed: int | None
    source: str
    destination: str


@dataclass(frozen=True, slots=True)
class Begin:
    """`key` is the sender's own: the same one again gets the same answer, and begins nothing. Without `overlap` the
    rule of the job's watch holds; without `start_date` the run begins now."""

    name: str
    source: str = ""
    destination: str = ""
    overlap: Overlap | None = None
    start_date: int | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Finish:
    """`watermark` is kept only with a success; None leaves the one that is there."""

    record_id: int
    status: str
    message: str | None = None
    records_processed: int | None = None
    watermark: str | None = None
    end_date: int | None = None
    key: str | None = None


@dataclass(frozen=True, slots=True)
class Standing:
    """How far a job has come: its success that ended last, and its watermark. `record` is the run that was begun or
    finished; of a job that is only asked for, its newest."""

    record: LogRecord | None
    previous: LogRecord | None
    watermark: str | None
