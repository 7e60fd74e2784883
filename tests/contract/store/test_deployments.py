"""Deployments: begun, ended, what stands, and what an interrupted one leaves."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from tests.contract.store.samples import PROJECT, Clock, environment, started, step, waiting

from headgate.errors import LeaseLost, NotFound, Refused
from headgate.model.runs import Deployment, DeploymentStatus, Run, RunKind, RunStatus
from headgate.store import Store


def begin(store: Store, run: Run | None = None, *, number_of_nodes: int = 0) -> Deployment:
    digests = store.blobs.put(f"blob {n}".encode() for n in range(2 * number_of_nodes))
    nodes = [(f"MART.T{n}", digests[2 * n], digests[2 * n + 1]) for n in range(number_of_nodes)]
    return store.deployments.begin(
        environment_id=1,
        manifest_digest="m" * 64,
        version="abc123",
        digests={"catalog": "c" * 64},
        nodes=nodes,
        run_id=run.id if run else None,
    )


def at_work(store: Store) -> Run:
    """A deploy that has written down its steps, and so may have sent its first statement."""
    run = started(store, kind=RunKind.DEPLOY)
    store.steps.plan(run.id, run.fence, [step("T")])
    return run


def test_new_deployment_applies_and_stands_nowhere_yet(store: Store, clock: Clock) -> None:
    run = started(store, kind=RunKind.DEPLOY)
    deployment = begin(store, run)
    assert deployment == Deployment(
        1,
        1,
        1,
        DeploymentStatus.APPLYING,
        "m" * 64,
        clock.now,
        run.id,
        "abc123",
        {"catalog": "c" * 64},
    )
    assert store.deployments.get(deployment.id) == deployment == store.deployments.of_run(run.id)
    assert store.deployments.current(1) is None


def test_good_deployment_stands_and_clears_the_mark(store: Store) -> None:
    store.deployments.finish(begin(store).id, ok=False)
    assert store.environments.get(1).marked
    done = store.deployments.finish(begin(store).id, ok=True, digests={"facts": "f" * 64})
    assert (done.number, done.status) == (2, DeploymentStatus.DEPLOYED)
    assert done.digests == {"catalog": "c" * 64, "facts": "f" * 64}
    assert store.deployments.current(1) == done
    row = store.environments.get(1)
    assert (row.current_deployment_id, row.marked) == (done.id, False)


def test_failed_deployment_leaves_what_stood_and_marks_the_environment(store: Store) -> None:
    stood = store.deployments.finish(begin(store).id, ok=True)
    store.deployments.finish(begin(store).id, ok=False)
    row = store.environments.get(1)
    assert (row.current_deployment_id, row.marked) == (stood.id, True)


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize("second", [True, False])
def test_ended_deployment_never_moves(store: Store, first: bool, second: bool) -> None:
    done = store.deployments.finish(begin(store).id, ok=first)
    with pytest.raises(Refused) as caught:
        store.deployments.finish(done.id, ok=second)
    assert caught.value.code == "deployment_ended"
    assert store.deployments.get(done.id) == done


def test_deployment_of_a_lost_claim_is_not_ended(store: Store) -> None:
    run = started(store, kind=RunKind.DEPLOY)
    deployment = begin(store, run)
    with pytest.raises(LeaseLost):
        store.deployments.finish(deployment.id, ok=True, fence=run.fence - 1)
    assert store.deployments.finish(deployment.id, ok=True, fence=run.fence).status == "deployed"


def test_interrupted_deploy_counts_as_failed_until_the_warehouse_was_asked(store: Store) -> None:
    stood = store.deployments.finish(begin(store).id, ok=True)
    run = at_work(store)
    deployment = begin(store, run)
    assert store.deployments.unsettled(1) is None
    store.runs.interrupt(run.id, run.fence)
    left = store.deployments.unsettled(1)
    assert left is not None
    assert (left.id, left.status) == (deployment.id, DeploymentStatus.FAILED)
    row = store.environments.get(1)
    assert (row.current_deployment_id, row.marked) == (stood.id, True)
    settled = store.deployments.finish(deployment.id, ok=True)
    assert settled.status is DeploymentStatus.DEPLOYED
    assert store.deployments.current(1) == settled
    assert store.deployments.unsettled(1) is None
    with pytest.raises(Refused):
        store.deployments.finish(deployment.id, ok=False)


def test_interrupted_deploy_is_left_alone_once_a_later_one_stands(store: Store) -> None:
    run = at_work(store)
    begin(store, run)
    store.runs.finish(run.id, run.fence, RunStatus.FAILED)
    assert store.deployments.unsettled(1) is not None
    later = store.deployments.finish(begin(store).id, ok=True)
    assert store.deployments.unsettled(1) is None
    assert store.deployments.current(1) == later


def test_deploy_that_never_started_marks_nothing(store: Store) -> None:
    run = waiting(store, kind=RunKind.DEPLOY)
    deployment = begin(store, run)
    store.runs.request_cancel(run.id)
    assert store.deployments.get(deployment.id).status is DeploymentStatus.FAILED
    assert store.deployments.unsettled(1) is None
    assert not store.environments.get(1).marked


def test_deploy_that_never_wrote_down_its_steps_marks_nothing(store: Store) -> None:
    run = started(store, kind=RunKind.DEPLOY)
    begin(store, run)
    store.runs.interrupt(run.id, run.fence)
    assert store.deployments.unsettled(1) is None
    assert not store.environments.get(1).marked


def test_deploy_run_cannot_succeed_over_a_deployment_that_applies(store: Store) -> None:
    run = started(store, kind=RunKind.DEPLOY)
    begin(store, run)
    with pytest.raises(Refused, match="1 of its parts are open"):
        store.runs.finish(run.id, run.fence, RunStatus.SUCCEEDED)


def test_digests_are_given_by_node_for_all_or_some(store: Store) -> None:
    deployment = begin(store, number_of_nodes=1200)
    bound = store.deployments.bound_digests(deployment.id)
    steps = store.deployments.step_digests(deployment.id)
    assert len(bound) == len(steps) == 1200
    assert store.blobs.get(bound["MART.T7"]) == b"blob 14"
    assert store.blobs.get(steps["MART.T7"]) == b"blob 15"
    names = [f"MART.T{n}" for n in range(0, 1200, 2)]
    assert store.deployments.bound_digests(deployment.id, names) == {name: bound[name] for name in names}
    assert store.deployments.step_digests(deployment.id, ["MART.NONE"]) == {}
    assert store.deployments.step_digests(deployment.id, []) == {}


@pytest.mark.parametrize("none", [None, ""])
def test_node_without_a_step_has_no_step_digest(store: Store, none: str | None) -> None:
    (digest,) = store.blobs.put([b"bound"])
    deployment = store.deployments.begin(
        environment_id=1, manifest_digest="m", nodes=[("SAMPLE.ORDERS", digest, none)]
    )
    assert store.deployments.bound_digests(deployment.id) == {"SAMPLE.ORDERS": digest}
    assert store.deployments.step_digests(deployment.id) == {}


def test_deployment_of_blobs_that_are_not_there_is_refused(store: Store) -> None:
    with pytest.raises(NotFound) as caught:
        store.deployments.begin(environment_id=1, manifest_digest="m", nodes=[("A.B", "0" * 64, None)])
    assert caught.value.code == "blob_not_found"
    assert store.deployments.list(1) == []


def test_deployment_into_an_unknown_environment_is_refused(store: Store) -> None:
    with pytest.raises(NotFound) as caught:
        store.deployments.begin(environment_id=9, manifest_digest="m")
    assert caught.value.code == "environment_not_found"


def test_numbers_count_by_environment_and_lists_are_newest_first(store: Store) -> None:
    store.environments.apply(environment(2, "prod"), PROJECT)
    store.deployments.begin(environment_id=2, manifest_digest="m", digests={"catalog": "x"})
    for _ in range(5):
        store.deployments.finish(begin(store).id, ok=True)
    assert [d.number for d in store.deployments.list(1)] == [5, 4, 3, 2, 1]
    assert [d.number for d in store.deployments.list(1, limit=2, before_number=4)] == [3, 2]
    assert store.deployments.by_number(2, 1).digests == {"catalog": "x"}
    asks: list[Callable[[], object]] = [
        lambda: store.deployments.by_number(2, 2),
        lambda: store.deployments.get(77),
        lambda: store.deployments.of_run(77),
        lambda: store.deployments.finish(77, ok=True),
    ]
    for ask in asks:
        with pytest.raises(NotFound) as caught:
            ask()
        assert caught.value.code == "deployment_not_found"


def test_every_change_of_a_deployment_leaves_an_event(store: Store) -> None:
    run = at_work(store)
    deployment = begin(store, run)
    store.runs.interrupt(run.id, run.fence)
    store.deployments.finish(deployment.id, ok=True)
    seen = [event for event in store.events.read() if event.kind == "deployment_status"]
    assert [event.data["status"] for event in seen] == ["applying", "failed", "deployed"]
    assert {(event.run_id, event.environment_id) for event in seen} == {(run.id, 1)}
