"""Watches over jobs of the job log: what is expected of them, how they stand, what changed, and what hangs."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from headgate.api.answers import answer, documented, nothing
from headgate.api.caller import Asking
from headgate.api.job_log_runs import JobName
from headgate.api.reading import StrictRoute
from headgate.identity.principal import Deploy, ReadLog, WriteLog
from headgate.service import job_watches
from headgate.wire.job_watches import (
    ChangeQuery,
    PausedRequest,
    StalePage,
    WatchBody,
    WatchChangePage,
    WatchDetail,
    WatchFilesRequest,
    WatchPage,
    WatchQuery,
    WatchRequest,
)
from headgate.wire.paging import PageQuery

router = APIRouter(prefix="/api/v1/jobLog", tags=["job log"], route_class=StrictRoute)


@router.get("/watches", responses=documented(WatchPage))
def list_watches(asked: Annotated[WatchQuery, Query()], caller: Asking) -> Response:
    """The jobs that are watched, by name, and how they stand; of those that the token may read."""
    states = [word for word in asked.state.split(",") if word]
    names = caller.readable_logs()
    body = job_watches.list_watches(
        caller.context, names, states, limit=asked.limit, starting_from=asked.starting_from
    )
    return answer(body)


@router.put("/watches", responses=documented(WatchPage, 409, body=True))
def apply_watch_files(asked: WatchFilesRequest, caller: Asking) -> Response:
    """Make the watches of a project's files what these say."""
    context = caller.require(Deploy())
    files = {
        path: {name: _definition(one) for name, one in watches.items()}
        for path, watches in asked.files.items()
    }
    return answer(job_watches.apply_definitions(context, asked.project, files))


@router.get("/watches/{name:path}", responses=documented(WatchDetail, 404))
def show_watch(name: JobName, caller: Asking) -> Response:
    """How a job stands and why, with its trend, its newest run and success, and its last changes."""
    return answer(job_watches.show_watch(caller.require(ReadLog(name)), name))


@router.put("/watches/{name:path}", responses=documented(WatchBody, 409, body=True))
def set_watch(name: JobName, asked: WatchRequest, caller: Asking) -> Response:
    """Say what is expected of a job. Watches of files are changed in the project."""
    return answer(job_watches.set_watch(caller.require(WriteLog(name)), name, _definition(asked)))


@router.patch("/watches/{name:path}", responses=documented(WatchBody, 404, body=True))
def pause_watch(name: JobName, asked: PausedRequest, caller: Asking) -> Response:
    """Pause a job, or resume it: what is due counts from then. Also of watches of files."""
    context = caller.require(WriteLog(name))
    return answer(job_watches.pause_watch(context, name, paused=asked.paused))


@router.delete("/watches/{name:path}", status_code=204, responses=documented(None, 404, 409))
def remove_watch(name: JobName, caller: Asking) -> Response:
    """Watch a job no more. Its records stay."""
    job_watches.remove_watch(caller.require(WriteLog(name)), name)
    return nothing()


@router.get("/changes", responses=documented(WatchChangePage))
def list_changes(asked: Annotated[ChangeQuery, Query()], caller: Asking) -> Response:
    """How jobs came to stand as they do, the newest first."""
    if asked.name is not None:
        caller.require(ReadLog(asked.name))
    body = job_watches.list_changes(
        caller.context,
        caller.readable_logs(),
        asked.name,
        alerts=asked.alerts,
        limit=asked.limit,
        starting_from=asked.starting_from,
    )
    return answer(body)


@router.get("/stale", responses=documented(StalePage))
def list_stale(asked: Annotated[PageQuery, Query()], caller: Asking) -> Response:
    """Runs that are in progress for longer than their watch allows, or a day; the newest first, on one page."""
    return answer(job_watches.list_stale(caller.context, caller.readable_logs(), limit=asked.limit))


def _definition(asked: WatchRequest) -> dict[str, object]:
    return {key: value for key, value in asked.model_dump(by_alias=False).items() if value is not None}
