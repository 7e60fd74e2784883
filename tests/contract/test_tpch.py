"""The tpch example on both engines: the SQL is written once, the tables are equal row by row."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from tests.contract.tpch_data import load_postgres, make_parquet

from headgate import settings
from headgate.cli.embedded import embedded
from headgate.demo import load_data, write_project
from headgate.model.project import Materialization
from headgate.model.runs import RunRequest, RunStatus
from headgate.service import deploying, planning, project, running

SCALE = 0.01
SEED_SELECTOR = (
    "{ location: SAMPLE name: CUSTOMER } OR { location: SAMPLE name: LINEITEM } OR { location: SAMPLE name: NATION }"
    " OR { location: SAMPLE name: ORDERS } OR { location: SAMPLE name: PART } OR { location: SAMPLE name: PARTSUPP }"
    " OR { location: SAMPLE name: REGION } OR { location: SAMPLE name: SUPPLIER }"
    " OR { location: QA name: STG_PARTSUPP } OR { location: PROD name: STG_PARTSUPP }"
)
"""The one-time job of Coalesce's documentation, word for word."""


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    target = tmp_path / "tpch"
    write_project(target)
    return target


def refreshed_tables(root: Path, environment: str, environ: dict[str, str]) -> dict[str, list[str]]:
    """Deploy and refresh everything twice; every table's rows, sorted, as text."""
    with embedded(settings.load(root, environ=environ), root, label="tests") as state:
        compiled = project.compile_tree(state.context)
        project.apply_environments(state.context, compiled)
        wanted = project.environment_of(compiled, environment)

        def prepared() -> planning.Prepared:
            return planning.prepare_deploy(state.context, wanted, project.wanted_tree(compiled, "test"))

        run = state.worker.run_one(deploying.start_deploy(state.context, prepared()).id)
        assert run.status is RunStatus.SUCCEEDED, run.error
        assert prepared().plan.changes == ()
        row = state.context.store.environments.get(wanted.id)
        for request in (RunRequest(), RunRequest(), RunRequest(include=SEED_SELECTOR)):
            run, _ = running.start_refresh(state.context, row, request)
            run = state.worker.run_one(run.id)
            failures = [s for s in state.context.store.steps.list(run.id) if not s.status.good]
            assert not failures, failures[0]
        assert len(state.context.store.steps.list(run.id)) >= 10
        bound = planning.read_deployed(state.context, wanted.id, "duckdb").bound
        with (
            closing(state.context.open_warehouse(wanted, "tests")) as warehouse,
            closing(warehouse.session()) as session,
        ):
            return {
                node.id: sorted(
                    text(values) for values in session.execute(f"SELECT * FROM {node.relation}").rows
                )
                for node in bound.nodes.values()
                if node.materialization is not Materialization.SOURCE
            }


def text(row: tuple[Any, ...]) -> str:
    """A row as text that both drivers spell alike."""
    return "|".join("" if value is None else str(value) for value in row)


def test_both_engines_hold_the_same_rows(
    tree: Path, tmp_path: Path, new_postgres_database: Callable[[], dict[str, Any]]
) -> None:
    files = tmp_path / "parquet"
    make_parquet(files, SCALE)
    load_data(tree, SCALE, lambda _text: None)
    options = new_postgres_database()
    url = options["url"].replace("/postgres?", f"/{options['database']}?")
    load_postgres(url, files)
    other = tmp_path / "other"
    shutil.copytree(tree, other, ignore=shutil.ignore_patterns("data", ".headgate"))
    on_duckdb = refreshed_tables(tree, "dev", {})
    on_postgres = refreshed_tables(other, "pg", {"HEADGATE_PG_URL": url})
    assert on_duckdb.keys() == on_postgres.keys()
    assert len(on_duckdb) >= 25
    for name, rows in on_duckdb.items():
        assert rows, name
        assert rows == on_postgres[name], name
