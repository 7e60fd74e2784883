"""Locks of environments and tables: who may hold them together, and when they stop to count."""

from __future__ import annotations

import pytest
from tests.contract.store.samples import PROJECT, environment, started, waiting

from headgate.errors import NotFound, Refused
from headgate.model.runs import Run, RunStatus
from headgate.store import LockMode, Store

SHARED, EXCLUSIVE = LockMode.SHARED, LockMode.EXCLUSIVE


def end(store: Store, run: Run) -> None:
    store.runs.finish(run.id, run.fence, RunStatus.FAILED)


def test_refreshes_share_an_environment(store: Store) -> None:
    for run in (started(store), waiting(store)):
        assert store.locks.try_lock_environment(1, run.id, SHARED) is None


@pytest.mark.parametrize(
    ("held", "wanted"), [(SHARED, EXCLUSIVE), (EXCLUSIVE, SHARED), (EXCLUSIVE, EXCLUSIVE)]
)
def test_deploy_has_its_environment_alone(store: Store, held: LockMode, wanted: LockMode) -> None:
    holder, other = started(store), started(store)
    assert store.locks.try_lock_environment(1, holder.id, held) is None
    assert store.locks.try_lock_environment(1, other.id, wanted) == holder
    end(store, holder)
    assert store.locks.try_lock_environment(1, other.id, wanted) is None


def test_lock_of_one_environment_leaves_the_others_free(store: Store) -> None:
    store.environments.apply(environment(2, "prod"), PROJECT)
    assert store.locks.try_lock_environment(1, started(store).id, EXCLUSIVE) is None
    assert store.locks.try_lock_environment(2, started(store).id, EXCLUSIVE) is None


def test_waiting_deploy_stops_new_refreshes_but_not_those_at_work(store: Store) -> None:
    refresh, deploy, late = started(store), started(store), started(store)
    assert store.locks.try_lock_environment(1, refresh.id, SHARED) is None
    assert store.locks.try_lock_environment(1, deploy.id, EXCLUSIVE) == refresh
    assert store.locks.try_lock_environment(1, late.id, SHARED) == deploy
    assert store.locks.try_lock_environment(1, refresh.id, SHARED) is None
    end(store, refresh)
    assert store.locks.try_lock_environment(1, late.id, SHARED) == deploy
    assert store.locks.try_lock_environment(1, deploy.id, EXCLUSIVE) is None
    end(store, deploy)
    assert store.locks.try_lock_environment(1, late.id, SHARED) is None


def test_of_two_waiting_deploys_the_older_goes_first(store: Store) -> None:
    holder, first, second = started(store), started(store), started(store)
    store.locks.try_lock_environment(1, holder.id, SHARED)
    assert store.locks.try_lock_environment(1, second.id, EXCLUSIVE) == holder
    assert store.locks.try_lock_environment(1, first.id, EXCLUSIVE) == holder
    end(store, holder)
    assert store.locks.try_lock_environment(1, second.id, EXCLUSIVE) == first
    assert store.locks.try_lock_environment(1, first.id, EXCLUSIVE) is None


def test_deploy_that_gives_up_waiting_lets_refreshes_in_again(store: Store) -> None:
    refresh, deploy, late = started(store), started(store), started(store)
    store.locks.try_lock_environment(1, refresh.id, SHARED)
    store.locks.try_lock_environment(1, deploy.id, EXCLUSIVE)
    store.locks.unlock(deploy.id)
    assert store.locks.try_lock_environment(1, late.id, SHARED) is None


@pytest.mark.parametrize("mode", [SHARED, EXCLUSIVE])
def test_locking_twice_is_locking_once(store: Store, mode: LockMode) -> None:
    run = started(store)
    for _ in range(2):
        assert store.locks.try_lock_environment(1, run.id, mode) is None
    assert store.locks.try_lock_environment(1, run.id, SHARED) is None
    store.locks.unlock(run.id)
    assert store.locks.try_lock_environment(1, started(store).id, EXCLUSIVE) is None


def test_lock_counts_for_the_run_and_ends_with_it_however_it_ends(store: Store) -> None:
    waits = waiting(store)
    store.locks.try_lock_environment(1, waits.id, EXCLUSIVE)
    other = started(store)
    assert store.locks.try_lock_environment(1, other.id, SHARED) == waits
    store.runs.request_cancel(waits.id)
    assert store.locks.try_lock_environment(1, other.id, SHARED) is None
    store.runs.interrupt(other.id, other.fence)
    assert store.locks.try_lock_environment(1, started(store).id, EXCLUSIVE) is None


def test_run_that_is_over_or_unknown_locks_nothing(store: Store) -> None:
    run = started(store)
    end(store, run)
    with pytest.raises(Refused):
        store.locks.try_lock_environment(1, run.id, SHARED)
    with pytest.raises(NotFound):
        store.locks.try_lock_environment(1, 99, SHARED)
