"""Requests to one server, sent again where that is safe, and their answers decoded.

Safe is what changes nothing, what has an idempotency key, and whatever never reached the server.
"""

from __future__ import annotations

import re
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlencode, urlsplit

import msgspec

from headgate import __version__
from headgate.client.connection import Answer, Connections, Request, Unanswered
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
Query = Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait. `answer_seconds` for one answer; `busy_seconds` for what another one holds (HTTP 429), None
    for ever."""

    answer_seconds: float = 60.0
    busy_seconds: float | None = 60.0
    pauses: tuple[float, ...] = RETRY_SECONDS
    """Before each further try of a request that was not answered."""


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
        self._headers = {"User-Agent": f"headgate/{__version__}", "Accept": "application/json"}
        if token is not None:
            self._headers["Authorization"] = f"Bearer {_checked_token(token)}"
        self._connections = Connections(self.url, self.patience.answer_seconds)

    def close(self) -> None:
        self._connections.close()

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
        content = body if body is None or isinstance(body, bytes) else msgspec.json.encode(body)
        headers = dict(self._headers)
        if key is not None:
            headers["Idempotency-Key"] = key
        if content is not None:
            headers["Content-Type"] = "application/json"
        request = Request(method, path + _spelled(query), headers, content)
        return self._patiently(request, repeatable=method in _SAFE or key is not None)

    def _patiently(self, request: Request, *, repeatable: bool) -> Any:
        began = self._clock()
        pauses = iter(self.patience.pauses)
        while True:
            try:
                answer = self._connections.ask(request)
            except Unanswered as error:
                pause = next(pauses, None)
                if pause is None or (error.sent and not repeatable):
                    raise self._unavailable(error) from error
            else:
                pause = self._busy_pause(answer, began)
                if pause is None:
                    return self._decoded(answer)
            self._sleep(pause)

    def _busy_pause(self, answer: Answer, began: float) -> float | None:
        """How long to wait for what another one holds; None where the answer stands."""
        if answer.status != 429:
            return None
        told = answer.headers.get("Retry-After", "")
        pause = float(told) if re.fullmatch(r"\d{1,6}", told) else BUSY_SECONDS
        most = self.patience.busy_seconds
        return pause if most is None or self._clock() - began + pause <= most else None

    def _decoded(self, answer: Answer) -> Any:
        try:
            body = msgspec.json.decode(answer.content) if answer.content else None
        except (msgspec.MsgspecError, UnicodeDecodeError):
            raise unreadable(answer.status, self.url) from None
        if not 200 <= answer.status < 300:
            raise error_of(answer.status, body, url=self.url)
        if _OWN_HEADER not in answer.headers:
            raise unreadable(answer.status, self.url)
        return body

    @contextmanager
    def lines(
        self, path: str, *, headers: Mapping[str, str], silence_seconds: float
    ) -> Iterator[Iterator[str]]:
        """The lines of an answer that goes on, as they come. Raises as `call`, ServerUnavailable also where nothing
        comes for `silence_seconds`."""
        request = Request("GET", path, {**self._headers, **headers})
        try:
            with self._connections.listen(request, silence_seconds) as (answer, lines):
                if answer.status != 200:
                    self._decoded(answer)
                yield lines
        except Unanswered as error:
            raise self._unavailable(error) from error

    def _unavailable(self, error: Unanswered) -> ServerUnavailable:
        return ServerUnavailable(
            "server_unavailable",
            f"no answer from {self.url}: {error}",
            hint="is it running (`headgate serve`), and is this its address?",
        )


def _spelled(query: Query | None) -> str:
    """With its question mark. What is None is not asked for."""
    given = {
        name: ("false", "true")[value] if isinstance(value, bool) else str(value)
        for name, value in (query or {}).items()
        if value is not None
    }
    return f"?{urlencode(given)}" if given else ""


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
    if not good or not url.isascii() or parts.query or parts.fragment or parts.username is not None:
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
