"""OpenLineage's events, at the address that its clients know: `POST /api/v1/lineage`."""

from __future__ import annotations

import zlib

from fastapi import APIRouter, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from headgate.api.answers import answer, answered, documented
from headgate.api.caller import Asking, Caller
from headgate.api.failures import BadBody
from headgate.errors import UsageError
from headgate.identity.principal import WriteLog
from headgate.service.bodies import Body
from headgate.wire.lineage import EVENT, LineageAnswer

router = APIRouter(prefix="/api/v1", tags=["job log"])

_GZIP = 16 + zlib.MAX_WBITS


@router.post(
    "/lineage",
    status_code=201,
    responses={
        **documented(LineageAnswer, status=201, body=True),
        200: answered(
            LineageAnswer, "Nothing is recorded: the event tells of no run, or the record was deleted."
        ),
    },
    openapi_extra={
        "requestBody": {"required": True, "content": {"application/json": {"schema": EVENT}}},
    },
)
async def take_lineage_event(request: Request, caller: Asking) -> Response:
    """Take an event of OpenLineage. What it tells of a run stands in the job log; sent again, it changes nothing. It
    may be sent with `Content-Encoding: gzip`."""
    content = await request.body()
    encoding = request.headers.get("content-encoding", "identity").strip().lower()
    body = await run_in_threadpool(_recorded, caller, content, encoding)
    return answer(body, 200 if body["id"] is None else 201)


def _recorded(caller: Caller, content: bytes, encoding: str) -> Body:
    # Imported with the first event: a server is up the sooner.
    from headgate.service import job_log_lineage

    event = unpacked(content, encoding, caller.app.limits.event_bytes)
    return job_log_lineage.record(
        caller.context, event, lambda name: caller.principal.require(WriteLog(name))
    )


def unpacked(content: bytes, encoding: str, most_bytes: int) -> bytes:
    """Raises BadBody for what is no gzip, or is larger than `most_bytes`: no more than that is ever unpacked."""
    if encoding in ("", "identity"):
        return content
    if encoding not in ("gzip", "x-gzip"):
        error = UsageError(
            "content_encoding_unsupported",
            f"the body is packed in a way that is not taken here: {encoding[:40]}",
            hint="send it with `Content-Encoding: gzip`, or as it is",
        )
        raise BadBody(error, 415)
    packed = zlib.decompressobj(_GZIP)
    try:
        event = packed.decompress(content, most_bytes + 1)
    except zlib.error as error:
        raise BadBody(UsageError("body_malformed", f"the body is no gzip: {error}")) from None
    if len(event) > most_bytes:
        raise BadBody(
            UsageError("body_too_large", f"the body has more than {most_bytes:,} bytes, unpacked"), 413
        )
    if not packed.eof or packed.unused_data:
        raise BadBody(UsageError("body_malformed", "the body is not one whole gzip stream"))
    return event
