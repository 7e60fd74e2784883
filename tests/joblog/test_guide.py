"""What the guide shows works as it stands there."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import yaml
from tests.joblog.conftest import Log

from headgate.joblog.watch import read_watch

Shell = Callable[..., subprocess.CompletedProcess[str]]
PLACES = {"url": "http://127.0.0.1:8600"}
GUIDES = Path(__file__).parents[2] / "docs" / "guides"
PAGE = "\n".join(path.read_text() for path in sorted(GUIDES.glob("job-log*.md")))


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


@pytest.mark.filterwarnings("ignore:For compatibility with the datetime.timestamp:DeprecationWarning")
def test_the_walk_through_of_the_guide(log: Log) -> None:
    """Each line is carried out, and its comment says what came of it, as far as it says."""
    (text,) = [block for block in blocks("python") if "tdutils.jobutil" in block]
    names: dict[str, Any] = {"token": log.token}
    came: list[Any] = []
    for line in ast.parse(text.replace("http://127.0.0.1:8600", log.url)).body:
        if isinstance(line, ast.Expr):
            came.append(eval(compile(ast.Expression(line.value), "guide", "eval"), names))
        else:
            exec(compile(ast.Module([line], []), "guide", "exec"), names)
    first, started, same, ended, moved, again, failed, last = came
    assert (first, same) == (None, None)
    assert (started["id"], started["status"], started["end_date"]) == (1, "in_progress", None)
    assert (ended["id"], ended["status"]) == (1, "success")
    assert ended["end_date"] is not None
    assert (again["id"], failed["id"], failed["status"]) == (2, 2, "error")
    assert moved == last == int(datetime.fromisoformat(started["start_date"]).timestamp())


def test_the_python_of_the_guide(log: Log) -> None:
    asked: list[object] = []

    def extract(changed_since: object) -> SimpleNamespace:
        asked.append(changed_since)
        return SimpleNamespace(newest="2026-01-31")

    names: dict[str, Any] = {"extract": extract, "load": lambda _: 12}
    (text,) = [block for block in blocks("python") if "headgate.joblog" in block]
    for _ in range(2):
        exec(text, names)
    names["load_customers"]()
    assert asked == [None, "2026-01-31"]
    assert log.told() == [("orders", "success"), ("orders", "success"), ("customers", "success")]


@pytest.fixture
def shell(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Shell:
    """Runs the one block of commands that has these words."""
    for name, words in {
        "headgate": f'exec {sys.executable} -m headgate "$@"',
        "load_orders.sh": "echo loaded $1",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{words}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")

    def run(words: str, **replaced: str) -> subprocess.CompletedProcess[str]:
        (text,) = [block for block in blocks("sh") if words in block]
        for old, new in replaced.items():
            text = text.replace(PLACES[old], new)
        return subprocess.run(
            ["bash", "-euc", text], capture_output=True, text=True, check=False, cwd=tmp_path
        )

    return run


def test_the_curl_calls_of_the_guide(log: Log, tmp_path: Path, shell: Shell) -> None:
    (tmp_path / ".headgate").mkdir()
    (tmp_path / ".headgate" / "admin-token").write_text(log.token)
    done = shell("curl -s", url=log.url)
    assert (done.returncode, done.stderr) == (0, "")
    asked, _, started = done.stdout.partition("]")
    assert asked == "["
    assert json.loads(started)[0]["id"] == 1
    (row,) = log.rows()
    assert (row["status"], row["records_processed"], row["end_date"] is None) == ("success", 1200, False)


def test_the_watching_of_the_guide(log: Log, shell: Shell) -> None:
    done = shell("job-log watch orders --every")
    assert (done.returncode, done.stderr) == (0, "nothing has changed yet\n")
    assert "every 1d, grace 2h" in done.stdout
    assert "0 6 * * 1-5 Europe/Berlin" in done.stdout
    (text,) = [block for block in blocks("yaml") if "cron" in block]
    watches = {name: read_watch(keys) for name, keys in yaml.safe_load(text).items()}
    assert (watches["orders"].every, watches["customers"].close_stale) == (86_400.0, True)


def test_the_commands_of_the_guide(log: Log, shell: Shell) -> None:
    done = shell("job-log exec")
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("loaded --all\nJOB ")
    assert "\nlast success" in done.stdout
    assert log.told() == [("orders", "success"), ("orders", "success")]
