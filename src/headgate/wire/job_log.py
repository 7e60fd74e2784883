"""The job log as our own client speaks to it: a run starts, it finishes, and how far its job has come."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from headgate.wire.base import Answer, Instant, Name, Number, Request
from headgate.wire.paging import PageAnswer

StateWord = Literal["new", "up", "late", "down", "paused"]
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


class LoggedJob(Answer):
    """`record` is the newest run; `state` how the job stands, null where nobody watches it."""

    name: str
    state: StateWord | None
    record: LogRecordBody


class LoggedJobPage(PageAnswer):
    data: list[LoggedJob]


class JobStanding(Answer):
    """`record` is the newest of the name. All are null for a name that nobody has used."""

    name: str
    record: LogRecordBody | None
    previous: LogRecordBody | None
    watermark: Any


MOST_WHOLE = 2**63 - 1
WholeNumber = Annotated[int, Field(ge=-MOST_WHOLE, le=MOST_WHOLE)]
ImportedName = Annotated[str | None, Field(max_length=2_000)]
OriginUrl = Annotated[str, Field(min_length=1, max_length=2_000)]


class OriginQuery(Request):
    """The address of the other table, and which job of it is meant; all without."""

    model_config = ConfigDict(strict=False)  # a query is text

    origin: OriginUrl
    name: ImportedName = None


class ImportQuery(OriginQuery):
    """`open` begins above `openAfter`."""

    open_after: WholeNumber | None = None


class ImportRequest(Request):
    """Records of another job log at `origin`, as it answered them, in the order of their ids. Those above `afterID` are
    new; of the others, those that were in progress are updated. `gone` are ids that it no longer has. With a
    `name`, only that job is imported, and how far is kept for it apart."""

    origin: OriginUrl
    name: ImportedName = None
    after_id: WholeNumber | None
    records: Annotated[list[Any], Field(max_length=10_000)]
    gone: Annotated[list[WholeNumber], Field(max_length=10_000, default_factory=list)]


class ImportProgress(Answer):
    """`lastID` is null before the first record; `records` counts all that came from there, `inProgress` those that are
    asked for again. `open` are ids to ask for again, 1,000 at most: those, and ids that were missing among the last
    ones, whose records may appear late."""

    origin: str
    name: str | None
    last_id: int | None
    records: int
    in_progress: int
    started_at: Instant | None
    changed_at: Instant | None
    open: list[int]


class ImportPage(Answer):
    """How far it is now; `imported` and `updated` are of this page."""

    origin: str
    name: str | None
    last_id: int | None
    records: int
    in_progress: int
    started_at: Instant
    changed_at: Instant
    imported: int
    updated: int
