"""What the job log does beyond PostgREST's answers, and who may do it."""

from __future__ import annotations

import json
import random
import string
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from tests.joblog.conftest import JWT_SECRET, JobLogServer, NewServer
from tests.joblog.recorded import header_of, reset

Row = dict[str, Any]
WRITER = header_of("writer", JWT_SECRET)
BACK = {**WRITER, "Prefer": "return=representation"}


def record(**values: Any) -> Row:
    began = datetime.now(UTC) - timedelta(minutes=5)
    usual = {
        "name": "orders",
        "start_date": began.isoformat(),
        "status": "in_progress",
        "source": "crm",
        "destination": "lake",
    }
    return {**usual, **values}


def created(server: JobLogServer, **values: Any) -> Row:
    answer = server.client.post("/jobs", json=record(**values), headers=BACK)
    assert answer.status_code == 201, answer.text
    (row,) = answer.json()
    assert isinstance(row, dict)
    return row


def test_a_final_status_ends_a_record_now(server: JobLogServer) -> None:
    row = created(server)
    assert row["end_date"] is None
    where = f"/jobs?id=eq.{row['id']}"
    answer = server.client.patch(where, json={"status": "success", "records_processed": 7}, headers=BACK)
    (ended,) = answer.json()
    age = datetime.now(UTC) - datetime.fromisoformat(ended["end_date"])
    assert timedelta(0) <= age < timedelta(minutes=1)
    again = server.client.patch(where, json={"status": "error"}, headers=BACK).json()[0]
    assert again["end_date"] == ended["end_date"]
    assert created(server, status="error")["end_date"] is not None


def test_an_end_that_is_given_stands_and_one_that_nobody_saw_is_not_made_up(server: JobLogServer) -> None:
    assert created(server, status="success", end_date=None)["end_date"] is None
    given = "2018-06-16T05:00:00+00:00"
    assert created(server, status="success", end_date=given)["end_date"] == given
    assert created(server, status="error", start_date="2018-06-16")["end_date"] is None


def test_the_newest_record_of_each_name_is_one_row(server: JobLogServer) -> None:
    reset(server.client, JWT_SECRET)
    rows = server.client.get("/jobs_latest?select=id,name&order=name").json()
    assert rows == [
        {"id": 12, "name": "BOND_REPORT"},
        {"id": 11, "name": "bond_report"},
        {"id": 6, "name": "cctv_status"},
        {"id": 8, "name": "dms_messages"},
        {"id": 4, "name": "signals_to_socrata"},
        {"id": 10, "name": "street, closures (daily)"},
    ]
    late = server.client.get(
        "/jobs_latest?status=eq.in_progress&select=id", headers={"Prefer": "count=exact"}
    )
    assert (late.json(), late.headers["Content-Range"]) == ([{"id": 4}, {"id": 10}], "0-1/2")
    refused = server.client.post("/jobs_latest", json=record(), headers=WRITER)
    assert (refused.status_code, refused.json()["hint"]) == (405, "write to /jobs")
    assert server.client.get("/jobs_latest?name=eq.nobody").json() == []


def test_nothing_is_deleted_or_changed_without_a_filter(new_server: NewServer) -> None:
    server = new_server()
    created(server)
    for answer in (
        server.client.delete("/jobs", headers=WRITER),
        server.client.delete("/jobs?limit=5&order=id", headers=WRITER),
        server.client.patch("/jobs", json={"message": "x"}, headers=WRITER),
    ):
        assert (answer.status_code, answer.json()["code"]) == (400, "21000")
        assert "requires a WHERE clause" in answer.json()["message"]
    assert len(server.client.get("/jobs").json()) == 1
    allowed = new_server(joblog_unfiltered_writes=True)
    assert allowed.client.delete("/jobs", headers=WRITER).status_code == 204
    assert allowed.client.get("/jobs").json() == []


