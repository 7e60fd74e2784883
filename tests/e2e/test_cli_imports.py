"""What a command loads, by name: time differs from machine to machine, modules do not."""

from __future__ import annotations

import subprocess
import sys

import pytest
from tests.e2e.cli_support import Project, environment

LIST = """
import sys
from headgate.cli.main import run
code = run(sys.argv[1:])
print("\\n".join(["", "MODULES", *sorted(sys.modules)]))
sys.exit(code)
"""
PARSERS = {"sqlglot", "jinja2", "pydantic", "yaml", "ruamel"}
AUTHORS = {"headgate.compile", "headgate.bind", "headgate.plan", "headgate.service.planning"}


def loaded(project: Project, *arguments: str) -> set[str]:
    done = subprocess.run(
        [sys.executable, "-c", LIST, *arguments],
        cwd=project.folder, env=environment(), capture_output=True, text=True, check=True,
    )  # fmt: skip
    return set(done.stdout.rpartition("\nMODULES\n")[2].split())


def within(modules: set[str], packages: set[str]) -> list[str]:
    return sorted(m for m in modules for p in packages if m == p or m.startswith(f"{p}."))


@pytest.mark.parametrize("arguments", [["--help"], ["--version"], []])
def test_help_and_version_load_click_and_nothing_else(seen: Project, arguments: list[str]) -> None:
    modules = loaded(seen, *arguments)
    heavy = {
        "duckdb",
        "rich",
        "psycopg",
        "msgspec",
        "sqlite3",
        "pysqlite3",
        "headgate.model",
        "headgate.store",
    }
    assert within(modules, PARSERS | AUTHORS | heavy) == []


@pytest.mark.parametrize("arguments", [["-e", "dev"], ["-j", "4"], ["--include", "{ A }"]])
def test_refresh_loads_no_parser_and_nothing_that_only_authors_need(
    ready: Project, arguments: list[str]
) -> None:
    modules = loaded(ready, "refresh", *arguments)
    assert "duckdb" in modules
    assert within(modules, PARSERS | AUTHORS | {"rich", "psycopg", "headgate.cli.live"}) == []


@pytest.mark.parametrize(
    "arguments",
    [
        ["nodes", "list"],
        ["nodes", "list", "--include", "+{ C }"],
        ["nodes", "show", "A"],
        ["jobs", "show", "4"],
        ["compile"],
    ],
)
def test_questions_about_an_unchanged_project_load_no_parser_and_no_warehouse(
    seen: Project, arguments: list[str]
) -> None:
    seen.run(*arguments)  # writes the cache, where a file is still too young to be trusted
    modules = loaded(seen, *arguments)
    assert within(modules, PARSERS | {"duckdb", "rich", "psycopg"}) == []


@pytest.mark.parametrize(
    "arguments", [["status"], ["environments"], ["runs"], ["runs", "show", "2"], ["logs", "2"]]
)
def test_questions_about_runs_load_no_parser_and_no_warehouse(seen: Project, arguments: list[str]) -> None:
    assert within(loaded(seen, *arguments), PARSERS | {"duckdb", "rich", "psycopg"}) == []
