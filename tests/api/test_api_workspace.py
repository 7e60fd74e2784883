"""The working tree by HTTP: told as it is, edited with its comments kept, and never anything outside of it."""

from __future__ import annotations

import pytest
from tests.api.serving import Served

TREE = "/api/v1/workspaces/1"
JOB = """\
# the nightly one
id: 7
name: commented   # kept
refresh: {include: '{ name: LOW }', exclude: '{ tag: slow }'}   # a short form
environments:
  dev:
    triggers:
      - schedule: "0 5 * * *"
"""


def test_projects_and_workspaces_are_listed(server: Served) -> None:
    (project,) = server.get("/api/v1/projects", includeWorkspaces=True, includeJobs=True).json()["data"]
    assert (project["id"], project["environments"]) == ("test", ["1"])
    assert [job["name"] for job in project["jobs"]] == ["nightly"]
    assert project["workspaces"] == [{"id": "1", "name": "test", "project": "test", "version": "dirty"}]
    assert server.get("/v1/projects/test").json() == {
        key: value for key, value in project.items() if key not in ("jobs", "workspaces")
    }
    assert server.get("/api/v1/projects/none").status_code == 404
    assert server.get("/api/v1/workspaces").json()["data"] == project["workspaces"]
    assert server.get("/api/v1/workspaces/2").json()["error"]["code"] == "workspace_not_found"


def test_a_node_is_written_changed_and_deleted(server: Served) -> None:
    made = server.post(
        f"{TREE}/nodes", {"location": "MART", "name": "NEW", "text": "select id from STG.GOOD"}
    )
    assert made.status_code == 201, made.text
    assert (made.json()["path"], made.json()["diagnostics"]) == ("nodes/MART/NEW.sql", [])
    assert server.get(f"{TREE}/nodes/MART.NEW").json()["dependsOn"] == ["STG.GOOD"]
    selected = server.post(f"{TREE}/selection", {"include": "{ NEW }"}).json()["nodes"]
    assert [node["id"] for node in selected] == ["MART.NEW"]
    again = server.post(f"{TREE}/nodes", {"location": "MART", "name": "NEW", "text": "x"})
    assert (again.status_code, again.json()["error"]["code"]) == (409, "file_exists")

    broken = server.client.put(f"{TREE}/nodes/MART.NEW", json={"text": "select x from STG.NOTHING"})
    assert broken.status_code == 200
    (found,) = broken.json()["diagnostics"]
    assert (found["code"], found["file"]) == ("unknown_node", "nodes/MART/NEW.sql")
    assert server.get(f"{TREE}/nodes").status_code == 422
    assert server.get(f"{TREE}/nodes/MART.NEW/file").json()["text"] == "select x from STG.NOTHING"
    mended = server.client.put(f"{TREE}/nodes/MART.NEW", json={"text": "select 1 as one"})
    assert mended.json()["diagnostics"] == []
    listed = server.get(f"{TREE}/nodes", detail=True, include="{ NEW }").json()["data"]
    assert [column["name"] for column in listed[0]["columns"]] == ["one"]

    assert server.client.delete(f"{TREE}/nodes/MART.NEW").status_code == 204
    assert server.get(f"{TREE}/nodes/MART.NEW").status_code == 404
    source = server.client.put(f"{TREE}/nodes/RAW.ITEMS", json={"text": "select 1"})
    assert (source.status_code, source.json()["error"]["code"]) == (409, "node_in_sources")
    actions = [entry["action"] for entry in server.get("/api/v1/audit").json()["data"]]
    assert actions[:4] == ["node_deleted", "node_changed", "node_changed", "node_created"]


