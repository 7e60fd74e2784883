"""Whatever stands in an address or a body: an answer that PostgREST could give, never an error of the server's; and
the table stands, with what was in it."""

from __future__ import annotations

from collections.abc import Iterator
from urllib.parse import quote

import hypothesis
import pytest
from hypothesis import strategies as st
from tests.contract.store.conftest import BACKENDS
from tests.joblog.conftest import JWT_SECRET, ROLES, JobLogServer, empty_state, serving
from tests.joblog.recorded import header_of, reset

from headgate.joblog.table import NAMES
from headgate.model.secret import Secret
from headgate.settings import Settings

SETTINGS = hypothesis.settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
WORDS = (
    *(
        "eq",
        "neq",
        "gt",
        "lt",
        "like",
        "ilike",
        "match",
        "imatch",
        "in",
        "is",
        "isdistinct",
        "fts",
        "cs",
        "not",
    ),
    *("any", "all", "and", "or", "null", "not_null", "true", "asc", "desc", "nullsfirst", "count()", "sum()"),
    *NAMES,
    *(
        "(",
        ")",
        ",",
        ".",
        ":",
        "::",
        "*",
        "{",
        "}",
        '"',
        "\\",
        "%",
        "_",
        "->",
        "->>",
        "-",
        " ",
        "'",
        ";",
        "--",
        "/*",
    ),
    *(
        "1",
        "-1",
        "99999999999",
        "2018-06-16",
        "infinity",
        "now",
        "text",
        "date",
        "int",
        "NULL",
        "é",
        "\0",
        "\u2028",
    ),
    "'; drop table job_log; --",
    '" ; delete from job_log; --',
    ") or 1=1 --",
    "(a+)+$",
    "(.*a){20}",
    "%a" * 20,
)
PIECES = st.lists(st.sampled_from(WORDS) | st.text(max_size=3), max_size=8).map("".join)
KEYS = (
    st.sampled_from(
        (*NAMES, "select", "order", "limit", "offset", "and", "or", "not.or", "columns", "on_conflict", "a.b")
    )
    | PIECES
)
QUERIES = st.lists(st.tuples(KEYS, PIECES), max_size=4)


@pytest.fixture(scope="module", params=BACKENDS)
def fuzzed(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JobLogServer]:
    folder = tmp_path_factory.mktemp("fuzz")
    settings = Settings(
        folder,
        joblog_anonymous="read",
        joblog_aggregates=True,
        jwt_secret=Secret(JWT_SECRET),
        jwt_roles=ROLES,
    )
    with serving(empty_state(request, folder), settings) as server:
        reset(server.client, JWT_SECRET)
        yield server


def address(pairs: list[tuple[str, str]]) -> str:
    return "/jobs?" + "&".join(f"{quote(key, safe='')}={quote(value, safe='')}" for key, value in pairs)


@SETTINGS
@hypothesis.given(QUERIES)
def test_no_question_breaks_the_server(fuzzed: JobLogServer, pairs: list[tuple[str, str]]) -> None:
    answer = fuzzed.client.get(address(pairs))
    assert answer.status_code < 500, answer.text
    if answer.status_code >= 400:
        assert set(answer.json()) == {"code", "message", "details", "hint"}
    elif answer.json():
        assert all(isinstance(row, dict) for row in answer.json())
    assert stands(fuzzed)


@SETTINGS
@hypothesis.given(QUERIES, PIECES)
def test_no_change_is_made_by_whom_may_not(
    fuzzed: JobLogServer, pairs: list[tuple[str, str]], body: str
) -> None:
    for method in ("POST", "PATCH", "DELETE", "PUT"):
        answer = fuzzed.client.request(method, address(pairs), content=body.encode())
        assert 400 <= answer.status_code < 500, answer.text
    assert stands(fuzzed)


@SETTINGS
@hypothesis.given(
    st.sampled_from(("application/json", "text/csv", "application/x-www-form-urlencoded")),
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5) | PIECES,
        lambda inner: (
            st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(NAMES) | PIECES, inner, max_size=5)
        ),
        max_leaves=8,
    ),
)
def test_no_body_breaks_the_server(fuzzed: JobLogServer, kind: str, document: object) -> None:
    import json

    headers = {**header_of("writer", JWT_SECRET), "Content-Type": kind, "Prefer": "return=representation"}
    text = json.dumps(document) if kind == "application/json" else str(document)
    answer = fuzzed.client.post("/jobs", content=text.encode("utf-8", "surrogatepass"), headers=headers)
    assert answer.status_code < 500, answer.text
    if answer.status_code == 201 and answer.json():
        ids = ",".join(str(row["id"]) for row in answer.json())
        fuzzed.client.delete(f"/jobs?id=in.({ids})", headers=header_of("writer", JWT_SECRET))
    assert stands(fuzzed)


def stands(server: JobLogServer) -> bool:
    """By another way than the one that is tested: a connection of our own."""
    with server.context.store.database.read() as connection:
        rows = connection.rows("SELECT id, name FROM job_log ORDER BY id")
    return len(rows) == 12 and rows[0][1] == "signals_to_socrata"


@pytest.mark.parametrize(
    "query",
    [
        "id=in.(" + ",".join(map(str, range(12_000))) + ")",
        "&".join(["id=gt.0"] * 400),
        "or=(" + ",".join(["id.gt.0"] * 400) + ")",
        "message=match." + quote("(a|aa)+$" * 50),
        "message=like." + "%25a" * 1_000,
        "name=eq." + "x" * 50_000,
        "select=" + ",".join(f"c{number}:id" for number in range(2_000)),
        "order=" + ",".join(["id"] * 1_000),
    ],
)
def test_large_questions_are_answered_or_refused(fuzzed: JobLogServer, query: str) -> None:
    answer = fuzzed.client.get(f"/jobs?{query}")
    assert answer.status_code in (200, 400), answer.text[:500]
    assert stands(fuzzed)


@pytest.mark.parametrize(
    ("query", "code"),
    [
        ("&".join(["id=gt.0"] * 8_000), "54001"),
        ("or=(" + "and(" * 5_000 + "id.eq.1" + ")" * 5_000 + ")", "54001"),
        ("id=eq.%00", "22021"),
        ("name=eq.a%00b", "22021"),
        ("name=eq.%ff%fe", "22021"),
        ("name=match.(", "2201B"),
        ("name=match.(a)%5C1", "2201B"),
        ("name=like.a%5C", "22025"),
    ],
)
def test_hostile_questions_are_refused_by_their_code(fuzzed: JobLogServer, query: str, code: str) -> None:
    answer = fuzzed.client.get(f"/jobs?{query}")
    assert (answer.status_code, answer.json()["code"]) == (400, code)
