"""When a request is sent again, and what comes of a server that does not answer as it should."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from headgate.client.transport import RETRY_SECONDS, Patience, Transport
from headgate.errors import Busy, HeadgateError, ServerUnavailable, Unauthorized, UsageError
from headgate.model.secret import Secret

BUSY = (429, b'{"error": {"errorString": "held", "errorDetail": "", "code": "warehouse_locked", "hint": ""}}')
FINE = (200, b'{"fine": true}')
CUT = (0, b"")
"""The connection is closed without an answer."""


@dataclass
class Script:
    """What a server answers, one after another; the last one for ever."""

    answers: list[tuple[int, bytes]]
    headers: dict[str, str] = field(default_factory=dict)
    asked: list[tuple[str, str, dict[str, str]]] = field(default_factory=list)
    keeps_open: bool = False
    """Says that it keeps the connection open, and closes it all the same."""
    closed: threading.Event = field(default_factory=threading.Event)


@contextmanager
def scripted(script: Script) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if script.keeps_open else "HTTP/1.0"

        def finish(self) -> None:
            super().finish()
            self.connection.shutdown(socket.SHUT_RDWR)
            script.closed.set()

        def answer(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            script.asked.append((self.command, self.path, dict(self.headers)))
            status, body = script.answers.pop(0) if len(script.answers) > 1 else script.answers[0]
            if status == 0:
                self.close_connection = True
                return
            self.send_response(status)
            for name, value in {"X-Request-ID": "r1", **script.headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
            self.close_connection = True

        do_GET = do_POST = do_PUT = answer  # noqa: N815

        def log_message(self, format: str, *args: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()
        thread.join()


class Time:
    """Stands still but for what is slept."""

    def __init__(self) -> None:
        self.slept: list[float] = []

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)

    def clock(self) -> float:
        return sum(self.slept)


@contextmanager
def transport(url: str, time: Time, patience: Patience | None = None) -> Iterator[Transport]:
    made = Transport(url, Secret("hg_token"), patience, sleep=time.sleep, clock=time.clock)
    try:
        yield made
    finally:
        made.close()


def test_question_is_asked_again_where_the_connection_breaks() -> None:
    script, time = Script([CUT, CUT, FINE]), Time()
    with scripted(script) as url, transport(url, time) as sender:
        assert sender.call("GET", "/api/v1/runs") == {"fine": True}
    assert time.slept == [*RETRY_SECONDS[:2]]


def test_order_is_not_sent_twice_where_nobody_knows_whether_it_arrived() -> None:
    script, time = Script([CUT, FINE]), Time()
    with scripted(script) as url, transport(url, time) as sender, pytest.raises(ServerUnavailable):
        sender.call("POST", "/api/v1/runs", body={})
    assert len(script.asked) == 1


def test_connection_that_the_server_has_closed_meanwhile_is_not_used_again() -> None:
    script, time = Script([FINE], keeps_open=True), Time()
    with scripted(script) as url, transport(url, time) as sender:
        assert sender.call("GET", "/api/v1/runs") == {"fine": True}
        assert script.closed.wait(10)
        assert sender.call("POST", "/api/v1/runs", body={}) == {"fine": True}
    assert time.slept == []


def test_order_with_a_key_is_sent_again_with_the_same_key() -> None:
    script, time = Script([CUT, FINE]), Time()
    with scripted(script) as url, transport(url, time) as sender:
        assert sender.call("POST", "/api/v1/runs", body={}, key="k1") == {"fine": True}
    assert [headers["Idempotency-Key"] for _, _, headers in script.asked] == ["k1", "k1"]


def test_server_that_never_answers_is_unavailable_in_the_end() -> None:
    time = Time()
    with scripted(Script([FINE])) as url:
        pass  # it is gone now
    with transport(url, time) as sender, pytest.raises(ServerUnavailable, match=r"127\.0\.0\.1") as told:
        sender.call("POST", "/api/v1/runs", body={})
    assert told.value.code == "server_unavailable"
    assert time.slept == [*RETRY_SECONDS]


def test_what_is_held_is_asked_for_again_when_the_server_says() -> None:
    script, time = Script([BUSY, BUSY, FINE], {"Retry-After": "7"}), Time()
    with scripted(script) as url, transport(url, time) as sender:
        assert sender.call("POST", "/api/v1/runs", body={}) == {"fine": True}
    assert time.slept == [7.0, 7.0]


def test_patience_with_what_is_held_ends() -> None:
    script, time = Script([BUSY], {"Retry-After": "7"}), Time()
    with scripted(script) as url, transport(url, time, Patience(busy_seconds=20)) as sender:
        with pytest.raises(Busy) as told:
            sender.call("POST", "/api/v1/runs", body={})
        assert told.value.code == "warehouse_locked"
    assert time.slept == [7.0, 7.0]


def test_token_is_sent_and_no_redirection_takes_it_elsewhere() -> None:
    script, time = Script([(302, b"")], {"Location": "http://127.0.0.1:1/"}), Time()
    with scripted(script) as url, transport(url, time) as sender, pytest.raises(HeadgateError) as told:
        sender.call("GET", "/api/v1/runs")
    assert told.value.code == "answer_unreadable"
    assert script.asked[0][2]["Authorization"] == "Bearer hg_token"
    assert len(script.asked) == 1


def test_page_of_something_else_is_no_answer() -> None:
    script, time = Script([(200, b"<html>Welcome</html>")]), Time()
    with scripted(script) as url, transport(url, time) as sender, pytest.raises(HeadgateError) as told:
        sender.call("GET", "/api/v1/runs")
    assert told.value.code == "answer_unreadable"


@pytest.mark.parametrize(
    "url", ["", "localhost:8600", "ftp://h", "http://", "http://h:x", "http://u:secret@h", "http://h?a=1"]
)
def test_address_that_is_none_is_refused_without_showing_what_is_secret(url: str) -> None:
    with pytest.raises(UsageError) as told:
        Transport(url, None)
    assert told.value.code == "server_url_invalid"
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("token", ["", "two words", "line\nbreak", "ümlaut"])
def test_token_that_no_header_can_hold_is_refused(token: str) -> None:
    with pytest.raises(Unauthorized) as told:
        Transport("http://h", Secret(token))
    assert told.value.code == "token_malformed"
