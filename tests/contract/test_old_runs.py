"""Old runs are dropped beside the work of a host and after a single run, and not repeated once their markers may be
gone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.projects import Project

from headgate.errors import Refused
from headgate.model.project import WarehouseConfig
from headgate.model.runs import Owner, Run, RunKind, RunRequest, RunStatus
from headgate.recovery import KEEP_MARKERS, REPEAT_WITHIN, forget_markers
from headgate.service import running
from headgate.store import NewRun, Store
from headgate.store.retention import Keep, Retention
from headgate.worker.host import Host

MORE = timedelta(hours=1)
ONE = RunRequest(include="{ A }")
ELSEWHERE = Owner("elsewhere", 1, 1.0)


@pytest.fixture
def tree(warehouse_config: WarehouseConfig, tmp_path: Path) -> Iterator[Project]:
    tree = Project(tmp_path / "project", warehouse_config)
    tree.write("nodes/STG/A.sql", "/*---\nload: append\n---*/\nselect 1 as id")
    tree.write("nodes/STG/BAD.sql", "select cast('x' || cast(id as varchar) as integer) as n from STG.A")
    with tree.opened():
        tree.deploy()
        yield tree


def store_of(tree: Project) -> Store:
    return tree.state.context.store


def age(tree: Project, by: timedelta) -> None:
    """Lets everything that the state and the warehouse know have happened so long ago."""
    micros = by // timedelta(microseconds=1)
    with store_of(tree).database.write() as connection:
        for column in ("created_at", "started_at", "ended_at"):
            connection.change(f"UPDATE run SET {column} = {column} - {micros}")
        connection.change("DELETE FROM meta WHERE key = 'pruned_at'")
    seconds = by.total_seconds()
    tree.sql(f"UPDATE _headgate.commits SET committed_at = committed_at - INTERVAL '{seconds:.0f} seconds'")


def markers(tree: Project, run: Run) -> int:
    return int(tree.sql(f"SELECT count(*) FROM _headgate.commits WHERE run_uid = '{run.uid}'")[0][0])


def test_single_run_drops_old_ones_when_it_has_ended(tree: Project) -> None:
    store = store_of(tree)
    old = tree.refresh(ONE)
    age(tree, timedelta(days=100))
    worker = replace(tree.state.worker, retention=Retention(store, Keep(newest=1)))
    run = store.runs.create(NewRun(RunKind.REFRESH, 1, request=old.request))
    assert worker.run_one(run.id).status is RunStatus.SUCCEEDED
    assert old.id not in {one.id for one in store.runs.list()}


def test_host_drops_old_runs_beside_its_work(tree: Project) -> None:
    store = store_of(tree)
    old = tree.refresh(ONE)
    tree.refresh(ONE)
    age(tree, timedelta(days=100))
    own = Host(replace(tree.state.worker, retention=Retention(store, Keep(newest=1))))
    assert own.turn() is False
    assert old.id not in {one.id for one in store.runs.list()}


def test_a_command_and_a_server_know_what_the_settings_keep(tree: Project) -> None:
    old = tree.refresh(ONE)
    age(tree, timedelta(days=100))
    tree.refresh(ONE)
    assert old.id in {one.id for one in store_of(tree).runs.list()}  # it is among the newest 20
    assert tree.state.worker.retention is not None


def test_run_whose_markers_may_be_gone_is_not_repeated(tree: Project) -> None:
    failed = tree.refresh(RunRequest(include="{ A } OR { BAD }"))
    assert failed.status is RunStatus.FAILED
    age(tree, REPEAT_WITHIN - MORE)
    again = running.rerun(tree.state.context, failed.id)
    assert again is not None
    age(tree, 2 * MORE)
    late = tree.state.worker.run_one(again.id)  # it waited too long
    assert late.error is not None
    assert (late.status, late.error.code) == (RunStatus.FAILED, "run_too_old")
    with pytest.raises(Refused, match="remembered for 89 days"):
        running.rerun(tree.state.context, failed.id)


def test_markers_of_old_runs_go_but_for_those_of_what_is_not_decided(tree: Project) -> None:
    store, context = store_of(tree), tree.state.context
    open_run = store.queue.claim(store.runs.create(NewRun(RunKind.REFRESH, 1)).id, ELSEWHERE, 30)
    assert open_run is not None
    run = tree.refresh(ONE)
    age(tree, KEEP_MARKERS + MORE)
    with closing(context.open_warehouse(store.environments.get(1).environment, "tests")) as warehouse:
        forget_markers(store, warehouse)
        assert markers(tree, run) == 1
        store.runs.finish(open_run.id, open_run.fence, RunStatus.FAILED)
        forget_markers(store, warehouse)
    assert markers(tree, run) == 0
