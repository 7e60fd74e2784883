"""What the documents say is true: their commands run, their selectors parse, their links lead somewhere."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from headgate.demo import load_data, write_project
from headgate.selector import parse

ROOT = Path(__file__).parents[2]
DOCUMENTS = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "examples").rglob("*.md"),
        *(ROOT / "benchmarks").glob("*.md"),
    ]
)
BROKEN = ("has no operator", "is an error", "no operator")


def headgate(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "headgate", *arguments]
    return subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False, timeout=120)


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The demo project, small, deployed and refreshed; its run 4 has failed, as the documents assume."""
    folder = tmp_path_factory.mktemp("docs") / "demo"
    write_project(folder)
    load_data(folder, 0.01, lambda _text: None)
    assert headgate(folder, "deploy", "-e", "dev").returncode == 0
    assert headgate(folder, "refresh", "-e", "dev", "-j", "4").returncode == 0
    broken = folder / "nodes/STG/STG_SUPPLIER.sql"
    whole = broken.read_text()
    broken.write_text(whole.replace("select", "select cast('x' || s_suppkey as bigint) as never,", 1))
    headgate(folder, "deploy", "-e", "dev")
    headgate(folder, "refresh", "-e", "dev", "-j", "4")
    broken.write_text(whole)
    assert headgate(folder, "deploy", "-e", "dev", "--allow-destructive").returncode == 0
    return folder


def commands_of_readme() -> list[str]:
    text = (ROOT / "README.md").read_text().partition("## A first look")[2].partition("\n## ")[0]
    return [line.strip() for line in re.findall(r"^\$ (headgate [^#\n]*)", text, re.MULTILINE)]


def test_the_readmes_commands_run_one_after_the_other(demo: Path) -> None:
    commands = commands_of_readme()
    assert len(commands) >= 5
    for command in commands:
        done = headgate(demo, *shlex.split(command)[1:])
        assert done.returncode == 0, f"{command}\n{done.stderr}"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_links_to_files_lead_somewhere(document: Path) -> None:
    for target in re.findall(r"\]\(([^)#:]+?)(?:#[^)]*)?\)", document.read_text()):
        assert (document.parent / target).exists(), target


def test_selectors_in_the_reference_parse() -> None:
    text = (ROOT / "docs/reference/selectors.md").read_text()
    shown = [
        selector
        for line in text.splitlines()
        if not any(word in line for word in BROKEN)
        for selector in re.findall(r"`([^`]*\{[^`]*\}[^`]*)`", line)
    ]
    assert len(shown) > 10
    for selector in shown:
        if "X" not in selector:
            parse(selector)
