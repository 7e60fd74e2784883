"""What holds in every state, whatever happened to it. Each of these reads the state and raises AssertionError."""

from __future__ import annotations

from headgate.model.runs import RUN_MOVES, STEP_MOVES, DeploymentStatus, RunKind, RunStatus
from headgate.model.steps import StepStatus
from headgate.store import Store


def one_run_of_a_configuration_runs(store: Store) -> None:
    keys = [run.config_key for run, _ in store.runs.running() if run.config_key]
    assert len(keys) == len(set(keys))


def work_is_of_open_runs_only_and_a_deploy_alone_in_its_environment(store: Store) -> None:
    everything = store.runs.list(limit=1000)
    open_ids = {run.id for run in everything if not run.status.final}
    assert {run.id for run, _ in store.runs.open()} == open_ids
    begun = [run for run in everything if run.id in open_ids and run.started_at is not None]
    assert len(begun) <= 1 or RunKind.DEPLOY not in {run.kind for run in begun}


def nothing_of_a_run_that_is_over_is_open(store: Store) -> None:
    for run in store.runs.list(limit=1000):
        assert (run.ended_at is not None) == run.status.final
        if run.status.final:
            assert all(row.status.final for row in store.steps.list(run.id))
        if run.kind is RunKind.DEPLOY and run.status.final:
            assert store.deployments.of_run(run.id).status is not DeploymentStatus.APPLYING


def runs_of_a_configuration_start_in_their_order(store: Store) -> None:
    for run, _ in store.runs.running():
        for other, _ in store.runs.open():
            if run.config_key and (other.config_key, other.kind) == (run.config_key, run.kind):
                assert other.id >= run.id


def events_tell_every_move_and_only_allowed_ones(store: Store) -> None:
    runs: dict[int, RunStatus] = {}
    steps: dict[tuple[int, str], StepStatus] = {}
    told: set[int] = set()
    for event in store.events.read(limit=10_000):
        assert event.id not in told  # in the order of their commits, which is not that of their ids
        told.add(event.id)
        if event.kind == "run_status" and event.run_id is not None:
            status = RunStatus(event.data["status"])
            before = runs.get(event.run_id)
            assert status is RunStatus.WAITING if before is None else status in RUN_MOVES[before]
            runs[event.run_id] = status
        if event.kind == "step_status" and event.run_id is not None and event.step_id is not None:
            moved = StepStatus(event.data["status"])
            place = (event.run_id, event.step_id)
            assert moved in STEP_MOVES[steps.get(place, StepStatus.WAITING)]
            steps[place] = moved
    for run in store.runs.list(limit=1000):
        assert runs[run.id] is run.status
        for row in store.steps.list(run.id):
            assert steps.get((run.id, row.step_id), StepStatus.WAITING) is row.status


def what_stands_was_deployed(store: Store) -> None:
    for row in store.environments.list():
        if row.current_deployment_id is not None:
            current = store.deployments.get(row.current_deployment_id)
            assert current.status is DeploymentStatus.DEPLOYED


ALWAYS = (
    one_run_of_a_configuration_runs,
    work_is_of_open_runs_only_and_a_deploy_alone_in_its_environment,
    nothing_of_a_run_that_is_over_is_open,
    runs_of_a_configuration_start_in_their_order,
    events_tell_every_move_and_only_allowed_ones,
    what_stands_was_deployed,
)


def assert_whole(store: Store) -> None:
    for holds in ALWAYS:
        holds(store)
