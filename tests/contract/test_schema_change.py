"""What becomes of a table whose query changes its columns without a deploy: every policy, every load, both engines."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.projects import Project

from headgate.model.project import WarehouseConfig
from headgate.model.runs import RunRequest, RunStatus
from headgate.model.steps import StepError
from headgate.warehouse.base import Warehouse

LOADS: dict[str, dict[str, Any]] = {
    "full": {"strategy": "full"},
    "merge": {"strategy": "merge", "key": ["id"]},
    "append": {"strategy": "append"},
    "interval": {
        "strategy": "interval",
        "interval": "1d",
        "time_column": "d",
        "start": "2024-01-01",
        "lookback": 9000,
    },
    "scd2": {"strategy": "scd2", "key": ["id"]},
}


@pytest.fixture
def tree(warehouse: Warehouse, warehouse_config: WarehouseConfig, tmp_path: Path) -> Iterator[Project]:
    session = warehouse.session()
    session.execute("CREATE SCHEMA raw")
    session.execute('CREATE TABLE raw.items (id integer, d date, "Note" varchar(20))')
    session.execute("INSERT INTO raw.items VALUES (1, date '2024-01-02', 'one')")
    session.close()
    tree = Project(tmp_path / "project", warehouse_config)
    tree.write("nodes/RAW/sources.yml", "ITEMS: {}\n")
    with tree.opened():
        yield tree


def deployed(tree: Project, load: dict[str, Any], policy: str, **header: Any) -> None:
    header = {"load": load, "on_schema_change": policy, **header}
    tree.write("nodes/STG/A.sql", f"/*---\n{json.dumps(header)}\n---*/\nselect * from RAW.ITEMS")
    assert tree.deploy().status is RunStatus.SUCCEEDED
    refresh(tree)


def refresh(tree: Project) -> None:
    run = tree.refresh()
    assert run.status is RunStatus.SUCCEEDED, error(tree)


def error(tree: Project, **request: Any) -> StepError | None:
    return tree.steps(tree.refresh(RunRequest(**request)))["STG.A"].error


def columns(tree: Project) -> set[str]:
    """The table's columns beside those of a history."""
    table = (
        "select column_name from information_schema.columns where table_schema = 'stg' and table_name = 'a'"
    )
    return {row[0].lower() for row in tree.sql(table)} - {"valid_from", "valid_to", "is_current"}


def newest(tree: Project, column: str) -> list[Any]:
    return [row[0] for row in tree.sql(f"select distinct {column} from stg.a where {column} is not null")]


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
@pytest.mark.parametrize("policy", ["add_columns", "sync"])
def test_a_new_column_is_added_and_filled_from_then_on(
    tree: Project, load: dict[str, Any], policy: str
) -> None:
    deployed(tree, load, policy)
    tree.sql("alter table raw.items add column extra integer")
    tree.sql("update raw.items set extra = 7")
    refresh(tree)
    assert (columns(tree), newest(tree, "extra")) == ({"id", "d", "note", "extra"}, [7])
    assert tree.plan().changes == ()
    tree.sql("update raw.items set extra = 8")
    refresh(tree)
    assert 8 in newest(tree, "extra")
    assert tree.deploy().status is RunStatus.SUCCEEDED
    refresh(tree)
    assert tree.plan().changes == ()


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
@pytest.mark.parametrize(("policy", "left"), [("add_columns", {"id", "d", "note"}), ("sync", {"id", "d"})])
def test_a_column_that_went_stays_or_goes(
    tree: Project, load: dict[str, Any], policy: str, left: set[str]
) -> None:
    deployed(tree, load, policy)
    tree.sql('alter table raw.items drop column "Note"')
    refresh(tree)
    assert columns(tree) == left
    if policy == "add_columns" and load["strategy"] == "merge":
        assert newest(tree, '"Note"' if "Note" in table_names(tree) else "note") == ["one"]
    refresh(tree)
    assert tree.plan().changes == ()
    assert tree.deploy().status is RunStatus.SUCCEEDED
    refresh(tree)
    assert columns(tree) == left
    assert tree.plan().changes == ()


