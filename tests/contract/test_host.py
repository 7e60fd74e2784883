"""A worker for a whole queue, on every engine: it takes what is due, hands back what it cannot end, and goes on with
what others left."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import pytest
from tests.contract.loading import NOW, Recorder
from tests.contract.projects import Project
from tests.contract.store.faults import make_faulty

from headgate.engine.executor import Execution as StepsExecution
from headgate.engine.executor import execute
from headgate.engine.step import Reshape
from headgate.engine.stop import Stop, StopCode
from headgate.engine.transaction import execute_atomically
from headgate.errors import StatementFailed
from headgate.model.project import Environment, WarehouseConfig
from headgate.model.runs import Deployment, Owner, Run, RunKind, RunRequest, RunStatus
from headgate.model.steps import LateValues, Step, StepOutcome, StepStatus
from headgate.recovery import DEPLOY_MARKER
from headgate.service import deploying, running
from headgate.store import NewRun
from headgate.store.content import Content
from headgate.store.journal import Journal
from headgate.warehouse.base import Warehouse
from headgate.worker import Worker
from headgate.worker.execution import Execution
from headgate.worker.host import Host
from headgate.worker.warehouses import KeptWarehouses

ELSEWHERE = Owner("elsewhere", 1, 1.0, "a worker that dies")


@pytest.fixture
def tree(warehouse: Warehouse, warehouse_config: WarehouseConfig, tmp_path: Path) -> Iterator[Project]:
    session = warehouse.session()
    session.execute("CREATE SCHEMA raw")
    session.execute("CREATE TABLE raw.items (id bigint)")
    session.execute("INSERT INTO raw.items VALUES (1), (2)")
    session.close()
    tree = Project(tmp_path / "project", warehouse_config)
    tree.write("nodes/RAW/sources.yml", "ITEMS: {}\n")
    tree.write("nodes/STG/A.sql", "/*---\nload: append\n---*/\nselect id from RAW.ITEMS")
    tree.write("nodes/STG/B.sql", "/*---\nload: append\n---*/\nselect id from STG.A")
    tree.write("nodes/STG/C.sql", "/*---\nload: append\n---*/\nselect id from STG.B")
    tree.write(
        "nodes/STG/BAD.sql", "select id, cast('x' || cast(id as varchar) as integer) as n from RAW.ITEMS"
    )
    tree.write("nodes/STG/CHILD.sql", "select n from STG.BAD")
    with tree.opened():
        tree.deploy()
        yield tree


def host(tree: Project, *, max_running: int = 4) -> Host:
    return Host(tree.state.worker, max_running=max_running)


def enter(tree: Project, include: str = "{ A } OR { B } OR { C }", **fields: object) -> Run:
    request = RunRequest(include=include, parallelism=1)
    new = NewRun(RunKind.REFRESH, 1, request=request, **fields)  # type: ignore[arg-type]
    return tree.state.context.store.queue.enter(new)


def ended(tree: Project, run: Run) -> Run:
    return tree.state.context.store.runs.get(run.id)


def counts(tree: Project) -> list[int]:
    return [tree.sql(f"select count(*) from stg.{name}")[0][0] for name in "abc"]


class StopAfter:
    """A sink that passes on to the journal and requests a stop when a step has ended."""

    def __init__(self, journal: Journal, stop: Stop, name: str) -> None:
        self.journal = journal
        self.stop = stop
        self.name = name
        self.step_started = journal.step_started

    def step_finished(self, step: Step, outcome: StepOutcome, at: object) -> None:
        if outcome.status is not StepStatus.CANCELED:  # a dead worker cancels nothing
            self.journal.step_finished(step, outcome, NOW)
        if step.id == self.name:
            self.stop.request("enough")


def begin_elsewhere(tree: Project, run: Run, *, until: str, journaled: bool = True) -> None:
    """Carry a run out as a worker elsewhere that dies when the step `until` has been published: with the end of it in
    the journal, or not."""
    store = tree.state.context.store
    claimed = store.queue.claim(run.id, ELSEWHERE, 30)
    assert claimed is not None
    assert claimed.deployment_id is not None
    steps = [
        *Content(store, store.deployments.get(claimed.deployment_id))
        .steps(["STG.A", "STG.B", "STG.C"])
        .values()
    ]
    store.steps.plan(claimed.id, claimed.fence, steps)
    warehouse = tree.state.context.open_warehouse(store.environments.get(1).environment, "elsewhere")
    stop = Stop()
    with Journal(store, claimed) as journal:
        sink = StopAfter(journal, stop, until) if journaled else Recorder()
        late = LateValues(run.uid, claimed.fence, NOW)
        todo = steps if journaled else steps[: 1 + [step.id for step in steps].index(until)]
        if not journaled:
            journal.step_started(steps[0], NOW)
        execute(todo, StepsExecution(warehouse, sink, late, lambda: NOW, stop, parallelism=1))
    warehouse.close()


def test_host_takes_what_is_due_and_says_when_nothing_is(tree: Project) -> None:
    first, second = enter(tree), enter(tree, include="{ BAD }+")
    own = host(tree)
    assert (own.turn(), own.turn(), own.turn()) == (True, True, False)
    own.drain(60)
    assert (ended(tree, first).status, ended(tree, second).status) == (RunStatus.SUCCEEDED, RunStatus.FAILED)
    assert own.running == 0


def test_host_carries_out_no_more_runs_at_once_than_it_may(tree: Project) -> None:
    runs = [enter(tree) for _ in range(3)]
    own = host(tree, max_running=1)
    assert (own.turn(), own.turn()) == (True, False)
    own.drain(60)
    assert [ended(tree, run).status for run in runs] == [
        RunStatus.SUCCEEDED,
        RunStatus.WAITING,
        RunStatus.WAITING,
    ]


def test_host_serves_until_it_is_stopped(tree: Project) -> None:
    own, stop = host(tree), Stop()
    thread = threading.Thread(target=own.serve, args=(stop,), kwargs={"drain_seconds": 60})
    thread.start()
    runs = [enter(tree) for _ in range(5)]
    events = tree.state.context.store.database.wakeups
    while not all(ended(tree, run).status.final for run in runs):
        events.wait(1)
    stop.request("the test is over")
    thread.join(30)
    assert not thread.is_alive()
    assert {ended(tree, run).status for run in runs} == {RunStatus.SUCCEEDED}
    late = enter(tree)
    assert ended(tree, late).status is RunStatus.WAITING


def test_run_that_is_handed_back_is_ended_by_another_worker_without_doing_anything_twice(
    tree: Project,
) -> None:
    run = enter(tree)
    worker = tree.state.worker
    claimed = worker.claim_next()
    assert claimed is not None
    stop = Stop()

    class Watcher(Recorder):
        def planned(self, *_: object) -> None: ...
        def waiting(self, reason: str) -> None: ...
        def step_finished(self, step: Step, outcome: StepOutcome, at: object) -> None:
            if step.id == "STG.B":
                stop.request("its worker stops", StopCode.HANDED_BACK)

    back = worker.carry_out(claimed, observer=Watcher(), stop=stop)
    assert back.status is RunStatus.WAITING
    assert tree.statuses(back) == {"STG.A": "succeeded", "STG.B": "succeeded", "STG.C": "waiting"}
    own = host(tree)
    assert own.turn()
    own.drain(60)
    assert ended(tree, run).status is RunStatus.SUCCEEDED
    assert counts(tree) == [2, 2, 2]


@pytest.mark.parametrize("journaled", [True, False])
def test_run_of_a_worker_that_died_is_taken_over_at_what_was_not_published(
    tree: Project, journaled: bool
) -> None:
    run = enter(tree)
    begin_elsewhere(tree, run, until="STG.B", journaled=journaled)
    store = tree.state.context.store
    assert not host(tree).turn()
    store.queue.hand_back(run.id, store.runs.get(run.id).fence, "its lease ran out")
    own = host(tree)
    assert own.turn()
    own.drain(60)
    over = ended(tree, run)
    assert over.status is RunStatus.SUCCEEDED
    assert over.notes == ("taken over: 2 of 3 steps were done",)
    assert set(tree.statuses(over).values()) == {"succeeded"}
    assert counts(tree) == [2, 2, 2]


def test_failure_before_a_take_over_still_skips_what_needs_it(tree: Project) -> None:
    run = enter(tree, include="{ BAD }+ OR { A }")
    store = tree.state.context.store
    claimed = store.queue.claim(run.id, ELSEWHERE, 30)
    assert claimed is not None
    assert claimed.deployment_id is not None
    names = ["STG.BAD", "STG.A", "STG.CHILD"]
    steps = Content(store, store.deployments.get(claimed.deployment_id)).steps(names)
    store.steps.plan(claimed.id, claimed.fence, list(steps.values()))
    with Journal(store, claimed) as journal:
        journal.step_started(steps["STG.BAD"], NOW)
        journal.step_finished(steps["STG.BAD"], StepOutcome(StepStatus.FAILED), NOW)
    store.queue.hand_back(run.id, claimed.fence, "its worker died")
    own = host(tree)
    assert own.turn()
    own.drain(60)
    assert tree.statuses(ended(tree, run)) == {
        "STG.BAD": "failed",
        "STG.A": "succeeded",
        "STG.CHILD": "skipped",
    }
    assert ended(tree, run).status is RunStatus.FAILED


@pytest.mark.parametrize("committed", [True, False])
def test_deploy_of_a_worker_that_died_is_taken_over(tree: Project, committed: bool) -> None:
    store = tree.state.context.store
    tree.write("nodes/STG/NEW.sql", "select id from RAW.ITEMS")
    context = replace(tree.state.context, owner=None)
    run = deploying.start_deploy(context, tree.prepare())
    claimed = store.queue.claim(run.id, ELSEWHERE, 30)
    assert claimed is not None
    steps = Content(store, store.deployments.of_run(run.id)).ddl()
    store.steps.plan(claimed.id, claimed.fence, steps)
    if committed:
        warehouse = context.open_warehouse(store.environments.get(1).environment, "elsewhere")
        execution = StepsExecution(warehouse, Recorder(), LateValues(run.uid, 1, NOW), lambda: NOW, Stop())
        execute_atomically(steps, execution, marker_step=DEPLOY_MARKER)
        warehouse.close()
    store.queue.hand_back(run.id, claimed.fence, "its worker died")
    own = host(tree)
    assert own.turn()
    own.drain(60)
    assert ended(tree, run).status is RunStatus.SUCCEEDED
    assert set(tree.statuses(run).values()) == {"succeeded"}
    assert tree.plan().empty
    assert not store.environments.get(1).marked


def test_run_that_lasts_longer_than_its_timeout_fails(tree: Project) -> None:
    store = tree.state.context.store
    request = RunRequest(include="{ A } OR { B }", timeout_seconds=0.0)
    run = store.queue.enter(NewRun(RunKind.REFRESH, 1, request=request))
    own = host(tree)
    own.turn()
    own.drain(60)
    over = ended(tree, run)
    assert (over.status, over.error and over.error.code) == (RunStatus.FAILED, "timed_out")


def test_run_that_loses_every_worker_is_given_up(tree: Project) -> None:
    store = tree.state.context.store
    run = enter(tree)
    for _ in range(10):
        claimed = store.queue.claim(run.id, ELSEWHERE, 30)
        if claimed is None:
            break
        store.queue.release(claimed, attached=False)
    over = ended(tree, run)
    assert (over.status, over.error and over.error.code) == (RunStatus.FAILED, "worker_lost")


def test_run_whose_warehouse_is_full_fails_and_is_not_taken_up_again(tree: Project) -> None:
    """Unlike one whose state is full: that could not even be told."""

    def full(*_: object) -> Warehouse:
        raise StatementFailed("disk_full", "no space is left")

    run = enter(tree)
    own = Host(replace(tree.state.worker, open_warehouse=full))
    assert own.turn()
    own.drain(60)
    over = ended(tree, run)
    assert (over.status, over.error and over.error.code) == (RunStatus.FAILED, "disk_full")
    assert not own.turn()


def test_run_that_a_mistake_of_ours_broke_ends_and_is_not_taken_up_again(tree: Project) -> None:
    def broken(*_: object) -> Warehouse:
        raise ZeroDivisionError("a mistake")

    run = enter(tree)
    own = Host(replace(tree.state.worker, open_warehouse=broken))
    assert own.turn()
    own.drain(60)
    over = ended(tree, run)
    assert (over.status, over.error and over.error.code) == (RunStatus.FAILED, "internal_error")
    assert not own.turn()


def test_warehouse_is_kept_open_between_runs_and_closed_when_idle(tree: Project) -> None:
    opened: list[str] = []
    now = [0.0]

    def opener(environment: Environment, who: str, _: Stop) -> Warehouse:
        opened.append(who)
        return tree.state.context.open_warehouse(environment, who)

    kept = KeptWarehouses(opener, idle_seconds=10, clock=lambda: now[0])
    worker: Worker = replace(tree.state.worker, open_warehouse=kept.open)
    own = Host(worker, warehouses=kept)
    for _ in range(3):
        enter(tree)
        own.turn()
        while own.running:
            tree.state.context.store.database.wakeups.wait(1)
    assert len(opened) == 1
    now[0] = 11.0
    kept.close_idle()
    enter(tree)
    own.turn()
    own.drain(60)
    assert len(opened) == 2


def test_failed_run_is_tried_again_as_its_job_says(tree: Project) -> None:
    store = tree.state.context.store
    tree.write(
        "jobs/bad.yml",
        "id: 9\nname: bad\nrefresh: {include: '{ BAD }+ OR { A }'}\nretries: {max: 2, delay: 1m, backoff: 3}",
    )
    tree.deploy()
    context = replace(tree.state.context, owner=None)
    first, _ = running.start_refresh(context, store.environments.get(1), RunRequest(), job_id=9)
    own = host(tree)
    assert own.turn()
    own.drain(60)
    (second, *_) = store.runs.list(limit=1)
    failed = ended(tree, first)
    assert (failed.status, second.rerun_of, second.status) == (RunStatus.FAILED, first.id, RunStatus.WAITING)
    assert (second.request.attempt, second.config_key, second.job_id) == (1, first.config_key, 9)
    assert failed.ended_at is not None
    assert second.not_before == failed.ended_at + timedelta(minutes=1)
    assert not own.turn()
    for attempt in (1, 2):
        (again, *_) = store.runs.list(limit=1)
        assert again.request.attempt == attempt
        claimed = store.queue.claim(again.id, tree.state.worker.owner, 30)
        assert claimed is not None
        assert tree.state.worker.carry_out(claimed).status is RunStatus.FAILED
        assert set(tree.statuses(again)) == {"STG.BAD", "STG.CHILD"}
    assert store.runs.open() == []


def test_run_of_a_command_is_not_tried_again(tree: Project) -> None:
    tree.write("jobs/bad.yml", "id: 9\nname: bad\nrefresh: {include: '{ BAD }'}\nretries: {max: 2}")
    tree.deploy()
    assert tree.refresh(job_id=9).status is RunStatus.FAILED
    assert tree.state.context.store.runs.open() == []


def test_refresh_asks_the_state_little_before_its_first_statement(tree: Project) -> None:
    store, database = make_faulty(tree.state.context.store)
    before: list[int] = []

    def reshape(deployment: Deployment) -> Reshape:
        before.append(database.count)  # asked for when all else is ready
        return lambda step, _: step

    worker = replace(tree.state.worker, store=store, reshape=reshape)
    enter(tree, "{ A }")
    run = worker.claim_next()
    assert run is not None
    database.count = 0
    assert Execution(worker, run, None, Stop()).carry_out().status is RunStatus.SUCCEEDED
    # Its environment, whether a deploy is unsettled, what is deployed (2), its catalog where not at hand, stored
    # jobs, its steps (2), and writing these down (4).
    assert before[0] <= 12
