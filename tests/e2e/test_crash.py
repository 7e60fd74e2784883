"""kill -9 at random instants, then rerun: every table equals that of a twin that nobody disturbed.

Two databases get the same source rows in every round; the twin is refreshed in peace, the victim is killed, rerun,
killed again and rerun. `HEADGATE_TEST_KILLS` says how many kills each engine must survive.
"""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.conftest import WarehouseConfigs
from tests.contract.projects import Project

from headgate.model.project import WarehouseConfig
from headgate.warehouse.base import Session
from headgate.warehouse.open import open_warehouse

KILLS = int(os.environ.get("HEADGATE_TEST_KILLS", "12"))
SEED = int(os.environ.get("HEADGATE_TEST_SEED", "1"))

NODES = {
    "nodes/RAW/sources.yml": "ITEMS: {}\n",
    "nodes/STG/FULL.sql": "/*---\nkey: [id]\n---*/\nselect id, word, amount, upd from RAW.ITEMS",
    "nodes/STG/EVERY.sql": "/*---\nload: append\n---*/\nselect max(round_no) as round_no, count(*) as n from RAW.ITEMS",
    "nodes/STG/NEWER.sql": ("/*---\nload: append\ntime_column: upd\n---*/\nselect id, upd from STG.FULL"),
    "nodes/STG/MERGED.sql": (
        "/*---\nload: merge\nkey: [id]\ntests: [{row_count: {min: 1}}]\n---*/\nselect id, word, amount from STG.FULL"
    ),
    "nodes/STG/DAILY.sql": (
        "/*---\nload: interval\ntime_column: upd\ninterval: 1d\nstart: 2024-01-01\n---*/\nselect id, upd from STG.FULL"
    ),
    "nodes/MART/HISTORY.sql": (
        "/*---\nload: scd2\nkey: [id]\nupdated_at: upd\n---*/\nselect id, word, upd from STG.FULL"
    ),
    "nodes/MART/TOTALS.sql": "select count(*) as n, sum(amount) as total from STG.MERGED",
    "nodes/MART/V.sql": "/*---\ntype: view\ntests: [{row_count: {min: 1}}]\n---*/\nselect * from MART.TOTALS",
}
TABLES = ["stg.full", "stg.every", "stg.newer", "stg.merged", "stg.daily", "mart.history", "mart.totals"]


