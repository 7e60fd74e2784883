"""Secrets are planted wherever one can be, and found nowhere: no log, answer, error, run record, statement text, file
of the state or process argument."""

from __future__ import annotations

import json
import subprocess
import urllib.error
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
from tests.e2e.cli_support import Project, command, environment, make_project, wait_until
from tests.e2e.served import Server, running, stop

STORED, GIVEN, ENVIRON = "canary-stored-7f3a", "canary-given-91bc", "canary-environ-c04d"
CANARIES = (STORED, GIVEN, ENVIRON)


def answers(server: Server, *paths: str) -> str:
    texts = []
    for path in paths:
        try:
            texts.append(json.dumps(server.call(path)))
        except urllib.error.HTTPError as error:
            texts.append(error.read().decode())
        except json.JSONDecodeError as error:  # metrics are text
            texts.append(error.doc)
    return "\n".join(texts)


def environment_file(options: dict[str, Any], **changes: Any) -> str:
    warehouse = {
        "type": "postgres",
        **options,
        "password": "${secret:CANARY}",
        **changes.pop("warehouse", {}),
    }
    return json.dumps(
        {
            "id": 1,
            "name": "dev",
            "warehouse": warehouse,
            "mappings": {name: {"schema": name.lower()} for name in ("RAW", "STG", "MART")},
            "parameters": {"token": "${secret:CANARY}"},
            **changes,
        }
    )


def planted(folder: Path, options: dict[str, Any]) -> Project:
    """A project whose password, parameter, template and data hold a canary, and nodes that make errors quote it."""
    project = make_project(folder)
    for path in [*project.folder.glob("nodes/*/*.sql"), *project.folder.glob("tests/*.sql")]:
        path.unlink()
    project.write("environments/dev.yml", environment_file(options))
    gone = environment_file(options, id=2, name="gone", warehouse={"host": "127.0.0.1", "port": 1})
    project.write("environments/gone.yml", gone)
    project.write("nodes/RAW/sources.yml", "ITEMS: {columns: {word: {type: varchar}}}\n")
    project.write("nodes/STG/NAMED.sql", "select '{{ parameters.token }}' as a")
    project.write("nodes/STG/QUOTES.sql", "select cast(word as integer) as n from RAW.ITEMS")
    project.write(
        "nodes/STG/SAMPLES.sql",
        "/*---\ncolumns: {word: {tests: [{accepted_values: [x]}]}}\n---*/\nselect word from RAW.ITEMS",
    )
    project.write("jobs/nightly.yml", "id: 4\nname: nightly\nrefresh: {include: '{ location: STG }'}\n")
    with psycopg.connect(options["url"], dbname=options["database"], autocommit=True) as connection:
        connection.execute("CREATE SCHEMA raw")
        connection.execute("CREATE TABLE raw.items (word varchar(40))")
        connection.execute("INSERT INTO raw.items VALUES (%s)", [STORED])
    return project


def store_secret(project: Project) -> str:
    ended = subprocess.run(
        command("secret", "set", "CANARY"),
        cwd=project.folder,
        env=environment(),
        input=f"{STORED}\n",
        capture_output=True,
        text=True,
        check=True,
        timeout=60,
    )
    return ended.stdout + ended.stderr


def test_no_secret_is_found_anywhere(
    tmp_path: Path, new_postgres_database: Callable[[], dict[str, Any]]
) -> None:
    project = planted(tmp_path / "four", new_postgres_database())
    texts = [store_secret(project)]
    for arguments in (
        ("plan", "-e", "dev", "--json"),
        ("deploy", "-e", "dev"),
        ("refresh", "-e", "dev", "--json", "--out", "run.json"),
        ("logs", "2", "--sql"),
        ("logs", "2", "--json"),
        ("plan", "-e", "gone"),
        ("doctor",),
        ("secret", "list", "--json"),
    ):
        done = project.run(*arguments, code=None)
        texts += [done.out, done.err]
    texts.append((project.folder / "run.json").read_text())
    assert '"failed"' in texts[-1]
    with running(project, "serve", "--port", "0", HEADGATE_SECRET_OTHER=ENVIRON) as process:
        server = Server(project)
        body = {
            "runDetails": {"environmentID": "1", "jobID": "4"},
            "userCredentials": {
                "snowflakePassword": GIVEN,
                "snowflakeUsername": "u",
                "snowflakeAuthType": "Basic",
            },
        }
        run = server.call("/scheduler/startRun", body)["runCounter"]
        wait_until(lambda: server.status(run) == "failed")
        texts.append(Path(f"/proc/{process.pid}/cmdline").read_bytes().decode())
        texts.append(
            answers(
                server,
                "/api/v1/runs",
                f"/api/v1/runs/{run}",
                f"/api/v1/runs/{run}/results",
                "/api/v1/environments",
                "/api/v1/environments/1",
                "/api/v1/environments/1/nodes/STG.NAMED",
                "/metrics",
                "/nowhere",
            )
        )
        code, err = stop(process)
        texts.append(err)
    assert code == 0
    everything = "\n".join(texts)
    assert "RAW" in everything
    assert "***" in everything
    assert [canary for canary in (*CANARIES, server.token) if canary in everything] == []
    for path in (project.folder / ".headgate").rglob("*"):
        if path.is_file() and path.name != "admin-token":
            kept = path.read_bytes()
            assert [canary for canary in (*CANARIES, server.token) if canary.encode() in kept] == [], path
