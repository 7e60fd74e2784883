"""Wrong use and broken surroundings: one line, a hint, the right exit code, and nothing lost."""

from __future__ import annotations

import re
import sqlite3
import subprocess
from pathlib import Path

import pytest
from tests.e2e.cli_support import Done, Project, command, environment


def says(done: Done, message: str, hint: str = "") -> None:
    """The last words are one line `error: …` and, where there is one, `hint: …`."""
    found = re.search(r"^error: (.*)$", done.err, re.MULTILINE)
    assert found is not None, done.err
    assert message in found[1], done.err
    if hint:
        shown = re.search(r"^hint: (.*)$", done.err, re.MULTILINE)
        assert shown is not None, done.err
        assert hint in shown[1], done.err
    assert done.out == ""


@pytest.mark.parametrize(
    ("arguments", "message", "hint"),
    [
        (["refesh"], "headgate has no command refesh", "did you mean refresh"),
        (["nodes", "lst"], "headgate nodes has no command lst", "did you mean list"),
        (["refresh", "--inclde", "x"], "headgate refresh has no option --inclde", "--include"),
        (["runs", "2"], "headgate runs has no command 2", "headgate runs show 2"),
        (["refresh", "--wait", "-1"], "wait_seconds must be a number of seconds", "it is set by --wait"),
        (["deploy", "--plan", "x"], "headgate deploy has no option --plan", "headgate deploy --help"),
        (["refresh", "--limit", "3"], "headgate refresh has no option --limit", ""),
        (["refresh", "extra"], "extra", "--help"),
        (["rerun"], "RUN_ID", "--help"),
        (["plan", "-e", "prod"], "there is no environment prod", "dev"),
        (["deploy", "-e", "7"], "there is no environment 7", "dev"),
        (["refresh", "-e", "dve"], "there is no environment dve", "dev"),
        (["environments", "show", "dve"], "there is no environment dve", "did you mean dev"),
        (["refresh", "-j", "5"], "there is no job 5", "4 (nightly)"),
        (["refresh", "-j", "nigthly"], "there is no job nigthly", "did you mean nightly"),
        (["jobs", "show", "5"], "there is no job 5", "nightly"),
        (["nodes", "show", "STG.AA"], "there is no node STG.AA", "STG.A"),
        (["nodes", "lineage", "STG.A.amuont"], "STG.A has no column amuont", "amount"),
        (["runs", "show", "99"], "there is no run 99", "the newest run is 2"),
        (["runs", "show", "x"], "'x' is no run id", "headgate runs"),
        (["rerun", "99"], "there is no run 99", ""),
        (["rerun", "1"], "run 1 is a deploy", ""),
        (["cancel", "99"], "there is no run 99", ""),
        (["logs", "2", "STG.X"], "run 2 has no node STG.X", "STG."),
        (["refresh", "--parallelism", "0"], "--parallelism", ""),
        (["refresh", "--parallelism", "many"], "--parallelism", ""),
        (["refresh", "--parameters", "lwo=1"], "there is no parameter lwo", "did you mean low"),
        (["refresh", "--parameters", "low"], "cannot read the parameters", "name=value"),
        (["refresh", "--parameters", '{"low": }'], "the parameters are not JSON", "single quotes"),
        (["refresh", "--from", "yesterday"], "--from is no date or instant", "2026-01-31"),
        (["refresh", "--from", "2026-02-01", "--to", "2026-01-01"], "is not before --to", ""),
        (["refresh", "--out", "/nonexistent/result.json"], "cannot write to /nonexistent/result.json", "folder"),
        (["refresh", "--out", "nodes"], "cannot write to nodes", ""),
        (["refresh", "--include", "{ name: NOPE }"], "the selection holds no node", "NOPE"),
        (["tag", "create", "a b"], "'a b' cannot be a tag", "v3"),
        (["plan", "--to", "9"], "there is no deployment number 9", ""),
        (["deploy", "--to", "1", "--tag", "v1"], "exclude each other", ""),
        (["runs", "--status", "done"], "done", ""),
        (["--project", "/nonexistent", "plan"], "there is no headgate.yml in /nonexistent", "headgate init"),
        (["completion", "tcsh"], "tcsh", ""),
    ],
)  # fmt: skip
def test_wrong_use_is_one_line_and_a_hint_with_exit_2(
    seen: Project, arguments: list[str], message: str, hint: str
) -> None:
    before = sorted(path.name for path in seen.folder.iterdir())
    says(seen.run(*arguments, code=2), message, hint)
    assert sorted(path.name for path in seen.folder.iterdir()) == before


