"""Plan, deploy, refresh, rerun: what they do, print and exit with."""

from __future__ import annotations

import json
from pathlib import Path

from tests.e2e.cli_support import Project

BROKEN_AT_RUN = """\
/*---
key: [id]
tests: [{row_count: {min: 1}}]
---*/
select id, amount * 2 as double_amount from STG.A where cast(id || 'x' as integer) > 0
"""


def test_plan_shows_ddl_and_exits_2_with_changes_only_when_asked(fresh: Project) -> None:
    plan = fresh.run("plan", "-e", "dev")
    assert "+ create  STG.A (stg.a)" in plan.out
    assert "CREATE TABLE stg.a" in plan.out
    fresh.run("plan", "-e", "dev", "--exit-code", code=2)
    body = fresh.run("plan", "-e", "1", "--json").body
    assert body["empty"] is False
    assert body["environment"] == "dev"
    assert "STG.A" in [change["id"] for change in body["changes"]]
    assert "STG.A" in body["needsRefresh"]
    assert fresh.run("runs").out == ""


def test_plan_after_deploy_is_empty(ready: Project) -> None:
    assert ready.run("plan", "-e", "dev", "--exit-code").out.startswith("dev: no changes")
    again = ready.run("deploy", "-e", "dev")
    assert again.out.startswith("nothing to deploy")
    assert ready.run("deploy", "--json").body["run"] is None
    ready.write("nodes/STG/NEW.sql", "select id from STG.A\n")
    body = ready.run("deploy", "--json").body
    assert (body["run"]["kind"], body["run"]["status"]) == ("deploy", "succeeded")
    assert "STG.NEW" in [change["id"] for change in body["plan"]["changes"]]


def test_the_only_environment_need_not_be_named_and_a_variable_can_name_it(ready: Project) -> None:
    assert ready.run("refresh").out.startswith("refresh 3 succeeded")
    assert "there is no environment nope" in ready.run("refresh", code=2, HEADGATE_ENVIRONMENT="nope").err
    assert ready.run("refresh", HEADGATE_ENVIRONMENT="dev").out.startswith("refresh 4 succeeded")


def test_refresh_of_a_job_with_the_flags_of_coa(ready: Project, tmp_path: Path) -> None:
    out = tmp_path / "result.json"
    done = ready.run(
        "refresh", "--environmentID", "1", "--jobID", "4", "--parallelism", "1", "--out", str(out), "--json"
    )
    run = done.body
    assert (run["jobID"], run["jobName"], run["runStatus"]) == ("4", "nightly", "completed")
    assert run["runDetails"]["parallelism"] == 1
    assert run["nodeCounts"] == {"succeeded": 4}
    result = json.loads(out.read_text())
    assert set(result) == {"run", "data"}
    assert result["run"]["id"] == run["id"]
    assert {one["nodeID"]: one["nodeType"] for one in result["data"]} == {
        "STG.A": "stage", "STG.B": "stage", "MART.C": "fact", "MART.D": "view",
    }  # fmt: skip
    assert [path.name for path in tmp_path.iterdir() if path.suffix == ".json"] == ["result.json"]


def test_parallelism_of_the_job_holds_where_none_is_given(ready: Project) -> None:
    assert ready.run("refresh", "-j", "nightly", "--json").body["runDetails"]["parallelism"] == 2
    assert ready.run("refresh", "--json").body["runDetails"]["parallelism"] == 16
    bound = ready.run("refresh", "--json", HEADGATE_PARALLELISM="3").body
    assert bound["runDetails"]["parallelism"] == 3


def test_plain_progress_has_one_line_for_each_step(ready: Project) -> None:
    done = ready.run("refresh", "-e", "dev", "--include", "+{ C }", "--exclude", "{ nodeType: source }")
    title, *lines = done.err.splitlines()
    assert title == "refresh 3: 3 steps"
    assert [line.split()[:3] for line in lines] == [
        ["1/3", "ok", "STG.A"],
        ["2/3", "ok", "STG.B"],
        ["3/3", "ok", "MART.C"],
    ]
    assert "99 inserted" in lines[0]
    assert done.out.startswith("refresh 3 succeeded in ")
    assert done.out.rstrip().endswith(": 3 succeeded")


def test_parameters_are_json_or_name_and_value(ready: Project) -> None:
    ready.run("refresh", "--parameters", "low=90")
    assert ready.query("select count(*) from stg.b") == [(10,)]
    body = ready.run("refresh", "--parameters", '{"low": 95}', "--json").body
    assert ready.query("select count(*) from stg.b") == [(5,)]
    assert body["runTimeParameters"] == {"low": 95}


