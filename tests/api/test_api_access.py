"""Tokens, users, secrets and the audit trail by HTTP."""

from __future__ import annotations

from tests.api.serving import Served

from headgate.identity.redaction import process_redactor
from headgate.model.secret import Secret


def test_a_token_is_made_used_and_revoked(server: Served) -> None:
    made = server.post("/api/v1/tokens", {"name": "ci", "scopes": "read", "expiresAt": "2099-01-01"})
    assert made.status_code == 201, made.text
    text = made.json()["token"]
    headers = {"Authorization": f"Bearer {text}"}
    assert server.client.get("/api/v1/environments", headers=headers).status_code == 200
    refused = server.client.get("/api/v1/tokens", headers=headers)
    assert (refused.status_code, refused.json()["error"]["code"]) == (403, "scope_missing")
    listed = server.get("/api/v1/tokens", valid=True)
    assert text not in listed.text
    (found,) = [token for token in listed.json()["data"] if token["name"] == "ci"]
    assert (found["scopes"], found["status"]) == ("read", "valid")
    assert server.client.delete("/api/v1/tokens/ci").json()["status"] == "revoked"
    assert server.client.get("/api/v1/environments", headers=headers).status_code == 401
    assert server.client.delete("/api/v1/tokens/ci").status_code == 404
    wrong = server.post("/api/v1/tokens", {"name": "x", "scopes": "fly"})
    assert (wrong.status_code, wrong.json()["error"]["code"]) == (400, "scope_unknown")


def test_a_user_is_made_and_changed_and_its_addresses_stay_hidden(server: Served) -> None:
    made = server.post(
        "/api/v1/users", {"name": "ann", "email": "ann@example.com", "notify": ["mailto://u:canary-1@h"]}
    )
    assert made.status_code == 201, made.text
    assert made.json()["notify"] == ["mailto://***"]
    changed = server.client.patch("/api/v1/users/ann", json={"email": ""})
    assert changed.json()["email"] is None
    token = server.post("/api/v1/tokens", {"name": "hers", "scopes": "run", "user": "ann"}).json()
    headers = {"Authorization": f"Bearer {token['token']}"}
    run = server.post("/api/v1/runs", {"environment": 1}, headers=headers).json()["run"]
    assert run["createdBy"] == "ann"
    assert "canary-1" not in server.get("/api/v1/users").text
    assert server.get("/api/v1/users/ann").json()["id"] == token["userID"]
    assert server.get("/v1/gitAccounts").json()["data"] == []


def test_a_secret_goes_in_and_never_out(server: Served) -> None:
    put = server.client.put("/api/v1/secrets/PG", json={"value": "canary-2"})
    assert put.status_code == 200, put.text
    wrong = server.client.put("/api/v1/secrets/PG", json={"value": ["canary-2"]})
    assert wrong.status_code == 400
    for response in (put, wrong, server.get("/api/v1/secrets"), server.get("/api/v1/audit")):
        assert "canary-2" not in response.text
    assert [secret["name"] for secret in server.get("/api/v1/secrets").json()["data"]] == ["PG"]
    assert server.client.delete("/api/v1/secrets/PG").status_code == 204
    assert server.client.delete("/api/v1/secrets/PG").status_code == 404


def test_the_audit_trail_names_the_request(server: Served) -> None:
    server.client.put("/api/v1/secrets/AUDITED", json={"value": "x"}, headers={"X-Request-ID": "req-77"})
    (entry,) = server.get("/api/v1/audit", subject="secret/AUDITED").json()["data"]
    assert (entry["actor"], entry["requestID"]) == ("token tests", "req-77")


def test_deploys_cancels_jobs_and_environments_are_in_the_audit_trail(server: Served) -> None:
    server.project.write("nodes/STG/MORE.sql", "select id from RAW.ITEMS")
    deploy = server.post("/api/v1/environments/1/deploy", {}).json()["run"]["id"]
    assert server.carry_out(deploy).status == "succeeded"
    run = server.post("/api/v1/runs", {"environment": 1}).json()["run"]["id"]
    server.post(f"/api/v1/runs/{run}/cancel")
    job = server.post("/api/v1/environments/1/jobs", {"name": "own"}).json()["id"]
    server.client.patch("/api/v1/environments/1", json={"description": "ours"})

    def actions(subject: str) -> list[tuple[str, str]]:
        entries = server.get("/api/v1/audit", subject=subject).json()["data"]
        return [(entry["action"], entry["actor"]) for entry in entries if entry["requestID"]]

    me = "token tests"
    assert actions("environment/1") == [("environment_changed", me), ("deploy_started", me)]
    assert actions(f"run/{run}") == [("run_canceled", me)]
    assert actions(f"job/1/{job}") == [("job_created", me)]


def test_what_a_driver_quotes_of_a_secret_is_not_answered(server: Served) -> None:
    process_redactor.add(Secret("canary-of-a-driver"))
    for path in ("/api/v1/environments/canary-of-a-driver", "/api/v1/canary-of-a-driver"):
        answer = server.get(path)
        assert answer.status_code == 404
        assert "canary-of-a-driver" not in answer.text
        assert "***" in answer.json()["error"]["errorString"]
