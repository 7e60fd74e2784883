"""What PostgREST 13 answers beyond the recorded cases, as its own source and tests (named in the comments) have it for
a table of columns like ours."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from tests.contract.store.conftest import BACKENDS
from tests.joblog.conftest import JWT_SECRET, ROLES, JobLogServer, NewServer, empty_state, serving
from tests.joblog.recorded import header_of, reset
from tests.joblog.test_behaviour import BACK, WRITER, record

from headgate.model.secret import Secret
from headgate.settings import Settings

EVERY = list(range(1, 13))


@pytest.fixture(scope="module", params=BACKENDS)
def standing(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[JobLogServer]:
    """One server for all of them: most of these tests are one question."""
    folder = tmp_path_factory.mktemp("grammar")
    settings = Settings(folder, joblog_anonymous="read", jwt_secret=Secret(JWT_SECRET), jwt_roles=ROLES)
    with serving(empty_state(request, folder), settings) as server:
        yield server


@pytest.fixture
def filled(standing: JobLogServer) -> JobLogServer:
    reset(standing.client, JWT_SECRET)
    return standing


def ids(server: JobLogServer, query: str) -> Any:
    """Of the records that are found, or the status and the code of a refusal."""
    answer = server.client.get(f"/jobs?{query}&order=id" if "order=" not in query else f"/jobs?{query}")
    body = answer.json()
    return [row["id"] for row in body] if answer.status_code == 200 else (answer.status_code, body["code"])


# ApiRequest/QueryParams.hs: `ranges`; ApiRequest.hs: `getRanges`; RangeQuery.hs
@pytest.mark.parametrize(
    ("query", "header", "expected"),
    [
        ("limit=0", None, (200, "*/*")),
        ("limit=0&offset=5", None, (416, None)),
        ("limit=0", "1-2", (200, "*/*")),
        ("limit=3&offset=-1", None, (200, "0-1/*")),
        ("limit=3&offset=-4", None, (416, None)),
        ("limit=abc&offset=3", None, (416, None)),
        ("limit=abc", None, (200, "0-11/*")),
        ("limit=2&limit=5", None, (200, "0-4/*")),
        ("limit=3", "5-6", (416, None)),
        ("limit=3", "1-10", (200, "1-2/*")),
        ("offset=4&limit=3", "0-4", (200, "4-4/*")),
        ("offset=12", None, (200, "*/*")),
        ("limit=99999999999999999999", None, (400, None)),
    ],
)
def test_limit_offset_and_range_are_one_range(
    filled: JobLogServer, query: str, header: str | None, expected: tuple[int, str | None]
) -> None:
    headers = {} if header is None else {"Range": header}
    answer = filled.client.get(f"/jobs?select=id&order=id&{query}", headers=headers)
    assert (answer.status_code, answer.headers.get("Content-Range")) == expected, answer.text


def test_a_range_is_read_by_get_alone(filled: JobLogServer) -> None:
    assert filled.client.head("/jobs", headers={"Range": "0-1"}).headers["Content-Range"] == "0-11/*"
    assert filled.client.delete("/jobs?id=eq.1&limit=-1", headers=WRITER).status_code == 416
    assert filled.client.delete("/jobs?id=eq.1&limit=1", headers=WRITER).status_code == 204


# ApiRequest/QueryParams.hs: no parser but those of order and select asks for the end of its text
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("id=in.(1,2)x", [1, 2]),
        ("end_date=is.nullx", [4, 10]),
        ("and=(id.eq.1,id.neq.2))", [1]),
        ("id!x=eq.3", [3]),
        ("or=id.eq.1", (400, "42703")),
        ("or=(id.is.nullx)", (400, "PGRST100")),
        ("or=(id.eq.1", (400, "PGRST100")),
        ("order=id.desc ,name", (400, "PGRST100")),
        ("order=id ,name&limit=1", [1]),
        ("x.or=(id.eq.1)", (400, "PGRST108")),
        ("x.id=eq.1", (400, "PGRST108")),
        ("x.limit=1", (400, "PGRST108")),
        ("x.id=nope.1", (400, "PGRST100")),
        ("id=cd.{1}", (400, "42725")),
        ("id=sl.1", (400, "42804")),
        ("name=sl.1", (404, "42883")),
    ],
)
def test_conditions_are_read_as_far_as_they_go(filled: JobLogServer, query: str, expected: Any) -> None:
    assert ids(filled, query) == expected


# Plan.hs: `resolveTypeOrUnknown` makes `to_jsonb(column)->'key'` of a path into any other column
@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("message->>a=eq.ok", []),
        ("message->a=is.null", EVERY),
        ("message->a=not.is.null", []),
        ("message->a->>b=not.eq.ok", []),
        ("message->a=isdistinct.1", EVERY),
        ("or=(name->>x.in.(1),id.eq.2)", [2]),
        ("order=message->>a.desc,id&limit=2", [1, 2]),
        ("message->0=eq.1", (400, "0A000")),
        ("nope->a=eq.1", (400, "42703")),
    ],
)
def test_a_path_into_a_value_leads_nowhere(filled: JobLogServer, query: str, expected: Any) -> None:
    assert ids(filled, query) == expected


# ApiRequest/QueryParams.hs: `pFieldForest`; Query/QueryBuilder.hs: `defSelect`; AggregateFunctionsSpec (count)
@pytest.mark.parametrize(
    ("select", "expected"),
    [
        ("name->>x,n:id", {"x": None, "n": 5}),
        ("id::smallint,name::char", {"id": 5, "name": "c"}),
        ("id::text)", {"id": "5"}),
        ("a:status,b:status", {"a": "success", "b": "success"}),
        ("count", {"count": 1}),
        ("n:count", {"n": 1}),
        ("count(id)", "PGRST100"),
        ("id!inner", "PGRST100"),
        ("rel!inner(id)", "PGRST200"),
        ("rel(id", "PGRST100"),
        ("...rel(a,b(c))", "PGRST200"),
        ("id,", "PGRST100"),
        ("a:*", "PGRST100"),
        ("id,count", "42803"),
        ("id::uuid", "0A000"),
        ("id::nope", "42704"),
        ("start_date::int", "42846"),
    ],
)
def test_a_selection_is_read_to_its_end(filled: JobLogServer, select: str, expected: Any) -> None:
    answer = filled.client.get(f"/jobs?id=eq.5&select={select}").json()
    assert (answer["code"] if isinstance(answer, dict) else answer[0]) == expected


def test_an_empty_selection_is_every_column_of_what_is_read(filled: JobLogServer) -> None:
    # PostgREST pull request 2574
    assert filled.client.get("/jobs?id=eq.5&select=").json() == filled.client.get("/jobs?id=eq.5").json()
    gone = filled.client.delete("/jobs?id=eq.5&select=", headers=BACK)
    assert gone.json() == [{"id": 5}]


def test_the_canonical_address_joins_what_is_said_twice(filled: JobLogServer) -> None:
    # ApiRequest/QueryParams.hs: `canonical`, by Network.HTTP.Base.urlEncodeVars
    answer = filled.client.get("/jobs?select=name&id=gt.5&name=eq.a+b&id=eq.3&flag")
    assert answer.headers["Content-Location"] == "/jobs?flag=&id=gt.5,eq.3&name=eq.a%20b&select=name"
    assert filled.client.get("/jobs").headers["Content-Location"] == "/jobs"


# Network.Wai.Parse.parseHttpAccept; Plan.hs: `negotiateContent`
@pytest.mark.parametrize(
    ("accept", "expected"),
    [
        ("*/*, text/csv", "text/csv; charset=utf-8"),
        ("text/csv;q=0.5, application/json", "application/json; charset=utf-8"),
        ("text/html, application/xhtml+xml, */*;q=0.8", "application/json; charset=utf-8"),
        ("application/vnd.pgrst.array+json", "application/json; charset=utf-8"),
        (
            "application/vnd.pgrst.array+json;nulls=stripped",
            "application/vnd.pgrst.array+json;nulls=stripped; charset=utf-8",
        ),
        ("application/json;charset=utf-8", "application/json; charset=utf-8"),
        ("text/plain", None),
        ("application/octet-stream", None),
        ("application/openapi+json", None),
        ("application/vnd.pgrst.plan+json", None),
    ],
)
def test_the_form_that_is_wanted_most_is_taken(
    filled: JobLogServer, accept: str, expected: str | None
) -> None:
    answer = filled.client.get("/jobs?id=eq.5", headers={"Accept": accept})
    if expected is None:
        assert (answer.status_code, answer.json()["code"]) == (406, "PGRST107")
    else:
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, expected)


def test_an_answer_in_csv_without_rows_has_no_head(filled: JobLogServer) -> None:
    # Query/SqlFragment.hs: `asCsvF` takes its head from the first row
    csv = {"Accept": "text/csv"}
    assert filled.client.get("/jobs?id=eq.0", headers=csv).text == "\n"
    assert filled.client.get("/jobs?id=eq.5&select=ok:id::bool", headers=csv).text == "ok\nt"


def test_what_is_not_answered_is_not_looked_at(filled: JobLogServer) -> None:
    # Query/Statements.hs: `prepareWrite`
    path = "/jobs?id=eq.5&select=nope&order=nope"
    assert filled.client.patch(path, json={"message": "x"}, headers=WRITER).status_code == 204
    for prefer in ("return=representation", "return=headers-only"):
        refused = filled.client.patch(path, json={"message": "y"}, headers={**WRITER, "Prefer": prefer})
        assert (refused.status_code, refused.json()["code"]) == (400, "42703")
    other = filled.client.patch("/jobs?id=eq.5&select=rel(id)", json={"message": "z"}, headers=WRITER)
    assert other.json()["code"] == "PGRST200"
    assert filled.client.get("/jobs?id=eq.5&select=message").json() == [{"message": "x"}]


@pytest.mark.parametrize("body", [{}, [], [{}], [{}, {}]])
def test_a_change_of_nothing_needs_no_filter(filled: JobLogServer, body: Any) -> None:
    # UpdateSpec: "when patching with an empty body"
    answer = filled.client.patch("/jobs", json=body, headers=WRITER)
    assert (answer.status_code, answer.headers["Content-Range"]) == (204, "*/*")
    answer = filled.client.patch("/jobs?select=id", json=body, headers=BACK)
    assert (answer.status_code, answer.json()) == (200, [])


def test_a_plan_counts_nothing_that_is_written(filled: JobLogServer) -> None:
    # ApiRequest/Preferences.hs: `shouldCount`
    for count, expected in (("exact", "0-1/2"), ("estimated", "0-1/2"), ("planned", "0-1/*")):
        headers = {**WRITER, "Prefer": f"count={count}"}
        answer = filled.client.patch("/jobs?id=in.(5,6)", json={"message": "x"}, headers=headers)
        assert answer.headers["Content-Range"] == expected
        assert answer.headers["Preference-Applied"] == f"count={count}"


def test_a_merge_that_creates_nothing_is_200(filled: JobLogServer) -> None:
    # UpsertSpec: "succeeds when the payload has no elements"
    merge = {**WRITER, "Prefer": "return=representation, resolution=merge-duplicates"}
    answer = filled.client.post("/jobs", json=[], headers=merge)
    assert (answer.status_code, answer.json()) == (200, [])
    assert filled.client.post("/jobs", json=[], headers=WRITER).status_code == 201


def test_put_writes_the_row_that_the_address_names(filled: JobLogServer) -> None:
    # UpsertSpec: "succeeds if the payload has more than one row, but it only puts the first element"
    rows = [record(id=5, name="put"), record(id=6, name="other")]
    one = {**BACK, "Accept": "application/vnd.pgrst.object+json"}
    answer = filled.client.put("/jobs?id=eq.5&select=id,name&offset=0", json=rows, headers=one)
    assert (answer.status_code, answer.json()) == (200, {"id": 5, "name": "put"})
    assert filled.client.get("/jobs?id=eq.6&select=name").json() == [{"name": "cctv_status"}]
    for query, code in (
        ("id=eq.5&limit=1", "PGRST114"),
        ("id=eq.7", "PGRST115"),
        ("id=eq.5&id=eq.6", "PGRST115"),
        ("id=eq.5&name=eq.x", "PGRST105"),
        ("id=gt.5", "PGRST105"),
        ("and=(id.eq.5)", "PGRST105"),
    ):
        assert filled.client.put(f"/jobs?{query}", json=rows, headers=WRITER).json()["code"] == code, query
    nameless = filled.client.put("/jobs?id=eq.5", json=record(), headers=WRITER)
    assert (nameless.status_code, nameless.json()["code"]) == (400, "42703")


def test_columns_are_chosen_of_json_alone(filled: JobLogServer) -> None:
    # ApiRequest/Payload.hs: `getPayload` leaves the body to PostgreSQL where columns are given
    path = "/jobs?columns=name,start_date,status,source,destination"
    mixed = [record(garbage=1), {**record(), "other": 2}]
    assert filled.client.post(path, json=mixed, headers=WRITER).status_code == 201
    for body, code in (("{", "22P02"), ("", "22P02"), ("5", "22023"), ('[{"name": "x"}, 5]', "22023")):
        answer = filled.client.post(path, content=body, headers=WRITER)
        assert (answer.status_code, answer.json()["code"]) == (400, code), body
    csv = {**WRITER, "Content-Type": "text/csv"}
    text = "name,start_date,status,source,destination,garbage\na,2018-07-01,x,b,c,d\n"
    assert filled.client.post(path, content=text, headers=csv).json()["code"] == "PGRST204"


def test_what_is_nested_in_a_body_is_its_text(filled: JobLogServer) -> None:
    # Query/SqlFragment.hs: `fromJsonBodyF`, PostgreSQL's json_to_record
    body = json.dumps(record(message=None)).replace("null", '{"a": [1,  2.50], "b": "é"}')
    answer = filled.client.post("/jobs?select=message", content=body.encode(), headers=BACK)
    assert answer.json() == [{"message": '{"a": [1,  2.50], "b": "é"}'}]
    for value, text in ((5.10, "5.1"), (True, "true"), ([1], "[1]")):
        answer = filled.client.patch("/jobs?id=eq.5&select=message", json={"message": value}, headers=BACK)
        assert answer.json() == [{"message": text}]


def test_half_a_character_is_no_json(filled: JobLogServer) -> None:
    body = json.dumps(record()).replace("orders", r"\ud800")
    answer = filled.client.post("/jobs", content=body, headers=WRITER)
    assert (answer.status_code, answer.json()["code"]) == (400, "PGRST102")
    whole = filled.client.post("/jobs?select=name", content=body.replace("800", "83d\\ude00"), headers=BACK)
    assert whole.json() == [{"name": "\U0001f600"}]


def test_put_without_representation_says_nothing(filled: JobLogServer) -> None:
    # Response.hs: 204 for whatever was written
    for number in (5, 900):
        row = record(id=number)
        answer = filled.client.put(f"/jobs?id=eq.{number}", json=row, headers=WRITER)
        assert (answer.status_code, answer.content) == (204, b"")
    assert filled.client.put("/jobs?id=eq.901", json=record(id=901), headers=BACK).status_code == 201


def test_the_first_column_that_lacks_its_value_is_told(filled: JobLogServer) -> None:
    answer = filled.client.post("/jobs", json={"status": None, "source": "a"}, headers=WRITER).json()
    assert answer["code"] == "23502"
    assert '"name"' in answer["message"]


def test_what_columns_name_and_a_body_lacks_is_null(filled: JobLogServer) -> None:
    for prefer in ("missing=null", "missing=default"):
        headers = {**WRITER, "Prefer": f"{prefer}, return=representation"}
        path = "/jobs?id=eq.5&columns=message,end_date&select=message,end_date,status"
        (row,) = filled.client.patch(path, json={"message": "x", "status": "y"}, headers=headers).json()
        assert row == {"message": "x", "end_date": None, "status": "success"}
    refused = filled.client.patch("/jobs?id=eq.5&columns=name", json={}, headers=headers).json()
    assert refused["code"] == "23502"


def test_rights_are_looked_at_before_values(filled: JobLogServer) -> None:
    # the order in which PostgreSQL analyses, permits and runs a statement
    client = filled.client
    for body, code in (({}, "42501"), ({"id": "x"}, "42501"), ({"nope": 1}, "PGRST204")):
        answer = client.post("/jobs", json=body)
        assert answer.json()["code"] == code
    assert client.post("/jobs", json={}).headers["WWW-Authenticate"] == "Bearer"
    assert client.delete("/jobs?id=eq.x").json()["code"] == "22P02"


def test_the_role_of_requests_without_a_token_has_their_rights(filled: JobLogServer) -> None:
    anonymous = header_of({"claims": {"role": "web_anon"}}, JWT_SECRET)
    assert filled.client.get("/jobs?id=eq.1", headers=anonymous).status_code == 200
    refused = filled.client.delete("/jobs?id=eq.1", headers=anonymous)
    assert (refused.status_code, refused.headers["WWW-Authenticate"]) == (401, "Bearer")
    audience = header_of({"claims": {"role": "etl_writer", "aud": 5}}, JWT_SECRET)
    assert filled.client.get("/jobs", headers=audience).json()["code"] == "PGRST303"


@pytest.mark.parametrize(
    ("method", "path", "expected"),
    [
        ("GET", "/jobs/1", (404, "PGRST125")),
        ("GET", "/jobs/", (404, "PGRST125")),
        ("POST", "/jobs/1/2", (404, "PGRST125")),
        ("GET", "/rpc/totals", (404, "PGRST202")),
        ("POST", "/rpc/totals", (404, "PGRST202")),
        ("DELETE", "/rpc/totals", (405, "PGRST101")),
    ],
)
def test_a_path_that_is_no_table_is_said_to_be_none(
    standing: JobLogServer, method: str, path: str, expected: tuple[int, str]
) -> None:
    # ApiRequest.hs: `getResource`, `getAction`
    answer = standing.client.request(method, path, headers=WRITER)
    assert (answer.status_code, answer.json()["code"]) == expected
    assert set(answer.json()) == {"code", "message", "details", "hint"}


def test_browsers_and_the_root_are_told_what_postgrest_tells_them(standing: JobLogServer) -> None:
    # CorsSpec; Plan.hs: `inspectPlan`; Error.hs: `errorResponseFor` (13: Proxy-Status)
    asked = {
        "Origin": "http://example.com",
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "Foo,Bar",
    }
    told = standing.client.options("/", headers=asked).headers
    assert told["Access-Control-Allow-Methods"] == "GET, POST, PATCH, PUT, DELETE, OPTIONS, HEAD"
    assert (
        told["Access-Control-Allow-Headers"]
        == "Authorization, Foo, Bar, Accept, Accept-Language, Content-Language"
    )
    assert told["Access-Control-Max-Age"] == "86400"
    root = standing.client.get("/", headers={"Accept": "application/json", "Accept-Profile": "api"})
    assert root.headers["Content-Type"] == "application/openapi+json; charset=utf-8"
    assert root.headers["Content-Profile"] == "api"
    assert standing.client.get("/", headers={"Accept": "text/csv"}).status_code == 406
    for method, header in (("GET", "Accept-Profile"), ("POST", "Content-Profile")):
        other = standing.client.request(method, "/jobs", headers={**WRITER, header: "other"})
        assert (other.status_code, other.json()["code"]) == (406, "PGRST106")
        assert other.headers["Proxy-Status"] == "PostgREST; error=PGRST106"


def test_aggregates_take_casts_before_and_after(new_server: NewServer) -> None:
    # AggregateFunctionsSpec
    server = new_server(joblog_aggregates=True)
    reset(server.client, JWT_SECRET)
    for select, expected in (
        ("count()::text", {"count": "12"}),
        ("n:end_date.count()", {"n": 10}),
        ("records_processed.sum()::text", {"sum": "103014"}),
        ("s:id::bigint.sum()::int", {"s": 78}),
        ("id.avg()::int", {"avg": 7}),
        ("id::text.max()", {"max": "9"}),
        ("start_date::date.min()", {"min": "2018-06-16"}),
        ("name.min()", {"min": "BOND_REPORT"}),
    ):
        assert server.client.get(f"/jobs?select={select}").json() == [expected]
