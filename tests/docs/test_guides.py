"""The guides of server and client, and what README shows of them: every block of commands, Python and configuration is
carried out, in the order of the page, on the demo project. Addresses, tokens and ports alone are put in place."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from psycopg.conninfo import conninfo_to_dict
from tests.e2e.cli_support import Project, environment
from tests.e2e.served import Server, running

ROOT = Path(__file__).parents[2]
GUIDES, README = ROOT / "docs" / "guides", ROOT / "README.md"
READY = {"serve": "the admin's token", "worker": "taking runs of"}


def blocks(page: Path, *languages: str) -> Iterator[tuple[str, str]]:
    for language, text in re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.M | re.S):
        if language in languages:
            yield language, text


@pytest.fixture
def demo(tmp_path: Path) -> Project:
    Project(tmp_path).run("demo", "--scale", "0.01")
    return Project(tmp_path / "headgate-demo")


@pytest.fixture
def variables(tmp_path: Path) -> dict[str, str]:
    """`headgate` and `python` are those of the tests."""
    commands = tmp_path / "bin"
    commands.mkdir()
    for name, words in {"headgate": f"{sys.executable} -m headgate", "python": sys.executable}.items():
        (commands / name).write_text(f'#!/bin/sh\nexec {words} "$@"\n')
        (commands / name).chmod(0o755)
    own = environment(HOME=str(tmp_path), NO_PROXY="*")
    return {**own, "PATH": f"{commands}:{own['PATH']}"}


def carried_out(script: str, folder: Path, variables: dict[str, str]) -> dict[str, str]:
    """Runs a script to its end, and returns the variables that it leaves."""
    left = folder / "variables"
    text = f"set -euo pipefail\n{script}\nenv -0 > {left}\n"
    done = subprocess.run(
        ["bash", "-c", text],
        cwd=folder,
        env=variables,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, f"{script}\n{done.stdout}\n{done.stderr}"
    return dict(line.split("=", 1) for line in left.read_text().split("\0") if line)


def test_what_the_guide_of_the_client_shows_works(demo: Project, variables: dict[str, str]) -> None:
    with running(demo, "serve", "--port", "0"):
        server = Server(demo)
        for language, shown in blocks(GUIDES / "client.md", "sh", "toml", "python"):
            text = shown.replace("https://headgate.example.com", server.url).replace("hg_…", server.token)
            if language == "sh":
                variables = carried_out(text, demo.folder, variables)
            elif language == "toml":
                config = Path(variables["HOME"]) / ".config" / "headgate" / "config.toml"
                config.parent.mkdir(parents=True)
                config.write_text(text)
            else:
                (demo.folder / "example.py").write_text(text)
                carried_out("python -W error example.py", demo.folder, variables)


def test_what_the_guide_of_the_server_shows_works(
    demo: Project, variables: dict[str, str], new_postgres_database: Callable[[], dict[str, Any]]
) -> None:
    options = new_postgres_database()
    parts = conninfo_to_dict(options["url"])
    database = f"postgresql://{parts['user']}@/{options['database']}?host={parts['host']}"
    text = "".join(shown for _, shown in blocks(GUIDES / "server.md", "sh"))
    text = re.sub(r"postgresql://\S+", f"'{database}'", text)
    assert text.count("headgate serve") == 2
    host(text, demo, {**variables, "PG_PASSWORD": "a-password"})


def test_what_the_readme_shows_of_a_server_works(demo: Project, variables: dict[str, str]) -> None:
    shown = dict(blocks(README, "console", "python"))
    commands = [line[2:] for line in shown["console"].splitlines() if line.startswith("$ ")]
    program = shlex.quote(f"import headgate; {shown['python'].strip()}")
    host("\n".join([*commands, f"python -W error -c {program}"]), demo, variables)


def host(text: str, project: Project, variables: dict[str, str]) -> None:
    """Carries out commands in turn; `serve` and `worker` go on beside the next ones, until there is another server."""
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = str(free.getsockname()[1])
    variables = {**variables, "HEADGATE_PORT": port}
    with ExitStack() as processes:
        for line in text.replace("8600", port).splitlines():
            command = re.fullmatch(r"headgate (serve|worker)([^#]*)(#.*)?", line)
            if command is None:
                token = variables.get("HEADGATE_TOKEN", "")
                variables = carried_out(line.replace("hg_…", token), project.folder, variables)
                continue
            if command[1] == "serve":
                processes.close()
            process = processes.enter_context(running(project, command[1], *command[2].split(), **variables))
            assert process.stderr is not None
            while READY[command[1]] not in (said := process.stderr.readline()):
                assert said, f"{line} has ended"
            if command[1] == "serve":
                variables["HEADGATE_TOKEN"] = Server(project).token
