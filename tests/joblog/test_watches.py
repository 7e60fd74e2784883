"""Watches over HTTP: what is expected, how jobs stand, to whom it is told, and what is refused."""

from __future__ import annotations

from typing import Any

import httpx2 as httpx
import pytest
from tests.joblog.conftest import JobLogServer

Headers = dict[str, str]
BASE = "/api/v1/jobLog"


@pytest.fixture
def auth(server: JobLogServer) -> Headers:
    return server.token("joblog")


def post(server: JobLogServer, auth: Headers, **record: Any) -> httpx.Response:
    base = {
        "name": "orders",
        "start_date": "now",
        "status": "success",
        "source": "crm",
        "destination": "lake",
    }
    return server.client.post("/jobs", json={**base, **record}, headers=auth)


def watch(server: JobLogServer, auth: Headers, name: str = "orders", **definition: Any) -> httpx.Response:
    return server.client.put(f"{BASE}/watches/{name}", json=definition, headers=auth)


def standing(server: JobLogServer, auth: Headers, name: str = "orders") -> Any:
    return server.client.get(f"{BASE}/watches/{name}", headers=auth).json()


def test_a_watch_is_answered_as_it_may_be_sent_again(server: JobLogServer, auth: Headers) -> None:
    made = watch(server, auth, "crm/orders", cron="0 6 * * 1-5", timezone="Europe/Berlin", grace=5400)
    assert made.status_code == 200
    body = made.json()
    assert body["watch"] == {
        "every": None,
        "cron": "0 6 * * 1-5",
        "timezone": "Europe/Berlin",
        "grace": "1h30m",
        "staleAfter": "1d",
        "closeStale": False,
        "records": "usual",
        "overlap": "allow",
    }
    assert (body["state"], body["project"], body["paused"]) == ("new", None, False)
    again = server.client.put(f"{BASE}/watches/crm/orders", json=body["watch"], headers=auth).json()
    assert again["watch"] == body["watch"]
    assert server.client.get(f"{BASE}/watches", headers=auth).json()["data"] == [again]


def test_a_record_of_any_client_moves_the_state_that_is_answered(server: JobLogServer, auth: Headers) -> None:
    watch(server, auth, every="1d")
    assert standing(server, auth)["state"] == "new"
    for count in (10, 11, 12, 10, 11, 0):
        post(server, auth, records_processed=count)
    body = standing(server, auth)
    assert (body["state"], body["unusual"]) == ("up", True)
    assert body["unusualReason"] == "run 6 had 0 records; usual are 3 to 35"
    assert body["trend"]["records"] == [10, 11, 12, 10, 11, 0]
    assert body["trend"]["usualRecords"] == {"least": 3, "most": 35}
    post(server, auth, status="error", message="no answer from crm")
    body = standing(server, auth)
    assert (body["state"], body["record"]["status"], body["previous"]["status"]) == (
        "down",
        "error",
        "success",
    )
    assert body["reason"].endswith(": no answer from crm")
    assert (body["trend"]["runs"], body["trend"]["errors"]) == (7, 1)
    post(server, auth, records_processed=11)
    answered = server.client.get(f"{BASE}/changes?alerts=true", headers=auth).json()["data"]
    assert [(one["subject"], one["before"], one["after"]) for one in answered[::-1]] == [
        ("records", "usual", "unusual"),
        ("state", "up", "down"),
        ("state", "down", "up"),
        ("records", "unusual", "usual"),
    ]
    assert standing(server, auth)["changes"][0]["after"] in ("up", "usual")


def test_lists_are_paged_and_filtered(server: JobLogServer, auth: Headers) -> None:
    for name in ("a", "b", "c"):
        watch(server, auth, name)
    post(server, auth, name="b", status="error")
    page = server.client.get(f"{BASE}/watches?limit=2", headers=auth).json()
    assert ([one["name"] for one in page["data"]], page["next"]) == (["a", "b"], "b")
    rest = server.client.get(f"{BASE}/watches?limit=2&startingFrom=b", headers=auth).json()
    assert ([one["name"] for one in rest["data"]], rest["next"]) == (["c"], None)
    down = server.client.get(f"{BASE}/watches?state=down,late", headers=auth).json()
    assert [one["name"] for one in down["data"]] == ["b"]
    post(server, auth, name="c", status="error")
    server.client.get(f"{BASE}/watches", headers=auth)
    first = server.client.get(f"{BASE}/changes?limit=1", headers=auth).json()
    second = server.client.get(f"{BASE}/changes?limit=1&startingFrom={first['next']}", headers=auth).json()
    assert [page["data"][0]["name"] for page in (first, second)] == ["c", "b"]