def test_failed_node_skips_what_needs_it_and_rerun_runs_the_mended_version(ready: Project) -> None:
    good = (ready.folder / "nodes/STG/B.sql").read_text()
    ready.write("nodes/STG/B.sql", BROKEN_AT_RUN)
    ready.run("deploy", "-e", "dev")
    failed = ready.run("refresh", "-e", "dev", code=1)
    assert "failed STG.B" in failed.err
    assert "error: STG.B: " in failed.err
    assert "`headgate rerun 4` runs what did not succeed" in failed.err
    assert "`headgate logs 4 --failed` shows their statements" in failed.err
    assert failed.out.rstrip().endswith("3 succeeded, 1 failed, 2 skipped")
    shown = ready.run("logs", "4", "--failed").out
    assert "STG.B  failed" in shown
    assert "error:" in shown
    states = {one["nodeID"]: one["runState"] for one in ready.run("logs", "4", "--json").body["data"]}
    assert (states["STG.B"], states["MART.C"], states["STG.A"]) == ("failed", "canceled", "completed")
    assert ready.run("status", "--json").body["data"][0]["status"] == "Failed Refresh"

    ready.write("nodes/STG/B.sql", good)
    ready.run("deploy", "-e", "dev")
    again = ready.run("rerun", "4", "--json")
    assert again.body["reRunID"] == 4
    assert again.body["runHistory"] == [4]
    assert again.body["nodeCounts"] == {"succeeded": 3}
    assert "note: deployment 2 ran before, deployment 3 runs now" in again.err
    nothing = ready.run("rerun", "4")
    assert nothing.err.startswith("nothing to rerun")


def test_rerun_of_the_same_version_only_is_refused_after_a_deploy(ready: Project) -> None:
    ready.write("nodes/STG/B.sql", BROKEN_AT_RUN)
    ready.run("deploy")
    ready.run("refresh", code=1)
    ready.write("nodes/STG/A.sql", "select id, amount from RAW.ITEMS where id > 1\n")
    ready.run("deploy")
    assert "another version is deployed" in ready.run("rerun", "4", "--same-version", code=2).err


def test_failed_test_says_which_rows(ready: Project) -> None:
    ready.write(
        "nodes/STG/A.sql",
        "/*---\nkey: [id]\n---*/\nselect 7 as id, amount from RAW.ITEMS where id in (1, 2)\n",
    )
    ready.run("deploy", "--allow-destructive")
    failed = ready.run("refresh", "--include", "{ A }", code=1)
    assert "STG.A" in failed.err
    assert "7" in failed.err
    sample = ready.run("logs", "4", "--json").body["data"][0]["error"]["sample"]
    assert sample["rows"][0][0] == 7


def test_strict_exits_3_for_a_warning(ready: Project) -> None:
    ready.write(
        "nodes/STG/A.sql",
        "/*---\ntests: [{row_count: {min: 1000, severity: warn}}]\n---*/\n"
        "select id, amount from RAW.ITEMS where id > 0\n",
    )
    ready.run("deploy")
    done = ready.run("refresh", "--include", "{ A }")
    assert done.out.startswith("refresh 4 warning")
    assert "warning: STG.A: " in done.err
    ready.run("refresh", "--include", "{ A }", "--strict", code=3)


def test_deploy_that_loses_data_is_refused_until_it_is_allowed(ready: Project) -> None:
    (ready.folder / "nodes/MART/C.sql").unlink()
    (ready.folder / "nodes/MART/D.sql").unlink()
    ready.write("jobs/nightly.yml", "id: 4\nname: nightly\nrefresh: {}\n")
    refused = ready.run("deploy", "-e", "dev", code=2)
    assert "error: this deploy would lose data: MART.C" in refused.err
    assert "--allow-destructive" in refused.err
    assert ready.query("select count(*) from mart.c") == [(99,)]
    ready.run("deploy", "-e", "dev", "--allow-destructive")
    assert ready.query("select table_name from information_schema.tables where table_schema = 'mart'") == []


def test_deploy_goes_back_to_an_earlier_deployment_while_the_files_are_broken(ready: Project) -> None:
    ready.write("nodes/STG/A.sql", "select id, amount, 1 as more from RAW.ITEMS where id > 0\n")
    ready.run("deploy")
    ready.write("nodes/STG/A.sql", "select from from\n")
    assert "STG.A" in ready.run("plan", "--to", "1").out
    ready.run("deploy", "--to", "1", "--allow-destructive")
    deployments = ready.run("environments", "show", "dev", "--json").body["deployments"]
    assert [(one["number"], one["current"]) for one in deployments] == [(3, True), (2, False), (1, False)]
    assert "more" not in ready.run("nodes", "show", "A", "--compiled").out


