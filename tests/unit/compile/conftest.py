"""A project from texts: `project({path: text})` writes it over a small sound base and compiles it."""

from __future__ import annotations

import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest

from headgate.compile.project import Compiled, compile_project
from headgate.errors import Diagnostic, ProjectError

BASE = {
    "headgate.yml": """\
        name: shop
        dialect: duckdb
        locations: [RAW, STG, MART]
        default_location: STG
        parameters: {segment: BUILDING}
        """,
    "environments/dev.yml": """\
        id: 1
        name: dev
        warehouse: {type: duckdb, path: dev.duckdb}
        mappings: {RAW: {schema: raw}, STG: {schema: stg}, MART: {schema: mart}}
        """,
    "nodes/RAW/sources.yml": """\
        CUSTOMER:
          columns:
            c_id: {type: bigint}
            c_name: {type: varchar}
            c_nation: {type: integer}
        NATION: {columns: {n_id: {type: integer}, n_name: {type: varchar}}}
        UNDECLARED:
        """,
}

Files = dict[str, str | None]
Compile = Callable[[Files], Compiled]
Fail = Callable[[Files], list[Diagnostic]]


def write_files(root: Path, files: Files) -> None:
    for path, text in files.items():
        target = root / path
        if text is None:
            target.unlink()
            continue
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(textwrap.dedent(text))


@pytest.fixture
def root(tmp_path: Path) -> Path:
    write_files(tmp_path, dict(BASE))
    return tmp_path


@pytest.fixture
def compiled(root: Path) -> Compile:
    """Compiles the base with these files over it."""

    def run(files: Files) -> Compiled:
        write_files(root, files)
        return compile_project(root, processes=1)

    return run


@pytest.fixture
def errors(root: Path) -> Fail:
    """The diagnostics of the base with these files over it, which must not compile."""

    def run(files: Files) -> list[Diagnostic]:
        write_files(root, files)
        with pytest.raises(ProjectError) as caught:
            compile_project(root, processes=1)
        return list(caught.value.diagnostics)

    return run