def test_paused_resumed_and_removed(server: JobLogServer, auth: Headers) -> None:
    watch(server, auth)
    url = f"{BASE}/watches/orders"
    assert server.client.patch(url, json={"paused": True}, headers=auth).json()["state"] == "paused"
    post(server, auth, status="error")
    assert standing(server, auth)["state"] == "paused"
    assert server.client.patch(url, json={"paused": False}, headers=auth).json()["state"] == "new"
    assert server.client.delete(url, headers=auth).status_code == 204
    assert standing(server, auth)["error"]["code"] == "watch_not_found"
    assert server.client.delete(url, headers=auth).status_code == 404


def test_hanging_runs_are_listed_with_those_that_nobody_watches(server: JobLogServer, auth: Headers) -> None:
    watch(server, auth, staleAfter="1h")
    post(server, auth, status="in_progress", start_date="2026-01-01T00:00:00Z")
    post(server, auth, status="in_progress", start_date="2026-01-01T00:00:00Z", name="others")
    post(server, auth, status="in_progress")
    found = server.client.get(f"{BASE}/stale", headers=auth).json()["data"]
    assert sorted((one["name"], one["id"]) for one in found) == [("orders", 1), ("others", 2)]
    assert standing(server, auth)["state"] == "new"
    watch(server, auth, staleAfter="1h", closeStale=True)
    assert standing(server, auth)["state"] == "down"
    ended = server.client.get("/jobs?id=eq.1", headers=auth).json()[0]
    assert (ended["status"], ended["message"]) == (
        "error",
        "ended by its watch: still in progress after 3,600 seconds",
    )


def test_a_rule_for_one_run_at_a_time_holds_at_both_addresses(server: JobLogServer, auth: Headers) -> None:
    watch(server, auth, overlap="refuse")
    assert post(server, auth, status="in_progress").status_code == 201
    refused = post(server, auth, status="in_progress")
    assert (refused.status_code, refused.json()["code"]) == (409, "23P01")
    assert "in progress since" in refused.json()["message"]
    ours = server.client.post(BASE, json={"name": "orders"}, headers=auth)
    assert ours.json()["error"]["code"] == "job_in_progress"
    assert (
        server.client.post(BASE, json={"name": "orders", "overlap": "allow"}, headers=auth).status_code == 201
    )
    watch(server, auth, overlap="take_over")
    assert post(server, auth, status="in_progress").status_code == 201
    open_ = server.client.get("/jobs?status=eq.in_progress&select=id", headers=auth).json()
    assert open_ == [{"id": 3}]


@pytest.mark.parametrize(
    ("definition", "code"),
    [
        ({"every": "soon"}, "watch_invalid"),
        ({"every": "1d", "cron": "@daily"}, "watch_invalid"),
        ({"cron": "0 6 * *"}, "cron_invalid"),
        ({"cron": "@daily", "timezone": "Berlin"}, "timezone_unknown"),
        ({"evry": "1d"}, "request_invalid"),
        ({"records": "most"}, "request_invalid"),
        ({"every": -1}, "request_invalid"),
        ({"every": 1e300}, "request_invalid"),
        ({"closeStale": "yes"}, "request_invalid"),
    ],
)
def test_what_is_no_watch_is_refused(
    server: JobLogServer, auth: Headers, definition: dict[str, Any], code: str
) -> None:
    answered = watch(server, auth, **definition)
    assert (answered.status_code, answered.json()["error"]["code"]) == (400, code)
    assert standing(server, auth)["error"]["code"] == "watch_not_found"