def test_failed_deploy_leaves_the_data_and_marks_the_environment(ready: Project) -> None:
    ready.write("nodes/MART/LEAF.sql", "select 'x' || id as v from STG.A\n")
    ready.run("deploy")
    ready.run("refresh", "--include", "{ LEAF }")
    ready.write("nodes/MART/LEAF.sql", "select cast(id as integer) as v from STG.A\n")
    failed = ready.run("deploy", "--allow-destructive", code=1)
    assert "dev is as it was: mend this, then deploy again" in failed.err
    assert ready.query("select max(v) from mart.leaf") == [("x99",)]
    assert "last deploy failed" in ready.run("status").out
    assert "error: the last deploy of dev failed" in ready.run("refresh", code=2).err
    ready.run("refresh", "--include", "{ A }", "--forceIgnoreEnvironmentStatus")


def test_tag_names_a_version_that_can_be_deployed_later(ready: Project) -> None:
    made = ready.run("tag", "create", "v1", "--json").body
    assert made["name"] == "v1"
    ready.write("nodes/STG/A.sql", "select id, amount from RAW.ITEMS where id > 50\n")
    assert "v1" in ready.run("tag", "create", "v1", code=2).err
    ready.run("deploy")
    assert "v1" in ready.run("plan", "--tag", "v1").out
    ready.run("deploy", "--tag", "v1")
    assert ready.run("environments", "show", "dev", "--json").body["deployedCommit"] == "v1"
    assert (
        ready.run("tag", "create", "same", "-e", "dev", "--json").body["manifestDigest"]
        == made["manifestDigest"]
    )
    assert [one["name"] for one in ready.run("tag", "list", "--json").body["data"]] == ["same", "v1"]
    assert "has no tag nope" in ready.run("deploy", "--tag", "nope", code=2).err


def test_selector_can_ask_for_what_changed_since_the_deploy(ready: Project) -> None:
    ready.write("nodes/STG/A.sql", "select id, amount from RAW.ITEMS where id > 50\n")
    ready.write("nodes/STG/NEW.sql", "select id from STG.A\n")
    changed = ready.run("nodes", "list", "--include", "{ state: modified } OR { state: new }", "--json").body
    assert {one["nodeID"]: one["state"] for one in changed["data"]} == {"STG.A": "modified", "STG.NEW": "new"}
    assert "modified" in ready.run("nodes", "list", "--include", "{ state: modified }").out
    named = ready.run("nodes", "list", "-e", "dev", "--include", "{ state: modified }", "--json").body
    assert [one["nodeID"] for one in named["data"]] == ["STG.A"]
    ready.run(
        "refresh", "-e", "dev", "--include", "{ state: modified }", code=2
    )  # of what runs, nothing differs


def test_cancel_of_a_run_that_is_over_is_refused(ready: Project) -> None:
    assert "run 2 is succeeded already" in ready.run("cancel", "2", code=2).err


def test_environments_apply_writes_a_changed_connection(ready: Project) -> None:
    text = (ready.folder / "environments/dev.yml").read_text()
    ready.write("environments/dev.yml", text + "description: the laptop\n")
    assert ready.run("environments", "apply").out == "applied: dev\n"
    assert ready.run("environments", "show", "dev", "--json").body["description"] == "the laptop"


def test_columns_of_undeclared_sources_are_written_and_comments_stay(fresh: Project) -> None:
    assert "RAW.PRICES" in fresh.run("sources").out
    done = fresh.run("sources", "sync", "-e", "dev")
    assert done.out == "RAW.PRICES: 3 columns -> nodes/RAW/sources.yml\n"
    text = (fresh.folder / "nodes/RAW/sources.yml").read_text()
    assert "# What somebody else loads." in text
    assert 'amount: {type: "decimal(18,2)"}' in text
    columns = fresh.run("nodes", "show", "PRICES", "--json").body["columns"]
    assert [(c["name"], c["type"]) for c in columns] == [
        ("id", "integer"), ("price", "decimal(9,2)"), ("valid", "boolean"),
    ]  # fmt: skip
    assert fresh.run("sources", "sync").err == "every source declares its columns\n"


def test_source_that_does_not_stand_is_named_and_the_others_are_written(fresh: Project) -> None:
    path = "nodes/RAW/sources.yml"
    fresh.write(path, (fresh.folder / path).read_text() + "GONE: {}\n")
    done = fresh.run("sources", "sync", code=1)
    assert "RAW.PRICES: 3 columns" in done.out
    assert "warning: RAW.GONE: " in done.err
