"""Another job log, taken over page by page: whoever reads it there sends its records here."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from headgate.api.answers import answer, documented, nothing
from headgate.api.caller import Asking
from headgate.api.reading import StrictRoute
from headgate.identity.principal import WriteLog
from headgate.service import job_log_imports
from headgate.service.job_log_imports import Given
from headgate.wire.job_log import ImportPage, ImportProgress, ImportQuery, ImportRequest, OriginQuery

router = APIRouter(prefix="/api/v1/jobLog/imports", tags=["job log"], route_class=StrictRoute)


@router.get("", responses=documented(ImportProgress))
def show_log_import(asked: Annotated[ImportQuery, Query()], caller: Asking) -> Response:
    """How far another job log is taken over, and which of its records are asked for again."""
    context = caller.require(WriteLog(asked.name))
    return answer(job_log_imports.show(context, asked.origin, asked.name, asked.open_after))


@router.delete("", status_code=204, responses=documented(None, 404))
def forget_log_import(asked: Annotated[OriginQuery, Query()], caller: Asking) -> Response:
    """Forget how far another job log is taken over: the next import begins anew. The records stay."""
    job_log_imports.forget(caller.require(WriteLog(asked.name)), asked.origin, asked.name)
    return nothing()


@router.post("", responses=documented(ImportPage, 409, body=True))
def import_log_page(asked: ImportRequest, caller: Asking) -> Response:
    """Take over records of another job log. They are written together with how far that leads, or not at all: 409
    (`import_moved`) where `afterID` is not the last one that was taken."""
    # By the name that is asked for, not by those of a page: how far it leads is shared by all who import the same, and
    # whoever may write some names only must not move it past the others.
    context = caller.require(WriteLog(asked.name))
    given = Given(asked.after_id, asked.records, asked.gone)
    return answer(job_log_imports.take(context, asked.origin, asked.name, given))
