"""The embedded command line with its state in PostgreSQL instead of a file."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from tests.e2e.cli_support import Project
from tests.e2e.served import Server, running, stop


@pytest.fixture
def url(new_postgres_database: Callable[[], dict[str, Any]]) -> str:
    options = new_postgres_database()
    given = {**conninfo_to_dict(options["url"]), "dbname": options["database"], "password": "hush"}
    return f"postgresql://?{'&'.join(make_conninfo('', **given).split())}"


def test_project_is_deployed_and_refreshed_with_its_state_in_a_database(fresh: Project, url: str) -> None:
    fresh.run("deploy", "-e", "dev", HEADGATE_DATABASE_URL=url)
    fresh.run("refresh", "-e", "dev", HEADGATE_DATABASE_URL=url)
    runs = fresh.run("runs", "--json", HEADGATE_DATABASE_URL=url).body["data"]
    assert [run["runStatus"] for run in runs] == ["completed", "completed"]
    assert not (fresh.folder / ".headgate" / "state.db").exists()
    with psycopg.connect(url) as connection:
        assert connection.execute("SELECT count(*) FROM headgate.run").fetchall() == [(2,)]


def test_doctor_names_the_database_without_the_password(fresh: Project, url: str) -> None:
    done = fresh.run("doctor", code=None, HEADGATE_DATABASE_URL=url)
    (line,) = [line for line in done.out.splitlines() if " state: " in line]
    assert "postgresql://postgres@" in line
    assert "last run none" in line
    assert "hush" not in done.out + done.err


def test_database_that_is_away_is_told_in_one_line_and_a_hint(fresh: Project) -> None:
    away = f"postgresql://ada:hush@/state?host={fresh.folder}&port=5999"
    done = fresh.run("runs", code=1, HEADGATE_DATABASE_URL=away)
    assert "cannot connect to the state" in done.err
    assert "hint: is the server running" in done.err
    assert "hush" not in done.out + done.err
    assert "Traceback" not in done.err


def test_wrong_address_is_told_and_not_shown(fresh: Project) -> None:
    done = fresh.run("runs", code=2, HEADGATE_DATABASE_URL="mysql://ada:hush@host/db")
    assert "database_url must be postgresql://" in done.err
    assert "hush" not in done.out + done.err


def test_server_needs_no_folder_of_its_own(tmp_path: Path, url: str) -> None:
    """A machine that only answers: no project, no state folder yet, and the key in a variable."""
    folder = Project(tmp_path)
    key = base64.b64encode(b"k" * 32).decode()
    variables = {"HEADGATE_DATABASE_URL": url, "HEADGATE_SECRET_KEY": key}
    with running(folder, "serve", "--port", "0", **variables) as process:
        assert Server(folder).call("/api/v1/runs")["data"] == []
        code, _ = stop(process)
    assert code == 0
