"""Whether the server lives, and whether it can work. The only calls without a token; they tell nothing else."""

from __future__ import annotations

from fastapi import APIRouter, Request
from starlette.responses import Response

from headgate import __version__
from headgate.api.answers import answer, answered
from headgate.errors import HeadgateError
from headgate.wire.health import Health

router = APIRouter(tags=["health"])


@router.get("/healthz", responses={200: answered(Health, "It answers.")})
async def live() -> Response:
    """The process answers. Touches nothing, so that a slow state does not get it killed."""
    return answer({"status": "ok", "version": __version__})


@router.get("/readyz", responses={200: answered(Health, "It can work."), 503: answered(Health, "It cannot.")})
def ready(request: Request) -> Response:
    """The state can be read."""
    try:
        request.app.state.app_context.context.store.events.last_id()
    except HeadgateError:
        return answer({"status": "unavailable", "version": __version__}, 503)
    return answer({"status": "ok", "version": __version__})
