"""Watches over jobs of the job log: what is expected of them, how they stand, and what changed."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from headgate.wire.base import Answer, Instant, Name, Request
from headgate.wire.job_log import LogRecordBody, OverlapWord, StateWord
from headgate.wire.paging import PageAnswer, PageQuery

RecordsWord = Literal["any", "some", "usual"]
Duration = Annotated[
    Annotated[str, Field(max_length=50)] | Annotated[float, Field(ge=0, le=10**9)],
    Field(description="Seconds, or a text such as `1d` or `1h30m`."),
]


class WatchRequest(Request):
    """A success is expected one interval (`every`) after the last one ended, or when `cron` fires, and `grace` later at
    the latest: by itself one interval, an hour at most. With neither, nothing is ever due."""

    every: Duration | None = None
    cron: Annotated[str, Field(max_length=200)] | None = None
    timezone: Name | None = None
    grace: Duration | None = None
    stale_after: Duration | None = None
    close_stale: bool | None = None
    records: RecordsWord | None = None
    overlap: OverlapWord | None = None


class PausedRequest(Request):
    paused: bool


class WatchFilesRequest(Request):
    """All watches of a project's files: path -> name -> watch. Those that it had before and are not here go."""

    project: Name
    files: Annotated[
        dict[Name, Annotated[dict[Name, WatchRequest], Field(max_length=10_000)]], Field(max_length=10_000)
    ]


class WatchQuery(PageQuery):
    state: Annotated[
        str,
        Field(
            max_length=50,
            pattern="^(new|up|late|down|paused)(,(new|up|late|down|paused))*$|^$",
            description="One or more, with commas.",
        ),
    ] = ""


class ChangeQuery(PageQuery):
    name: Name | None = None
    alerts: Annotated[bool, Field(description="Only those that somebody is to be told of.")] = False


class WatchDefinition(Answer):
    """Durations as texts; it may be sent again as it is."""

    every: str | None
    cron: str | None
    timezone: str | None
    grace: str | None
    stale_after: str
    close_stale: bool
    records: RecordsWord
    overlap: OverlapWord


class WatchBody(Answer):
    """`project` and `path` name its file, null where it lives in the state. `unusual` is whether the newest
    count of records is."""

    name: str
    state: StateWord
    state_since: Instant
    reason: str
    due_at: Instant | None
    unusual: bool
    unusual_reason: str | None
    paused: bool
    project: str | None
    path: str | None
    watch: WatchDefinition


class UsualRecords(Answer):
    least: int
    most: int


class TrendBody(Answer):
    """Of the newest 50 runs; `seconds` and `records` are those of the successes, the oldest first."""

    runs: int
    errors: int
    error_rate: float | None
    median_seconds: float | None
    seconds: list[float]
    median_records: int | None
    records: list[int]
    usual_records: UsualRecords | None


class WatchChangeBody(Answer):
    """`before` and `after` are states or, where the subject is `records`, `usual` and `unusual`."""

    id: int
    name: str
    at: Instant
    subject: Literal["state", "records"]
    before: str
    after: str
    alert: bool
    reason: str


class WatchDetail(WatchBody):
    """`record` is the newest run, `previous` the success that ended last."""

    record: LogRecordBody | None
    previous: LogRecordBody | None
    watermark: Any
    trend: TrendBody
    changes: list[WatchChangeBody]


class WatchPage(PageAnswer):
    data: list[WatchBody]


class WatchChangePage(PageAnswer):
    data: list[WatchChangeBody]


class StalePage(PageAnswer):
    data: list[LogRecordBody]
