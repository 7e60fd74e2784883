"""How often the ways that every run goes ask the database: a server far away answers each question after a while."""

from __future__ import annotations

from collections.abc import Callable

from tests.contract.store.faults import make_faulty
from tests.contract.store.samples import OWNER, started, step, succeeded, waiting

from headgate.model.runs import RunKind, RunStatus
from headgate.store import Admission, Journal, NewRun, Store


def asked(store: Store, what: Callable[[Store], object]) -> int:
    """How many statements and commits something takes, beside the BEGIN of each transaction."""
    watched, database = make_faulty(store)
    database.count = 0  # opening it asked as well
    what(watched)
    return database.count


def test_run_enters_with_three_changes_and_a_commit(store: Store) -> None:
    new = NewRun(RunKind.REFRESH, 1)
    assert asked(store, lambda watched: watched.queue.enter(new, Admission())) == 4


def test_claim_costs_eight_questions_and_a_vain_one_two(store: Store) -> None:
    assert asked(store, lambda watched: watched.queue.claim_next(OWNER, 30)) == 2
    waiting(store)
    assert asked(store, lambda watched: watched.queue.claim_next(OWNER, 30)) == 8


def test_run_that_left_nothing_open_ends_with_four_questions_and_a_commit(store: Store) -> None:
    run = started(store)
    store.steps.plan(run.id, run.fence, [step("A")])
    with Journal(store, run) as journal:
        journal.step_started(step("A"), store.now())
        journal.step_finished(step("A"), succeeded(store.now()), store.now())
    assert asked(store, lambda watched: watched.runs.finish(run.id, run.fence, RunStatus.SUCCEEDED)) == 5
