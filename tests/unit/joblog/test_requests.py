"""Preferences, ranges, media types, bodies and tokens of a request."""

from __future__ import annotations

import time
from typing import Any

import jwt
import pytest

from headgate.joblog.bearer import read_jwt
from headgate.joblog.media import ROWS, Media, body_media, negotiated
from headgate.joblog.paging import Slice, content_range, read_slice, status_of
from headgate.joblog.payload import read_payload
from headgate.joblog.preferences import read_preferences
from headgate.joblog.refusal import Refusal
from headgate.model.secret import Secret

SECRET = Secret("0123456789abcdef0123456789abcdef")


def test_of_preferences_said_twice_the_first_counts() -> None:
    found = read_preferences(
        [
            "count=exact,  tx=rollback ,return=minimal",
            "return=representation, odd, max-affected=7, timezone=Etc/UTC",
        ],
        may_end_transactions=False,
    )
    assert (found.count, found.returned, found.tx, found.max_affected) == ("exact", "minimal", "", 7)
    assert (found.ignored, found.timezone) == (("odd",), "Etc/UTC")
    assert found.applied(("count", "return", "tx", "max-affected")) == "return=minimal, count=exact"


def test_strict_handling_refuses_what_nobody_knows() -> None:
    with pytest.raises(Refusal) as caught:
        read_preferences(["handling=strict, odd, timezone=No/Where"], may_end_transactions=True)
    assert (caught.value.code, caught.value.details) == (
        "PGRST122",
        "Invalid preferences: odd, timezone=No/Where",
    )
    kept = read_preferences(["handling=strict, max-affected=2, tx=rollback"], may_end_transactions=True)
    assert kept.applied(("handling", "max-affected", "tx")) == "tx=rollback, handling=strict, max-affected=2"


@pytest.mark.parametrize(
    ("limit", "offset", "header", "expected"),
    [
        (None, None, None, Slice()),
        ("3", None, None, Slice(0, 3)),
        ("3", "5", None, Slice(5, 3)),
        ("x", None, None, Slice()),
        (None, "-4", None, Slice()),
        ("3", "-1", None, Slice(0, 2)),
        (None, None, "9-", Slice(9)),
        (None, None, "2-4", Slice(2, 3)),
        ("10", None, "2-4", Slice(2, 3)),
        ("3", None, "2-9", Slice(2, 1)),
        (None, None, "bytes=0-1", Slice()),
        ("0", None, None, Slice(0, 0)),
        ("0", "0", "5-9", Slice(0, 0)),
    ],
)
def test_limit_offset_and_range_meet(
    limit: str | None, offset: str | None, header: str | None, expected: Slice
) -> None:
    assert read_slice(limit, offset, header) == expected


def test_ranges_that_cannot_be_are_refused() -> None:
    for limit, header in (("-1", None), (None, "1-0"), ("2", "5-9")):
        with pytest.raises(Refusal) as caught:
            read_slice(limit, None, header)
        assert (caught.value.status, caught.value.code) == (416, "PGRST103")


def test_content_range_says_what_part_of_how_much() -> None:
    assert content_range(0, 11, None) == "0-11/*"
    assert content_range(10, 11, 12) == "10-11/12"
    assert content_range(0, -1, None) == "*/*"
    assert content_range(1, 0, 0) == "*/0"
    assert [status_of(Slice(0, 2), 2, total) for total in (None, 2, 3)] == [200, 200, 206]
    with pytest.raises(Refusal) as caught:
        status_of(Slice(5), 0, 3)
    assert caught.value.content_range == "*/3"


@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        (None, Media.JSON),
        ("", Media.JSON),
        ("*/*", Media.JSON),
        ("text/csv", Media.CSV),
        ("text/csv;q=0.5, application/json", Media.JSON),
        ("text/html, application/xhtml+xml, */*;q=0.8", Media.JSON),
        ("application/vnd.pgrst.object", Media.OBJECT),
        ("application/vnd.pgrst.object+json;nulls=stripped", Media.STRIPPED_OBJECT),
        ("application/vnd.pgrst.array+json; nulls=stripped", Media.STRIPPED),
        ("application/json;q=0, text/csv", Media.CSV),
    ],
)
def test_the_best_form_is_chosen(accept: str | None, expected: Media) -> None:
    assert negotiated(accept, ROWS) is expected


