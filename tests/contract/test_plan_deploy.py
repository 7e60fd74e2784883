"""Plan and deploy against real catalogues: what changes, what keeps its rows, what is refused, what drifted."""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.projects import Project

from headgate.errors import ProjectError, Refused
from headgate.model.plan import ChangeKind, Plan, Subject
from headgate.model.project import WarehouseConfig
from headgate.model.runs import RunRequest, RunStatus
from headgate.service import deploying, planning
from headgate.warehouse.base import Warehouse

A = "select id, amount from RAW.ITEMS"
B = "select id, amount * 2 as doubled from STG.A"


@pytest.fixture
def tree(warehouse: Warehouse, warehouse_config: WarehouseConfig, tmp_path: Path) -> Iterator[Project]:
    session = warehouse.session()
    session.execute("CREATE SCHEMA raw")
    session.execute("CREATE TABLE raw.items (id bigint, amount decimal(18,2))")
    session.execute("INSERT INTO raw.items VALUES (1, 10), (2, 20)")
    session.close()
    tree = Project(tmp_path / "project", warehouse_config)
    tree.write("nodes/RAW/sources.yml", "ITEMS: {}\n")
    tree.write("nodes/STG/A.sql", A)
    tree.write("nodes/STG/B.sql", B)
    tree.write("nodes/MART/V.sql", "/*---\ntype: view\n---*/\nselect sum(doubled) as total from STG.B")
    with tree.opened():
        yield tree


def kinds(plan: Plan) -> dict[str, str]:
    return {change.id: str(change.kind) for change in plan.changes}


def test_first_plan_creates_all_and_the_next_is_empty(tree: Project) -> None:
    plan = tree.plan()
    assert kinds(plan)["STG.A"] == "create"
    assert plan.needs_refresh == ("STG.A", "STG.B")
    assert tree.deploy().status is RunStatus.SUCCEEDED
    again = tree.plan()
    assert again.changes == ()
    assert again.described == 0


def test_refresh_fills_what_is_deployed(tree: Project) -> None:
    tree.deploy()
    run = tree.refresh()
    assert run.status is RunStatus.SUCCEEDED
    assert tree.statuses(run) == dict.fromkeys(["RAW.ITEMS", "STG.A", "STG.B", "MART.V"], "succeeded")
    assert tree.sql("select total from mart.v") == [(60,)]


def test_a_changed_column_alters_in_place_and_keeps_the_rows(tree: Project) -> None:
    tree.deploy()
    tree.refresh()
    tree.write("nodes/STG/A.sql", "select id, amount, cast(id as varchar) as label from RAW.ITEMS")
    plan = tree.plan()
    assert kinds(plan) == {"STG.A": "alter"}
    assert not plan.destructive
    assert tree.deploy().status is RunStatus.SUCCEEDED
    assert tree.sql("select id, label from stg.a order by id") == [(1, None), (2, None)]
    assert tree.plan().empty


def test_a_dropped_column_is_destructive_and_refused_unless_allowed(tree: Project) -> None:
    tree.write("nodes/STG/A.sql", "select id, amount, 1 as extra from RAW.ITEMS")
    tree.deploy()
    tree.write("nodes/STG/A.sql", A)
    prepared = tree.prepare()
    assert [change.destroys for change in prepared.plan.destructive] == ["column extra"]
    with pytest.raises(Refused) as refused:
        deploying.start_deploy(tree.state.context, prepared)
    assert refused.value.code == "destructive"
    assert tree.deploy().status is RunStatus.SUCCEEDED
    assert tree.plan().empty


def test_a_retyped_column_converts_and_its_views_follow(tree: Project) -> None:
    tree.deploy()
    tree.refresh()
    tree.write("nodes/STG/B.sql", "select id, cast(amount * 2 as double) as doubled from STG.A")
    assert kinds(tree.plan()) == kinds(tree.plan())
    assert tree.deploy().status is RunStatus.SUCCEEDED
    assert tree.sql("select total from mart.v") == [(60.0,)]
    assert tree.plan().empty


