"""Commands that change nothing: what they print, and the bodies of --json."""

from __future__ import annotations

import pytest
from tests.e2e.cli_support import Project


def test_help_and_version_need_no_project(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = Project(tmp_path_factory.mktemp("nowhere"))
    assert nowhere.run("--version").out.startswith("headgate ")
    bare = nowhere.run()
    assert bare.out == nowhere.run("-h").out
    assert "refresh" in bare.out
    assert "Examples:" in nowhere.run("refresh", "--help").out
    assert list(nowhere.folder.iterdir()) == []


def test_compile_counts_what_the_project_holds(seen: Project) -> None:
    assert seen.run("compile").out.startswith("four compiles: 6 nodes, 1 test, 1 job, 1 environment")
    body = seen.run("compile", "--json").body
    assert body["valid"] is True
    assert body["nodes"] == 6
    assert body["diagnostics"] == []


def test_nodes_list_holds_what_selectors_select(seen: Project) -> None:
    page = seen.run("nodes", "list", "--json").body
    assert set(page) == {"data", "next", "limit"}
    assert [node["nodeID"] for node in page["data"]] == [
        "MART.C", "MART.D", "RAW.ITEMS", "RAW.PRICES", "STG.A", "STG.B",
    ]  # fmt: skip
    assert {"nodeID", "name", "locationName", "nodeType"} <= set(page["data"][0])
    chosen = seen.run("nodes", "--include", "+{ name: B }", "--exclude", "{ nodeType: source }").out
    assert [line.split()[0] for line in chosen.splitlines()] == ["NODE", "STG.A", "STG.B"]


def test_nodes_list_is_paged_by_key(seen: Project) -> None:
    first = seen.run("nodes", "list", "--json", "--limit", "4").body
    assert first["next"] == "RAW.PRICES"
    second = seen.run("nodes", "list", "--json", "--limit", "4", "--startingFrom", first["next"]).body
    assert [node["nodeID"] for node in second["data"]] == ["STG.A", "STG.B"]
    assert second["next"] is None


def test_selector_block_that_matches_nothing_is_a_warning_and_with_strict_an_error(seen: Project) -> None:
    mild = seen.run("nodes", "list", "--include", "{ name: BB } OR { A }", "--json")
    assert [node["nodeID"] for node in mild.body["data"]] == ["STG.A"]
    assert mild.err.startswith("warning: ")
    assert "{ name: BB }" in mild.err
    strict = seen.run("nodes", "list", "--include", "{ name: BB } OR { A }", "--strict", code=2)
    assert "matches nothing" in strict.err


def test_node_is_shown_with_columns_lineage_and_sql(seen: Project) -> None:
    text = seen.run("nodes", "show", "b").out
    assert "STG.B" in text
    assert "double_amount" in text
    assert "STG.A.amount" in text
    assert "{{ parameters.low }}" in text
    body = seen.run("nodes", "show", "STG.B", "--json").body
    assert body["load"] == {"strategy": "full", "key": ["id"]}
    assert [column["name"] for column in body["columns"]] == ["id", "double_amount"]


def test_compiled_node_shows_what_a_refresh_sends(seen: Project) -> None:
    body = seen.run("nodes", "show", "B", "--compiled", "-e", "dev", "--json").body["deployed"]
    assert "stg.a" in body["sql"].lower()
    assert "parameters" not in body["sql"]
    assert body["statements"][0]["role"] == "stage"
    assert "-- refresh:" in seen.run("nodes", "show", "B", "--compiled").out


def test_lineage_goes_up_and_down_for_nodes_and_columns(seen: Project) -> None:
    body = seen.run("nodes", "lineage", "STG.B", "--json").body
    assert [one["nodeID"] for one in body["upstream"]] == ["STG.A", "RAW.ITEMS"]
    assert [one["nodeID"] for one in body["downstream"]] == ["MART.C", "MART.D"]
    column = seen.run("nodes", "lineage", "MART.D.total", "--json", "--up").body
    assert [(one["nodeID"], one["column"]) for one in column["upstream"]] == [
        ("MART.C", "double_amount"), ("STG.B", "double_amount"), ("STG.A", "amount"), ("RAW.ITEMS", "amount"),
    ]  # fmt: skip
    assert column["downstream"] == []
    assert "is used by" in seen.run("nodes", "lineage", "A", "--down").out


def test_job_is_shown_with_the_reason_for_each_node(seen: Project) -> None:
    body = seen.run("jobs", "show", "4", "--json").body
    assert body["includeSelector"] == "+{ location: MART }"
    assert {node["nodeID"]: node["why"] for node in body["nodes"]} == {
        "MART.C": "matches { location: MART }",
        "MART.D": "matches { location: MART }",
        "STG.A": "upstream of MART.C",
        "STG.B": "upstream of MART.C",
    }
    assert [term["side"] for term in body["terms"]] == ["include", "exclude"]
    assert seen.run("jobs", "show", "nightly", "-e", "dev", "--json").body["id"] == "4"
    assert "RUNS 4 OF 6" in seen.run("jobs", "show", "4").out
    assert [job["name"] for job in seen.run("jobs", "--json").body["data"]] == ["nightly"]
    assert "nightly" in seen.run("jobs").out


def test_runs_are_listed_newest_first_and_paged(seen: Project) -> None:
    page = seen.run("runs", "list", "--json", "--limit", "1").body
    assert page["limit"] == 1
    (newest,) = page["data"]
    assert (newest["runType"], newest["runStatus"], newest["status"]) == ("refresh", "completed", "succeeded")
    assert newest["id"] == newest["runCounter"] == 2
    (older,) = seen.run("runs", "--json", "--limit", "1", "--startingFrom", page["next"]).body["data"]
    assert older["kind"] == "deploy"
    assert seen.run("runs", "--status", "failed", "--json").body["data"] == []
    assert [r["id"] for r in seen.run("runs", "-e", "dev", "--kind", "deploy", "--json").body["data"]] == [1]
    assert "refresh" in seen.run("runs").out


def test_run_is_shown_with_its_steps(seen: Project) -> None:
    body = seen.run("runs", "show", "2", "--json").body
    assert body["nodeCounts"] == {"succeeded": 6}
    assert body["runHistory"] == []
    text = seen.run("runs", "show", "2").out
    assert "STG.A" in text
    assert "99" in text


def test_logs_have_the_shape_of_the_run_results(seen: Project) -> None:
    body = seen.run("logs", "2", "--json").body
    found = {one["nodeID"]: one for one in body["data"]}
    node = found["STG.B"]
    assert (node["name"], node["status"], node["runState"]) == ("B", "succeeded", "completed")
    assert node["nodeType"] == "stage"
    assert node["isRunning"] is False
    assert node["hasTestFailures"] is False
    first = node["queryResults"][0]
    assert {"name", "sql", "status", "success", "isRunning"} <= set(first)
    assert first["rowsInserted"] == 99
    assert "row_count" in [result["name"] for result in node["queryResults"]]


def test_logs_of_one_node_show_its_sql_on_request(seen: Project) -> None:
    assert "SELECT" not in seen.run("logs", "2", "A").out
    assert "SELECT" in seen.run("logs", "2", "STG.A", "--sql").out
    failed = seen.run("logs", "2", "--failed")
    assert (failed.out, failed.err) == ("", "run 2 has no failed steps\n")


def test_status_tells_what_is_deployed_and_what_ran(seen: Project) -> None:
    (dev,) = seen.run("status", "--json").body["data"]
    assert (dev["id"], dev["name"], dev["status"], dev["marked"]) == ("1", "dev", "Waiting", False)
    assert dev["deployment"]["number"] == 1
    assert dev["lastRun"]["id"] == 2
    assert "refresh 2 all" in seen.run("status").out


def test_environment_is_shown_with_mappings_and_deployments(seen: Project) -> None:
    body = seen.run("environments", "show", "dev", "--json").body
    assert body["currentMappings"]["STG"] == {"database": None, "schema": "stg"}
    assert [one["number"] for one in body["deployments"]] == [1]
    assert "stands now" in seen.run("environments", "show", "1").out
    assert [one["name"] for one in seen.run("environments", "--json").body["data"]] == ["dev"]


def test_status_of_a_project_that_was_never_deployed(fresh: Project) -> None:
    assert "nothing deployed" in fresh.run("status").out
    assert "nothing deployed" in fresh.run("environments").out
    assert fresh.run("runs").err == "nothing has run yet\n"


def test_secrets_of_an_environment_are_not_shown(fresh: Project) -> None:
    fresh.write(
        "environments/prod.yml",
        "id: 2\nname: prod\nwarehouse: {type: postgres, host: db, user: me, password: '${secret:PW}'}\n"
        "mappings: {RAW: {schema: r}, STG: {schema: s}, MART: {schema: m}}\n",
    )
    shown = fresh.run("environments", "show", "prod", HEADGATE_SECRET_PW="hush")
    assert "host db" in shown.out
    assert "PW" not in shown.out + shown.err
    assert "hush" not in shown.out + shown.err


def test_doctor_says_what_is_well_and_what_is_not(ready: Project) -> None:
    verdicts = {one["subject"]: one["verdict"] for one in ready.run("doctor", "--json").body["data"]}
    assert verdicts["state"] == verdicts["project"] == verdicts["environment dev"] == "ok"
    ready.write("nodes/STG/A.sql", "select from from\n")
    bad = ready.run("doctor", code=1)
    assert "fail  project:" in bad.out
    assert "hint: headgate compile" in bad.out


def test_doctor_works_outside_a_project(tmp_path_factory: pytest.TempPathFactory) -> None:
    done = Project(tmp_path_factory.mktemp("nowhere")).run("doctor")
    assert "python: 3." in done.out
    assert "warn  project: there is no headgate.yml" in done.out


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_prints_a_script(seen: Project, shell: str) -> None:
    assert "_HEADGATE_COMPLETE" in seen.run("completion", shell).out


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("headgate ref", ["refresh"]),
        ("headgate nodes show STG.", ["STG.A", "STG.B"]),
        ("headgate nodes lineage mart.c", ["MART.C"]),
        ("headgate refresh -j ", ["4"]),
        ("headgate refresh -e ", ["dev"]),
        ("headgate runs show ", ["2", "1"]),
        ("headgate refresh --par", ["--parallelism", "--parameters"]),
    ],
)
def test_names_are_completed(seen: Project, words: str, expected: list[str]) -> None:
    variables = {"_HEADGATE_COMPLETE": "bash_complete", "COMP_WORDS": words}
    done = seen.run(code=0, **variables, COMP_CWORD=str(len(words.split(" ")) - 1))
    assert [line.split(",")[1] for line in done.out.splitlines()] == expected


