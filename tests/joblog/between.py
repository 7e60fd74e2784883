"""A server that stands before another one, passes requests on, and fails as a test tells it to."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import httpx2 as httpx


@dataclass(frozen=True, slots=True)
class Told:
    """An answer that nobody behind gave. None as status is a connection that ends without one."""

    status: int | None
    body: str = ""
    content_type: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)


Decide = Callable[[str, str, int], Told | None]
"""(method, path with query, the how manieth request of the method from 1) -> what is told instead, None for the real
answer."""


def pass_on(method: str, path: str, number: int) -> Told | None:
    return None


class Between:
    """`before` is asked when a request has come, `after` when the other server has answered it."""

    def __init__(self, url: str, behind: str) -> None:
        self.url = url
        self._behind = behind
        self._counts: dict[str, int] = {}
        self._lock = threading.Lock()
        self.before: Decide = pass_on
        self.after: Decide = pass_on
        self.paths: list[str] = []
        self.authorizations: set[str | None] = set()

    def forget(self) -> None:
        self._counts.clear()
        self.before = self.after = pass_on

    def answer(self, handler: BaseHTTPRequestHandler) -> None:
        content = handler.rfile.read(int(handler.headers.get("Content-Length", 0)))
        with self._lock:
            number = self._counts[handler.command] = self._counts.get(handler.command, 0) + 1
            self.paths.append(handler.path)
            self.authorizations.add(handler.headers.get("Authorization"))
        told = self.before(handler.command, handler.path, number)
        if told is None:
            told = self._passed_on(handler, content)
            told = self.after(handler.command, handler.path, number) or told
        if told.status is None:
            handler.close_connection = True
            return
        encoded = told.body.encode()
        handler.send_response(told.status)
        for name, value in {**told.headers, "Content-Type": told.content_type}.items():
            handler.send_header(name, value)
        handler.send_header("Content-Length", str(len(encoded)))
        handler.end_headers()
        handler.wfile.write(encoded)

    def _passed_on(self, handler: BaseHTTPRequestHandler, content: bytes) -> Told:
        kept = ("Authorization", "Content-Type", "Accept", "Idempotency-Key")
        headers = {name: value for name in kept if (value := handler.headers.get(name)) is not None}
        answer = httpx.request(
            handler.command, self._behind + handler.path, headers=headers, content=content, trust_env=False
        )
        own = {"X-Request-ID": answer.headers["x-request-id"]} if "x-request-id" in answer.headers else {}
        return Told(answer.status_code, answer.text, answer.headers.get("content-type", ""), own)


@contextmanager
def standing_before(behind: str) -> Iterator[Between]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            between.answer(self)

        def do_POST(self) -> None:
            between.answer(self)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    between = Between(f"http://127.0.0.1:{server.server_port}", behind)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    try:
        yield between
    finally:
        server.shutdown()
        server.server_close()
        thread.join(10)