def test_a_rename_keeps_the_rows(tree: Project) -> None:
    tree.deploy()
    tree.refresh()
    tree.remove("nodes/STG/B.sql")
    tree.write("nodes/STG/B2.sql", "/*---\nrenamed_from: STG.B\n---*/\n" + B)
    tree.write("nodes/MART/V.sql", "/*---\ntype: view\n---*/\nselect sum(doubled) as total from STG.B2")
    plan = tree.plan()
    assert kinds(plan)["STG.B2"] == "rename"
    assert "STG.B" not in kinds(plan)
    assert not plan.destructive
    tree.deploy()
    assert tree.sql("select count(*) from stg.b2") == [(2,)]
    assert tree.plan().empty


def test_a_removed_node_is_dropped(tree: Project) -> None:
    tree.deploy()
    tree.remove("nodes/MART/V.sql")
    tree.remove("nodes/STG/B.sql")
    assert kinds(tree.plan())["STG.B"] == "drop"
    tree.deploy()
    assert tree.plan().empty


def test_a_table_changed_by_hand_is_shown_as_drift_and_mended(tree: Project) -> None:
    tree.deploy()
    tree.sql("alter table stg.a add column by_hand integer")
    tree.sql("drop view mart.v")
    plan = tree.plan()
    drifted = {change.id for change in plan.changes if change.drift}
    assert drifted == {"STG.A", "MART.V"}
    tree.deploy()
    assert tree.plan().empty


def test_a_table_that_is_not_ours_is_never_taken_silently(tree: Project) -> None:
    tree.sql("create schema stg")
    tree.sql("create table stg.a (id bigint)")
    plan = tree.plan()
    (adopted,) = (change for change in plan.changes if change.kind is ChangeKind.ADOPT)
    assert adopted.id == "STG.A"
    assert adopted.destroys
    assert "amount is missing" in adopted.reasons[1]


def test_tables_of_a_lost_state_keep_their_rows(
    tree: Project, warehouse_config: WarehouseConfig, tmp_path: Path
) -> None:
    history = "/*---\nload: scd2\nkey: id\n---*/\nselect id, amount from RAW.ITEMS"
    tree.write("nodes/STG/H.sql", history)
    tree.deploy()
    tree.refresh()
    tree.sql("update raw.items set amount = amount + 1")
    tree.refresh()
    rows = "select id, amount, valid_from, valid_to from stg.h order by id, valid_from"
    before = tree.sql(rows)
    assert len(before) == 4
    elsewhere = Project(tmp_path / "elsewhere", warehouse_config)
    for path in tree.root.glob("nodes/*/*"):
        elsewhere.write(str(path.relative_to(tree.root)), path.read_text())
    with elsewhere.opened():
        plan = elsewhere.plan()
        assert {change.id for change in plan.destructive} == {"STG.A", "STG.B", "STG.H"}
        assert elsewhere.deploy().status is RunStatus.SUCCEEDED
        assert elsewhere.sql(rows) == before
        assert elsewhere.plan().empty
        assert elsewhere.refresh().status is RunStatus.SUCCEEDED
        assert elsewhere.sql(rows) == before


def test_a_failed_deploy_leaves_all_as_it_was_and_marks_the_environment(tree: Project) -> None:
    tree.sql("create table raw.words (word varchar(10))")
    tree.sql("insert into raw.words values ('no number')")
    tree.write("nodes/RAW/sources.yml", "ITEMS: {}\nWORDS: {}\n")
    tree.write("nodes/STG/W.sql", "select word from RAW.WORDS")
    tree.deploy()
    tree.refresh()
    tree.write("nodes/STG/A.sql", "select id, amount, 1 as extra from RAW.ITEMS")
    tree.write("nodes/STG/W.sql", "select cast(word as integer) as word from RAW.WORDS")
    failed = tree.deploy()
    assert failed.status is RunStatus.FAILED
    assert tree.sql("select word from stg.w") == [("no number",)]
    with pytest.raises(Refused) as refused:
        tree.refresh()
    assert refused.value.code == "deploy_failed"
    assert tree.refresh(RunRequest(include="{A}", force=True)).status is RunStatus.SUCCEEDED
    tree.write("nodes/STG/W.sql", "select word from RAW.WORDS")
    assert tree.deploy().status is RunStatus.SUCCEEDED
    assert tree.refresh().status is RunStatus.SUCCEEDED


