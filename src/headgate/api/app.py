"""The application: routes, what every request passes, and how errors answer."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cached_property

from fastapi import FastAPI
from starlette.types import ASGIApp, Lifespan, Receive, Scope, Send

from headgate import __version__
from headgate.api import (
    access,
    deployments,
    environments,
    health,
    job_log_imports,
    job_log_runs,
    job_watches,
    jobs,
    lineage,
    metrics,
    nodes,
    openapi,
    projects,
    runs,
    scheduler,
    streams,
    tags,
    workspaces,
)
from headgate.api.caller import AppContext
from headgate.api.failures import add_handlers
from headgate.api.gate import Gate
from headgate.api.metrics import Metrics
from headgate.api.news import News

ROUTES = (
    scheduler,
    runs,
    streams,
    environments,
    nodes,
    jobs,
    job_log_runs,
    job_watches,
    lineage,
    job_log_imports,
    deployments,
    tags,
    projects,
    workspaces,
    access,
    metrics,
    health,
)
OWN_WORDS = frozenset({"api", "app", "healthz", "metrics", "openapi.json", "readyz", "scheduler", "v1"})
"""Paths of one word that the job log leaves to others: it answers for all the rest, as PostgREST does."""
LOG_WORDS = frozenset({"jobs", "jobs_latest", "rpc"})
"""What paths of several words begin with that the job log answers for: it says that there are none."""

DESCRIPTION = "SQL nodes in git: planned, deployed, refreshed by job, and explained."


class Application:
    """The ASGI application of one server. Whoever runs it owns what `app_context` holds."""

    def __init__(self, app_context: AppContext) -> None:
        store = app_context.context.store
        self._metrics = Metrics(store)
        self._news = News(store, self._metrics.saw_event)
        app = routes(self._lifespan)
        app.state.app_context = app_context
        app.state.metrics = self._metrics
        app.state.news = self._news
        self._gate = Gate(app, app_context, self._metrics.saw_request)
        self._app_context = app_context

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        word = scope["path"][1:] if scope["type"] == "http" else "/"
        first, *rest = word.split("/")
        own = first not in LOG_WORDS if rest else word in OWN_WORDS
        gate = self._gate if own else self._job_log
        await gate(scope, receive, send)

    @cached_property
    def _job_log(self) -> ASGIApp:
        # Its grammar is imported with the first request for it: a server is up the sooner.
        from headgate.api.job_log import JobLogGate

        return JobLogGate(self._app_context, self._metrics.saw_request)

    @asynccontextmanager
    async def _lifespan(self, _: FastAPI) -> AsyncIterator[None]:
        self._news.start()
        try:
            yield
        finally:
            self.close()

    def close(self) -> None:
        """Ends the streams of events, so that a server that stops need not wait for their clients."""
        self._news.close()


def create_app(app_context: AppContext) -> Application:
    return Application(app_context)


def routes(lifespan: Lifespan[FastAPI] | None = None) -> FastAPI:
    """The routes alone, as openapi.json describes them."""
    app = FastAPI(
        title="Headgate",
        version=__version__,
        description=DESCRIPTION,
        docs_url=None,
        redoc_url=None,
        redirect_slashes=False,
        lifespan=lifespan,
    )
    add_handlers(app)
    for module in ROUTES:
        app.include_router(module.router)
    openapi.install(app)
    return app
