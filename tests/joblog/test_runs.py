"""Runs of the job log over `/api/v1/jobLog`: what is answered, to whom, and by whose clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2 as httpx
import pytest
from tests.joblog.conftest import JWT_SECRET, JobLogServer
from tests.joblog.recorded import header_of

Headers = dict[str, str]
BASE = "/api/v1/jobLog"


@pytest.fixture
def auth(server: JobLogServer) -> Headers:
    return server.token("joblog")


def start(server: JobLogServer, auth: Headers, name: str = "orders", **more: Any) -> httpx.Response:
    key = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
    return server.client.post(BASE, json={"name": name, **more}, headers={**auth, **key})


def finish(
    server: JobLogServer, auth: Headers, number: int, status: str = "success", **more: Any
) -> httpx.Response:
    key = {"Idempotency-Key": more.pop("key")} if "key" in more else {}
    return server.client.post(
        f"{BASE}/records/{number}/finish", json={"status": status, **more}, headers={**auth, **key}
    )


def about(server: JobLogServer, auth: Headers, name: str = "orders") -> Any:
    return server.client.get(f"{BASE}/jobs/{name}", headers=auth).json()


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


def test_a_run_starts_finishes_and_is_the_previous_of_the_next(server: JobLogServer, auth: Headers) -> None:
    assert about(server, auth) == {"name": "orders", "record": None, "previous": None, "watermark": None}
    started = start(server, auth, source="crm", destination="lake")
    assert started.status_code == 201
    body = started.json()
    assert (body["previous"], body["watermark"]) == (None, None)
    assert body["record"]["status"] == "in_progress"
    watermark = {"to": "2026-01-31", "ids": [1, 2]}
    done = finish(server, auth, body["record"]["id"], recordsProcessed=12, message="ok", watermark=watermark)
    assert done.status_code == 200
    record = done.json()["record"]
    assert record | {"endDate": None} == body["record"] | {
        "status": "success",
        "recordsProcessed": 12,
        "message": "ok",
    }
    following = start(server, auth).json()
    assert (following["previous"], following["watermark"]) == (record, watermark)
    assert about(server, auth) == {"name": "orders", **following}


def test_what_our_client_writes_is_what_clients_of_postgrest_read(
    server: JobLogServer, auth: Headers
) -> None:
    started = start(server, auth, source="crm", destination="lake").json()["record"]
    finish(server, auth, started["id"], "error", message="boom")
    (row,) = server.client.get("/jobs?name=eq.orders", headers=auth).json()
    assert (row["id"], row["status"], row["message"], row["source"]) == (
        started["id"],
        "error",
        "boom",
        "crm",
    )
    assert datetime.fromisoformat(row["start_date"]) == datetime.fromisoformat(started["startDate"])


def test_what_clients_of_postgrest_write_counts_as_well(server: JobLogServer, auth: Headers) -> None:
    row = {"name": "orders", "start_date": "now", "status": "in_progress", "source": "", "destination": ""}
    assert server.client.post("/jobs", json=row, headers=auth).status_code == 201
    assert code_of(start(server, auth, overlap="refuse")) == (409, "job_in_progress")
    taken = start(server, auth, overlap="take_over").json()["record"]
    assert code_of(finish(server, auth, taken["id"] - 1)) == (409, "job_record_finished")
    done = {"status": "success"}
    assert server.client.patch(f"/jobs?id=eq.{taken['id']}", json=done, headers=auth).status_code == 204
    assert about(server, auth)["previous"]["id"] == taken["id"]


@pytest.mark.parametrize("moment", ["infinity", "-infinity"])
def test_a_start_without_bounds_is_told_as_it_is(server: JobLogServer, auth: Headers, moment: str) -> None:
    row = {"name": "orders", "start_date": moment, "status": "success", "source": "", "destination": ""}
    row["end_date"] = "infinity"
    assert server.client.post("/jobs", json=row, headers=auth).status_code == 201
    assert about(server, auth)["previous"]["startDate"] == moment


def test_calls_that_are_sent_again_answer_the_same(server: JobLogServer, auth: Headers) -> None:
    first = start(server, auth, key="a").json()
    assert start(server, auth, key="a", startDate="2026-01-01T00:00:00Z").json() == first
    number = first["record"]["id"]
    done = finish(server, auth, number, key="b", watermark=5).json()
    assert finish(server, auth, number, key="b", watermark=5).json() == done
    assert code_of(finish(server, auth, number, key="c")) == (409, "job_record_finished")
    assert code_of(finish(server, auth, number, key="a")) == (409, "idempotency_key_reused")
    assert code_of(finish(server, auth, 99)) == (404, "job_record_not_found")


def test_times_of_the_sender_are_moved_by_what_its_clock_is_off(server: JobLogServer, auth: Headers) -> None:
    now = datetime.now(UTC)
    fast = timedelta(hours=5)  # the sender's clock is ahead
    began = now - timedelta(minutes=10)
    body = start(server, auth, startDate=(began + fast).isoformat(), clock=(now + fast).isoformat()).json()[
        "record"
    ]
    assert abs(datetime.fromisoformat(body["startDate"]) - began) < timedelta(seconds=30)
    done = finish(server, auth, body["id"], endDate=(began - fast).isoformat()).json()["record"]
    assert done["endDate"] == done["startDate"]  # no run ends before it began


def test_nothing_is_told_before_it_happens(server: JobLogServer, auth: Headers) -> None:
    body = start(server, auth, startDate="9999-01-01T00:00:00Z").json()["record"]
    assert datetime.fromisoformat(body["startDate"]) <= datetime.now(UTC) + timedelta(seconds=30)


@pytest.mark.parametrize(
    "more",
    [
        {"startDate": "yesterday"},
        {"startDate": "0001-01-01T00:00:00+14:00"},
        {"startDate": "0001-01-01", "clock": "9999-12-31"},
        {"overlap": "queue"},
        {"nme": "x"},
        {"name": ""},
        {"name": "a\0b"},
    ],
)
def test_a_start_that_cannot_be_read_is_refused(
    server: JobLogServer, auth: Headers, more: dict[str, str]
) -> None:
    assert start(server, auth, **{"name": "orders", **more}).status_code == 400
    assert about(server, auth)["record"] is None


def test_a_watermark_has_64_kib_at_most(server: JobLogServer, auth: Headers) -> None:
    number = start(server, auth).json()["record"]["id"]
    assert code_of(finish(server, auth, number, watermark="x" * 65_536)) == (400, "watermark_too_long")
    assert finish(server, auth, number, watermark="x" * 65_534).status_code == 200


def test_a_name_may_hold_slashes_and_blanks(server: JobLogServer, auth: Headers) -> None:
    start(server, auth, "crm/orders daily")
    assert about(server, auth, "crm%2Forders%20daily")["record"]["name"] == "crm/orders daily"


def test_a_token_of_one_job_speaks_for_that_job_alone(server: JobLogServer, auth: Headers) -> None:
    own = server.token("joblog:orders")
    number = start(server, own).json()["record"]["id"]
    assert finish(server, own, number).status_code == 200
    assert about(server, own)["previous"]["id"] == number
    other = start(server, auth, "customers").json()["record"]["id"]
    for refused in (
        start(server, own, "customers"),
        finish(server, own, other),
        server.client.get(f"{BASE}/jobs/customers", headers=own),
        start(server, server.token("joblog:read")),
    ):
        assert code_of(refused) == (403, "scope_missing")
    assert about(server, server.token("joblog:read"), "customers")["record"]["id"] == other
    assert start(server, {}).status_code == 401


def test_a_json_web_token_is_taken_as_at_jobs_and_for_nothing_else(server: JobLogServer) -> None:
    writer, reader = (
        header_of({"claims": {"role": role}}, JWT_SECRET) for role in ("etl_writer", "etl_reader")
    )
    body = start(server, writer).json()
    assert finish(server, writer, body["record"]["id"]).status_code == 200
    assert about(server, reader)["record"]["status"] == "success"
    assert code_of(start(server, reader)) == (403, "scope_missing")
    watched = server.client.put(f"{BASE}/watches/orders", json={"every": "1d"}, headers=writer)
    assert watched.status_code == 200
    assert code_of(start(server, header_of("writer", "another secret that is long enough to be one"))) == (
        401,
        "jwt_invalid",
    )
    assert code_of(server.client.get("/api/v1/runs", headers=writer))[0] == 401


def test_the_jobs_of_the_log_are_listed_with_their_newest_runs(server: JobLogServer, auth: Headers) -> None:
    for name in ("b", "a", "c", "a"):
        number = start(server, auth, name).json()["record"]["id"]
    finish(server, auth, number, recordsProcessed=7)
    server.client.put(f"{BASE}/watches/b", json={}, headers=auth)

    def listed(query: str = "", headers: Headers = auth) -> Any:
        return server.client.get(f"{BASE}/jobs{query}", headers=headers).json()

    page = listed("?limit=2")
    assert [(one["name"], one["record"]["id"], one["state"]) for one in page["data"]] == [
        ("a", 4, None),
        ("b", 1, "new"),
    ]
    assert page["data"][0]["record"]["recordsProcessed"] == 7
    rest = listed(f"?limit=2&startingFrom={page['next']}")
    assert ([one["name"] for one in rest["data"]], rest["next"]) == (["c"], None)
    assert listed("?limit=0")["data"] == []
    assert [one["name"] for one in listed("", server.token("joblog:c,nix"))["data"]] == ["c"]
    nobody = server.client.get(f"{BASE}/jobs", headers=server.token("run"))
    assert code_of(nobody) == (403, "scope_missing")
