"""A small project in a temporary folder, and the real `headgate` process run in it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb

FILES = {
    "headgate.yml": """\
name: four
dialect: duckdb
locations: [RAW, STG, MART]
default_location: STG
parameters: {low: 1}
""",
    "environments/dev.yml": """\
id: 1
name: dev
warehouse: {type: duckdb, path: data/dev.duckdb}
mappings: {RAW: {schema: raw}, STG: {schema: stg}, MART: {schema: mart}}
""",
    "jobs/nightly.yml": """\
id: 4
name: nightly
refresh: {include: "+{ location: MART }", exclude: "{ nodeType: source }", parallelism: 2}
""",
    "nodes/RAW/sources.yml": """\
ITEMS:
  columns: {id: {type: bigint}, amount: {type: "decimal(18,2)"}}
# What somebody else loads.
PRICES:
""",
    "nodes/STG/A.sql": "select id, amount from RAW.ITEMS where id > 0\n",
    "nodes/STG/B.sql": """\
/*---
key: [id]
tags: [daily]
tests: [{row_count: {min: 1}}]
---*/
select id, amount * 2 as double_amount from STG.A where id >= {{ parameters.low }}
""",
    "nodes/MART/C.sql": """\
/*---
type: fact
load: full
---*/
select a.id, b.double_amount from STG.A a join STG.B b on a.id = b.id
""",
    "nodes/MART/D.sql": """\
/*---
type: view
---*/
select count(*) as n, sum(double_amount) as total from MART.C
""",
}
SLOW = "select count(*) as n from range(1000000) a, range(100000000) b, (select count(*) from STG.A) c\n"


@dataclass(frozen=True, slots=True)
class Done:
    """A command that has ended."""

    code: int
    out: str
    err: str

    @property
    def body(self) -> Any:
        return json.loads(self.out)


@dataclass(frozen=True, slots=True)
class Project:
    folder: Path

    def write(self, path: str, text: str) -> None:
        target = self.folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text, encoding="utf-8")

    def run(self, *arguments: str, code: int | None = 0, **variables: str) -> Done:
        """Run a command to its end; `code` is what it must exit with, None for any."""
        return headgate(*arguments, folder=self.folder, code=code, **variables)

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        return subprocess.Popen(
            command(*arguments),
            cwd=self.folder,
            env=environment(),
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            stdin=subprocess.DEVNULL,
            text=True,
        )

    def query(self, sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect(str(self.folder / "data" / "dev.duckdb")) as connection:
            return connection.execute(sql).fetchall()

    def copy_to(self, folder: Path) -> Project:
        shutil.copytree(self.folder, folder)
        return Project(folder)


def make_project(folder: Path) -> Project:
    project = Project(folder)
    for path, text in FILES.items():
        project.write(path, text)
        # As in a clone: a file that has just been written is read again at each compile.
        os.utime(folder / path, (0, 0))
    (folder / "data").mkdir()
    project.query("create schema raw")
    project.query("create table raw.items as select range as id, range * 1.5 as amount from range(-5, 100)")
    project.query("create table raw.prices as select 1 as id, 9.99::decimal(9,2) as price, true as valid")
    return project


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "headgate", *arguments]


def environment(**variables: str) -> dict[str, str]:
    """The process's own, without what would change answers."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADGATE_")}
    return {**kept, "HOME": "/nonexistent", "COLUMNS": "120", "LC_ALL": "C.UTF-8", **variables}


def headgate(*arguments: str, folder: Path, code: int | None = 0, **variables: str) -> Done:
    ended = subprocess.run(
        command(*arguments),
        cwd=folder,
        env=environment(**variables),
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
        timeout=120,
    )
    done = Done(ended.returncode, ended.stdout, ended.stderr)
    assert "Traceback" not in done.err, done.err
    assert code is None or done.code == code, f"{arguments}: exit {done.code}\n{done.out}\n{done.err}"
    return done


def wait_until(condition: Callable[[], bool], *, seconds: float = 60) -> None:
    give_up_at = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < give_up_at, "it never came to be"
        time.sleep(0.02)