@pytest.mark.parametrize(
    "arguments",
    [["nodes", "list", "--include"], ["refresh", "--include"]],
)
def test_bad_selector_shows_a_caret_below_the_place(seen: Project, arguments: list[str]) -> None:
    done = seen.run(*arguments, "{ name: A } { name: B }", code=2)
    says(done, "include selector, column 13")
    selector, caret = done.err.splitlines()[-2:]
    assert selector[caret.index("^") :].startswith("{ name: B }")


def test_selector_of_a_file_is_shown_with_its_caret(fresh: Project) -> None:
    fresh.write("jobs/nightly.yml", "id: 4\nname: n\nrefresh: {include: '{ C } OR { lokation: MART }'}\n")
    done = fresh.run("compile", code=2)
    place, hint, selector, caret = done.err.splitlines()[:4]
    assert place.startswith("jobs/nightly.yml:3:")
    assert hint == "  hint: did you mean location?"
    assert selector[caret.index("^") :].startswith("lokation")


def test_selector_that_is_not_closed_shows_where_it_was_opened(seen: Project) -> None:
    lines = seen.run("nodes", "--include", "{ nodeType: fact", code=2).err.splitlines()
    assert lines == [
        "error: include selector, column 1: `{` is never closed",
        "    { nodeType: fact",
        "    ^",
    ]


def test_refused_requests_write_no_run(ready: Project) -> None:
    for arguments in (["-j", "5"], ["--include", "{ x: }"], ["--parameters", "nope=1"], ["--out", "/no/x"]):
        ready.run("refresh", *arguments, code=2)
    assert [run["id"] for run in ready.run("runs", "--json").body["data"]] == [2, 1]


def test_outside_a_project_the_hint_names_init(tmp_path: Path) -> None:
    for arguments in (["plan"], ["refresh"], ["nodes"], ["status"], ["compile"]):
        says(Project(tmp_path).run(*arguments, code=2), "there is no headgate.yml", "headgate init")
    assert list(tmp_path.iterdir()) == []


def test_folder_with_only_a_project_file_compiles_to_what_is_missing(tmp_path: Path) -> None:
    (tmp_path / "headgate.yml").write_text("")
    done = Project(tmp_path).run("compile", code=2)
    assert "headgate.yml:" in done.err
    says(done, "the project has")


def test_refresh_before_the_first_deploy_says_what_to_do(fresh: Project) -> None:
    says(fresh.run("refresh", code=2), "no environment has been deployed yet", "headgate deploy")


def test_all_errors_of_broken_files_come_first_with_their_places(ready: Project) -> None:
    ready.write("nodes/STG/A.sql", "select (id from RAW.ITEMS\n")
    ready.write("nodes/STG/B.sql", "select id, nope from STG.A\n")
    ready.write("jobs/nightly.yml", "id: 4\nname: [nightly\n")
    for arguments in (["compile"], ["plan"], ["deploy"], ["nodes"]):
        done = ready.run(*arguments, code=2)
        places = [
            line.split(" ")[0] for line in done.err.splitlines() if re.match(r"\S+:\d+:\d+: error:", line)
        ]
        assert [place.partition(":")[0] for place in places] == ["jobs/nightly.yml", "nodes/STG/A.sql"]
        says(done, "the project has 2 errors", "mend the files")
    body = ready.run("compile", "--json", code=2).body
    assert body["valid"] is False
    assert {"file", "line", "column", "message", "hint", "code", "severity"} <= set(body["diagnostics"][0])


def test_broken_files_do_not_hinder_what_is_deployed(ready: Project) -> None:
    ready.write("nodes/STG/A.sql", "select (id from RAW.ITEMS\n")
    assert ready.run("refresh").out.startswith("refresh 3 succeeded")
    status = ready.run("status")
    assert "refresh 3" in status.out
    assert status.err.startswith("warning: the project has 1 error")


def test_missing_data_file_is_named_by_the_deploy_and_by_the_run(fresh: Project) -> None:
    columns = "columns: {id: {type: bigint}, amount: {type: double}}"
    fresh.write("nodes/RAW/sources.yml", f"ITEMS: {{file: data/items.csv, {columns}}}\n")
    planned = fresh.run("deploy", code=2)
    assert planned.err.startswith("nodes/RAW/sources.yml: error: ")
    assert "data/items.csv" in planned.err
    fresh.write("data/items.csv", "id,amount\n1,2.5\n")
    fresh.run("deploy")
    (fresh.folder / "data/items.csv").unlink()
    ran = fresh.run("refresh", code=1)
    assert "error: STG.A: " in ran.err
    assert "data/items.csv" in ran.err


def test_missing_source_table_is_a_failed_refresh(ready: Project) -> None:
    ready.query("drop table raw.items")
    assert "error: STG.A: " in ready.run("refresh", code=1).err


def test_corrupt_database_file_is_named(ready: Project) -> None:
    (ready.folder / "data/dev.duckdb").write_bytes(b"this is no database" * 1000)
    for arguments in (["plan"], ["refresh"]):
        done = ready.run(*arguments, code=1)
        assert "error:" in done.err
        assert "data/dev.duckdb" in done.err
    assert ready.run("runs", "--json").body["data"][0]["status"] == "failed"


