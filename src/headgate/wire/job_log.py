"""The job log as our own client speaks to it: a run starts, it finishes, and how far its job has come."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from headgate.wire.base import Answer, Instant, Name, Number, Request

OverlapWord = Literal["allow", "refuse", "take_over"]
FinalStatus = Literal["success", "error"]
Place = Annotated[str, Field(max_length=200)]
Text = Annotated[str, Field(max_length=100_000)]
SenderClock = Annotated[
    Name | None,
    Field(
        description="What the sender's clock shows as it sends. The other instants of the request are moved by its "
        "difference from the server's."
    ),
]


class StartRequest(Request):
    """Without `startDate` the run starts now, by the server's clock; without `overlap` the rule of the job's watch
    holds."""

    name: Name
    source: Place = ""
    destination: Place = ""
    overlap: OverlapWord | None = None
    start_date: Name | None = None
    clock: SenderClock = None


class FinishRequest(Request):
    """Without `endDate` the run ends now, by the server's clock. A `watermark` is any JSON value but null, which leaves
    the one that is there; it is kept only with a success."""

    status: FinalStatus
    message: Text | None = None
    records_processed: Number | None = None
    watermark: Any = None
    end_date: Name | None = None
    clock: SenderClock = None


class LogRecordBody(Answer):
    id: int
    name: str
    start_date: Instant
    end_date: Instant | None
    message: str | None
    status: str
    records_processed: int | None
    source: str
    destination: str


class RunStanding(Answer):
    """`record` is the run that started or finished; `previous` the success of its name that ended last."""

    record: LogRecordBody
    previous: LogRecordBody | None
    watermark: Any


class JobStanding(Answer):
    """`record` is the newest of the name. All are null for a name that nobody has used."""

    name: str
    record: LogRecordBody | None
    previous: LogRecordBody | None
    watermark: Any
