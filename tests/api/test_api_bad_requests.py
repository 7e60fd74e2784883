"""What a server must not take: each is told in one shape, and nothing is done."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import urlsplit

import pytest
from tests.api.serving import Served, served

from headgate.api import Limits

START = "/scheduler/startRun"
GOOD = b'{"runDetails": {"environmentID": 1}}'


def code(response: object) -> str:
    error = response.json()["error"]  # type: ignore[attr-defined]
    assert {"errorString", "errorDetail", "code", "hint", "requestID"} <= error.keys()
    return str(error["code"])


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"[1, 2",
        b'{"runDetails": {"environmentID": NaN}}',
        b'{"runDetails": {"environmentID": 1e999}}',
        b'{"runDetails": {"environmentID": 99999999999999999999999}}',
        b'{"runDetails": {"environmentID": "\xff"}}',
        b'{"runDetails": {"environmentID": "\\ud800"}}',
        b'{"runDetails": {"environmentID": "a\\u0000b"}}',
        b'{"runDetails": {"environmentID": 1}, "parameters": {"a\\u0000": 1}}',
        b'{"runDetails": {"environmentID": 1}, "parameters": ' + b"[" * 100_000 + b"}",
        b'{"runDetails": {"environmentID": 1}, "parameters": {"a": ' + b"[" * 200 + b"]" * 200 + b"}}",
        b'{"runDetails": {"environmentID": []}}',
        b'{"runDetails": {"environmentID": -1}}',
        b'{"runDetails": {"environmentID": true}}',
        b'{"runDetails": {"environmentID": 1, "parallelism": 0}}',
        b'{"runDetails": {"environmentID": 1, "parallelism": "many"}}',
        b'{"runDetails": {"environmentID": 1, "forceIgnoreWorkspaceStatus": "perhaps"}}',
        b'{"runDetails": {"environmentID": 1, "includeNodesSelector": "{ name: "}}',
        b'{"runDetails": {"environmentID": 1, "includeNodesSelector": "{ NONE }"}}',
        b'{"runDetails": {"environmentID": 1}, "parameters": "{"}',
        b'{"runDetails": {"environmentID": 1}, "parameters": {"unknown": 1}}',
        b'{"runDetails": {"environmentID": 1}, "userCredentials": {"snowflakeAuthType": "Magic"}}',
        b'{"runDetails": null}',
        b"{}",
        b"[]",
        b"null",
        b'"text"',
    ],
)
def test_a_wrong_body_is_a_400_and_starts_nothing(server: Served, content: bytes) -> None:
    before = server.get("/api/v1/runs", limit=1).json()["data"]
    response = server.client.post(START, content=content, headers={"content-type": "application/json"})
    assert response.status_code == 400, response.text
    assert code(response)
    assert server.get("/api/v1/runs", limit=1).json()["data"] == before


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/scheduler/runStatus", 400),
        ("/scheduler/runStatus?runCounter=abc", 400),
        ("/scheduler/runStatus?runCounter=-1", 400),
        ("/scheduler/runStatus?runCounter=" + "9" * 40, 400),
        ("/scheduler/runStatus?runCounter=999999999999999999", 404),
        ("/api/v1/runs/abc", 400),
        ("/api/v1/runs/1%00", 400),
        ("/api/v1/runs?environmentID=%00", 400),
        ("/api/v1/runs?environmentID=nowhere", 404),
        ("/api/v1/runs?limit=1001", 400),
        ("/api/v1/runs?limit=-1", 400),
        ("/api/v1/runs?startingFrom=yesterday", 400),
        ("/api/v1/runs?orderBy=name", 400),
        ("/api/v1/runs?runStatus=done", 400),
        ("/api/v1/nothing", 404),
        ("/api/%ff%fe", 400),
        ("/../../etc/passwd", 404),
    ],
)
def test_a_wrong_address_is_told(server: Served, path: str, status: int) -> None:
    response = server.client.get(path)
    assert response.status_code == status, response.text
    assert code(response)


def test_a_body_is_taken_for_json_unless_it_says_otherwise(server: Served) -> None:
    for content_type in ("application/x-www-form-urlencoded", "application/json; charset=utf-8", ""):
        taken = server.client.post(START, content=GOOD, headers={"content-type": content_type})
        assert taken.status_code == 200, taken.text
    for content_type in ("text/xml", "multipart/form-data; boundary=x", "text/plain"):
        refused = server.client.post(START, content=GOOD, headers={"content-type": content_type})
        assert (refused.status_code, code(refused)) == (415, "content_type_unsupported")


def test_a_wrong_value_is_named_and_not_repeated(server: Served) -> None:
    body = {"runDetails": {"environmentID": {"password": "canary"}}}
    response = server.post(START, body)
    assert response.status_code == 400
    assert "runDetails.environmentID" in response.json()["error"]["errorDetail"]
    assert "canary" not in response.text


def test_a_method_that_a_call_does_not_take_is_a_405(server: Served) -> None:
    response = server.client.delete(START)
    assert (response.status_code, code(response)) == (405, "method_not_allowed")
    assert response.headers["allow"] == "OPTIONS, POST"
    asked = server.client.options("/v1/runs")
    assert (asked.status_code, asked.headers["allow"]) == (204, "GET, HEAD, OPTIONS, POST")
    assert server.client.options("/v1/runs/12").headers["allow"] == "GET, HEAD, OPTIONS"


def test_head_answers_as_get_without_a_body(server: Served) -> None:
    response = server.client.head("/api/v1/runs")
    assert (response.status_code, response.content) == (200, b"")
    assert int(response.headers["content-length"]) > 0


def test_an_id_of_the_request_comes_back_where_it_is_sane(server: Served) -> None:
    for given, kept in (("trace-12/3", True), ("a b", False), ("x" * 200, False)):
        response = server.client.get("/healthz", headers={"X-Request-ID": given})
        assert (response.headers["x-request-id"] == given) is kept


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer wrong", "Basic YTpi", "Bearer \xe9", "Bearer " + "x" * 9000]
)
def test_nothing_but_health_is_open(server: Served, header: str | None) -> None:
    headers = {} if header is None else {b"Authorization": header.encode("latin-1")}
    server.client.headers.pop("Authorization")
    try:
        for path in (
            "/api/v1/runs",
            "/v1/runs/1",
            "/openapi.json",
            "/metrics",
            "/api/nothing",
            "/scheduler/runStatus",
        ):
            response = server.client.get(path, headers=headers)
            assert response.status_code == 401, path
            assert response.headers["www-authenticate"].startswith("Bearer")
            assert code(response).startswith("token_")
        assert server.client.post(START, content=b"{", headers=headers).status_code == 401
        for path in ("/healthz", "/readyz"):
            assert server.client.get(path, headers=headers).json()["status"] == "ok"
    finally:
        server.client.headers["Authorization"] = f"Bearer {server.token}"


@pytest.mark.parametrize(
    ("scopes", "details", "status"),
    [
        ("read", {"jobID": 4}, 403),
        ("run:4", {"jobID": 4}, 200),
        ("run:nightly", {"jobID": 4}, 200),
        ("run:5", {"jobID": 4}, 403),
        ("run:4", {"jobID": 4, "includeNodesSelector": "{ * }"}, 403),
        ("run:4", {}, 403),
        ("run", {}, 200),
        ("joblog", {"jobID": 4}, 403),
    ],
)
def test_a_token_starts_what_its_scopes_say(
    server: Served, scopes: str, details: dict[str, object], status: int
) -> None:
    headers = {"Authorization": f"Bearer {server.new_token(scopes)}"}
    response = server.post(START, {"runDetails": {"environmentID": 1, **details}}, headers=headers)
    assert response.status_code == status, response.text
    if status == 403:
        assert code(response) == "scope_missing"


def test_a_token_for_a_job_sees_the_runs_of_that_job_alone(server: Served) -> None:
    headers = {"Authorization": f"Bearer {server.new_token('run:4')}"}
    own = server.post(START, {"runDetails": {"environmentID": 1, "jobID": 4}}, headers=headers).json()[
        "runCounter"
    ]
    other = server.post(START, {"runDetails": {"environmentID": 1}}).json()["runCounter"]
    seen = server.client.get("/api/v1/runs", headers=headers).json()["data"]
    assert {run["jobID"] for run in seen} == {"4"}
    assert own in {run["id"] for run in seen}
    assert server.client.get(f"/api/v1/runs/{other}", headers=headers).status_code == 403
    assert server.post(f"/api/v1/runs/{other}/cancel", headers=headers).status_code == 403
    assert server.post(f"/api/v1/runs/{own}/cancel", headers=headers).status_code == 200


@pytest.fixture
def small(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, Limits(body_bytes=1000, body_seconds=0.3)) as started:
        yield started


def raw(server: Served, head: str, *parts: bytes) -> bytes:
    """Sends bytes as they are, and reads what comes until the server closes."""
    host, port = server.url.removeprefix("http://").split(":")
    text = f"{head}\r\nHost: {host}\r\nAuthorization: Bearer {server.token}\r\n"
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        connection.sendall(text.encode())
        for part in parts:
            connection.sendall(part)
        answer = b""
        while more := connection.recv(65536):
            answer += more
        return answer


def test_large_bodies_are_refused_before_they_are_read(small: Served) -> None:
    head = f"POST {START} HTTP/1.1\r\nContent-Type: application/json"
    answer = raw(small, head, b"Content-Length: 10000000\r\n\r\n")
    assert b" 413 " in answer.partition(b"\r\n")[0]
    assert b"body_too_large" in answer
    chunk = b"400\r\n" + b" " * 1024 + b"\r\n"
    answer = raw(small, head, b"Transfer-Encoding: chunked\r\n\r\n", chunk)
    assert b" 413 " in answer.partition(b"\r\n")[0]
    assert small.get("/api/v1/runs", limit=1).status_code == 200


def test_a_slow_body_is_not_waited_for(small: Served) -> None:
    head = f"POST {START} HTTP/1.1\r\nContent-Type: application/json"
    answer = raw(small, head, b"Content-Length: 100\r\n\r\n", b'{"runDetails"')
    assert b" 408 " in answer.partition(b"\r\n")[0]
    assert b"body_too_slow" in answer


def sent_whole(server: Served, request: bytes) -> bytes:
    """What a client reads that first sends everything, as most do."""
    address = urlsplit(server.url)
    with socket.create_connection((address.hostname, address.port), timeout=60) as connection:
        connection.sendall(request)
        found = b""
        while part := connection.recv(65_536):
            found += part
    return found


@pytest.mark.parametrize("path", ["/api/v1/runs", "/jobs", "/api/v1/lineage"])
@pytest.mark.parametrize("chunked", [False, True])
def test_whoever_sends_a_huge_body_gets_to_read_why_it_is_refused(
    server: Served, path: str, chunked: bool
) -> None:
    size = 100 * 2**20
    head = f"POST {path} HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n"
    head += "Content-Type: application/json\r\n"
    if chunked:
        piece = b"%x\r\n%b\r\n" % (2**20, b" " * 2**20)
        content = f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + piece * 100 + b"0\r\n\r\n"
    else:
        content = f"{head}Content-Length: {size}\r\n\r\n".encode() + b" " * size
    answer = sent_whole(server, content)
    assert answer.startswith(b"HTTP/1.1 413 "), answer[:200]
    assert b"bytes" in answer.partition(b"\r\n\r\n")[2]


def test_whoever_sends_a_million_filters_gets_to_read_why_they_are_refused(server: Served) -> None:
    query = "&".join(["id=eq.1"] * 1_000_000)
    answer = sent_whole(server, f"GET /jobs?{query} HTTP/1.1\r\nHost: x\r\n\r\n".encode())
    head, _, body = answer.partition(b"\r\n\r\n")
    assert head.startswith(b"HTTP/1.1 431 ")
    assert json.loads(body)["error"]["code"] == "head_too_large"
    assert server.client.get("/healthz").status_code == 200


def test_what_is_no_http_is_told_so(server: Served) -> None:
    answer = sent_whole(server, b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_malformed"


def test_an_address_that_is_no_utf_8_is_refused(server: Served) -> None:
    answer = sent_whole(
        server,
        f"GET /api/v1/jobLog/jobs/%ff HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer {server.token}\r\n"
        "Connection: close\r\n\r\n".encode(),
    )
    assert answer.startswith(b"HTTP/1.1 400 ")
    assert json.loads(answer.partition(b"\r\n\r\n")[2])["error"]["code"] == "request_invalid"
