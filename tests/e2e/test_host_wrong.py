"""`serve`, `worker` and whoever asks a server, used wrongly: one line that says what, a hint, exit 2."""

from __future__ import annotations

import base64
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.e2e.cli_support import Project, command, environment, wait_until
from tests.e2e.served import Server, running, stop

KEY, OTHER_KEY = (base64.b64encode(bytes([number] * 32)).decode() for number in (1, 2))


@pytest.mark.parametrize(
    ("arguments", "variables", "message", "hint"),
    [
        ("worker", {}, "there is no state to take runs from: no ", "export HEADGATE_DATABASE_URL="),
        (
            "worker --server http://127.0.0.1:1",
            {},
            "headgate worker works on the state of this machine",
            "run it",
        ),
        ("serve --profile prod", {}, "headgate serve works on the state of this machine", "run it"),
        ("backup x.db --server http://127.0.0.1:1", {}, "headgate backup works on the state of", "run it"),
        ("serve", {"HEADGATE_ADMIN_TOKEN": "short"}, "admin_token must be 16 to 512 letters", "it is set by"),
        (
            "serve",
            {"HEADGATE_SECRET_KEY": "short"},
            "HEADGATE_SECRET_KEY must hold keys of 32",
            "`openssl rand",
        ),
        (
            "serve",
            {"HEADGATE_DATABASE_URL": "mysql://x"},
            "database_url must be postgresql://",
            "it is set by",
        ),
        ("serve --port 70000", {}, "port must be a port from 0 to 65535", "it is set by --port"),
        ("serve --host nowhere.invalid", {}, "cannot listen on nowhere.invalid:8600: Name", "choose another"),
        (
            "runs --server 127.0.0.1:8600",
            {},
            "server must be an address such as http",
            "it is set by --server",
        ),
        ("runs --profile nix", {}, "there is no profile nix", ""),
        (
            "nodes --server http://127.0.0.1:1",
            {},
            "there is no headgate.yml in",
            "name an environment with -e",
        ),
        (
            "plan --server http://127.0.0.1:1",
            {},
            "this needs a project folder",
            "run it where headgate.yml is",
        ),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_wrong_use_is_one_line_and_a_hint(
    tmp_path: Path, arguments: str, variables: dict[str, str], message: str, hint: str
) -> None:
    done = Project(tmp_path).run(*arguments.split(), code=2, **variables)
    lines = done.err.splitlines()
    assert lines[0].startswith(f"error: {message}")
    assert lines[1].startswith(f"hint: {hint}")
    assert len(lines) == 2
    assert arguments.startswith("serve") or list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("command", ["runs", "refresh -e dev", "doctor"])
def test_server_that_does_not_answer_is_named(tmp_path: Path, command: str) -> None:
    done = Project(tmp_path).run(*command.split(), "--server", "http://127.0.0.1:1", code=1)
    told = done.err if command != "doctor" else done.out
    assert "no answer from http://127.0.0.1:1: [Errno 111] Connection refused" in told
    assert "hint: is it running (`headgate serve`), and is this its address?" in told


def test_doctor_of_who_asks_a_server_makes_no_state(fresh: Project) -> None:
    done = fresh.run("doctor", "--server", "http://127.0.0.1:1", code=1)
    subjects = [line.split()[1] for line in done.out.splitlines() if line.startswith(("ok", "warn", "fail"))]
    assert subjects[-2:] == ["project:", "server:"]
    assert not (fresh.folder / ".headgate" / "state.db").exists()


def test_tokens_that_do_not_serve_are_told_apart(ready: Project, tmp_path: Path) -> None:
    with running(ready, "serve", "--port", "0"):
        server = Server(ready)
        reader = ready.run("token", "create", "--name", "reader", "--scope", "read").out.strip()
        old = ready.run("token", "create", "--name", "older", "--scope", "read").out.strip()
        ready.run("token", "revoke", "older")
        elsewhere = Project(tmp_path)
        asked: dict[str, Any] = {"HEADGATE_SERVER": server.url}

        def refused(*arguments: str, **variables: str) -> list[str]:
            return elsewhere.run(*arguments, code=2, **asked, **variables).err.splitlines()

        assert refused("runs") == [
            "error: this needs a token",
            "hint: set HEADGATE_TOKEN, or `token` in a profile; on the server's machine, `headgate token create"
            " --server local` makes one",
        ]
        assert refused("runs", HEADGATE_TOKEN="hg_wrong")[0] == "error: this token is not known here"
        assert refused("runs", HEADGATE_TOKEN=old)[0] == "error: the token older was revoked"
        scope = refused("refresh", "-e", "dev", HEADGATE_TOKEN=reader)
        assert scope[0].endswith("the token lacks the scope run")
        assert "headgate token create --scope 'run'" in scope[1]
        assert elsewhere.run("doctor", **asked, HEADGATE_TOKEN=reader).out.splitlines()[-1] == (
            f"ok    server: {server.url} answers, headgate 0.1.0"
        )


def keep_secret(project: Project, name: str, value: str, **variables: str) -> None:
    arguments, env = command("secret", "set", name), environment(**variables)
    subprocess.run(arguments, cwd=project.folder, env=env, input=value, text=True, check=True, timeout=60)


def test_admin_whose_token_is_lost_makes_another_beside_the_server(ready: Project) -> None:
    with running(ready, "serve", "--port", "0"):
        Server(ready)
    (ready.folder / ".headgate" / "admin-token").unlink()
    with running(ready, "serve", "--port", "0") as process:
        assert process.stderr is not None
        while "makes another" not in (line := process.stderr.readline()):
            assert line
        assert ready.run("token", code=2).err.splitlines()[1] == "error: this needs a token"
        told = line.partition("`headgate ")[2].partition("`")[0]
        made = ready.run(*told.split()).out.strip()
        assert ready.run("token", HEADGATE_TOKEN=made).out.count("admin") == 3


def test_key_that_opens_nothing_is_told_when_a_worker_starts(fresh: Project) -> None:
    fresh.run("environments", "apply", HEADGATE_SECRET_KEY=KEY)
    keep_secret(fresh, "PG_PASSWORD", "canary-of-keys", HEADGATE_SECRET_KEY=KEY)
    for variables, told in (
        ({"HEADGATE_SECRET_KEY": KEY}, False),
        ({"HEADGATE_SECRET_KEY": OTHER_KEY}, True),
    ):
        with running(fresh, "worker", **variables) as worker:
            assert worker.stderr is not None
            said = [worker.stderr.readline()]
            while not said[-1].startswith("taking runs of "):
                said.append(worker.stderr.readline())
        assert said[0].startswith("warning: runs that need a stored secret will fail here: ") == told


def test_worker_beside_no_project_carries_out_what_is_deployed(
    fresh: Project, tmp_path: Path, new_postgres_database: Callable[[], dict[str, Any]]
) -> None:
    options = new_postgres_database()
    parts = conninfo_to_dict(options["url"])
    url = f"postgresql://{parts['user']}@/{options['database']}?host={parts['host']}"
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("create schema raw")
        connection.execute("create table raw.items as select 1::bigint as id, 2.5::decimal(18,2) as amount")
        connection.execute("create table raw.prices as select 1 as id")
    fresh.write(
        "environments/dev.yml",
        "id: 1\nname: dev\nwarehouse: {type: postgres, url: '${secret:DW}'}\n"
        "mappings: {RAW: {schema: raw}, STG: {schema: stg}, MART: {schema: mart}}\n",
    )
    shared: dict[str, Any] = {"HEADGATE_DATABASE_URL": url, "HEADGATE_SECRET_KEY": KEY}
    keep_secret(fresh, "DW", url, **shared)
    elsewhere = Project(tmp_path / "elsewhere")
    elsewhere.folder.mkdir()
    with running(fresh, "serve", "--port", "0", "--no-worker", **shared):
        server = Server(fresh)
        deploy = fresh.run("deploy", "-e", "dev", "--detach", "--json", **shared).body["run"]["id"]
        run = fresh.run("refresh", "-e", "dev", code=2, **shared)
        assert run.err.splitlines()[1].startswith("error: nothing is deployed")
        with running(elsewhere, "worker", **shared) as worker:
            wait_until(lambda: server.status(deploy) == "completed")
            assert fresh.run("refresh", "-e", "dev", **shared).out.startswith(
                f"refresh {deploy + 1} succeeded"
            )
            code, err = stop(worker)
        assert code == 0
        assert f"run {deploy} (deploy) succeeded" in err
    assert list(elsewhere.folder.iterdir()) == []
    with psycopg.connect(url) as connection:
        assert connection.execute("select n, total from mart.d").fetchall() == [(1, 5)]
