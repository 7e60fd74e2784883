"""Runs of the job log, begun and finished by our own client.

By the server's clock, but for calls that come late and bring times of their own: those are moved by what the sender's
clock, as it showed at the sending, is off.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

from headgate.errors import UsageError
from headgate.joblog.instants import write_instant
from headgate.joblog.runs import Begin, Finish, LogRecord, Overlap, Standing
from headgate.service.bodies import Body
from headgate.service.context import Context
from headgate.service.parameters import read_instant
from headgate.store.codec import to_json, to_micros

MOST_WATERMARK = 64 * 1024
"""Characters of a watermark, as JSON."""


@dataclass(frozen=True, slots=True)
class Late:
    """When something was, as the sender tells it; all None where it is now."""

    at: str | None = None
    clock: str | None = None
    key: str | None = None
    """The sender's own name for the call."""


NOW = Late()


@dataclass(frozen=True, slots=True)
class Outcome:
    """How a run ended. The watermark is any JSON value; None leaves the one that is there."""

    status: str
    message: str | None = None
    records_processed: int | None = None
    watermark: Any = None


def begin(
    context: Context, name: str, source: str, destination: str, overlap: str | None = None, late: Late = NOW
) -> Body:
    """Without `overlap` the rule of the job's watch holds. Raises Refused (`job_in_progress`,
    `idempotency_key_reused`), UsageError `instant_invalid`."""
    at = _moment(context, late, "startDate")
    asked = Begin(name, source, destination, None if overlap is None else Overlap(overlap), at, late.key)
    return standing_body(context.store.job_log_runs.begin(asked))


def finish(context: Context, record_id: int, outcome: Outcome, late: Late = NOW) -> Body:
    """Raises NotFound `job_record_not_found`, Refused (`job_record_finished`, `idempotency_key_reused`), UsageError
    (`instant_invalid`, `watermark_too_long`)."""
    text = None if outcome.watermark is None else to_json(outcome.watermark)
    if text is not None and len(text) > MOST_WATERMARK:
        raise UsageError(
            "watermark_too_long",
            f"the watermark has {len(text):,} characters as JSON",
            hint=f"{MOST_WATERMARK:,} at most: a watermark says how far a job has come, not what it did",
        )
    at = _moment(context, late, "endDate")
    asked = Finish(record_id, outcome.status, outcome.message, outcome.records_processed, text, at, late.key)
    return standing_body(context.store.job_log_runs.finish(asked))


def job_of_record(context: Context, record_id: int) -> str:
    """The name that a record stands under. Raises NotFound `job_record_not_found`."""
    return context.store.job_log_runs.get(record_id).name


def about(context: Context, name: str) -> Body:
    return {"name": name, **standing_body(context.store.job_log_runs.about(name))}


def standing_body(standing: Standing) -> Body:
    return {
        "record": record_body(standing.record),
        "previous": record_body(standing.previous),
        "watermark": None if standing.watermark is None else json.loads(standing.watermark),
    }


def record_body(record: LogRecord | None) -> Body | None:
    if record is None:
        return None
    return {
        "id": record.id,
        "name": record.name,
        "startDate": instant_text(record.start_date),
        "endDate": None if record.end_date is None else instant_text(record.end_date),
        "message": record.message,
        "status": record.status,
        "recordsProcessed": record.records_processed,
        "source": record.source,
        "destination": record.destination,
    }


def instant_text(micros: int) -> str:
    return write_instant(micros, UTC).replace("+00:00", "Z")


def _moment(context: Context, late: Late, key: str) -> int | None:
    """Never later than now: nothing is told before it happens."""
    at, clock = _read(late.at, key), _read(late.clock, "clock")
    if at is None:
        return None
    now = context.store.now()
    off = timedelta() if clock is None else now - clock
    try:
        return to_micros(min(at + off, now))
    except OverflowError:
        raise UsageError("instant_invalid", f"{key} and clock lie too far apart: {late.at!r}") from None


def _read(text: str | None, key: str) -> datetime | None:
    try:
        return read_instant(text, key)
    except OverflowError:  # a zone that leads out of the years 1 to 9999
        raise UsageError("instant_invalid", f"{key} is no date or instant: {text!r}") from None