def test_forms_that_there_are_not_are_refused() -> None:
    with pytest.raises(Refusal) as caught:
        negotiated("text/html", ROWS)
    assert (caught.value.status, caught.value.code) == (406, "PGRST107")
    with pytest.raises(Refusal) as caught:
        body_media("application/xml")
    assert (caught.value.status, caught.value.code) == (400, "PGRST102")
    assert body_media("application/json; charset=utf-8") is Media.JSON


@pytest.mark.parametrize(
    ("media", "body", "rows"),
    [
        (Media.JSON, b'{"a": 1}', [{"a": "1"}]),
        (Media.JSON, b"[]", []),
        (Media.JSON, b"5", []),
        (Media.CSV, b'a,b\n"x, y",NULL\n,2\n', [{"a": "x, y", "b": None}, {"a": "", "b": "2"}]),
        (Media.FORM, b"a=x+y&b=", [{"a": "x y", "b": ""}]),
    ],
)
def test_a_body_holds_rows(media: Media, body: bytes, rows: list[dict[str, Any]]) -> None:
    assert read_payload(media, body, None).rows == rows


@pytest.mark.parametrize(
    ("media", "body", "message"),
    [
        (Media.JSON, b"", "Empty or invalid json"),
        (Media.JSON, b"{", "Empty or invalid json"),
        (Media.JSON, b'{"a": NaN}', "Empty or invalid json"),
        (Media.JSON, b"[" * 100_000, "Empty or invalid json"),
        (Media.JSON, b'[{"a": 1}, {"b": 1}]', "All object keys must match"),
        (Media.JSON, b'[{"a": 1}, 5]', "All object keys must match"),
        (Media.JSON, b'{"a": "\xff"}', "the body is not UTF-8 at byte 7"),
        (Media.CSV, b"", "Empty or invalid CSV"),
        (Media.CSV, b"a,b\n1\n", "All lines must have same number of fields"),
    ],
)
def test_a_body_that_holds_none_is_refused(media: Media, body: bytes, message: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_payload(media, body, None)
    assert (caught.value.status, caught.value.code, caught.value.message) == (400, "PGRST102", message)


def test_named_columns_need_not_all_be_there() -> None:
    found = read_payload(Media.JSON, b'[{"a": 1, "b": 2}, {"a": 3}]', ("a", "b"))
    assert (found.keys, len(found.rows)) == (("a", "b"), 2)


def test_a_token_is_believed_while_it_holds() -> None:
    now = time.time()
    text = jwt.encode({"role": "etl", "exp": now - 20, "nbf": now + 20, "iat": now + 20}, SECRET.reveal())
    assert read_jwt(text, SECRET, now)["role"] == "etl"


@pytest.mark.parametrize(
    ("claims", "message"),
    [
        ({"exp": -60}, "JWT expired"),
        ({"nbf": 60}, "JWT not yet valid"),
        ({"iat": 60}, "JWT issued at future"),
    ],
)
def test_claims_that_do_not_hold_now_are_refused(claims: dict[str, int], message: str) -> None:
    now = time.time()
    text = jwt.encode({name: now + seconds for name, seconds in claims.items()}, SECRET.reveal())
    with pytest.raises(Refusal) as caught:
        read_jwt(text, SECRET, now)
    assert (caught.value.status, caught.value.code, caught.value.message) == (401, "PGRST303", message)
    assert caught.value.challenge == f'Bearer error="invalid_token", error_description="{message}"'


@pytest.mark.parametrize(
    "text",
    [
        "garbage",
        "",
        "a.b.c",
        jwt.encode({}, "x" * 32),
        jwt.encode({}, SECRET.reveal() * 2, algorithm="HS512"),
        jwt.encode({}, "", algorithm="none"),
    ],
)
def test_what_is_no_token_of_the_secret_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_jwt(text, SECRET, time.time())
    assert (caught.value.status, caught.value.code) == (401, "PGRST301")
    assert SECRET.reveal() not in str(caught.value.body())