def test_database_folder_that_is_a_file_is_named(fresh: Project) -> None:
    (fresh.folder / "environments/dev.yml").write_text(
        (fresh.folder / "environments/dev.yml")
        .read_text()
        .replace("data/dev.duckdb", "headgate.yml/dev.duckdb")
    )
    says(fresh.run("plan", code=1), "headgate.yml/dev.duckdb")


@pytest.mark.parametrize("content", [b"", b"not a database at all, but long enough to look at" * 100])
def test_corrupt_state_is_named_and_left_alone(ready: Project, content: bytes) -> None:
    state = ready.folder / ".headgate" / "state.db"
    for leftover in state.parent.glob("state.db*"):
        leftover.unlink()
    state.write_bytes(content)
    if content:
        for arguments in (["status"], ["refresh"], ["plan"]):
            says(ready.run(*arguments, code=1), "state.db", "restore it")
        assert state.read_bytes() == content
        assert "fail  state: " in ready.run("doctor", code=1).out
        assert ready.run("nodes").out.startswith("NODE")
    else:
        assert "nothing deployed" in ready.run("status").out


def test_state_of_a_newer_version_is_refused(ready: Project) -> None:
    with sqlite3.connect(ready.folder / ".headgate" / "state.db") as connection:
        connection.execute("pragma user_version = 999")
    connection.close()
    done = ready.run("status", code=1)
    says(done, "newer")


def test_project_without_a_state_can_be_compiled_and_nothing_else(fresh: Project) -> None:
    # /proc takes no folders, from root neither.
    assert fresh.run("compile", HEADGATE_STATE_DIR="/proc/headgate").out.startswith("four compiles")
    says(
        fresh.run("status", code=1, HEADGATE_STATE_DIR="/proc/headgate"),
        "cannot write the state",
        "HEADGATE_STATE_DIR",
    )


def test_state_folder_that_cannot_be_made_is_one_line(fresh: Project) -> None:
    says(fresh.run("status", code=1, HEADGATE_STATE_DIR="headgate.yml/state"), "cannot write the state")


def test_full_disk_for_the_file_of_out_is_told_and_the_run_is_kept(ready: Project) -> None:
    done = ready.run("refresh", "--out", "/dev/full", code=1)
    assert "the results could not be written to /dev/full" in done.err
    assert ready.run("runs", "--json").body["data"][0]["status"] == "succeeded"


def test_full_standard_output_is_one_line(seen: Project) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            command("nodes"),
            cwd=seen.folder,
            env=environment(),
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert done.returncode == 1
    assert done.stderr.splitlines()[0].startswith("error: the disk is full")


def test_reader_that_leaves_early_is_no_error(seen: Project) -> None:
    done = subprocess.run(
        ["/bin/sh", "-c", '"$@" | head -1', "sh", *command("logs", "2", "--sql")],
        cwd=seen.folder, env=environment(), capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.stdout.count("\n") == 1
    assert done.stderr == ""


def test_run_goes_on_when_nobody_reads_its_progress(ready: Project) -> None:
    started = ready.start("refresh", "-e", "dev")
    assert started.stderr is not None
    started.stderr.close()
    assert started.wait(timeout=60) == 0
    assert started.stdout is not None
    assert started.stdout.read().startswith("refresh 3 succeeded")
    started.stdout.close()


def test_unknown_setting_names_its_file(seen: Project, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    config.write_text("paralellism = 3\n")
    says(seen.run("status", code=2, HEADGATE_CONFIG=str(config)), "paralellism", "parallelism")
    says(seen.run("refresh", code=2, HEADGATE_WAIT_SECONDS="soon"), "wait_seconds must be")


def test_data_file_that_is_not_there_names_its_source(fresh: Project) -> None:
    fresh.write("nodes/RAW/sources.yml", "ITEMS: {file: items.csv}\nPRICES:\n")
    done = fresh.run("plan", code=2)
    assert "nodes/RAW/sources.yml: error: the source RAW.ITEMS cannot be read: " in done.err
    assert "(line" not in done.err
    assert "hint: put the file there, or correct `file` in sources.yml" in done.err


def test_streams_that_the_caller_closed_are_no_failure(fresh: Project) -> None:
    for arguments in (["nodes", "list"], ["deploy"], ["refresh", "--json"]):
        closed = ["sh", "-c", 'exec "$@" <&- >&- 2>&-', "sh", *command(*arguments)]
        assert subprocess.run(closed, cwd=fresh.folder, env=environment(), check=False).returncode == 0
    assert fresh.run("runs", "list", "--json").body["data"][0]["status"] == "succeeded"
