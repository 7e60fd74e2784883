"""Refresh and rerun through the use cases and the worker, on every engine."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.contract.loading import NOW, Recorder
from tests.contract.projects import Project

from headgate.engine.executor import Execution
from headgate.engine.stop import Stop
from headgate.engine.transaction import execute_atomically
from headgate.errors import Refused, UsageError
from headgate.model.project import WarehouseConfig
from headgate.model.runs import Owner, RunKind, RunRequest, RunStatus
from headgate.model.steps import LateValues
from headgate.recovery import DEPLOY_MARKER, release_dead_runs
from headgate.service import deploying, running
from headgate.store import NewRun
from headgate.store.content import Content
from headgate.warehouse.base import Warehouse


@pytest.fixture
def tree(warehouse: Warehouse, warehouse_config: WarehouseConfig, tmp_path: Path) -> Iterator[Project]:
    session = warehouse.session()
    session.execute("CREATE SCHEMA raw")
    session.execute("CREATE TABLE raw.items (id bigint, word varchar(20))")
    session.execute("INSERT INTO raw.items VALUES (1, '10'), (2, '20')")
    session.close()
    tree = Project(tmp_path / "project", warehouse_config)
    tree.write("nodes/RAW/sources.yml", "ITEMS: {}\n")
    tree.write("nodes/STG/GOOD.sql", "/*---\nload: append\n---*/\nselect id from RAW.ITEMS")
    tree.write("nodes/STG/BAD.sql", "select id, cast(word as integer) as n from RAW.ITEMS")
    tree.write("nodes/MART/CHILD.sql", "select n from STG.BAD")
    tree.write("nodes/MART/LOW.sql", "select id from RAW.ITEMS where id >= {{ parameters.low }}")
    tree.write("tests/child_is_small.sql", "select * from MART.CHILD where n > 1000")
    tree.write(
        "jobs/all.yml", "id: 4\nname: all\nrefresh: {include: '+{ location: MART }'}\nparameters: {low: 2}"
    )
    with tree.opened():
        tree.deploy()
        yield tree


def break_it(tree: Project) -> None:
    tree.sql("insert into raw.items values (3, 'three')")


def mend_it(tree: Project) -> None:
    tree.sql("delete from raw.items where id = 3")


def test_a_failure_skips_what_needs_it_and_a_rerun_does_just_that(tree: Project) -> None:
    break_it(tree)
    first = tree.refresh()
    assert first.status is RunStatus.FAILED
    assert tree.statuses(first) == {
        "RAW.ITEMS": "succeeded",
        "STG.GOOD": "succeeded",
        "MART.LOW": "succeeded",
        "STG.BAD": "failed",
        "MART.CHILD": "skipped",
        "tests.child_is_small": "skipped",
    }
    mend_it(tree)
    again = tree.rerun(first.id)
    assert again is not None
    assert (again.status, again.rerun_of) == (RunStatus.SUCCEEDED, first.id)
    assert set(tree.statuses(again)) == {"STG.BAD", "MART.CHILD", "tests.child_is_small"}
    assert tree.sql("select count(*) from stg.good") == [(3,)]
    assert tree.rerun(first.id) is None
    assert tree.rerun(again.id) is None


def test_a_rerun_of_a_rerun_goes_on_where_that_stopped(tree: Project) -> None:
    break_it(tree)
    first = tree.refresh()
    second = tree.rerun(first.id)
    assert second is not None
    assert second.status is RunStatus.FAILED
    mend_it(tree)
    third = tree.rerun(first.id)
    assert third is not None
    assert third.status is RunStatus.SUCCEEDED


def test_a_rerun_runs_the_mended_version_and_says_so(tree: Project) -> None:
    break_it(tree)
    first = tree.refresh()
    tree.write("nodes/STG/BAD.sql", "select id, length(word) as n from RAW.ITEMS")
    tree.write("nodes/STG/GOOD.sql", "/*---\nload: append\n---*/\nselect id + 0 as id from RAW.ITEMS")
    tree.deploy()
    with pytest.raises(Refused) as refused:
        running.rerun(tree.state.context, first.id, same_version=True)
    assert refused.value.code == "version_changed"
    again = tree.rerun(first.id)
    assert again is not None
    assert again.status is RunStatus.SUCCEEDED
    assert again.notes == (
        "deployment 1 ran before, deployment 2 runs now",
        "succeeded before and changed since, not run again: STG.GOOD",
    )


def test_parameters_of_job_and_run_bind_only_the_nodes_that_read_them(tree: Project) -> None:
    tree.refresh()
    assert tree.sql("select count(*) from mart.low") == [(2,)]
    tree.refresh(job_id=4)
    assert tree.sql("select count(*) from mart.low") == [(1,)]
    tree.refresh(RunRequest(parameters={"low": 9}), job_id=4)
    assert tree.sql("select count(*) from mart.low") == [(0,)]
    with pytest.raises(UsageError) as unknown:
        tree.refresh(RunRequest(parameters={"lwo": 9}))
    assert unknown.value.hint == "did you mean low?"


def test_parameters_of_a_run_reach_hooks_tests_and_templates(tree: Project) -> None:
    tree.write(
        "nodes/STG/HOOK.sql",
        "/*---\npost_sql: ['delete from {{ this }} where id < {{ parameters.low }}']\n---*/\n"
        "select id from RAW.ITEMS",
    )
    tree.write("node_types/own/definition.yml", "load: template\n")
    tree.write(
        "node_types/own/run.sql.j2",
        "delete from {{ this }};\n"
        "insert into {{ this }} select id from {{ query }} as q where id >= {{ parameters.low }}",
    )
    tree.write("nodes/STG/OWN.sql", "/*---\ntype: own\n---*/\nselect id from RAW.ITEMS")
    for name, test in (
        ("SQL", "sql: 'select * from {{ this }} where id < {{ parameters.low }}'"),
        ("EXPRESSION", "expression: 'id >= {{ parameters.low }}'"),
        ("WHERE", "row_count: {max: 0, where: 'id < {{ parameters.low }}'}"),
    ):
        tree.write(f"nodes/STG/{name}.sql", f"/*---\ntests: [{{{test}}}]\n---*/\nselect id from RAW.ITEMS")
    tree.write("tests/whole.sql", "select * from STG.GOOD where id < {{ parameters.low }}")
    assert tree.deploy().status is RunStatus.SUCCEEDED
    assert tree.refresh().status is RunStatus.SUCCEEDED
    run = tree.refresh(RunRequest(parameters={"low": 2}))
    failed = {name for name, status in tree.statuses(run).items() if status == "failed"}
    assert failed == {"STG.SQL", "STG.EXPRESSION", "STG.WHERE", "tests.whole"}
    assert tree.sql("select id from stg.hook") == [(2,)]
    assert tree.sql("select id from stg.own") == [(2,)]


def test_a_parameter_that_breaks_a_query_is_told_with_its_place(tree: Project) -> None:
    run = tree.refresh(RunRequest(include="{ LOW }", parameters={"low": "'"}))
    assert (run.status, run.error and run.error.code) == (RunStatus.FAILED, "sql_syntax")
    assert run.error is not None
    assert "MART.LOW" in run.error.message
    assert "nodes/MART/LOW.sql" in run.error.message


def test_a_parameter_that_would_change_the_shape_is_refused(tree: Project) -> None:
    tree.write(
        "nodes/MART/LOW.sql",
        "select id{% if parameters.low > 5 %}, word{% endif %} from RAW.ITEMS",
    )
    tree.deploy()
    run = tree.refresh(RunRequest(parameters={"low": 9}))
    assert run.status is RunStatus.FAILED
    assert run.error is not None
    assert run.error.code == "parameter_changes_shape"


def test_selectors_of_the_run_replace_both_of_the_jobs(tree: Project) -> None:
    run = tree.refresh(RunRequest(include="{ GOOD }"), job_id=4)
    assert tree.statuses(run) == {"STG.GOOD": "succeeded"}
    with pytest.raises(UsageError) as nothing:
        tree.refresh(RunRequest(include="{ NOTHING }"))
    assert nothing.value.code == "nothing_selected"


def test_a_step_whose_marker_stands_is_reused_by_a_rerun(tree: Project) -> None:
    """The death between the two commits: published in the warehouse, unknown to the journal."""
    context, worker = tree.state.context, tree.state.worker
    run, _ = running.start_refresh(context, context.store.environments.get(1), RunRequest())
    claimed = context.store.queue.claim(run.id, worker.owner, 30)
    assert claimed is not None

    deployment = context.store.deployments.current(1)
    assert deployment is not None
    steps = Content(context.store, deployment).steps(["STG.GOOD", "STG.BAD"])
    context.store.steps.plan(claimed.id, claimed.fence, list(steps.values()))
    environment = context.store.environments.get(1).environment
    warehouse = context.open_warehouse(environment, "tests")
    session = warehouse.session()
    session.begin()
    session.execute("insert into stg.good values (77)")
    session.write_marker(
        run_uid=claimed.uid, step_id="STG.GOOD", fence=1, rows=1, table=steps["STG.GOOD"].table
    )
    session.commit()
    session.close()
    warehouse.close()
    context.store.runs.interrupt(claimed.id, claimed.fence)
    again = tree.rerun(claimed.id)
    assert again is not None
    assert tree.statuses(again) == {"STG.GOOD": "reused", "STG.BAD": "succeeded"}
    assert tree.sql("select id from stg.good") == [(77,)]


def test_runs_of_a_dead_process_are_marked_as_interrupted(tree: Project) -> None:
    context = tree.state.context
    dead = Owner(host=tree.state.worker.owner.host, pid=1_999_999, process_started=1.0)

    run = context.store.runs.create(NewRun(kind=RunKind.REFRESH, environment_id=1, owner=dead))
    (failed,) = release_dead_runs(context.store, dead.host, lambda _pid: None)
    assert (failed.id, failed.status) == (run.id, RunStatus.FAILED)
    assert failed.error is not None
    assert failed.error.code == "interrupted"


def test_a_deploy_that_died_after_its_commit_is_found_by_its_marker(tree: Project) -> None:

    context = tree.state.context
    tree.write("nodes/STG/NEW.sql", "select id from RAW.ITEMS")
    run = deploying.start_deploy(context, tree.prepare())
    claimed = context.store.queue.claim(run.id, tree.state.worker.owner, 30)
    assert claimed is not None
    warehouse = context.open_warehouse(context.store.environments.get(1).environment, "tests")
    steps = Content(context.store, context.store.deployments.of_run(run.id)).ddl()
    context.store.steps.plan(claimed.id, claimed.fence, steps)
    execute_atomically(
        steps,
        Execution(warehouse, Recorder(), LateValues(run.uid, 1, NOW), lambda: NOW, Stop()),
        marker_step=DEPLOY_MARKER,
    )
    warehouse.close()
    context.store.runs.interrupt(claimed.id, claimed.fence)
    assert context.store.environments.get(1).marked
    assert tree.refresh(RunRequest(include="{ NEW }")).status is RunStatus.SUCCEEDED
    assert not context.store.environments.get(1).marked
    assert tree.plan().empty


def test_job_that_skips_what_overlaps_records_why(tree: Project) -> None:
    tree.write("jobs/all.yml", "id: 4\nname: all\nrefresh: {include: '{ GOOD }'}\noverlap: skip\ntimeout: 2h")
    tree.deploy()
    context = tree.state.context
    environment = context.store.environments.get(1)
    first, _ = running.start_refresh(context, environment, RunRequest(), job_id=4)
    second, _ = running.start_refresh(context, environment, RunRequest(), job_id=4)
    assert first.request.timeout_seconds == 7200
    assert (first.status, second.status) == (RunStatus.WAITING, RunStatus.SKIPPED)
    assert tree.state.worker.run_one(second.id) == second
    assert tree.state.worker.run_one(first.id).status is RunStatus.SUCCEEDED


def test_start_sent_again_with_its_key_is_the_same_run(tree: Project) -> None:
    context = tree.state.context
    environment = context.store.environments.get(1)
    entry = running.Entry(caller="token/1", idempotency_key="k-1")
    first, _ = running.start_refresh(context, environment, RunRequest(include="{ GOOD }"), entry=entry)
    again, _ = running.start_refresh(context, environment, RunRequest(include="{ GOOD }"), entry=entry)
    assert again == first
    with pytest.raises(Refused, match="with another request"):
        running.start_refresh(context, environment, RunRequest(include="{ LOW }"), entry=entry)


def test_rerun_of_nodes_that_are_all_gone_is_refused(tree: Project) -> None:
    break_it(tree)
    failed = tree.refresh(RunRequest(include="{ BAD }+"))
    for gone in ("nodes/STG/BAD.sql", "nodes/MART/CHILD.sql", "tests/child_is_small.sql"):
        tree.remove(gone)
    tree.deploy()
    with pytest.raises(Refused, match=r"no longer deployed in dev: STG\.BAD, MART\.CHILD"):
        tree.rerun(failed.id)


def test_range_over_a_run_without_an_interval_load_is_refused(tree: Project) -> None:
    run = tree.refresh(RunRequest(include="{ GOOD }", backfill_from=NOW))
    assert (run.status, run.error and run.error.code) == (RunStatus.FAILED, "nothing_to_backfill")
    assert tree.statuses(run) == {}
