"""Environments, what is deployed there, and how it gets there."""

from __future__ import annotations

import hashlib

import pytest
from tests.api.serving import Served

NEW = {
    "name": "prod",
    "warehouse": {"type": "postgres", "host": "db", "user": "hg", "password": "${secret:PG}"},
    "mappings": {"RAW": {"schema": "raw"}},
    "parameters": {"low": 3},
}


def test_a_list_has_what_clients_expect(server: Served) -> None:
    page = server.get("/api/v1/environments").json()
    assert (page["limit"], page["next"], page["orderBy"]) == (100, None, "id")
    (found,) = [one for one in page["data"] if one["id"] == "1"]
    assert {"id", "name", "project", "status", "createdAt", "createdBy"} <= found.keys()
    assert (found["name"], found["project"], found["status"]) == ("dev", "test", "Waiting")
    assert "currentMappings" not in found
    for path in ("/v1/environments/1", "/api/v1/environments/dev", "/api/v1/environments/1/"):
        one = server.get(path).json()
        assert one["currentMappings"]["MART"] == {"database": None, "schema": "mart"}
        assert one["deployedCommit"] == "test"
    (detailed,) = server.get("/api/v1/environments", detail=True, limit=1).json()["data"]
    assert detailed == one


def test_an_environment_is_made_changed_and_taken_away_by_the_api(server: Served) -> None:
    made = server.post("/api/v1/environments", NEW)
    assert made.status_code == 201, made.text
    body = made.json()
    assert (body["id"], body["createdBy"], body["deployed"]) == ("2", "token tests", False)
    assert body["warehouseOptions"] == {"host": "db"}
    assert "secret:PG" not in made.text
    second = server.get("/api/v1/environments", startingFrom="1").json()["data"]
    assert [one["id"] for one in second] == ["2"]
    last = server.get("/api/v1/environments", orderByDirection="desc", limit=1).json()
    assert ([one["id"] for one in last["data"]], last["next"]) == (["2"], "2")
    changed = server.client.patch("/api/v1/environments/prod", json={"description": "ours", "maxRunning": 2})
    assert (changed.json()["description"], changed.json()["maxRunning"]) == ("ours", 2)
    assert changed.json()["currentMappings"] == {"RAW": {"database": None, "schema": "raw"}}
    clash = server.post("/api/v1/environments", {**NEW, "id": 2})
    assert (clash.status_code, clash.json()["error"]["code"]) == (409, "environment_id_taken")
    assert server.client.delete("/api/v1/environments/2").status_code == 204
    assert server.get("/api/v1/environments/2").status_code == 404
    used = server.client.delete("/api/v1/environments/1")
    assert (used.status_code, used.json()["error"]["code"]) == (409, "environment_in_use")
    actions = [
        entry["action"] for entry in server.get("/api/v1/audit", subject="environment/2").json()["data"]
    ]
    assert actions == ["environment_deleted", "environment_changed", "environment_created"]


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"warehouse": {"type": "postgres", "password": "hunter2"}}, "secret_in_clear"),
        ({"warehouse": {"type": "postgres", "url": "postgresql://a:hunter2@db/x"}}, "secret_in_clear"),
        ({"warehouse": {"type": "oracle"}}, "warehouse_type_unknown"),
        ({"warehouse": {"type": "duckdb"}}, "warehouse_option_missing"),
        ({"warehouse": {"type": "duckdb", "path": 3}}, "warehouse_option_invalid"),
        ({"name": "12"}, "name_invalid"),
        ({"color": "red"}, "request_invalid"),
    ],
)
def test_an_environment_that_cannot_be_is_refused(
    server: Served, change: dict[str, object], code: str
) -> None:
    refused = server.post("/api/v1/environments", {**NEW, **change})
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, code)
    assert "hunter2" not in refused.text


def test_nodes_are_listed_in_order_paged_and_selected(server: Served) -> None:
    path = "/api/v1/environments/1/nodes"
    whole = server.get(path).json()["data"]
    assert [node["id"] for node in whole] == ["MART.LOW", "RAW.ITEMS", "STG.GOOD"]
    assert {"id", "name", "locationName", "nodeType", "database", "schema"} <= whole[0].keys()
    assert (whole[0]["schema"], whole[0]["locationName"]) == ("mart", "MART")
    first = server.get(path, limit=2).json()
    assert first["next"] == "RAW.ITEMS"
    assert server.get(path, limit=2, startingFrom=first["next"]).json()["data"] == whole[2:]
    some = server.get(path, include="{ tag: slow }").json()["data"]
    assert [node["id"] for node in some] == ["STG.GOOD"]
    assert server.get(path, startingFrom="NO.SUCH").status_code == 400
    assert server.get("/api/v1/environments/7/nodes").status_code == 404


def test_a_node_is_told_whole(server: Served) -> None:
    node = server.get("/api/v1/environments/1/nodes/MART.LOW").json()
    assert [column["name"] for column in node["columns"]] == ["id", "twice"]
    assert node["columns"][1]["sources"] == [{"nodeID": "STG.GOOD", "column": "id"}]
    assert [test["kind"] for test in node["tests"]] == ["unique"]
    assert "{{ parameters.low }}" in node["sql"]
    assert node["deployed"]["table"] == "low"
    assert "stg" in node["deployed"]["sql"]
    assert [s["role"] for s in node["deployed"]["statements"]][-1] == "check"
    (listed,) = server.get("/v1/environments/1/nodes", detail=True, include="{ LOW }").json()["data"]
    assert listed == node
    assert server.get("/api/v1/environments/1/nodes/NOPE").json()["error"]["code"] == "node_not_found"


