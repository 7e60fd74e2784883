"""What an ETL script tells the job log: one value for each call, which can be sent now or kept and sent later."""

from __future__ import annotations

import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol

from headgate.client.calls import Body
from headgate.errors import HeadgateError, Refused, UsageError


def new_key() -> str:
    return uuid.uuid4().hex


def now() -> str:
    """By this machine's clock."""
    return datetime.now(UTC).isoformat()


@dataclass(frozen=True, slots=True)
class Started:
    name: str
    source: str = ""
    destination: str = ""
    overlap: str | None = None
    at: str = field(default_factory=now)
    key: str = field(default_factory=new_key)


@dataclass(frozen=True, slots=True)
class Finished:
    """`records` and `watermark` are None where the script says nothing of them."""

    status: str
    message: str | None = None
    records: int | None = None
    watermark: Any = None
    at: str = field(default_factory=now)
    key: str = field(default_factory=new_key)


class LogCalls(Protocol):
    """Whoever carries calls out: a server, or the state itself."""

    def start_log(self, asked: Body, *, key: str | None = None) -> Body: ...

    def finish_log(self, record_id: int, asked: Body, *, key: str | None = None) -> Body: ...


@dataclass(frozen=True, slots=True)
class LogCall:
    """That a run started or, with `finished`, that it ended. A run whose start the server did not acknowledge has no
    `record_id`; its end tells of the start once more, so that it needs no other call to have come before."""

    started: Started
    finished: Finished | None = None
    record_id: int | None = None

    def send(self, calls: LogCalls, *, late: bool) -> Body:
        """`late` calls bring their times. Each is carried out once, however often it is sent.

        Raises HeadgateError; see `hopeless`.
        """
        record_id = self.record_id
        if record_id is None:
            answer = calls.start_log(_start_body(self.started, late=late), key=self.started.key)
            if self.finished is None:
                return answer
            record_id = int(answer["record"]["id"])
        assert self.finished is not None
        return calls.finish_log(record_id, _finish_body(self.finished, late=late), key=self.finished.key)


def hopeless(error: HeadgateError) -> bool:
    """Whether the same call would be refused for ever. A token that does not hold can be mended, and a server that
    does not know the call be renewed."""
    return isinstance(error, UsageError | Refused) or error.code == "job_record_not_found"


def _start_body(started: Started, *, late: bool) -> Body:
    body: Body = {"name": started.name, "source": started.source, "destination": started.destination}
    if late:  # it did run: what it would have met then is no reason to refuse it, or to end what runs now
        return {**body, "startDate": started.at, "clock": now()}
    return body if started.overlap is None else {**body, "overlap": started.overlap}


def _finish_body(finished: Finished, *, late: bool) -> Body:
    body: Body = {"status": finished.status}
    if finished.message is not None:
        body["message"] = finished.message
    if finished.records is not None:
        body["recordsProcessed"] = finished.records
    if finished.watermark is not None:
        body["watermark"] = finished.watermark
    return {**body, "endDate": finished.at, "clock": now()} if late else body
