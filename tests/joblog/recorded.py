"""Requests with the answers that PostgREST 13 and 12 gave to them on PostgreSQL 15 (`recorded.json`), and whether an
answer of ours is the same. The file says itself what its words mean."""

from __future__ import annotations

import base64
import csv
import hashlib
import hmac
import io
import json
import re
import time
from pathlib import Path
from typing import Any
from urllib.parse import quote

import httpx2 as httpx

Case = dict[str, Any]
DOCUMENT: dict[str, Any] = json.loads(Path(__file__).with_suffix(".json").read_text())
CASES: list[Case] = DOCUMENT["cases"]
FIXTURE: list[dict[str, Any]] = DOCUMENT["meta"]["fixture"]
ERROR_KEYS = {"code", "details", "hint", "message"}
_AS_SETS = ("preference-applied", "allow")


def token(claims: dict[str, Any], secret: str) -> str:
    def part(content: bytes) -> str:
        return base64.urlsafe_b64encode(content).rstrip(b"=").decode()

    now = time.time()
    told = {
        key: int(now) + value["$now_plus"] if isinstance(value, dict) else value
        for key, value in claims.items()
    }
    head = part(b'{"alg":"HS256","typ":"JWT"}') + "." + part(json.dumps(told).encode())
    return head + "." + part(hmac.new(secret.encode(), head.encode(), hashlib.sha256).digest())


def header_of(auth: Any, secret: str) -> dict[str, str]:
    match auth:
        case None:
            return {}
        case "writer":
            return {"Authorization": f"Bearer {token({'role': 'etl_writer'}, secret)}"}
        case {"raw": text}:
            writer = token({"role": "etl_writer"}, secret)
            return {"Authorization": text.replace("$writer_token", writer)}
        case {"claims": claims, **rest}:
            roles = (
                json.dumps(claims).replace("$writer_role", "etl_writer").replace("$reader_role", "etl_reader")
            )
            wrong = rest.get("secret") == "wrong"
            return {"Authorization": f"Bearer {token(json.loads(roles), 'x' * 40 if wrong else secret)}"}
    raise AssertionError(auth)


def reset(client: httpx.Client, secret: str) -> None:
    """The fixture's twelve records, and nothing else; ids that are given from now on are greater."""
    writer = header_of("writer", secret)
    for which in ("gte.0", "lt.0"):
        assert client.delete(f"/jobs?id={which}", headers=writer).status_code == 204
    assert client.post("/jobs", json=FIXTURE, headers=writer).status_code == 201


def differences(client: httpx.Client, case: Case, secret: str) -> list[str]:
    """What of the answers, also to the requests that follow, is not as recorded."""
    found: list[str] = []
    kept: dict[str, Any] = {}
    for place, step in enumerate([case, *case.get("then", [])]):
        answer = _send(client, step, secret, kept)
        found += [f"request {place + 1}: {text}" for text in _compare(answer, step["expect"])]
        for name, path in step.get("save", {}).items():
            kept[name] = _at(answer.json(), path)[0]
    return found


def _send(client: httpx.Client, step: Case, secret: str, kept: dict[str, Any]) -> httpx.Response:
    path = step["path"]
    for name, value in kept.items():
        path = path.replace("{{" + name + "}}", quote(str(value), safe=""))
    headers = [*map(tuple, step.get("headers", [])), *header_of(step.get("auth"), secret).items()]
    body = step.get("body")
    content = None if body is None else (body if isinstance(body, str) else json.dumps(body)).encode()
    request = client.build_request(step["method"], path, content=content)
    request.headers = httpx.Headers([("Host", request.headers["host"]), *headers])
    if content is not None:
        request.headers["Content-Length"] = str(len(content))
    return client.send(request)


def _compare(answer: httpx.Response, expected: Case) -> list[str]:
    found = []
    statuses = expected["status"] if isinstance(expected["status"], list) else [expected["status"]]
    if answer.status_code not in statuses:
        found.append(f"status {answer.status_code}, not {expected['status']}: {answer.text[:300]}")
    for name, value in expected.get("headers", {}).items():
        given = answer.headers.get(name)
        if not _same_header(name.lower(), given, value):
            found.append(f"header {name}: {given!r}, not {value!r}")
    found += [
        f"header {name} is there: {answer.headers[name]!r}"
        for name in expected.get("headers_absent", [])
        if name in answer.headers
    ]
    body = expected.get("body", {"kind": "ignore"})
    return (
        found if _same_body(answer, body) else [*found, f"body {answer.text[:300]!r}, not {str(body)[:300]}"]
    )


def _same_header(name: str, given: str | None, value: str) -> bool:
    if given is None:
        return False
    if value.startswith("re:"):
        return re.search(value[3:], given) is not None
    if name in _AS_SETS:
        return {part.strip() for part in given.split(",")} == {part.strip() for part in value.split(",")}
    if name == "content-type":
        return given.replace(" ", "").lower() == value.replace(" ", "").lower()
    return given == value


def _same_body(answer: httpx.Response, body: Case) -> bool:
    match body["kind"]:
        case "ignore":
            return True
        case "empty":
            return answer.content == b""
        case "text":
            return bool(answer.text == body["value"])
        case "csv":
            return list(csv.reader(io.StringIO(answer.text))) == list(csv.reader(io.StringIO(body["value"])))
        case "json":
            return bool(answer.json() == body["value"])
        case "json_unordered":
            return _sorted(answer.json()) == _sorted(body["value"])
        case "rows_new":
            return _same_new_rows(answer.json(), body["value"], body["id_gt"])
        case "error":
            return _same_error(answer.json(), body)
        case "props":
            return all(_holds(answer.json(), one) for one in body["props"])
    raise AssertionError(body["kind"])


def _sorted(rows: Any) -> list[str]:
    return sorted(json.dumps(row, sort_keys=True) for row in rows)


def _same_new_rows(given: Any, expected: Any, least: int) -> bool:
    if isinstance(expected, dict):
        given, expected = [given], [expected]
    ids = [row.get("id") for row in given]
    bare = [{key: value for key, value in row.items() if key != "id"} for row in given]
    wanted = [{key: value for key, value in row.items() if key != "id"} for row in expected]
    return bare == wanted and all(isinstance(one, int) and one > least for one in ids)


def _same_error(given: Any, body: Case) -> bool:
    codes = body["code"] if isinstance(body["code"], list) else [body["code"]]
    texts = all(given[key] == body[key] for key in ("message", "details") if key in body)
    return set(given) == ERROR_KEYS and given["code"] in codes and texts


def _at(document: Any, path: list[Any]) -> tuple[Any, bool]:
    for part in path:
        try:
            document = document[part]
        except (KeyError, IndexError, TypeError):
            return None, False
    return document, True


def _holds(document: Any, one: Case) -> bool:
    value, there = _at(document, one["path"])
    wanted: Any = one.get("value")
    if one["op"] == "absent" or not there:
        return (one["op"] == "absent") is not there
    match one["op"]:
        case "eq":
            return bool(value == wanted)
        case "gt":
            return bool(value > wanted)
        case "len":
            return bool(len(value) == wanted)
        case "contains":
            return bool(wanted in value)
        case "superset":
            return set(wanted) <= set(value)
        case "keys":
            return set(value) == set(wanted)
        case "regex":
            return re.search(wanted, value) is not None
        case "sorted":
            return bool(value == sorted(value))
        case "type":
            kinds = {"integer": int, "string": str, "object": dict, "array": list, "null": type(None)}
            return isinstance(value, kinds[wanted])
    raise AssertionError(one["op"])
