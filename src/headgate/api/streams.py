"""A run's events as they come, as server-sent events: each with its id in the log, so that a client that was cut off
goes on where it was."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Annotated, Any

import msgspec
from fastapi import APIRouter, Header, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response, StreamingResponse

from headgate.api.answers import documented, nothing
from headgate.api.caller import Asking, Caller
from headgate.api.news import News
from headgate.api.runs import RunId
from headgate.identity.principal import to_watch
from headgate.model.runs import Event
from headgate.service import asking
from headgate.service.bodies import event_body
from headgate.wire.base import MOST_ID

BATCH = 100

LastEventId = Annotated[
    int | None,
    Header(
        alias="Last-Event-ID", ge=0, le=MOST_ID, description="Go on after this event; from the first without."
    ),
]
_DOCUMENTED: dict[int | str, dict[str, Any]] = {
    200: {
        "description": "Each event is one of `EventBody`; ends after the run's last. A comment now and then where"
        " nothing happens.",
        "content": {"text/event-stream": {"schema": {"type": "string"}}},
    },
    204: {"description": "The run is over, and all its events were seen: there is nothing to come back for."},
}


router = APIRouter(prefix="/api/v1/runs", tags=["runs"])


@router.get("/{runID}/events", responses={**documented(None, 404), **_DOCUMENTED})
async def stream_events(
    run_id: RunId, caller: Asking, request: Request, last_event_id: LastEventId = None
) -> Response:
    """What happens to a run, from its first event on."""
    after = last_event_id or 0
    told = await run_in_threadpool(_first, caller, run_id, after)
    if told.over and not told.events:
        return nothing()
    return StreamingResponse(
        _stream(caller, request.app.state.news, run_id, after),
        media_type="text/event-stream",
        headers={"X-Accel-Buffering": "no"},  # nginx would keep events back until it has many
    )


def _first(caller: Caller, run_id: int, after: int) -> asking.Told:
    context = caller.require(to_watch(asking.find_run(caller.context, run_id)))
    return asking.read_events(context, run_id, after, 1)


async def _stream(caller: Caller, news: News, run_id: int, after: int) -> AsyncIterator[bytes]:
    context = caller.context
    with news.subscribed(run_id) as subscriber:
        silent_since = asyncio.get_running_loop().time()
        while not news.closed:
            subscriber.news.clear()  # before the look: what comes after it wakes us again
            told = await run_in_threadpool(asking.read_events, context, run_id, after, BATCH)
            if told.events:
                yield b"".join(map(_encoded, told.events))
                after = told.events[-1].id
                silent_since = asyncio.get_running_loop().time()
            if told.over:
                return
            if len(told.events) == BATCH:
                continue
            left = silent_since + caller.app.limits.heartbeat_seconds - asyncio.get_running_loop().time()
            try:
                await asyncio.wait_for(subscriber.news.wait(), max(left, 0))
            except TimeoutError:
                silent_since = asyncio.get_running_loop().time()
                yield b": nothing new\n\n"


def _encoded(event: Event) -> bytes:
    data = msgspec.json.encode(event_body(event))
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.kind.encode(), data)
