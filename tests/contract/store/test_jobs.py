"""Jobs that live in the state: ids that are never used twice, one name each, with an audit entry for every change."""

from __future__ import annotations

from dataclasses import replace

import pytest
from tests.contract.store.samples import PROJECT, environment, waiting

from headgate.errors import NotFound, Refused
from headgate.model.project import Job, RefreshWorkload
from headgate.store import Store
from headgate.store.audit import Actor

ANN = Actor("ann", "req-1")
NIGHTLY = Job(0, "nightly", RefreshWorkload("{ MART }", "", 4), "", parameters={"days": 3})


def test_a_job_is_kept_whole_under_an_id_that_no_file_has(store: Store) -> None:
    made = store.jobs.create(1, NIGHTLY, by=ANN)
    assert made.job == replace(NIGHTLY, id=100_000)
    assert (made.active, made.updated_by) == (True, "ann")
    changed = store.jobs.change(1, replace(made.job, name="daily"), active=False, by=ANN)
    assert store.jobs.get(1, 100_000) == changed
    assert store.jobs.list(1) == [changed]
    assert (changed.job.name, changed.active) == ("daily", False)
    store.jobs.delete(1, 100_000, by=ANN)
    assert store.jobs.list(1) == []
    assert [entry.action for entry in store.audit.list()] == ["job_deleted", "job_changed", "job_created"]
    assert {entry.subject for entry in store.audit.list()} == {"job/1/100000"}
    kinds = [event.kind for event in store.events.read() if event.kind.startswith("job_")]
    assert kinds == ["job_created", "job_changed", "job_deleted"]


def test_an_id_is_not_given_again_while_runs_remember_it(store: Store) -> None:
    first = store.jobs.create(1, NIGHTLY, by=ANN).job.id
    waiting(store, job_id=first)
    store.jobs.delete(1, first, by=ANN)
    assert store.jobs.create(1, NIGHTLY, by=ANN).job.id == first + 1


def test_ids_are_unique_over_environments_and_names_within_one(store: Store) -> None:
    store.environments.apply(environment(2, "prod"), PROJECT)
    first = store.jobs.create(1, NIGHTLY, by=ANN).job
    assert store.jobs.create(2, NIGHTLY, by=ANN).job.id == first.id + 1
    with pytest.raises(Refused, match="job 100000 has the name nightly"):
        store.jobs.create(1, NIGHTLY, by=ANN)
    other = store.jobs.create(1, replace(NIGHTLY, name="other"), by=ANN).job
    with pytest.raises(Refused, match="nightly already"):
        store.jobs.change(1, replace(other, name="nightly"), active=True, by=ANN)


def test_a_job_that_is_not_there_is_not_found(store: Store) -> None:
    for ask in (
        lambda: store.jobs.get(1, 100_000),
        lambda: store.jobs.delete(1, 100_000, by=ANN),
        lambda: store.jobs.change(1, NIGHTLY, active=True, by=ANN),
        lambda: store.jobs.create(77, NIGHTLY, by=ANN),
    ):
        with pytest.raises(NotFound):
            ask()
    assert store.audit.list() == []


def test_a_job_of_a_file_is_switched_off_and_on_in_one_environment(store: Store) -> None:
    store.environments.apply(environment(2, "prod"), PROJECT)
    for _ in range(2):
        store.jobs.set_file_active(1, 4, active=False, by=ANN)
    assert (store.jobs.inactive(1), store.jobs.inactive(2)) == (frozenset({4}), frozenset())
    store.jobs.set_file_active(1, 4, active=True, by=ANN)
    assert store.jobs.inactive(1) == frozenset()
    assert [entry.action for entry in store.audit.list()] == ["job_activated", "job_deactivated"]


def test_an_environment_goes_with_its_jobs_unless_it_has_a_history(store: Store) -> None:
    store.environments.apply(environment(2, "prod"), PROJECT)
    store.jobs.create(2, NIGHTLY, by=ANN)
    store.jobs.set_file_active(2, 4, active=False, by=ANN)
    store.environments.delete(2, by=ANN)
    assert [row.environment.id for row in store.environments.list()] == [1]
    with pytest.raises(NotFound):
        store.environments.delete(2, by=ANN)
    waiting(store)
    with pytest.raises(Refused, match="has runs or deployments"):
        store.environments.delete(1, by=ANN)