class Twin:
    """A project with a database of its own, driven by real `headgate` processes."""

    def __init__(self, root: Path, config: WarehouseConfig) -> None:
        self.root = root
        self.config = config
        project = Project(root, config)
        for path, text in NODES.items():
            project.write(path, text.replace("STG.FULL", 'STG."FULL"'))
        self.sql(
            "CREATE SCHEMA raw",
            "CREATE TABLE raw.items (id bigint, word varchar(20), amount decimal(18,2), upd timestamp, round_no int)",
        )

    def sql(self, *statements: str) -> list[tuple[Any, ...]]:
        with self.session() as session:
            return self.execute(session, statements)

    @contextmanager
    def session(self) -> Iterator[Session]:
        with (
            closing(open_warehouse(self.config, root=self.root, label="tests")) as warehouse,
            closing(warehouse.session()) as session,
        ):
            yield session

    @staticmethod
    def execute(session: Session, statements: tuple[str, ...]) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        for statement in statements:
            rows = session.execute(statement).rows
        return rows

    def start(self, *arguments: str) -> subprocess.Popen[str]:
        command = [sys.executable, "-m", "headgate", *arguments]
        return subprocess.Popen(
            command, cwd=self.root, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )

    def run(self, *arguments: str) -> str:
        process = self.start(*arguments)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        return out

    def runs(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = json.loads(self.run("runs", "--json"))["data"]
        return found

    def add_round(self, number: int) -> None:
        """New rows, changed rows: what every load strategy must notice."""
        day = f"2024-01-{number % 28 + 1:02d}"
        month = number // 28 + 1
        stamp = f"{day.replace('-01-', f'-{month:02d}-')} 10:00:00"
        rows = ", ".join(f"({number * 10 + n}, 'w{n}', {number}.5, '{stamp}', {number})" for n in range(10))
        self.sql(
            f"UPDATE raw.items SET word = 'changed in {number}', upd = '{stamp}' WHERE id % 7 = {number % 7}",
            f"INSERT INTO raw.items VALUES {rows}",
        )

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        with self.session() as session:
            return {
                table: sorted(session.execute(f"SELECT * FROM {table.replace('full', QUOTED)}").rows, key=str)
                for table in TABLES
            }

    def published(self) -> set[tuple[str, str]]:
        rows = self.sql("SELECT run_uid, step_id FROM _headgate.commits")
        return {(str(run), str(step)) for run, step in rows}


QUOTED = '"full"'


@pytest.fixture(params=["duckdb", "postgres"])
def twins(request: pytest.FixtureRequest, new_database: WarehouseConfigs, tmp_path: Path) -> list[Twin]:
    return [Twin(tmp_path / name, new_database(request.param)) for name in ("peaceful", "victim")]


def test_every_table_survives_kills_at_random_instants(twins: list[Twin]) -> None:
    peaceful, victim = twins
    rng = random.Random(SEED)
    for twin in twins:
        twin.add_round(0)
        twin.run("deploy", "-e", "dev", "--yes")
        twin.run("refresh", "-e", "dev")
    usual = timed(peaceful)
    kills = number = 0
    while kills < KILLS:
        number += 1
        for twin in twins:
            twin.add_round(number)
        peaceful.run("refresh", "-e", "dev")
        kills += disturbed_refresh(victim, rng, usual)
        assert victim.contents() == peaceful.contents(), f"round {number}, seed {SEED}, {kills} kills"
    assert victim.run("plan", "-e", "dev", "--exit-code") is not None


def test_a_deploy_that_is_killed_is_done_or_not_done_but_never_half(twins: list[Twin]) -> None:
    victim = twins[1]
    rng = random.Random(SEED)
    victim.add_round(0)
    victim.run("deploy", "-e", "dev", "--yes")
    started = time.monotonic()
    victim.run("plan", "-e", "dev")
    usual = time.monotonic() - started
    for number in range(max(2, KILLS // 4)):
        columns = ", ".join(f"{n} as c{n}" for n in range(number + 1))
        for path in ("nodes/MART/X.sql", "nodes/MART/Y.sql"):
            (victim.root / path).write_text(f"select id, {columns} from RAW.ITEMS")
        process = victim.start("deploy", "-e", "dev", "--yes")
        kill_after(process, rng.uniform(0.2, 1.4) * usual)
        # Whatever the instant: planning again settles it, and a deploy brings the wanted state.
        victim.run("deploy", "-e", "dev", "--yes")
        victim.run("plan", "-e", "dev", "--exit-code")
        victim.run("refresh", "-e", "dev", "--include", "{ X } OR { Y }")
        (count,) = victim.sql("SELECT count(*) FROM mart.x")
        assert count == (10,)


def disturbed_refresh(victim: Twin, rng: random.Random, usual: float) -> int:
    """One refresh, killed and rerun until it has succeeded; how often it was killed."""
    kills = 0
    newest = victim.runs()[0]["id"]
    process = victim.start("refresh", "-e", "dev")
    kills += kill_after(process, rng.uniform(0, 1.1) * usual)
    while True:
        runs = victim.runs()
        if runs[0]["id"] == newest:  # killed before it had written itself down
            process = victim.start("refresh", "-e", "dev")
        else:
            before = victim.published()
            process = victim.start("rerun", str(runs[0]["id"]))
        if rng.random() < 0.5:
            kills += kill_after(process, rng.uniform(0, 1.1) * usual)
            continue
        _out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        if runs[0]["id"] != newest:
            # A step that the warehouse had marked is never published a second time in this family of runs.
            family = family_uids(victim, newest)
            steps = [step for run, step in victim.published() if run in family]
            assert len(steps) == len(set(steps)), sorted(steps)
            assert before <= victim.published()
        return kills


def family_uids(victim: Twin, newest: int) -> set[str]:
    from headgate.store.store import Store

    with Store.open(victim.root / ".headgate/state.db") as store:
        return {run.uid for run in store.runs.list(limit=200) if run.id > newest}


def kill_after(process: subprocess.Popen[str], seconds: float) -> int:
    """Kill the process after so long; 1 where it was still at work, 0 where it had ended before."""
    try:
        process.communicate(timeout=seconds)
    except subprocess.TimeoutExpired:
        process.send_signal(signal.SIGKILL)
        process.communicate()
        return 1
    return 0


def timed(twin: Twin) -> float:
    started = time.monotonic()
    twin.run("refresh", "-e", "dev", "--include", "{ V }")
    return (time.monotonic() - started) * 1.5
