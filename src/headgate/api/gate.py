"""What every request passes, outermost: its id, who asks, how much it may send, the last catch of errors, the time it
took.

Plain ASGI, because it must act before anything of a body is read. Coalesce's second addresses of a call (`/v1/…`,
`/api/scheduler/…`) are turned into the first here, so that there is one route for each.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import unquote_to_bytes

from starlette.concurrency import run_in_threadpool
from starlette.responses import Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from headgate.api.caller import LINEAGE, AppContext
from headgate.api.failures import BadBody, failure, unexpected
from headgate.errors import HeadgateError, UsageError
from headgate.identity.principal import Principal
from headgate.service.access import authenticate

OPEN_PATHS = frozenset({"/healthz", "/readyz"})
"""The only calls without a token."""

OF_JOB_LOG = ("/api/v1/jobLog", LINEAGE)
"""Where JSON Web Tokens are taken as well, as at `/jobs`."""
Observe = Callable[[Scope, int, float], None]
"""(scope, status, seconds) of an answered request."""

_SANE_ID = re.compile(rb"[A-Za-z0-9._:/+=-]{1,128}")
_OTHER_NAMES = ((re.compile(r"/v1(?=/|$)"), "/api/v1"), (re.compile(r"/api/scheduler(?=/|$)"), "/scheduler"))
_SAFE_HEADERS = [(b"cache-control", b"no-store"), (b"x-content-type-options", b"nosniff")]
# What curl and others send where nobody said otherwise. A token is a header of its own, so no page elsewhere can
# make a browser send one.
_TAKEN_FOR_JSON = (b"", b"application/x-www-form-urlencoded")


@dataclass(frozen=True, slots=True)
class Gate:
    app: ASGIApp
    app_context: AppContext
    observe: Observe

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        passage = _Passage(self, scope, receive, send)
        began = time.perf_counter()
        try:
            await passage.run()
        finally:
            self.observe(scope, passage.status, time.perf_counter() - began)


class _HeadAnswered(BaseException):
    """A HEAD of a stream has its headers: nothing more is wanted of it. No error, so that nobody takes it for one."""


class _Passage:
    """One request on its way through."""

    def __init__(self, gate: Gate, scope: Scope, receive: Receive, send: Send) -> None:
        self.gate = gate
        self.scope = scope
        self._receive = receive
        self._send = send
        self.headers: dict[bytes, bytes] = dict(scope["headers"])
        given = self.headers.get(b"x-request-id", b"")
        self.request_id = given.decode() if _SANE_ID.fullmatch(given) else uuid.uuid4().hex
        self.head = scope["method"] == "HEAD"
        self.status = 0
        self.received = 0
        self.complete = False
        self.limit = gate.app_context.limits.of(scope["path"])
        self.deadline: float | None = None

    async def run(self) -> None:
        state = self.scope.setdefault("state", {})
        state["request_id"] = self.request_id
        try:
            self._normalize()
            if self.scope["path"] not in OPEN_PATHS:
                header = self.headers.get(b"authorization")
                text = None if header is None else header.decode("latin-1")
                state["principal"] = await run_in_threadpool(self._identify, text)
            self._check_body()
        except HeadgateError as error:
            await self._answer(failure(error, self.request_id))
            return
        except BadBody as error:
            await self._answer(failure(error.error, self.request_id, error.status_code))
            return
        except Exception as error:
            await self._answer(unexpected(error, self.request_id))
            return
        try:
            await self.gate.app(self.scope, self.receive, self.send)
        except _HeadAnswered:
            return
        except Exception as error:
            if state.get("failed"):  # told and logged already
                return
            if self.status:  # half an answer is out: only cutting the connection tells that it is not whole
                raise
            await self._answer(unexpected(error, self.request_id))

    def _identify(self, header: str | None) -> Principal:
        context = self.gate.app_context.context
        if context.settings.jwt_secret is not None and self.scope["path"].startswith(OF_JOB_LOG):
            token = (header or "").partition(" ")[2].strip()
            if token.count(".") == 2:  # none of ours has dots, but an admin may have chosen one
                from headgate.service.job_log import identify_at_api

                return identify_at_api(context, token)
        return authenticate(context.store, header)

    def _normalize(self) -> None:
        """One path for one call, and one method: a HEAD is a GET whose body is kept back."""
        if b"\0" in unquote_to_bytes(self.scope["path"]) or b"\0" in unquote_to_bytes(
            self.scope["query_string"]
        ):
            raise UsageError("request_invalid", "the address holds a NUL character")
        try:
            unquote_to_bytes(self.scope.get("raw_path") or b"").decode()
        except UnicodeDecodeError:
            raise UsageError("request_invalid", "the address is not UTF-8, percent-encoded") from None
        path = self.scope["path"]
        for pattern, name in _OTHER_NAMES:
            if found := pattern.match(path):
                path = name + path[found.end() :]
        self.scope["path"] = path.rstrip("/") or "/"
        self.limit = self.gate.app_context.limits.of(self.scope["path"])
        self.scope["raw_path"] = self.scope["path"].encode()
        if self.head:
            self.scope["method"] = "GET"

    def _check_body(self) -> None:
        content_type = self.headers.get(b"content-type", b"").partition(b";")[0].strip().lower()
        if content_type in _TAKEN_FOR_JSON:
            others = [(name, value) for name, value in self.scope["headers"] if name != b"content-type"]
            self.scope["headers"] = [*others, (b"content-type", b"application/json")]
        elif not content_type.endswith(b"json") and self._has_body():
            error = UsageError(
                "content_type_unsupported",
                "the body is of a type that is not taken here",
                hint="send JSON, with the header `Content-Type: application/json`",
            )
            raise BadBody(error, 415)
        length = self.headers.get(b"content-length", b"0")
        if length.isdigit() and int(length) > self.limit.bytes:
            raise self._too_large()

    def _has_body(self) -> bool:
        return b"transfer-encoding" in self.headers or self.headers.get(b"content-length", b"0") != b"0"

    def _too_large(self) -> BadBody:
        error = UsageError(
            "body_too_large",
            f"the body has more than {self.limit.bytes:,} bytes",
            hint=self.limit.hint,
        )
        return BadBody(error, 413)

    async def receive(self) -> Message:
        """The next part of the body; counts, and waits only so long."""
        if self.complete or self.status:  # what comes now is the end of the connection, whenever that is
            return await self._receive()
        now = asyncio.get_running_loop().time()
        if self.deadline is None:
            self.deadline = now + self.limit.seconds
        try:
            message = await asyncio.wait_for(self._receive(), max(self.deadline - now, 0.001))
        except TimeoutError:
            error = UsageError(
                "body_too_slow",
                f"the body did not come within {self.limit.seconds:g} seconds",
                hint="send it again",
            )
            raise BadBody(error, 408) from None
        self.complete = not message.get("more_body", False)
        self.received += len(message.get("body", b""))
        if self.received > self.limit.bytes:
            raise self._too_large()
        return message

    async def send(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            own = [*_SAFE_HEADERS, (b"x-request-id", self.request_id.encode())]
            if self.status in (408, 413):
                own.append((b"connection", b"close"))  # the rest of the body is not read
            message = {**message, "headers": [*message["headers"], *own]}
        elif self.head and message["type"] == "http.response.body":
            await self._send({"type": "http.response.body", "body": b""})
            if message.get("more_body", False):
                raise _HeadAnswered
            return
        await self._send(message)

    async def _answer(self, response: Response) -> None:
        await response(self.scope, self._receive, self.send)
