"""Requests to one server, sent again where that is safe, and their answers decoded.

Safe is what changes nothing, what has an idempotency key, and whatever never reached the server.
"""

from __future__ import annotations

import re
import ssl
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import msgspec

from headgate import __version__
from headgate.client.failures import error_of, unreadable
from headgate.errors import ServerUnavailable, Unauthorized, UsageError
from headgate.model.secret import Secret

RETRY_SECONDS = (0.1, 0.3, 0.9, 2.0)
"""Pauses between the tries of a request that the server did not answer."""
BUSY_SECONDS = 2.0
"""The pause where the server says that something is held, and not for how long."""

_OWN_HEADER = "X-Request-ID"
"""Stands in every answer of Headgate, and in few others."""

_SAFE = frozenset({"GET", "PUT", "DELETE"})
_NEVER_SENT = (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout)
_LOOPBACK = frozenset({"127.0.0.1", "localhost", "::1"})

Query = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait. `answer_seconds` for one answer; `busy_seconds` for what another one holds (HTTP 429), None
    for ever."""

    answer_seconds: float = 60.0
    busy_seconds: float | None = 60.0


class Transport:
    """Safe to use from several threads. `sleep` and `clock` are the time's own, but in tests."""

    def __init__(
        self,
        url: str,
        token: Secret | None,
        patience: Patience | None = None,
        *,
        sleep: Callable[[float], None] = time.sleep,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Raises UsageError `server_url_invalid`, Unauthorized `token_malformed`."""
        self.url = checked_url(url)
        self.patience = patience or Patience()
        self._sleep = sleep
        self._clock = clock
        headers = {"User-Agent": f"headgate/{__version__}", "Accept": "application/json"}
        if token is not None:
            headers["Authorization"] = f"Bearer {_checked_token(token)}"
        parts = urlsplit(self.url)
        # To read the system's certificates takes 90 ms, which nobody needs without TLS; a server of this machine is
        # never behind a proxy.
        verify = True if parts.scheme == "https" else ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        self._http = httpx.Client(
            base_url=self.url,
            headers=headers,
            timeout=self.patience.answer_seconds,
            verify=verify,
            trust_env=parts.hostname not in _LOOPBACK,
        )

    def close(self) -> None:
        self._http.close()

    def call(
        self,
        method: str,
        path: str,
        *,
        query: Query | None = None,
        body: Any = None,
        key: str | None = None,
    ) -> Any:
        """The decoded body of the answer, None where it has none. `body` is encoded as JSON; bytes are sent as they
        are. With `key`, the server does it once however often it is asked.

        Raises the server's own error; ServerUnavailable where it does not answer.
        """
        headers = {} if key is None else {"Idempotency-Key": key}
        content = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        if content is not None:
            headers["Content-Type"] = "application/json"
        request = self._http.build_request(
            method, path, params=_spelled(query), content=content, headers=headers
        )
        return self._patiently(request, repeatable=method in _SAFE or key is not None)

    def _patiently(self, request: httpx.Request, *, repeatable: bool) -> Any:
        began = self._clock()
        pauses = iter(RETRY_SECONDS)
        while True:
            try:
                response = self._http.send(request)
            except httpx.TransportError as error:
                pause = next(pauses, None)
                if pause is None or not (repeatable or isinstance(error, _NEVER_SENT)):
                    raise self.unavailable(error) from error
            else:
                pause = self._busy_pause(response, began)
                if pause is None:
                    return self._decoded(response)
            self._sleep(pause)

    def _busy_pause(self, response: httpx.Response, began: float) -> float | None:
        """How long to wait for what another one holds; None where the answer stands."""
        if response.status_code != 429:
            return None
        told = response.headers.get("Retry-After", "")
        pause = float(told) if re.fullmatch(r"\d{1,6}", told) else BUSY_SECONDS
        most = self.patience.busy_seconds
        return pause if most is None or self._clock() - began + pause <= most else None

    def _decoded(self, response: httpx.Response) -> Any:
        try:
            body = msgspec.json.decode(response.content) if response.content else None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise unreadable(response.status_code, self.url) from None
        if not response.is_success:
            raise error_of(response.status_code, body, url=self.url)
        if _OWN_HEADER not in response.headers:
            raise unreadable(response.status_code, self.url)
        return body

    @contextmanager
    def lines(
        self, path: str, *, headers: Mapping[str, str], silence_seconds: float
    ) -> Iterator[Iterator[str]]:
        """The lines of an answer that goes on, as they come. Raises as `call`, ServerUnavailable also where nothing
        comes for `silence_seconds`."""
        timeout = httpx.Timeout(self.patience.answer_seconds, read=silence_seconds)
        try:
            with self._http.stream("GET", path, headers=dict(headers), timeout=timeout) as response:
                if not response.is_success:
                    response.read()
                    self._decoded(response)
                yield response.iter_lines()
        except httpx.TransportError as error:
            raise self.unavailable(error) from error

    def unavailable(self, error: Exception) -> ServerUnavailable:
        reason = " ".join(str(error).split()) or type(error).__name__
        return ServerUnavailable(
            "server_unavailable",
            f"no answer from {self.url}: {reason}",
            hint="is it running (`headgate serve`), and is this its address?",
        )


def _spelled(query: Query | None) -> dict[str, str]:
    """What is None is not asked for."""
    words = {True: "true", False: "false"}
    return {
        name: words[value] if isinstance(value, bool) else str(value)
        for name, value in (query or {}).items()
        if value is not None
    }


def checked_url(url: str) -> str:
    """Raises UsageError `server_url_invalid`."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        good = (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and (parts.port is None or parts.port > 0)
        )
    except ValueError:
        good = False
    if not good or parts.query or parts.fragment or parts.username is not None:
        raise UsageError(
            "server_url_invalid",
            f"{_without_user(url)!r} is no address of a server",
            hint="write http://host:8600, and the token apart from it",
        )
    return url.rstrip("/")


def _without_user(url: str) -> str:
    return re.sub(r"//[^/@]*@", "//***@", url)


def _checked_token(token: Secret) -> str:
    text = token.reveal()
    if not re.fullmatch(r"[!-~]{1,512}", text):
        raise Unauthorized(
            "token_malformed", "this is no token", hint="a token is one word of letters, digits and signs"
        )
    return text
