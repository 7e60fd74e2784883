"""The job log as our own client speaks to it. PostgREST's clients are answered by `job_log`, at `/jobs`."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Header, Path, Query
from starlette.responses import Response

from headgate.api.answers import answer, documented
from headgate.api.caller import Asking
from headgate.api.reading import StrictRoute
from headgate.identity.principal import ReadLog, WriteLog
from headgate.service import job_log_runs, job_watches
from headgate.service.job_log_runs import Late, Outcome
from headgate.wire.base import MOST_ID
from headgate.wire.job_log import FinishRequest, JobStanding, LoggedJobPage, RunStanding, StartRequest
from headgate.wire.paging import PageQuery

router = APIRouter(prefix="/api/v1/jobLog", tags=["job log"], route_class=StrictRoute)

RecordId = Annotated[int, Path(alias="recordID", ge=0, le=MOST_ID)]
JobName = Annotated[str, Path(min_length=1, max_length=200, description="It may hold slashes.")]
CallKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Sent again for the same job within 90 days, the call gets its first answer.",
    ),
]


@router.post("", status_code=201, responses=documented(RunStanding, 409, status=201, body=True))
def start_log_record(asked: StartRequest, caller: Asking, key: CallKey = None) -> Response:
    """Write down that a run of a job starts, and learn how far the job has come."""
    context = caller.require(WriteLog(asked.name))
    late = Late(asked.start_date, asked.clock, key)
    body = job_log_runs.begin(context, asked.name, asked.source, asked.destination, asked.overlap, late)
    return answer(body, 201)


@router.post("/records/{recordID}/finish", responses=documented(RunStanding, 404, 409, body=True))
def finish_log_record(
    record_id: RecordId, asked: FinishRequest, caller: Asking, key: CallKey = None
) -> Response:
    """Write down how a run ended. It ends once; the same `Idempotency-Key` again gets the same answer."""
    context = caller.require(WriteLog(job_log_runs.job_of_record(caller.context, record_id)))
    outcome = Outcome(asked.status, asked.message, asked.records_processed, asked.watermark)
    return answer(job_log_runs.finish(context, record_id, outcome, Late(asked.end_date, asked.clock, key)))


@router.get("/jobs", responses=documented(LoggedJobPage))
def list_logged_jobs(asked: Annotated[PageQuery, Query()], caller: Asking) -> Response:
    """The jobs of the log by name, each with its newest run and how it stands; of those that the token may read."""
    names = caller.readable_logs()
    body = job_watches.list_jobs(caller.context, names, limit=asked.limit, starting_from=asked.starting_from)
    return answer(body)


@router.get("/jobs/{name:path}", responses=documented(JobStanding))
def show_logged_job(name: JobName, caller: Asking) -> Response:
    """When a job last succeeded, its watermark, and its newest record."""
    return answer(job_log_runs.about(caller.require(ReadLog(name)), name))
