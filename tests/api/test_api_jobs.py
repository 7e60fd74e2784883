"""Jobs of files and jobs of the API side by side, and runs as Headgate's own calls start and list them."""

from __future__ import annotations

from tests.api.serving import Served

JOBS = "/api/v1/environments/1/jobs"


def test_jobs_of_files_are_told_and_can_only_be_switched(server: Served) -> None:
    job = server.get(f"{JOBS}/4").json()
    assert {"id", "name", "includeSelector", "excludeSelector"} <= job.keys()
    assert (job["id"], job["name"], job["active"], job["editable"]) == ("4", "nightly", True, False)
    for missing in ("5", "none", "99999999999999999999999"):
        assert server.get(f"{JOBS}/{missing}").status_code == 404
    off = server.client.patch(f"{JOBS}/4", json={"active": False}).json()
    assert (off["active"], server.get(f"{JOBS}/nightly").json()["active"]) == (False, False)
    server.client.patch(f"{JOBS}/4", json={"active": True})
    for refused in (
        server.client.put(f"{JOBS}/4", json={"name": "other"}),
        server.client.delete(f"{JOBS}/4"),
    ):
        assert (refused.status_code, refused.json()["error"]["code"]) == (409, "job_read_only")


def test_a_job_made_here_runs_reruns_and_goes(server: Served) -> None:
    made = server.post(JOBS, {"name": "mine", "includeSelector": "+{ LOW }", "parameters": {"low": 4}})
    assert made.status_code == 201, made.text
    job_id = made.json()["id"]
    assert int(job_id) >= 100_000
    assert [job["id"] for job in server.get(JOBS).json()["data"]] == ["4", job_id]
    assert server.get(JOBS, limit=1).json()["next"] == "4"
    selection = server.get(f"{JOBS}/mine/selection").json()
    assert {node["id"] for node in selection["nodes"]} == {"RAW.ITEMS", "STG.GOOD", "MART.LOW"}

    headers = {"Authorization": f"Bearer {server.new_token('run:mine')}"}
    started = server.post(
        "/scheduler/startRun", {"runDetails": {"environmentID": 1, "jobID": job_id}}, headers=headers
    )
    run_id = started.json()["runCounter"]
    assert server.carry_out(run_id).status == "succeeded"
    results = server.get(f"/api/v1/runs/{run_id}/results").json()["data"]
    assert {result["nodeID"]: result["rowsInserted"] for result in results}[
        "MART.LOW"
    ] == 1  # low is 4 in this job

    second = server.post(
        "/scheduler/startRun", {"runDetails": {"environmentID": 1, "jobID": "mine"}}, headers=headers
    ).json()["runCounter"]
    server.post("/scheduler/cancelRun", {"runID": second}, headers=headers)
    again = server.post("/scheduler/rerun", {"runID": second}, headers=headers)
    assert again.status_code == 200, again.text
    assert server.carry_out(again.json()["runCounter"]).status == "succeeded"

    changed = server.client.put(f"{JOBS}/{job_id}", json={"name": "ours", "active": False})
    assert (changed.json()["name"], changed.json()["active"], changed.json()["includeSelector"]) == (
        "ours",
        False,
        "",
    )
    assert server.client.delete(f"{JOBS}/ours").status_code == 204
    assert server.get(f"{JOBS}/{job_id}").status_code == 404
    assert server.get("/api/v1/runs", jobID=job_id).json()["data"][0]["jobName"] == "mine"


def test_a_job_that_cannot_be_is_refused(server: Served) -> None:
    for body, code in (
        ({"name": "a", "includeSelector": "{ nme: X }"}, "selector_syntax"),
        ({"name": "a", "includeSelector": "{ job: a }"}, "selector_job_cycle"),
        ({"name": "a", "parameters": {"no": 1}}, "parameter_unknown"),
        ({"name": "12"}, "name_invalid"),
        ({"name": " "}, "name_invalid"),
        ({"includeSelector": "{ * }"}, "request_invalid"),
    ):
        refused = server.post(JOBS, body)
        assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)
    taken = server.post(JOBS, {"name": "nightly"})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "job_exists")


