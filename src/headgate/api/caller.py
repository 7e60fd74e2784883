"""Who asks, as a route sees it, and what the whole application is given."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Annotated

from fastapi import Depends, Request

from headgate.identity.principal import Permission, Principal, ReadLog
from headgate.service.context import Context


@dataclass(frozen=True, slots=True)
class BodyLimit:
    """Of one call's body; `hint` is for whoever sends more."""

    bytes: int
    seconds: float
    hint: str


UPLOADS = ("/api/v1/manifests/", "/api/v1/jobLog/imports")
LINEAGE = "/api/v1/lineage"


@dataclass(frozen=True, slots=True)
class Limits:
    """How much one request may send, and for how long. Uploads are manifests, and pages of another job log."""

    body_bytes: int = 2**20
    body_seconds: float = 30.0
    upload_bytes: int = 64 * 2**20
    upload_seconds: float = 300.0
    event_bytes: int = 8 * 2**20
    """Of an OpenLineage event, as it is sent and as it is once unpacked: some bring a whole query plan."""
    heartbeat_seconds: float = 15.0
    """How long a stream of events is silent at most."""

    def of(self, path: str) -> BodyLimit:
        """For the call at this path."""
        if path == LINEAGE:
            hint = "have its producer leave out large facets, such as plans of queries"
            return BodyLimit(self.event_bytes, self.body_seconds, hint)
        hint = "manifests are uploaded to /api/v1/manifests/{digest}; everything else is small"
        if path.startswith(UPLOADS):
            return BodyLimit(self.upload_bytes, self.upload_seconds, hint)
        return BodyLimit(self.body_bytes, self.body_seconds, hint)


@dataclass(frozen=True, slots=True)
class AppContext:
    """`base_url` is the address that people reach the server at."""

    context: Context
    base_url: str = "http://127.0.0.1:8600"
    limits: Limits = Limits()


@dataclass(frozen=True, slots=True)
class Caller:
    app: AppContext
    principal: Principal
    request_id: str

    @property
    def context(self) -> Context:
        """The context of a use case, in this caller's name."""
        return replace(self.app.context, requested_by=self.principal.name, request_id=self.request_id)

    def require(self, permission: Permission) -> Context:
        """The context, for what `permission` allows. Raises Forbidden."""
        self.principal.require(permission)
        return self.context

    def readable_logs(self) -> frozenset[str] | None:
        """The names that a list of the job log may show, None for all. Raises Forbidden where there are none."""
        names = self.principal.readable_logs
        if names is not None and not names:
            self.require(ReadLog())
        return names

    def address(self, path: str) -> str:
        return self.app.base_url.rstrip("/") + path


async def _caller(request: Request) -> Caller:
    # async, so that it costs no thread
    return Caller(request.app.state.app_context, request.state.principal, request.state.request_id)


Asking = Annotated[Caller, Depends(_caller)]
