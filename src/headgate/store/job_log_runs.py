"""Runs of the job log, begun and finished by our own client: one transaction each, carried out once.

Starts and finishes of one name wait for each other on the job's own row, so that two of them see one another. Records
that others write at `/jobs` wait for nothing, and count as well.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC
from typing import Any

from headgate.errors import NotFound, Refused
from headgate.joblog.instants import write_instant
from headgate.joblog.runs import SUCCESS, Begin, Finish, LogRecord, Overlap, Standing
from headgate.store.codec import from_json, to_json
from headgate.store.connection import Connection, Database, again
from headgate.store.job_log_marks import Names, overlaps, tell, touch
from headgate.store.job_log_overlap import hold, refuse_second, take_over
from headgate.store.statements import in_list, load

SQL = load("job_log_runs")
KEPT_MICROS = 90 * 86_400 * 1_000_000
"""How long a call is known by its key: a spooled one is sent again within that time."""

_BEGIN, _FINISH = "start", "finish"


class JobLogRuns:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    @again
    def begin(self, begin: Begin) -> Standing:
        """Writes a record in progress. Raises Refused `job_in_progress`, `idempotency_key_reused`."""
        now = self._now()
        with self._database.write() as connection:
            hold(connection, begin.name)
            if known := _answered(connection, begin.name, begin.key, _BEGIN):
                return known
            overlap = begin.overlap
            if overlap is None:
                overlap = overlaps(connection, [begin.name]).get(begin.name, Overlap.ALLOW)
            if overlap is Overlap.REFUSE:
                refuse_second(connection, begin.name)
            values = {
                "name": begin.name,
                "start_date": now if begin.start_date is None else begin.start_date,
                "source": begin.source,
                "destination": begin.destination,
            }
            rows = connection.rows(SQL["begin"], values)
            if overlap is Overlap.TAKE_OVER:
                tell(connection, take_over(connection, rows, now), now)
            touch(connection, [begin.name])
            record = LogRecord(*rows[0])
            return _remembered(connection, begin.key, _BEGIN, record, now)

    @again
    def finish(self, finish: Finish) -> Standing:
        """Ends a run. Raises NotFound `job_record_not_found`, Refused `job_record_finished`,
        `idempotency_key_reused`."""
        now = self._now()
        with self._database.write() as connection:
            name = _require(connection, finish.record_id).name
            hold(connection, name)
            if known := _answered(connection, name, finish.key, _FINISH, finish.record_id):
                return known
            values = {
                "id": finish.record_id,
                "status": finish.status,
                "message": finish.message,
                "records_processed": finish.records_processed,
                "end_date": now if finish.end_date is None else finish.end_date,
            }
            rows = connection.rows(SQL["finish"], values)
            if not rows:
                raise _finished(_require(connection, finish.record_id))
            record = LogRecord(*rows[0])
            if finish.status == SUCCESS and finish.watermark is not None:
                new = {"name": name, "watermark": finish.watermark, "start_date": record.start_date}
                connection.change(SQL["advance"], new)
            tell(connection, rows, now)
            touch(connection, [name])
            return _remembered(connection, finish.key, _FINISH, record, now)

    def get(self, record_id: int) -> LogRecord:
        """Raises NotFound `job_record_not_found`."""
        with self._database.read() as connection:
            return _require(connection, record_id)

    def newest(
        self, *, after: str = "", limit: int = 100, names: Names = None
    ) -> list[tuple[LogRecord, str | None]]:
        """The newest run of each job, by name, those after `after`; and how the job stands, None where nobody watches
        it."""
        values: dict[str, Any] = {"after": after, "limit": limit}
        text = SQL["newest_of_each"]
        if names is not None:
            listed, parameters = in_list(sorted(names))
            text, values = SQL["newest_of_these"].replace("{ids}", listed), {**values, **parameters}
        if limit < 1 or names == frozenset():
            return []
        with self._database.read() as connection:
            return [(LogRecord(*row[:-1]), row[-1]) for row in connection.rows(text, values)]

    def about(self, name: str) -> Standing:
        """How far a job has come, with its newest record; all None for a name that nobody has used."""
        with self._database.read() as connection:
            return _standing(connection, name, _one(connection, "newest", {"name": name}))


def _answered(
    connection: Connection, name: str, key: str | None, action: str, record_id: int | None = None
) -> Standing | None:
    """What was answered to the same call, None where it comes for the first time."""
    row = None if key is None else connection.row(SQL["answered"], {"name": name, "key": key})
    if row is None:
        return None
    if row[0] != action or record_id not in (None, row[1]):
        raise Refused(
            "idempotency_key_reused",
            f"the idempotency key {key} was sent before with another request (the {row[0]} of record {row[1]})",
            hint="send a new key with a new request",
        )
    return from_json(row[2], Standing)


def _remembered(
    connection: Connection, key: str | None, action: str, record: LogRecord, now: int
) -> Standing:
    standing = _standing(connection, record.name, record)
    if key is not None:
        connection.change(SQL["forget"], {"name": record.name, "before": now - KEPT_MICROS})
        values: dict[str, Any] = {"name": record.name, "key": key, "action": action, "record_id": record.id}
        connection.change(SQL["remember"], {**values, "answer": to_json(standing), "now": now})
    return standing


def _standing(connection: Connection, name: str, record: LogRecord | None) -> Standing:
    watermark = connection.row(SQL["watermark"], {"name": name})
    previous = _one(connection, "previous", {"name": name})
    return Standing(record, previous, None if watermark is None else watermark[0])


def _one(connection: Connection, statement: str, parameters: dict[str, Any]) -> LogRecord | None:
    row = connection.row(SQL[statement], parameters)
    return None if row is None else LogRecord(*row)


def _require(connection: Connection, record_id: int) -> LogRecord:
    record = _one(connection, "get", {"id": record_id})
    if record is None:
        raise NotFound(
            "job_record_not_found",
            f"the job log has no record {record_id}",
            hint="start a run: its answer has the id",
        )
    return record


def _finished(record: LogRecord) -> Refused:
    when = "" if record.end_date is None else f" at {write_instant(record.end_date, UTC)}"
    return Refused(
        "job_record_finished",
        f"record {record.id} of {record.name} has ended with {record.status}{when}: {record.message or 'no message'}",
        hint="a run ends once; start another one",
    )