def test_runs_are_started_once_for_one_key(server: Served) -> None:
    headers = {"Idempotency-Key": "night-1"}
    body = {"environment": "dev", "job": "nightly"}
    first = server.post("/api/v1/runs", body, headers=headers)
    assert first.status_code == 201
    assert first.json()["run"]["runDetails"]["parallelism"] == 3
    again = server.post("/api/v1/runs", body, headers=headers)
    assert again.json()["run"]["id"] == first.json()["run"]["id"]
    other = server.post("/api/v1/runs", {**body, "exclude": "{ LOW }"}, headers=headers)
    assert (other.status_code, other.json()["error"]["code"]) == (409, "idempotency_key_reused")
    coalesce = {"runDetails": {"environmentID": 1, "jobID": 4}}
    token = {"Authorization": f"Bearer {server.new_token('run')}"}
    theirs = server.post("/scheduler/startRun", coalesce, headers={**headers, **token})
    assert theirs.json()["runCounter"] != first.json()["run"]["id"]  # another caller's key
    for run in (first.json()["run"]["id"], theirs.json()["runCounter"]):
        server.post(f"/api/v1/runs/{run}/cancel")


def test_runs_are_listed_by_any_filter_in_any_order_by_key(server: Served) -> None:
    ids = [
        server.post("/api/v1/runs", {"environment": 1, "include": "{ GOOD }"}).json()["run"]["id"]
        for _ in range(5)
    ]
    for run_id in (ids[3], ids[0]):
        server.carry_out(run_id)

    def listed(**query: object) -> list[int]:
        response = server.get("/api/v1/runs", **query)
        assert response.status_code == 200, response.text
        return [run["id"] for run in response.json()["data"]]

    assert listed(limit=5) == ids[::-1]
    assert listed(limit=0) == []
    assert listed(startingFrom=ids[2], limit=2) == [ids[1], ids[0]]
    assert listed(startingFrom=ids[2], orderByDirection="asc") == ids[3:]
    assert listed(runStatus="waitingToRun", startingFrom=ids[0] - 1, orderByDirection="asc") == [
        ids[1],
        ids[2],
        ids[4],
    ]
    assert listed(runStatus="completed", limit=2) == [ids[3], ids[0]]
    assert listed(orderBy="runStartTime", limit=2) == [ids[0], ids[3]]
    first = server.get("/api/v1/runs", orderBy="runEndTime", limit=1).json()
    assert [run["id"] for run in first["data"]] == [ids[0]]
    assert listed(orderBy="runEndTime", limit=1, startingFrom=first["next"]) == [ids[3]]
    at = server.get(f"/api/v1/runs/{ids[0]}").json()["runStartTime"]
    assert listed(startingFrom=at, limit=1) == [ids[3]]
    assert listed(runType="deploy", runStatus="waitingToRun") == []
    assert listed(status="succeeded", runStatus="failed") == []
    deploy = server.get("/api/v1/runs", runType="deploy", detail=True).json()["data"]
    assert [run["kind"] for run in deploy] == ["deploy"]
    assert deploy[0]["nodeCounts"]
    for run_id in ids:
        server.post(f"/api/v1/runs/{run_id}/cancel")


def test_logs_are_the_results_of_one_node_or_of_what_failed(server: Served) -> None:
    run_id = server.post("/api/v1/runs", {"environment": 1}).json()["run"]["id"]
    server.carry_out(run_id)
    answer = server.get(f"/api/v1/runs/{run_id}/logs", nodeID="LOW")
    assert answer.status_code == 200, answer.text
    (result,) = answer.json()["data"]
    assert result["nodeID"] == "MART.LOW"
    names = [query["name"] for query in result["queryResults"]]
    assert any(query["test"] for query in result["queryResults"])
    assert result["hasTestFailures"] is False
    assert len(names) == len(set(names))
    assert server.get(f"/api/v1/runs/{run_id}/logs", failed=True).json()["data"] == []
    assert server.get(f"/api/v1/runs/{run_id}/logs", nodeID="NONE").status_code == 404