def test_a_token_for_named_jobs_sees_and_writes_those_alone(server: JobLogServer) -> None:
    other = created(server, name="items")
    own = server.token("joblog:orders")
    back = {**own, "Prefer": "return=representation"}
    row = server.client.post("/jobs", json=record(), headers=back).json()[0]
    assert [one["name"] for one in server.client.get("/jobs", headers=own).json()] == ["orders"]
    total = server.client.get("/jobs", headers={**own, "Prefer": "count=exact"})
    assert total.headers["Content-Range"] == "0-0/1"
    for answer in (
        server.client.post("/jobs", json=record(name="items"), headers=own),
        server.client.patch(f"/jobs?id=eq.{row['id']}", json={"name": "items"}, headers=own),
        server.client.put(f"/jobs?id=eq.{other['id']}", json={**record(), "id": other["id"]}, headers=own),
    ):
        assert (answer.status_code, answer.json()["code"]) == (403, "42501")
    assert (
        server.client.patch("/jobs?id=gte.0", json={"message": "x"}, headers=back).json()[0]["id"]
        == row["id"]
    )
    assert server.client.delete("/jobs?id=gte.0", headers=own).status_code == 204
    assert [one["name"] for one in server.client.get("/jobs").json()] == ["items"]


@pytest.mark.parametrize(
    ("scopes", "reads", "writes"),
    [
        ("admin", 200, 201),
        ("joblog", 200, 201),
        ("joblog:read", 200, 403),
        ("read", 403, 403),
        ("deploy", 403, 403),
        ("run", 403, 403),
    ],
)
def test_scopes_decide_who_reads_and_writes(
    server: JobLogServer, scopes: str, reads: int, writes: int
) -> None:
    own = server.token(scopes)
    assert server.client.get("/jobs", headers=own).status_code == reads
    assert server.client.post("/jobs", json=record(), headers=own).status_code == writes


def test_without_a_token_nothing_is_shown_by_default(new_server: NewServer) -> None:
    server = new_server(joblog_anonymous="none", jwt_secret=None)
    answer = server.client.get("/jobs")
    assert (answer.status_code, answer.headers["WWW-Authenticate"]) == (401, "Bearer")
    assert answer.json()["code"] == "PGRST302"
    refused = server.client.get("/jobs", headers=WRITER)
    assert (refused.status_code, refused.json()["code"]) == (401, "PGRST301")
    assert "HEADGATE_JWT_SECRET" in refused.json()["details"]
    assert server.client.options("/jobs").status_code == 200


def test_a_success_is_an_event(server: JobLogServer) -> None:
    store = server.context.store
    before = store.events.last_id()
    row = created(server)
    assert store.events.read(before) == []
    server.client.patch(f"/jobs?id=eq.{row['id']}", json={"status": "success"}, headers=WRITER)
    (event,) = store.events.read(before)
    assert (event.kind, event.data["name"], event.data["status"]) == ("job_log_recorded", "orders", "success")


def test_ids_that_are_given_are_not_given_again(server: JobLogServer) -> None:
    created(server, id=500)
    assert created(server)["id"] > 500
    taken = server.client.post("/jobs", json=record(id=500), headers=WRITER)
    assert (taken.status_code, taken.json()["code"]) == (409, "23505")
    assert taken.json()["details"] == "Key (id)=(500) already exists."


def test_many_records_arrive_whole_or_not_at_all(server: JobLogServer) -> None:
    rows = [record(name=f"n{number}") for number in range(1_000)]
    assert server.client.post("/jobs", json=rows, headers=WRITER).status_code == 201
    total = server.client.get("/jobs?limit=1", headers={"Prefer": "count=exact"})
    assert (total.status_code, total.headers["Content-Range"]) == (206, "0-0/1000")
    rows[999]["start_date"] = "never"
    assert server.client.post("/jobs", json=rows, headers=WRITER).status_code == 400
    assert len(server.client.get("/jobs?select=id").json()) == 1_000


def test_a_long_answer_is_the_same_in_every_form(server: JobLogServer) -> None:
    rows = [record(name=f"n{number}", message='a "b", c') for number in range(2_500)]
    server.client.post("/jobs", json=rows, headers=WRITER)
    listed = server.client.get("/jobs?order=id")
    assert (len(listed.json()), listed.headers["Content-Range"]) == (2_500, "0-2499/*")
    csv = server.client.get("/jobs?order=id&select=name,message", headers={"Accept": "text/csv"})
    assert csv.text.count("\n") == 2_500
    assert csv.text.splitlines()[1] == 'n0,"a ""b"", c"'
    head = server.client.head("/jobs?order=id")
    assert (head.content, head.headers["Content-Range"]) == (b"", "0-2499/*")