def test_a_failed_deploy_is_made_good_by_deploying_what_stood_before(tree: Project) -> None:
    tree.write("nodes/STG/W.sql", "select 'no number' as word")
    tree.deploy()
    tree.refresh()
    tree.write("nodes/STG/W.sql", "select 1 as word")
    assert tree.deploy().status is RunStatus.FAILED
    tree.write("nodes/STG/W.sql", "select 'no number' as word")
    assert [(change.subject, change.id) for change in tree.plan().changes] == [(Subject.ENVIRONMENT, "dev")]
    assert tree.deploy().status is RunStatus.SUCCEEDED
    assert tree.plan().empty
    assert tree.refresh().status is RunStatus.SUCCEEDED


def test_what_bears_on_no_table_is_deployed_too(tree: Project) -> None:
    tree.deploy()
    tree.write("nodes/STG/A.sql", f"/*---\ndescription: amounts\n---*/\n{A}")
    assert [change.subject for change in tree.plan().changes] == [Subject.PROJECT]
    assert tree.deploy().status is RunStatus.SUCCEEDED
    assert tree.plan().empty


def test_deploy_goes_back_to_an_earlier_deployment(tree: Project) -> None:
    tree.deploy()
    tree.write("nodes/STG/A.sql", "select id, amount, 1 as extra from RAW.ITEMS")
    tree.deploy()
    context = tree.state.context
    environment = context.store.environments.get(1).environment
    back = planning.prepare_return(context, environment, 1)
    run = deploying.start_deploy(context, back, allow_destructive=True)
    assert tree.state.worker.run_one(run.id).status is RunStatus.SUCCEEDED
    assert planning.prepare_return(context, environment, 1).plan.empty
    tree.write("nodes/STG/A.sql", A)
    assert tree.plan().empty


def test_a_plan_that_another_deploy_overtook_is_not_applied(tree: Project) -> None:
    context, worker = tree.state.context, tree.state.worker
    overtaken = deploying.start_deploy(context, tree.prepare())
    prepared = tree.prepare()
    assert worker.run_one(overtaken.id).status is RunStatus.SUCCEEDED
    late = worker.run_one(deploying.start_deploy(context, prepared).id)
    assert late.error is not None
    assert (late.status, late.error.code) == (RunStatus.FAILED, "plan_outdated")
    assert not context.store.environments.get(1).marked
    assert tree.plan().empty


def test_what_the_warehouse_refuses_is_an_error_of_the_nodes_file(tree: Project) -> None:
    tree.write("nodes/STG/A.sql", "select id, amount, no_such_function(id) as x from RAW.ITEMS")
    tree.write("nodes/STG/B.sql", "select no_such_function(id) as y from RAW.ITEMS")
    tree.remove("nodes/MART/V.sql")
    with pytest.raises(ProjectError) as error:
        tree.plan()
    assert [d.location.file for d in error.value.diagnostics] == ["nodes/STG/A.sql", "nodes/STG/B.sql"]


EDITS = 12


@pytest.mark.parametrize("seed", range(4))
def test_after_any_edits_and_a_deploy_the_plan_is_empty(tree: Project, seed: int) -> None:
    """Random edits of a small project: whatever they are, one deploy brings the warehouse there."""
    rng = random.Random(seed)
    types = ["bigint", "integer", "double", "varchar", "decimal(18,4)"]
    for _ in range(EDITS):
        for number in range(1, 6):
            path = f"nodes/STG/N{number}.sql"
            if rng.random() < 0.4 and (tree.root / path).exists():
                continue
            columns = [
                f"cast(id as {rng.choice(types)}) as c{index}"
                for index in range(rng.randint(1, 4))
                if rng.random() < 0.8
            ]
            parents = ["RAW.ITEMS", *(f"STG.N{other}" for other in range(1, number))]
            kind = rng.choice(["stage", "view", "stage", "work"])
            load = rng.choice(["full", "{strategy: merge, key: [id]}", "{strategy: scd2, key: [id]}"])
            header = f"type: {kind}" + (f"\nload: {load}" if kind != "view" else "")
            select = ", ".join(["cast(id as bigint) as id", *columns])
            tree.write(path, f"/*---\n{header}\n---*/\nselect {select} from {rng.choice(parents)}")
        assert tree.deploy().status is RunStatus.SUCCEEDED
        assert tree.plan().changes == ()
    assert tree.refresh().status is RunStatus.SUCCEEDED
