"""The application: routes, what every request passes, and how errors answer."""

from __future__ import annotations

from fastapi import FastAPI
from starlette.types import ASGIApp, Scope

from headgate import __version__
from headgate.api import access, deployments, environments, health, jobs, nodes, runs, scheduler, tags
from headgate.api.caller import AppContext
from headgate.api.failures import add_handlers
from headgate.api.gate import Gate

DESCRIPTION = "SQL nodes in git: planned, deployed, refreshed by job, and explained."


def create_app(app_context: AppContext) -> ASGIApp:
    """The ASGI application of one server. Whoever runs it owns what `app_context` holds."""
    app = routes(app_context)
    return Gate(app, app_context, _unobserved)


def _unobserved(scope: Scope, status: int, seconds: float) -> None:
    pass


def routes(app_context: AppContext) -> FastAPI:
    """The routes alone, as openapi.json describes them."""
    app = FastAPI(
        title="Headgate",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
    )
    app.state.app_context = app_context
    add_handlers(app)
    for module in (scheduler, runs, environments, nodes, jobs, deployments, tags, access):
        app.include_router(module.router)
    app.include_router(health.router_for(app_context))
    return app