def test_a_zone_that_is_preferred_is_that_of_the_answer(server: JobLogServer) -> None:
    created(server, start_date="2018-06-16T05:00:00Z")
    prefer = {"Prefer": "timezone=America/Chicago"}
    answer = server.client.get("/jobs?select=start_date,day:start_date::date", headers=prefer)
    assert answer.json() == [{"start_date": "2018-06-16T00:00:00-05:00", "day": "2018-06-16"}]
    assert answer.headers["Preference-Applied"] == "timezone=America/Chicago"
    found = server.client.get("/jobs?start_date=eq.2018-06-16 00:00:00&select=id", headers=prefer)
    assert len(found.json()) == 1


def test_aggregates_group_by_day_when_they_are_allowed(new_server: NewServer) -> None:
    server = new_server(joblog_aggregates=True)
    reset(server.client, JWT_SECRET)
    path = "/jobs?select=day:start_date::date,n:count(),records_processed.sum()&order=start_date&limit=2"
    rows = server.client.get(path)
    assert rows.status_code == 400  # ordered by what is not grouped
    rows = server.client.get(
        "/jobs?select=status,records_processed.avg(),records_processed.max()&order=status"
    )
    assert [row["max"] for row in rows.json()] == [42, None, 100_000]
    days = server.client.get("/jobs?select=day:start_date::date,n:count()").json()
    assert {row["day"]: row["n"] for row in days} == {
        "2018-06-16": 1,
        "2018-06-17": 2,
        "2018-06-18": 4,
        "2018-06-19": 3,
        "2018-06-20": 2,
    }


def test_browsers_may_ask_from_anywhere(server: JobLogServer) -> None:
    asked = {
        "Origin": "http://example.com",
        "Access-Control-Request-Method": "PATCH",
        "Access-Control-Request-Headers": "content-type, prefer",
    }
    answer = server.client.options("/jobs", headers=asked)
    assert answer.status_code == 200
    assert "PATCH" in answer.headers["Access-Control-Allow-Methods"]
    assert "prefer" in answer.headers["Access-Control-Allow-Headers"]
    assert answer.headers["Access-Control-Allow-Origin"] == "*"


def test_the_other_routes_are_as_they_were(server: JobLogServer) -> None:
    assert server.client.get("/healthz").status_code == 200
    assert server.client.get("/metrics").status_code == 401
    document = server.client.get("/").json()
    assert (document["swagger"], set(document["paths"])) == ("2.0", {"/", "/jobs", "/jobs_latest"})
    nested = server.client.get("/jobs/5")
    assert nested.status_code in (401, 404)


def test_a_name_that_no_index_holds_is_refused_alike_by_both_databases(server: JobLogServer) -> None:
    rng = random.Random(7)
    long = "".join(rng.choices(string.ascii_letters, k=2_000))
    assert created(server, name=long)["name"] == long
    assert created(server, name="ä" * 1_000)["name"] == "ä" * 1_000
    for column, most in (("name", 2_000), ("status", 400)):
        for text in ("x" * (most + 1), "ä" * (most // 2 + 1)):
            for method, path in (("POST", "/jobs"), ("PATCH", "/jobs?id=eq.1")):
                values = {column: text} if method == "PATCH" else record(**{column: text})
                answer = server.client.request(method, path, json=values, headers=WRITER)
                assert (answer.status_code, answer.json()["code"]) == (413, "54000"), (column, method)


def test_what_is_too_large_is_refused_before_it_is_read(server: JobLogServer) -> None:
    answer = server.client.post("/jobs", content=b"[" + b" " * (100 * 2**20), headers=WRITER)
    assert (answer.status_code, answer.json()["code"]) == (413, "PGRST102")


def test_every_error_has_four_keys(server: JobLogServer) -> None:
    for path in ("/jobs?id=eq.x", "/jobs?nope=eq.1", "/nope", "/jobs?select=rel(id)"):
        assert set(json.loads(server.client.get(path).text)) == {"code", "message", "details", "hint"}


def test_what_is_infinite_stays_so(server: JobLogServer) -> None:
    created(server, start_date="-infinity", end_date="infinity")
    casts = "start_date,end_date,day:end_date::date,at:start_date::timestamp,text:end_date::text"
    assert server.client.get(f"/jobs?select={casts}").json() == [
        {
            "start_date": "-infinity",
            "end_date": "infinity",
            "day": "infinity",
            "at": "-infinity",
            "text": "infinity",
        }
    ]
    assert (
        server.client.get("/jobs?select=day:end_date::date", headers={"Accept": "text/csv"}).text
        == "day\ninfinity"
    )
    assert len(server.client.get("/jobs?end_date=gt.9999-12-31").json()) == 1
