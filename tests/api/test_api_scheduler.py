"""Coalesce's calls: the curl lines of its documents word for word, and what its clients rely on."""

from __future__ import annotations

import subprocess

import pytest
from tests.api.serving import Served

JOB_CALL = """curl --request POST \\
--url https://app.coalescesoftware.io/scheduler/startRun \\
--header 'Authorization: Bearer YOUR-API-TOKEN' \\
--header 'accept: application/json' \\
--header 'content-type: application/json' \\
--data '
{
"runDetails": {
"parallelism": 16,
"jobID": "4",
"environmentID": "10"
},
"userCredentials": {
"snowflakeAuthType": "Basic",
"snowflakeRole": "ACCOUNTADMIN",
"snowflakeWarehouse": "COMPUTE_WH",
"snowflakeUsername": "SOMEUSER",
"snowflakePassword": "SOMEPASS"
}
}
'
"""
ONE_TIME_CALL = JOB_CALL.replace(
    '"jobID": "4",', '"includeNodesSelector": "{ location: STG name: GOOD } OR { location: MART name: LOW }",'
)
WHOLE_CALL = JOB_CALL.replace('"jobID": "4",\n', "")


def curl(server: Served, call: str) -> tuple[int, str]:
    text = (
        call.replace("https://app.coalescesoftware.io", server.url)
        .replace("YOUR-API-TOKEN", server.token)
        .replace('"environmentID": "10"', '"environmentID": "1"')
        .replace("curl ", "curl --silent --noproxy '*' --write-out '\\n%{http_code}' ", 1)
    )
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=True, timeout=30)
    body, _, status = done.stdout.rpartition("\n")
    return int(status), body


@pytest.mark.parametrize(
    ("call", "nodes"),
    [
        (JOB_CALL, {"RAW.ITEMS", "MART.LOW"}),
        (ONE_TIME_CALL, {"STG.GOOD", "MART.LOW"}),
        (WHOLE_CALL, {"RAW.ITEMS", "STG.GOOD", "MART.LOW"}),
    ],
    ids=["job", "one-time job", "whole environment"],
)
def test_the_documented_curl_calls_start_runs(server: Served, call: str, nodes: set[str]) -> None:
    status, body = curl(server, call)
    assert status == 200
    run_id = int(body.removeprefix('{"runCounter":').removesuffix("}"))
    assert server.carry_out(run_id).status == "succeeded"
    results = server.get(f"/api/v1/runs/{run_id}/results").json()["data"]
    assert {result["nodeID"] for result in results} == nodes


def start(server: Served, **details: object) -> int:
    body = {"runDetails": {"environmentID": 1, **details}}
    response = server.post("/scheduler/startRun", body)
    assert response.status_code == 200, response.text
    return int(response.json()["runCounter"])


def test_status_tells_in_their_words_and_in_ours(server: Served) -> None:
    run_id = start(server, jobID=4)
    for path in (
        f"/scheduler/runStatus?runCounter={run_id}",
        f"/scheduler/runStatus?runID={run_id}",
        f"/api/scheduler/runStatus?runCounter={run_id}",
    ):
        assert server.get(path).json() == {
            "runStatus": "waitingToRun",
            "runType": "refresh",
            "runLink": f"{server.url}/app/runs/{run_id}",
            "status": "waiting",
            "kind": "refresh",
            "runCounter": run_id,
        }
    server.carry_out(run_id)
    assert server.get("/scheduler/runStatus", runCounter=run_id).json()["runStatus"] == "completed"


def test_cancel_takes_numbers_and_text_and_answers_nothing(server: Served) -> None:
    for given in (start(server), str(start(server))):
        canceled = server.post("/scheduler/cancelRun", {"runID": given, "orgID": "x", "environmentID": "1"})
        assert (canceled.status_code, canceled.content) == (204, b"")
        assert server.get("/scheduler/runStatus", runCounter=given).json()["runStatus"] == "canceled"
    again = server.post("/scheduler/cancelRun", {"runID": given})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "run_ended")


def test_rerun_takes_both_bodies_and_makes_a_new_run(server: Served) -> None:
    first = start(server, includeNodesSelector="{ LOW }")
    server.post("/scheduler/cancelRun", {"runID": first})
    second = server.post("/scheduler/rerun", {"runDetails": {"runID": str(first)}}).json()["runCounter"]
    assert second > first
    server.post("/scheduler/cancelRun", {"runID": second})
    third = server.post("/api/scheduler/rerun", {"runID": second}).json()["runCounter"]
    assert server.get(f"/api/v1/runs/{third}").json()["runHistory"] == [first, second]
    assert server.carry_out(third).status == "succeeded"
    over = server.post("/scheduler/rerun", {"runID": third})
    assert (over.status_code, over.json()["error"]["code"]) == (409, "nothing_to_rerun")


def test_parameters_come_as_an_object_or_as_text_and_stay_on_a_rerun(server: Served) -> None:
    for given in ({"low": "3"}, '{"low": "3"}'):
        body = {"runDetails": {"environmentID": "dev"}, "parameters": given}
        run_id = server.post("/scheduler/startRun", body).json()["runCounter"]
        assert server.get(f"/api/v1/runs/{run_id}").json()["runTimeParameters"] == {"low": "3"}
        server.post("/scheduler/cancelRun", {"runID": run_id})
        same = {"runID": run_id, "parameters": given}
        again = server.post("/scheduler/rerun", same).json()["runCounter"]
        assert server.get(f"/api/v1/runs/{again}").json()["runTimeParameters"] == {"low": "3"}
        other = server.post("/scheduler/rerun", {"runID": run_id, "parameters": {"low": "4"}})
        assert (other.status_code, other.json()["error"]["code"]) == (400, "parameters_kept")


def test_credentials_are_kept_nowhere(server: Served) -> None:
    body = {
        "runDetails": {"environmentID": 1},
        "userCredentials": {"snowflakeAuthType": "Basic", "snowflakePassword": "canary-8271"},
    }
    run_id = server.post("/scheduler/startRun", body).json()["runCounter"]
    assert "canary" not in server.get(f"/api/v1/runs/{run_id}").text
    for file in (server.project.root / ".headgate").rglob("state.db*"):
        assert b"canary-8271" not in file.read_bytes()


def test_an_unknown_thing_is_a_404_with_both_keys(server: Served) -> None:
    for response in (
        server.get("/scheduler/runStatus", runCounter=10**9),
        server.post("/scheduler/startRun", {"runDetails": {"environmentID": "1", "jobID": 99}}),
        server.post("/scheduler/startRun", {"runDetails": {"environmentID": 77}}),
        server.post("/scheduler/rerun", {"runID": "999999"}),
        server.post("/scheduler/cancelRun", {"runID": 999999}),
    ):
        assert response.status_code == 404
        error = response.json()["error"]
        assert error["errorString"]
        assert "errorDetail" in error
        assert error["requestID"] == response.headers["x-request-id"]
