"""What the guide shows of our own client works as it stands there."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from tests.joblog.conftest import Log

PAGE = (Path(__file__).parents[2] / "docs" / "guides" / "job-log.md").read_text()


def blocks(language: str) -> list[str]:
    return re.findall(rf"^```{language}\n(.*?)^```$", PAGE, re.MULTILINE | re.DOTALL)


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


def test_the_commands_of_the_guide(log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, words in {
        "headgate": f'exec {sys.executable} -m headgate "$@"',
        "load_orders.sh": "echo loaded $1",
    }.items():
        (tmp_path / name).write_text(f"#!/bin/sh\n{words}\n")
        (tmp_path / name).chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    (text,) = [block for block in blocks("sh") if "job-log exec" in block]
    done = subprocess.run(["bash", "-euc", text], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("loaded --all\nlast success")
    assert log.told() == [("orders", "success"), ("orders", "success")]