def test_a_token_sees_and_watches_only_its_names(server: JobLogServer, auth: Headers) -> None:
    mine, reads = server.token("joblog:orders"), server.token("joblog:read")
    watch(server, auth, "customers")
    assert watch(server, mine).status_code == 200
    assert watch(server, mine, "customers").status_code == 403
    assert watch(server, reads).status_code == 403
    for name in ("customers", "orders"):
        post(server, auth, name=name, status="error")
        post(server, auth, name=name, status="in_progress", start_date="2026-01-01")
    for path in ("watches", "changes", "stale"):
        seen = {one["name"] for one in server.client.get(f"{BASE}/{path}", headers=mine).json()["data"]}
        assert seen == {"orders"}, path
        seen = {one["name"] for one in server.client.get(f"{BASE}/{path}", headers=reads).json()["data"]}
        assert seen == {"orders", "customers"}, path
    assert server.client.get(f"{BASE}/watches/customers", headers=mine).status_code == 403
    assert server.client.get(f"{BASE}/changes?name=customers", headers=mine).status_code == 403
    nobody = server.token("run")
    for path in ("watches", "changes", "stale"):
        assert server.client.get(f"{BASE}/{path}", headers=nobody).status_code == 403


def test_watches_of_files_are_sent_whole_and_are_read_only(server: JobLogServer, auth: Headers) -> None:
    deploy = server.token("deploy")
    files = {"watches/a.yml": {"orders": {"every": "1d"}}, "watches/b.yml": {"customers": {}}}
    sent = {"project": "shop", "files": files}
    assert server.client.put(f"{BASE}/watches", json=sent, headers=auth).status_code == 403
    answered = server.client.put(f"{BASE}/watches", json=sent, headers=deploy).json()["data"]
    assert [(one["name"], one["project"], one["path"]) for one in answered] == [
        ("customers", "shop", "watches/b.yml"),
        ("orders", "shop", "watches/a.yml"),
    ]
    refused = watch(server, auth, every="2d")
    assert (refused.status_code, refused.json()["error"]["code"]) == (409, "watch_read_only")
    other = {"project": "other", "files": {"watches/x.yml": {"orders": {}}}}
    taken = server.client.put(f"{BASE}/watches", json=other, headers=deploy)
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "watch_taken")
    twice = {"project": "shop", "files": {**files, "watches/c.yml": {"orders": {}}}}
    refused = server.client.put(f"{BASE}/watches", json=twice, headers=deploy)
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "watch_invalid")
    paused = server.client.patch(f"{BASE}/watches/orders", json={"paused": True}, headers=auth)
    assert paused.json()["paused"] is True
    server.client.put(f"{BASE}/watches", json={"project": "shop", "files": {}}, headers=deploy)
    assert server.client.get(f"{BASE}/watches", headers=auth).json()["data"] == []


def test_metrics_count_jobs_by_how_they_stand(server: JobLogServer, auth: Headers) -> None:
    watch(server, auth)
    post(server, auth, status="error")
    standing(server, auth)
    text = server.client.get("/metrics", headers=server.token("read")).text
    assert 'headgate_job_log_jobs{state="down"} 1.0' in text
    assert 'headgate_job_log_jobs{state="up"} 0.0' in text
    assert "headgate_job_log_unusual 0.0" in text
    watch(server, auth, name="sales", records="some")
    post(server, auth, name="sales", records_processed=0)
    standing(server, auth, "sales")
    reader = server.token("read", "again")
    assert "headgate_job_log_unusual 1.0" in server.client.get("/metrics", headers=reader).text
    server.client.patch(f"{BASE}/watches/sales", json={"paused": True}, headers=auth)
    assert "headgate_job_log_unusual 0.0" in server.client.get("/metrics", headers=reader).text


def test_a_change_that_a_question_finds_is_in_the_log_of_its_server(
    server: JobLogServer, auth: Headers, caplog: pytest.LogCaptureFixture
) -> None:
    server.client.put(f"{BASE}/watches/orders", json={}, headers=auth)
    run = {"name": "orders", "start_date": "now", "status": "error", "source": "", "destination": ""}
    server.client.post("/jobs", json=run, headers=auth)
    assert standing(server, auth)["state"] == "down"
    told = [one for one in caplog.messages if one.startswith("job orders: new -> down: run 1 failed at ")]
    assert len(told) == 1
