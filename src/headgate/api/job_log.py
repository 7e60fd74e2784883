"""The job log over HTTP, at the root: `/jobs`, `/jobs_latest`, and what is said about them at `/`.

A gate of its own beside the other one: PostgREST's clients know neither our errors nor our paths. Everything that an
answer says is decided in `service.job_log`; this file reads bodies, sends answers, and adds what browsers ask for.
"""

from __future__ import annotations

import asyncio
import io
import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from http import HTTPStatus

import msgspec
from starlette.concurrency import run_in_threadpool
from starlette.types import Receive, Scope, Send

from headgate.api.caller import AppContext
from headgate.errors import HeadgateError
from headgate.joblog import description, media, refusal
from headgate.joblog.refusal import Refusal
from headgate.joblog.request import Call
from headgate.joblog.table import LATEST, SCHEMAS, TABLES
from headgate.service import job_log
from headgate.service.job_log import Answer, Headers

log = logging.getLogger("headgate.api")
Observe = Callable[[Scope, int, float], None]

PIECE = 64 * 1024
METHODS = ("OPTIONS", "GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
READ_ONLY = ("OPTIONS", "GET", "HEAD")
_SIMPLE = ("Accept", "Accept-Language", "Content-Language")
"""Headers that browsers may send without asking."""

_EXPOSED = (
    "Content-Encoding, Content-Location, Content-Range, Content-Type, Date, Location, Server, Transfer-Encoding, "
    "Range-Unit"
)


@dataclass(frozen=True, slots=True)
class JobLogGate:
    """Answers for every path of one word that no other route has, also for tables that there are not."""

    app_context: AppContext
    observe: Observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        began = time.perf_counter()
        status = 500
        try:
            answer = await self._answered(scope, receive)
            status = answer.status
            await _send(scope, send, answer)
        finally:
            self.observe(scope, status, time.perf_counter() - began)

    async def _answered(self, scope: Scope, receive: Receive) -> Answer:
        headers = _headers(scope)
        try:
            if scope["method"] == "OPTIONS":
                return _options(scope["path"], headers)
            if scope["method"] not in METHODS:
                raise Refusal(405, "PGRST117", f"Unsupported HTTP method: {scope['method']}")
            body = await self._body(receive, headers) if scope["method"] in ("POST", "PUT", "PATCH") else b""
            return await run_in_threadpool(self._answer, scope, headers, body)
        except Refusal as error:
            return refused(error)
        except HeadgateError as error:
            log.warning("%s: %s: %s", scope["path"], error.code, error)
            status = error.http_status if error.http_status != 500 else 503
            return refused(Refusal(status, "PGRST000", str(error), details=error.code, hint=error.hint))
        except Exception:
            log.exception("%s %s failed", scope["method"], scope["path"])
            return refused(Refusal(500, "PGRSTX00", "the server failed in a way that nobody expected"))

    def _answer(self, scope: Scope, headers: dict[str, str], body: bytes) -> Answer:
        context = self.app_context.context
        access = job_log.identify(context, headers.get("authorization"))
        table = scope["path"][1:]
        if "/" in table:
            raise refusal.no_such_path(table.split("/"), scope["method"])
        if not table:
            return _root(scope["method"], headers, self.app_context.base_url)
        call = Call(
            method=scope["method"],
            table=table,
            query=scope["query_string"],
            headers=headers,
            preferences=_all(scope, b"prefer"),
            body=body,
        )
        return job_log.answer(context, access, call)

    async def _body(self, receive: Receive, headers: dict[str, str]) -> bytes:
        limits = self.app_context.limits
        too_large = Refusal(413, "PGRST102", f"the body has more than {limits.upload_bytes:,} bytes")
        length = headers.get("content-length", "0")
        if length.isdigit() and int(length) > limits.upload_bytes:
            raise too_large
        parts: list[bytes] = []
        size = 0
        try:
            async with asyncio.timeout(limits.upload_seconds):
                while True:
                    message = await receive()
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > limits.upload_bytes:
                        raise too_large
                    if not message.get("more_body", False):
                        return b"".join(parts)
        except TimeoutError:
            raise Refusal(
                408, "PGRST102", f"the body did not come within {limits.upload_seconds:g} seconds"
            ) from None


def refused(error: Refusal) -> Answer:
    headers: Headers = [
        ("Content-Type", media.Media.JSON.content_type),
        (
            "Proxy-Status",
            f"PostgREST; error={error.code}",
        ),  # RFC 9209, by the name that clients of PostgREST look for
    ]
    if error.challenge is not None:
        headers.append(("WWW-Authenticate", error.challenge))
    if error.content_range is not None:
        headers.append(("Content-Range", error.content_range))
    if error.status in (408, 413):
        headers.append(("Connection", "close"))
    return _whole(error.status, headers, msgspec.json.encode(error.body()))


def _whole(status: int, headers: Headers, content: bytes) -> Answer:
    return Answer(status, headers, io.BytesIO(content))


def _root(method: str, headers: dict[str, str], base_url: str) -> Answer:
    if method not in READ_ONLY:
        raise Refusal(405, "PGRST117", f"Unsupported HTTP method: {method}")
    media.negotiated(headers.get("accept"), media.ROOT)
    profile = headers.get("accept-profile")
    if profile is not None and profile not in SCHEMAS:
        raise refusal.no_such_schema(profile, SCHEMAS)
    content = b"" if method == "HEAD" else msgspec.json.encode(description.document(base_url))
    told: Headers = [("Content-Type", media.Media.OPENAPI.content_type)]  # whichever was asked for
    if profile is not None:
        told.append(("Content-Profile", profile))
    return _whole(200, told, content)


def _options(path: str, headers: dict[str, str]) -> Answer:
    if "origin" in headers and "access-control-request-method" in headers:
        asked = headers.get("access-control-request-headers", "")
        named = ("Authorization", *(part.strip() for part in asked.split(",")), *_SIMPLE)
        allowed = ", ".join(filter(None, named))
        return Answer(
            200,
            [
                ("Access-Control-Allow-Methods", "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"),
                ("Access-Control-Allow-Headers", allowed),
                ("Access-Control-Max-Age", "86400"),
            ],
        )
    table = path[1:]
    if "/" in table:
        raise refusal.no_such_path(table.split("/"), "OPTIONS")
    if table and table not in TABLES:
        raise refusal.no_such_table(table, SCHEMAS[0], TABLES)
    methods = METHODS if table and table != LATEST else READ_ONLY
    return Answer(200, [("Allow", ",".join(methods))])


def _headers(scope: Scope) -> dict[str, str]:
    found: dict[str, str] = {}
    for name, value in scope["headers"]:
        found.setdefault(name.decode("latin-1").lower(), value.decode("latin-1"))
    return found


def _all(scope: Scope, name: bytes) -> list[str]:
    return [value.decode("latin-1") for key, value in scope["headers"] if key.lower() == name]


async def _send(scope: Scope, send: Send, answer: Answer) -> None:
    """The body in pieces, so that a large one waits in its file and not in memory."""
    encoded = [(name.lower().encode(), value.encode()) for name, value in [*answer.headers, *_cors(scope)]]
    head = scope["method"] == "HEAD"
    body = answer.body
    try:
        size = 0 if body is None or head else body.seek(0, io.SEEK_END)
        if answer.status != HTTPStatus.NO_CONTENT and not head:
            encoded.append((b"content-length", str(size).encode()))
        await send({"type": "http.response.start", "status": answer.status, "headers": encoded})
        if body is not None and size:
            body.seek(0)
            for _ in range(PIECE, size, PIECE):
                piece = await run_in_threadpool(body.read, PIECE)
                await send({"type": "http.response.body", "body": piece, "more_body": True})
            await send({"type": "http.response.body", "body": body.read(PIECE)})
        else:
            await send({"type": "http.response.body", "body": b""})
    finally:
        if body is not None:
            body.close()


def _cors(scope: Scope) -> Headers:
    headers: Headers = [("Cache-Control", "no-store"), ("X-Content-Type-Options", "nosniff")]
    headers.append(("Access-Control-Allow-Origin", "*"))
    if any(name.lower() == b"origin" for name, _ in scope["headers"]):
        headers.append(("Access-Control-Expose-Headers", _EXPOSED))
    return headers
