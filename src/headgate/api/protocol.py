"""HTTP as the server speaks it: uvicorn's, but whoever is answered before the end of its request gets to read that.

A connection that is closed while its sender still writes is reset, and the answer (a body is too large) is lost on the
way. So the server goes on reading for a moment, and keeps nothing of it.
"""

from __future__ import annotations

import asyncio
import sys
import uuid
from http import HTTPStatus
from typing import Any, cast

import h11
from starlette.types import ASGIApp
from uvicorn.config import Config
from uvicorn.protocols.http.h11_impl import STATUS_PHRASES, H11Protocol

from headgate.api.failures import failure
from headgate.errors import UsageError
from headgate.wire.base import MOST_HEAD_BYTES

LINGER_SECONDS = 10.0


def http_config(app: ASGIApp, **settings: Any) -> Config:
    """How uvicorn is to serve `app`."""
    return Config(
        app,
        http=Protocol,
        h11_max_incomplete_event_size=MOST_HEAD_BYTES,
        access_log=False,
        server_header=False,
        **settings,
    )


class Protocol(H11Protocol):
    """uvicorn gives each connection to one of these."""

    _lingers = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        # A transport in all that is asked of it, but for how it closes.
        patient = _Patient(cast("asyncio.Transport", transport), self)
        super().connection_made(cast("asyncio.Transport", patient))

    def data_received(self, data: bytes) -> None:
        if not self._lingers:
            super().data_received(data)

    def linger(self, transport: asyncio.Transport) -> bool:
        """Whether the sender is still at work: then it is left its half of the connection for a while."""
        if self._lingers:
            return True
        # With a request that cannot be read, nobody knows where it ends.
        if self.conn.their_state not in (h11.SEND_BODY, h11.ERROR) or not transport.can_write_eof():
            return False
        self._lingers = True
        transport.write_eof()
        transport.resume_reading()
        self.loop.call_later(LINGER_SECONDS, transport.abort)
        return True

    def shutdown(self) -> None:
        if self._lingers:
            self.transport.abort()
        else:
            super().shutdown()

    def send_400_response(self, msg: str) -> None:
        """Called while the error is handled, which knows what is wrong."""
        error = sys.exception()
        status = error.error_status_hint if isinstance(error, h11.RemoteProtocolError) else 400
        code, text, hint = "request_malformed", msg, "speak HTTP/1.1, without TLS"
        if status == HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE:
            code, hint = "head_too_large", "ask for less at once, in several requests"
            text = f"the address and the headers have more than {MOST_HEAD_BYTES:,} bytes"
        body = bytes(failure(UsageError(code, text, hint=hint), uuid.uuid4().hex).body)
        headers = [
            ("content-type", "application/json"),
            ("connection", "close"),
            ("content-length", str(len(body))),
        ]
        reason = STATUS_PHRASES.get(status, b"")
        for event in (h11.Response(status_code=status, headers=headers, reason=reason), h11.Data(data=body)):
            self.transport.write(self.conn.send(event))
        self.transport.write(self.conn.send(h11.EndOfMessage()) or b"")
        self.transport.close()


class _Patient:
    """A transport that is closed when its sender has come to an end."""

    def __init__(self, transport: asyncio.Transport, protocol: Protocol) -> None:
        self._transport = transport
        self._protocol = protocol

    def close(self) -> None:
        if not self._protocol.linger(self._transport):
            self._transport.close()

    def is_closing(self) -> bool:
        return self._protocol._lingers or self._transport.is_closing()

    def __getattr__(self, name: str) -> Any:
        return getattr(self._transport, name)
