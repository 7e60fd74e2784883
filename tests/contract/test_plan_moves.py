"""Renames, moves, swaps, and what happens to rows and views when kinds and places change, on both engines."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from tests.contract.projects import Project

from headgate.model.plan import Plan
from headgate.model.project import WarehouseConfig
from headgate.model.runs import RunStatus
from headgate.service import deploying, planning, project
from headgate.warehouse.base import Warehouse


@pytest.fixture
def tree(warehouse: Warehouse, warehouse_config: WarehouseConfig, tmp_path: Path) -> Iterator[Project]:
    session = warehouse.session()
    session.execute("CREATE SCHEMA raw")
    session.execute("CREATE TABLE raw.items (id bigint, amount decimal(18,2))")
    session.execute("INSERT INTO raw.items VALUES (1, 10), (2, 20)")
    session.close()
    tree = Project(tmp_path / "project", warehouse_config)
    tree.write(
        "nodes/RAW/sources.yml", "ITEMS: {columns: {id: {type: bigint}, amount: {type: 'decimal(18,2)'}}}\n"
    )
    with tree.opened():
        yield tree


def node(query: str, **header: Any) -> str:
    return f"/*---\n{json.dumps(header)}\n---*/\n{query}"


def kinds(plan: Plan) -> dict[str, str]:
    return {change.id: str(change.kind) for change in plan.changes}


def deploy(tree: Project) -> Plan:
    """Deploys, and holds that the plan is empty then."""
    plan = tree.plan()
    run = tree.deploy()
    assert run.status is RunStatus.SUCCEEDED, (run.error, [row.error for row in tree.steps(run).values()])
    again = tree.plan()
    assert again.changes == ()
    return plan


def environment(tree: Project, **changes: Any) -> None:
    path = "environments/dev.yml"
    tree.write(path, json.dumps(json.loads((tree.root / path).read_text()) | changes))


FIRST, SECOND, BOTH = (f"select id, {n} as n from RAW.ITEMS" for n in (1, 2, 3))


def filled(tree: Project, *names: str, **header: Any) -> None:
    """Nodes of the location STG whose rows tell which one they were made by."""
    for number, name in enumerate(names, start=1):
        tree.write(f"nodes/STG/{name}.sql", node(f"select id, {number} as n from RAW.ITEMS", **header))
    deploy(tree)
    assert tree.refresh().status is RunStatus.SUCCEEDED


def test_two_nodes_swap_their_names_and_keep_their_rows(tree: Project) -> None:
    filled(tree, "A", "B")
    tree.write("nodes/MART/V.sql", node("select n from STG.A", type="view"))
    deploy(tree)
    tree.write("nodes/STG/A.sql", node(SECOND, renamed_from="STG.B"))
    tree.write("nodes/STG/B.sql", node(FIRST, renamed_from="STG.A"))
    plan = deploy(tree)
    assert not plan.destructive
    assert tree.sql("select distinct n from stg.a") == [(2,)]
    assert tree.sql("select distinct n from stg.b") == [(1,)]
    assert tree.sql("select distinct n from mart.v") == [(2,)]


def test_a_chain_of_renames_moves_every_table_once(tree: Project) -> None:
    filled(tree, "A", "B")
    tree.remove("nodes/STG/A.sql")
    tree.write("nodes/STG/B.sql", node(FIRST, renamed_from="STG.A"))
    tree.write("nodes/STG/C.sql", node(SECOND, renamed_from="STG.B"))
    plan = deploy(tree)
    assert not plan.destructive
    assert tree.sql("select distinct n from stg.b union all select distinct n from stg.c") == [(1,), (2,)]


@pytest.mark.parametrize("seed", range(3))
def test_rows_follow_any_permutation_of_names(tree: Project, seed: int) -> None:
    rng = random.Random(seed)
    names = ["A", "B", "C", "D", "E"]
    standing = {name: number for number, name in enumerate(names[:4], start=1)}
    filled(tree, *standing)
    for _ in range(4):
        targets = rng.sample(names, len(standing))
        moved = dict(zip(targets, standing.items(), strict=True))
        for name in standing:
            tree.remove(f"nodes/STG/{name}.sql")
        for name, (former, number) in moved.items():
            header = {} if name == former else {"renamed_from": f"STG.{former}"}
            tree.write(f"nodes/STG/{name}.sql", node(f"select id, {number} as n from RAW.ITEMS", **header))
        assert not deploy(tree).destructive
        standing = {name: number for name, (_, number) in moved.items()}
        found = {name: tree.sql(f"select distinct n from stg.{name}") for name in standing}
        assert found == {name: [(number,)] for name, number in standing.items()}
        for name, number in standing.items():
            tree.write(f"nodes/STG/{name}.sql", node(f"select id, {number} as n from RAW.ITEMS"))
        deploy(tree)


def test_views_swap_their_names(tree: Project) -> None:
    tree.write("nodes/MART/V.sql", node(FIRST, type="view"))
    tree.write("nodes/MART/W.sql", node(SECOND, type="view"))
    deploy(tree)
    tree.write("nodes/MART/V.sql", node(SECOND, type="view", renamed_from="MART.W"))
    tree.write("nodes/MART/W.sql", node(FIRST, type="view", renamed_from="MART.V"))
    deploy(tree)
    assert tree.sql("select distinct v.n, w.n from mart.v cross join mart.w") == [(2, 1)]


def test_a_rename_onto_another_node_drops_that_one_only_when_allowed(tree: Project) -> None:
    filled(tree, "A", "B")
    tree.remove("nodes/STG/A.sql")
    tree.write("nodes/STG/B.sql", node(FIRST, renamed_from="STG.A"))
    assert [change.destroys for change in tree.plan().destructive] == ["the rows of stg.b"]
    deploy(tree)
    assert tree.sql("select distinct n from stg.b") == [(1,)]


def test_a_rename_that_was_deployed_is_not_done_again(tree: Project) -> None:
    filled(tree, "A")
    tree.remove("nodes/STG/A.sql")
    tree.write("nodes/STG/B.sql", node(FIRST, renamed_from="STG.A"))
    deploy(tree)
    tree.write("nodes/STG/B.sql", node(FIRST))
    assert not any(change.statements for change in tree.plan().changes)
    tree.write("nodes/STG/A.sql", node(SECOND))
    assert kinds(deploy(tree)) == {"STG.A": "create"}
    assert tree.sql("select distinct n from stg.b") == [(1,)]


def test_a_rename_with_changed_columns_keeps_the_rows(tree: Project) -> None:
    filled(tree, "A")
    tree.remove("nodes/STG/A.sql")
    tree.write(
        "nodes/STG/B.sql",
        node("select id, cast(1 as bigint) as n, 'x' as s from RAW.ITEMS", renamed_from="A"),
    )
    assert kinds(deploy(tree)) == {"STG.B": "rename"}
    assert tree.sql("select n, s from stg.b") == [(1, None), (1, None)]


def test_a_rename_of_what_was_never_deployed_creates(tree: Project) -> None:
    tree.write("nodes/STG/B.sql", node(FIRST, renamed_from="STG.NEVER"))
    assert kinds(deploy(tree))["STG.B"] == "create"


def test_a_rename_by_case_alone_is_no_change_of_the_table(tree: Project) -> None:
    filled(tree, "A")
    tree.write("nodes/STG/A.sql", node("select ID, 1 as N from RAW.ITEMS"))
    assert kinds(deploy(tree)) == {"STG.A": "modify"}


def test_a_location_mapped_elsewhere_takes_its_rows_along(tree: Project) -> None:
    filled(tree, "A", "B")
    tree.write("nodes/MART/V.sql", node("select n from STG.A", type="view"))
    deploy(tree)
    environment(
        tree,
        mappings={
            name: {"schema": f"{name.lower()}{2 if name == 'STG' else ''}"} for name in ("RAW", "STG", "MART")
        },
    )
    plan = deploy(tree)
    assert not plan.destructive
    assert kinds(plan)["STG.A"] == "rename"
    assert tree.sql("select count(*) from stg2.a union all select count(*) from mart.v") == [(2,), (2,)]
    assert tree.refresh().status is RunStatus.SUCCEEDED


def test_a_node_of_a_fixed_id_keeps_its_rows_in_another_location(tree: Project) -> None:
    filled(tree, "A", id="the-a")
    tree.remove("nodes/STG/A.sql")
    tree.write("nodes/MART/A.sql", node(FIRST, id="the-a"))
    assert not deploy(tree).destructive
    assert tree.sql("select count(*) from mart.a") == [(2,)]


def test_a_return_undoes_a_rename_without_losing_rows(tree: Project) -> None:
    filled(tree, "A")
    tree.remove("nodes/STG/A.sql")
    tree.write("nodes/STG/B.sql", node(FIRST, renamed_from="STG.A"))
    deploy(tree)
    context = tree.state.context
    back = planning.prepare_return(context, context.store.environments.get(1).environment, 1)
    assert not back.plan.destructive
    run = deploying.start_deploy(context, back)
    assert tree.state.worker.run_one(run.id).status is RunStatus.SUCCEEDED
    assert tree.sql("select count(*) from stg.a") == [(2,)]


def test_a_renamed_interval_table_keeps_its_ledger_and_a_new_one_has_none(tree: Project) -> None:
    load = {"strategy": "interval", "interval": "1d", "time_column": "d", "start": "2024-01-01"}
    query = "select id, date '2024-01-02' as d from RAW.ITEMS"
    tree.write("nodes/STG/A.sql", node(query, load=load))
    deploy(tree)
    tree.refresh()
    tree.remove("nodes/STG/A.sql")
    tree.write("nodes/STG/B.sql", node(query, load=load, renamed_from="STG.A"))
    deploy(tree)
    assert tree.sql("select table_name from _headgate.intervals") == [("stg.b",)]
    tree.write("nodes/STG/B.sql", node(query, load=load))
    tree.write("nodes/STG/A.sql", node(query, load=load))
    deploy(tree)
    tree.refresh()
    assert tree.sql("select count(*) from stg.a") == [(2,)]
    tree.remove("nodes/STG/A.sql")
    deploy(tree)
    assert tree.sql("select table_name from _headgate.intervals") == [("stg.b",)]
    tree.write("nodes/STG/B.sql", node(query, load={"strategy": "merge", "key": ["id"]}))
    deploy(tree)
    tree.write("nodes/STG/B.sql", node(query, load=load))
    deploy(tree)
    assert tree.sql("select count(*) from _headgate.intervals") == [(0,)]


def test_a_changed_query_of_an_interval_says_that_done_intervals_stay(tree: Project) -> None:
    load = {"strategy": "interval", "interval": "1d", "time_column": "d", "start": "2024-01-01"}
    tree.write("nodes/STG/A.sql", node("select id, date '2024-01-02' as d from RAW.ITEMS", load=load))
    deploy(tree)
    tree.write(
        "nodes/STG/A.sql", node("select id + 1 as id, date '2024-01-02' as d from RAW.ITEMS", load=load)
    )
    (change,) = deploy(tree).changes
    assert change.reasons[-1].startswith("intervals that are done stay as they are")


# --- kinds ------------------------------------------------------------------------------------------


def test_tables_and_views_change_places_under_views_of_views(tree: Project) -> None:
    filled(tree, "A")
    tree.write("nodes/MART/V.sql", node("select id, n from STG.A", type="view"))
    tree.write("nodes/MART/W.sql", node("select n from MART.V", type="view"))
    tree.write("nodes/STG/B.sql", node("select n from MART.W"))
    deploy(tree)
    tree.write("nodes/STG/A.sql", node(SECOND, type="view"))
    tree.write("nodes/MART/V.sql", node("select id, n from STG.A"))
    plan = deploy(tree)
    assert {change.id for change in plan.destructive} == {"STG.A"}
    assert tree.refresh().status is RunStatus.SUCCEEDED
    assert tree.sql("select distinct n from stg.b") == [(2,)]
    tree.write("nodes/STG/A.sql", node(FIRST))
    tree.write("nodes/MART/V.sql", node("select id, n from STG.A", type="view"))
    deploy(tree)


def test_a_column_retyped_below_views_of_views(tree: Project) -> None:
    filled(tree, "A")
    tree.write("nodes/MART/V.sql", node("select id, n from STG.A", type="view"))
    tree.write("nodes/MART/W.sql", node("select n + 1 as m from MART.V", type="view"))
    deploy(tree)
    tree.write("nodes/STG/A.sql", node("select id, cast(1 as bigint) as n from RAW.ITEMS"))
    assert not deploy(tree).destructive
    assert tree.sql("select distinct m from mart.w") == [(2,)]


def test_a_view_outlives_the_parent_that_is_dropped(tree: Project) -> None:
    tree.write("nodes/MART/V.sql", node(FIRST, type="view"))
    tree.write("nodes/MART/W.sql", node("select n from MART.V", type="view"))
    deploy(tree)
    tree.remove("nodes/MART/V.sql")
    tree.write("nodes/MART/W.sql", node("select 1 as n from RAW.ITEMS", type="view"))
    deploy(tree)
    tree.remove("nodes/MART/W.sql")
    deploy(tree)


def test_a_node_that_becomes_a_source_keeps_its_table(tree: Project) -> None:
    filled(tree, "A", "B")
    tree.remove("nodes/STG/A.sql")
    tree.write("nodes/STG/sources.yml", "A: {columns: {id: {type: bigint}}}\n")
    tree.write("nodes/STG/B.sql", node("select id, 2 as n from STG.A"))
    assert not deploy(tree).destructive
    assert tree.refresh().status is RunStatus.SUCCEEDED
    assert tree.sql("select count(*) from stg.a") == [(2,)]


# --- what others did --------------------------------------------------------------------------------


def test_what_was_dropped_by_hand_is_made_again(tree: Project) -> None:
    filled(tree, "A")
    tree.sql("drop table stg.a")
    (change,) = deploy(tree).changes
    assert (str(change.kind), change.drift) == ("create", True)


def test_an_index_by_hand_is_no_drift_and_does_not_hinder(tree: Project) -> None:
    filled(tree, "A", load={"strategy": "merge", "key": ["id"]})
    filled(tree, "A")
    tree.sql("create index by_hand on stg.a (id)")
    assert tree.plan().empty
    assert tree.refresh().status is RunStatus.SUCCEEDED
    assert tree.plan().empty


def test_a_view_replaced_by_hand_is_drift_and_mended(tree: Project) -> None:
    tree.write("nodes/MART/V.sql", node(FIRST, type="view"))
    tree.write("nodes/MART/W.sql", node("select n from MART.V", type="view"))
    deploy(tree)
    tree.sql("create or replace view mart.v as select id, 7 as n from raw.items")
    assert {change.id for change in tree.plan().changes if change.drift} == {"MART.V"}
    deploy(tree)
    assert tree.sql("select distinct n from mart.w") == [(1,)]


def test_a_database_in_the_mapping_leaves_the_plan_empty(tree: Project) -> None:
    (database,) = tree.sql("select current_database()")[0]
    environment(
        tree, mappings={n: {"schema": n.lower(), "database": database} for n in ("RAW", "STG", "MART")}
    )
    filled(tree, "A")
    assert tree.sql("select count(*) from stg.a") == [(2,)]


def test_two_environments_share_a_database_but_no_table(tree: Project) -> None:
    filled(tree, "A")
    other = json.loads((tree.root / "environments/dev.yml").read_text())
    other |= {
        "id": 2,
        "name": "other",
        "mappings": {n: {"schema": f"{n.lower()}_o"} for n in ("STG", "MART")},
    }
    other["mappings"]["RAW"] = {"schema": "raw"}
    tree.write("environments/other.yml", json.dumps(other))
    first = prepared(tree, "other")
    assert kinds(first.plan)["STG.A"] == "create"
    run = deploying.start_deploy(tree.state.context, first)
    assert tree.state.worker.run_one(run.id).status is RunStatus.SUCCEEDED
    assert prepared(tree, "other").plan.empty
    assert tree.plan().empty
    other["mappings"]["STG"] = {"schema": "stg"}
    tree.write("environments/other.yml", json.dumps(other))
    (clash,) = (change for change in prepared(tree, "other").plan.changes if change.destroys)
    assert clash.destroys == "all that is in stg.a"


def prepared(tree: Project, name: str) -> planning.Prepared:
    compiled = tree.compiled()
    project.apply_environments(tree.state.context, compiled)
    environment = project.environment_of(compiled, name)
    return planning.prepare_deploy(tree.state.context, environment, project.wanted_tree(compiled, "test"))


def test_an_empty_project_and_one_that_becomes_empty(tree: Project) -> None:
    tree.remove("nodes/RAW/sources.yml")
    assert deploy(tree).changes
    tree.write("nodes/STG/A.sql", node("select 1 as n"))
    deploy(tree)
    tree.remove("nodes/STG/A.sql")
    assert kinds(deploy(tree)) == {"STG.A": "drop"}


def test_many_nodes_at_once(tree: Project) -> None:
    for number in range(300):
        parent = "RAW.ITEMS" if number < 100 else f"STG.N{number - 100}"
        kind = "view" if number % 3 == 0 else "stage"
        tree.write(f"nodes/STG/N{number}.sql", node(f"select id, amount from {parent}", type=kind))
    deploy(tree)
    assert tree.refresh().status is RunStatus.SUCCEEDED
