"""Whether everything that Headgate stands on is well: the host, the state, the project, the warehouses."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

from headgate.errors import Busy, HeadgateError, ProjectError
from headgate.model.project import Environment
from headgate.service.context import Context
from headgate.settings import Settings
from headgate.store.sqlite import SAFE_VERSION, sqlite_version

LITTLE_BYTES = 100 * 1024**2
SOME_BYTES = 1024**3
_NOT_SET_UP = ("variable_missing", "secret_missing")


class Verdict(StrEnum):
    OK = "ok"
    WARN = "warn"
    FAIL = "fail"


@dataclass(frozen=True, slots=True)
class Finding:
    subject: str
    verdict: Verdict
    message: str
    hint: str = ""


def check_host(folder: Path) -> list[Finding]:
    """Python, SQLite, the compiled SQL parser, git, room on the disk of `folder`."""
    return [_python(), _sqlite(), _parser(), _git(), _disk(folder)]


def check_project(root: Path, settings: Settings) -> tuple[Finding, list[Environment]]:
    """Whether the files compile, and the environments that they name."""
    from headgate.service.working_tree import compile_folder

    try:
        compiled = compile_folder(root, settings)
    except ProjectError as error:
        return Finding("project", Verdict.FAIL, error.message, "headgate compile shows them"), []
    except HeadgateError as error:
        return _failed("project", error), []
    nodes = f"{compiled.manifest.name} compiles, {len(compiled.manifest.nodes)} nodes"
    warnings = len(compiled.warnings)
    if warnings:
        finding = Finding(
            "project", Verdict.WARN, f"{nodes}, {warnings} warnings", "headgate compile shows them"
        )
    else:
        finding = Finding("project", Verdict.OK, nodes)
    return finding, list(compiled.environments.values())


def check_environment(context: Context, environment: Environment) -> Finding:
    """Whether a statement gets through. A database file that does not stand yet is not made."""
    subject = f"environment {environment.name}"
    path = environment.warehouse.options.get("path")
    if environment.warehouse.type == "duckdb" and isinstance(path, str) and "$" not in path:
        file = (context.root or Path()) / path
        if path != ":memory:" and not file.exists():
            return Finding(subject, Verdict.WARN, f"{path} does not exist yet", "the first deploy makes it")
    try:
        warehouse = context.open_warehouse(environment, "headgate doctor")
        try:
            session = warehouse.session()
            try:
                session.execute("SELECT 1")
            finally:
                session.close()
        finally:
            warehouse.close()
    except Busy as error:
        return Finding(subject, Verdict.WARN, error.message, error.hint)
    except HeadgateError as error:
        if error.code in _NOT_SET_UP:
            return Finding(subject, Verdict.WARN, f"not set up on this machine: {error.message}", error.hint)
        return _failed(subject, error)
    return Finding(subject, Verdict.OK, f"{environment.warehouse.type} answers")


def worst(findings: Iterable[Finding]) -> Verdict:
    verdicts = {finding.verdict for finding in findings}
    return next((v for v in (Verdict.FAIL, Verdict.WARN) if v in verdicts), Verdict.OK)


def failed_state(error: HeadgateError) -> Finding:
    return _failed("state", error)


def _failed(subject: str, error: HeadgateError) -> Finding:
    return Finding(subject, Verdict.FAIL, str(error), error.hint)


def _python() -> Finding:
    return Finding("python", Verdict.OK, ".".join(map(str, sys.version_info[:3])))


def _sqlite() -> Finding:
    version = ".".join(map(str, sqlite_version()))
    if sqlite_version() >= SAFE_VERSION:
        return Finding("sqlite", Verdict.OK, version)
    return Finding(
        "sqlite",
        Verdict.WARN,
        f"{version} can corrupt the state when two commands write at the same instant",
        "install pysqlite3 beside headgate: pip install pysqlite3",
    )


def _parser() -> Finding:
    try:
        distribution("sqlglotc")
    except PackageNotFoundError:
        slow = "in plain Python: compiling changed files takes about five times as long"
        return Finding("sql parser", Verdict.WARN, slow, "pip install 'headgate[fast]'")
    return Finding("sql parser", Verdict.OK, "compiled to machine code")


def _git() -> Finding:
    if shutil.which("git") is not None:
        return Finding("git", Verdict.OK, "found")
    return Finding("git", Verdict.WARN, "not found: versions are all labelled dirty", "install git")


def _disk(folder: Path) -> Finding:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    try:
        free = shutil.disk_usage(existing).free
    except OSError as error:
        return Finding("disk", Verdict.WARN, f"cannot tell how much is free: {error.strerror}")
    room = f"{free / 1024**3:.1f} GB free"
    if free < LITTLE_BYTES:
        return Finding("disk", Verdict.FAIL, room, "free some space: a run that finds none fails")
    if free < SOME_BYTES:
        return Finding("disk", Verdict.WARN, room, "free some space before loading more")
    return Finding("disk", Verdict.OK, room)