def table_names(tree: Project) -> set[str]:
    return {
        row[0]
        for row in tree.sql("select column_name from information_schema.columns where table_name = 'a'")
    }


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_a_column_that_comes_and_goes_again(tree: Project, load: dict[str, Any]) -> None:
    deployed(tree, load, "add_columns")
    tree.sql("alter table raw.items add column extra integer")
    refresh(tree)
    tree.sql("alter table raw.items drop column extra")
    refresh(tree)
    refresh(tree)
    assert tree.plan().changes == ()


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
@pytest.mark.parametrize("policy", ["add_columns", "sync"])
def test_a_wider_type_is_taken_over_but_not_against_the_header(
    tree: Project, load: dict[str, Any], policy: str
) -> None:
    deployed(tree, load, policy, columns={"Note": {"type": "varchar"}})
    tree.sql("alter table raw.items alter column id type bigint")
    tree.sql("insert into raw.items values (5000000000, date '2024-01-03', 'large')")
    refresh(tree)
    assert tree.sql("select max(id) from stg.a") == [(5_000_000_000,)]
    assert tree.plan().changes == ()


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_fail_refuses_and_leaves_all_as_it_was(tree: Project, load: dict[str, Any]) -> None:
    deployed(tree, load, "fail")
    tree.sql("alter table raw.items add column extra integer")
    refused = error(tree)
    assert refused is not None
    assert (refused.code, "extra INTEGER is new" in refused.message.replace("integer", "INTEGER")) == (
        "schema_changed",
        True,
    )
    assert columns(tree) == {"id", "d", "note"}
    assert {c.id: str(c.kind) for c in tree.plan().changes} == {"STG.A": "alter"}
    assert tree.deploy().status is RunStatus.SUCCEEDED
    refresh(tree)
    assert columns(tree) == {"id", "d", "note", "extra"}


@pytest.mark.parametrize("load", LOADS.values(), ids=LOADS)
def test_ignore_loads_the_columns_that_were_deployed(tree: Project, load: dict[str, Any]) -> None:
    deployed(tree, load, "ignore")
    tree.sql("alter table raw.items add column extra integer")
    refresh(tree)
    assert columns(tree) == {"id", "d", "note"}


def test_a_key_that_went_is_refused_by_name(tree: Project) -> None:
    deployed(tree, LOADS["merge"], "sync")
    tree.sql("alter table raw.items drop column id")
    refused = error(tree)
    assert refused is not None
    assert (refused.code, "id" in refused.message) == ("key_column_gone", True)


def test_parameters_of_a_run_are_not_forgotten_where_columns_changed(tree: Project) -> None:
    query = "select i.* from RAW.ITEMS i where id >= {{ parameters.low }}"
    tree.write("nodes/STG/A.sql", f"/*---\non_schema_change: add_columns\n---*/\n{query}")
    assert tree.deploy().status is RunStatus.SUCCEEDED
    refresh(tree)
    tree.sql("alter table raw.items add column extra integer")
    refused = error(tree, parameters={"low": 5})
    assert refused is not None
    assert refused.code == "schema_changed"
    assert tree.sql("select count(*) from stg.a") == [(1,)]


def test_readers_of_a_table_that_changed_go_on(tree: Project) -> None:
    tree.write("nodes/MART/V.sql", "/*---\ntype: view\n---*/\nselect * from STG.A")
    tree.write("nodes/MART/B.sql", "/*---\non_schema_change: sync\n---*/\nselect * from STG.A")
    tree.write("nodes/MART/C.sql", "select id from MART.V")
    deployed(tree, LOADS["merge"], "sync")
    tree.sql("alter table raw.items add column extra integer")
    refresh(tree)
    assert tree.sql("select extra from mart.b") == [(None,)]
    assert tree.deploy().status is RunStatus.SUCCEEDED
    refresh(tree)
    assert tree.plan().changes == ()