def test_a_job_is_edited_with_its_comments_and_triggers_kept(server: Served) -> None:
    server.project.write("jobs/commented.yml", JOB)
    body = {"name": "commented", "includeSelector": "{ name: GOOD }", "parallelism": 2, "tags": ["daily"]}
    changed = server.client.put(f"{TREE}/jobs/7", json=body)
    assert changed.status_code == 200, changed.text
    text = changed.json()["text"]
    assert changed.json()["diagnostics"] == []
    for kept in ("# the nightly one", "# kept", "# a short form", 'schedule: "0 5 * * *"'):
        assert kept in text
    assert "slow" not in text
    assert server.get(f"{TREE}/jobs/commented").json()["includeSelector"] == "{ name: GOOD }"
    assert server.client.put(f"{TREE}/jobs/7", json=body).json()["text"] == text
    assert server.client.delete(f"{TREE}/jobs/commented").status_code == 204
    assert not (server.project.root / "jobs/commented.yml").exists()


def test_jobs_and_subgraphs_are_made_as_files(server: Served) -> None:
    made = server.post(
        f"{TREE}/jobs", {"name": "fresh", "includeSelector": "{ tag: a }", "timeoutSeconds": 90}
    )
    assert made.status_code == 201, made.text
    assert (made.json()["id"], made.json()["path"]) == ("5", "jobs/fresh.yml")
    assert server.get(f"{TREE}/jobs/5").json()["timeoutSeconds"] == 90
    assert [job["id"] for job in server.get(f"{TREE}/jobs").json()["data"]] == ["4", "5"]
    taken = server.post(f"{TREE}/jobs", {"name": "other", "id": 4})
    assert (taken.status_code, taken.json()["error"]["code"]) == (409, "job_exists")
    group = {"name": "two", "steps": ["STG.GOOD", "MART.LOW"]}
    assert server.post(f"{TREE}/subgraphs", group).json()["path"] == "subgraphs/two.yml"
    assert server.post(f"{TREE}/subgraphs", group).status_code == 409
    changed = server.client.put(f"{TREE}/subgraphs/two", json={"name": "one", "steps": ["STG.GOOD"]})
    assert changed.json()["text"] == "name: one\nnodes:\n- STG.GOOD\n"
    assert server.get(f"{TREE}/subgraphs/one").json()["steps"] == ["STG.GOOD"]
    assert [one["name"] for one in server.get(f"{TREE}/subgraphs").json()["data"]] == ["marts", "one"]
    for path in ("subgraphs/one", "jobs/fresh"):
        assert server.client.delete(f"{TREE}/{path}").status_code == 204
        assert server.client.delete(f"{TREE}/{path}").status_code == 404


@pytest.mark.parametrize(
    "name", ["../../evil", "..", ".hidden", "a/b", "a\\b", "~root", "a\n", "x" * 150, "C:evil"]
)
def test_no_name_leads_out_of_the_project(server: Served, name: str) -> None:
    for response in (
        server.post(f"{TREE}/nodes", {"location": "STG", "name": name, "text": "select 1"}),
        server.post(f"{TREE}/nodes", {"location": name, "name": "X", "text": "select 1"}),
        server.post(f"{TREE}/jobs", {"name": name}),
        server.post(f"{TREE}/subgraphs", {"name": name, "steps": []}),
    ):
        assert response.status_code == 400, response.text
        assert response.json()["error"]["code"] in ("file_name_invalid", "request_invalid")


def test_a_link_in_the_project_leads_nowhere_else(server: Served) -> None:
    outside = server.project.root.parent / "outside"
    outside.mkdir()
    (server.project.root / "nodes/LINK").symlink_to(outside)
    try:
        body = {"location": "LINK", "name": "X", "text": "select 1"}
        refused = server.post(f"{TREE}/nodes", body)
    finally:
        (server.project.root / "nodes/LINK").unlink()
    assert (refused.status_code, refused.json()["error"]["code"]) == (400, "file_name_invalid")
    assert list(outside.iterdir()) == []


def test_to_edit_needs_the_right_to_deploy(server: Served) -> None:
    headers = {"Authorization": f"Bearer {server.new_token('run read')}"}
    body = {"location": "MART", "name": "NO", "text": "select 1"}
    assert server.post(f"{TREE}/nodes", body, headers=headers).status_code == 403
    assert server.client.get(f"{TREE}/nodes", headers=headers).status_code == 200