def test_lineage_goes_by_column(server: Served) -> None:
    path = "/api/v1/environments/1/nodes/LOW/lineage"
    found = server.get(path, column="twice").json()
    assert [(up["nodeID"], up["column"]) for up in found["upstream"]] == [
        ("STG.GOOD", "id"),
        ("RAW.ITEMS", "id"),
    ]
    assert len(server.get(path, depth=1).json()["upstream"]) == 1
    assert server.get(path, column="none").json()["error"]["code"] == "column_not_found"


def test_a_selector_says_what_each_of_its_blocks_matched(server: Served) -> None:
    body = {"include": "+{ LOW } OR { name: NOTHING }", "exclude": "{ nodeType: source }"}
    found = server.post("/api/v1/environments/1/selection", body).json()
    assert [(node["id"], node["why"]) for node in found["nodes"]] == [
        ("MART.LOW", "matches { LOW }"),
        ("STG.GOOD", "upstream of MART.LOW"),
    ]
    assert [(term["side"], term["nodeIDs"]) for term in found["terms"]] == [
        ("include", ["MART.LOW"]),
        ("include", []),
        ("exclude", ["RAW.ITEMS"]),
    ]
    assert len(found["warnings"]) == 1
    wrong = server.post("/api/v1/environments/1/selection", {"include": "{ color: red }"})
    assert wrong.json()["error"]["code"] == "selector_syntax"


def test_subgraphs_have_their_steps(server: Served) -> None:
    assert server.get("/api/v1/environments/1/subgraphs").json()["data"] == [
        {"name": "marts", "steps": ["MART.LOW"], "path": None}
    ]
    assert server.get("/api/v1/environments/1/subgraphs/marts").json()["steps"] == ["MART.LOW"]
    assert server.get("/api/v1/environments/1/subgraphs/none").status_code == 404


def test_plan_and_deploy_take_an_uploaded_manifest(server: Served) -> None:
    server.project.write("nodes/MART/EXTRA.sql", "select id from STG.GOOD")
    content = server.project.compiled().manifest_json
    digest = hashlib.sha256(content).hexdigest()
    server.project.remove("nodes/MART/EXTRA.sql")
    address = f"/api/v1/manifests/{digest}"
    assert server.get(address).status_code == 404
    asked = {"manifest": digest, "version": "abc123"}
    missing = server.post("/api/v1/environments/1/plan", asked)
    assert (missing.status_code, missing.json()["error"]["code"]) == (404, "manifest_not_found")
    json = {"content-type": "application/json"}
    assert (
        server.client.put(address, content=content + b" ", headers=json).json()["error"]["code"]
        == "digest_differs"
    )
    put = server.client.put(address, content=content, headers=json)
    assert (put.status_code, put.json()) == (201, {"digest": digest, "project": "test", "nodeCount": 4})
    plan = server.post("/api/v1/environments/1/plan", asked).json()
    assert [(change["kind"], change["id"]) for change in plan["changes"]] == [("create", "MART.EXTRA")]
    deploy = server.post("/api/v1/environments/1/deploy", asked)
    assert deploy.status_code == 202
    run = deploy.json()["run"]
    assert (run["kind"], run["status"]) == ("deploy", "waiting")
    assert server.get("/api/v1/environments/1").json()["status"] == "Deploying"
    assert server.carry_out(run["id"]).status == "succeeded"
    newest = server.get("/api/v1/environments/1/deployments", limit=1).json()["data"][0]
    assert (newest["version"], newest["current"], newest["runID"]) == ("abc123", True, run["id"])
    assert server.get(f"/api/v1/environments/1/deployments/{newest['number']}").json() == newest
    tag = server.post("/api/v1/tags", {"name": "v2", "manifest": digest})
    assert (tag.status_code, tag.json()["manifestDigest"]) == (201, digest)
    assert [one["name"] for one in server.get("/api/v1/tags").json()["data"]] == ["v2"]
    again = server.post("/api/v1/environments/1/deploy", {"tag": "v2"}).json()
    assert (again["run"], again["plan"]["empty"]) == (None, True)


def test_going_back_and_the_servers_own_tree_need_no_upload(server: Served) -> None:
    server.project.write("nodes/MART/MORE.sql", "select id from STG.GOOD")
    more = server.post("/api/v1/environments/1/deploy", {"allowDestructive": True}).json()
    server.project.remove("nodes/MART/MORE.sql")
    assert server.carry_out(more["run"]["id"]).status == "succeeded"
    lost = server.post("/api/v1/environments/1/deploy", {"to": 1})
    assert (lost.status_code, lost.json()["error"]["code"]) == (409, "destructive")
    back = server.post("/api/v1/environments/1/deploy", {"to": 1, "allowDestructive": True}).json()
    assert server.carry_out(back["run"]["id"]).status == "succeeded"
    plan = server.post("/api/v1/environments/1/plan")
    assert plan.status_code == 200
    assert plan.json()["environment"] == "dev"
    both = server.post("/api/v1/environments/1/plan", {"to": 1, "tag": "v2"})
    assert (both.status_code, both.json()["error"]["code"]) == (400, "version_ambiguous")


def test_a_project_that_does_not_compile_is_told_with_its_places(server: Served) -> None:
    server.project.write("nodes/MART/BROKEN.sql", "select x from STG.NOWHERE")
    try:
        refused = server.post("/api/v1/environments/1/plan")
    finally:
        server.project.remove("nodes/MART/BROKEN.sql")
    assert refused.status_code == 422
    (found,) = refused.json()["error"]["diagnostics"]
    assert (found["file"], found["code"]) == ("nodes/MART/BROKEN.sql", "unknown_node")