def test_names_are_completed_from_what_is_deployed_where_nothing_is_compiled(ready: Project) -> None:
    for file in (ready.folder / ".headgate" / "cache").iterdir():
        file.unlink()
    words = {
        "_HEADGATE_COMPLETE": "bash_complete",
        "COMP_WORDS": "headgate nodes show MART.",
        "COMP_CWORD": "3",
    }
    assert ready.run(code=0, **words).out.split() == ["plain,MART.C", "plain,MART.D"]


def test_completion_outside_a_project_is_silent(tmp_path_factory: pytest.TempPathFactory) -> None:
    nowhere = Project(tmp_path_factory.mktemp("nowhere"))
    words = {"_HEADGATE_COMPLETE": "bash_complete", "COMP_WORDS": "headgate nodes show ", "COMP_CWORD": "3"}
    done = nowhere.run(code=0, **words)
    assert (done.out.strip(), done.err) == ("", "")


def test_project_can_be_named_before_and_after_the_command(
    seen: Project, tmp_path_factory: pytest.TempPathFactory
) -> None:
    nowhere = Project(tmp_path_factory.mktemp("nowhere"))
    folder = str(seen.folder)
    before = nowhere.run("--project", folder, "nodes")
    assert before.out == nowhere.run("nodes", "list", "--project", folder).out
    assert before.out == Project(seen.folder / "nodes" / "STG").run("nodes").out


def test_no_colour_is_sent_to_a_pipe_and_colour_where_it_is_asked_for(seen: Project) -> None:
    assert "\x1b[" not in seen.run("runs").out
    assert "\x1b[" in seen.run("runs", HEADGATE_COLOR="always").out
    assert "\x1b[" not in seen.run("--no-color", "runs", HEADGATE_COLOR="always").out
    assert "\x1b[" not in seen.run("runs", NO_COLOR="1").out
