"""The life of a run, with every single call to the database failing once: nothing is left half done, and whoever asks
again comes to the end."""

from __future__ import annotations

import itertools
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace

import pytest
from tests.contract.store.faults import Fault, make_faulty
from tests.contract.store.samples import OTHER, OWNER, START, Clock, started, step, succeeded
from tests.contract.store.whole import assert_whole

from headgate.errors import HeadgateError, Refused, StateError
from headgate.model.runs import Run, RunKind, RunStatus
from headgate.store import Admission, Journal, NewRun, Store

KEY = Admission(caller="ada", key="k", digest="d")
STEPS = [step("A"), step("B")]


def enter(store: Store) -> Run:
    return store.queue.enter(NewRun(RunKind.REFRESH, 1, config_key="all/1"), KEY)


def claim(store: Store) -> Run | None:
    return store.queue.claim_next(OWNER, 30)


def plan(store: Store, run: Run) -> None:
    store.steps.plan(run.id, run.fence, STEPS)


def journal(store: Store, run: Run) -> None:
    with Journal(store, run) as report:
        for one in STEPS:
            report.step_started(one, START)
            report.step_finished(one, succeeded(START, one.name), START)


def finish(store: Store, run: Run) -> Run:
    return store.runs.finish(run.id, run.fence, RunStatus.SUCCEEDED)


def life(store: Store) -> Run:
    """All of a run, by one worker that gives up at the first error."""
    enter(store)
    run = claim(store)
    assert run is not None
    plan(store, run)
    journal(store, run)
    return finish(store, run)


def ended(store: Store, clock: Clock) -> Run:
    """What others do about a run whose worker was not heard of again: they wait, take it over, and end it."""
    run = enter(store)
    while not run.status.final:
        clock.advance(seconds=60)
        store.queue.release_expired()
        taken = store.queue.claim_next(OTHER, 30)
        assert taken is not None
        with suppress(Refused):  # the first one had come to plan it
            plan(store, taken)
        rows = store.steps.list(taken.id)
        for row in rows:
            assert row.status.final or row.status == "waiting"
        with Journal(store, taken) as report:
            for row, one in zip(rows, STEPS, strict=True):
                if not row.status.final:
                    report.step_started(one, clock.now)
                    report.step_finished(one, succeeded(clock.now, one.name), clock.now)
        run = finish(store, taken)
    return run


@pytest.mark.parametrize("fault", Fault)
def test_run_whose_worker_meets_a_failure_anywhere_comes_to_its_end(
    store: Store, clock: Clock, fault: Fault
) -> None:
    faulty, database = make_faulty(store)
    number = 0
    survived = False
    while not survived:
        number += 1
        database.arm(number, fault)
        try:
            life(faulty)
            survived = database.count < number
        except StateError:
            pass
        database.disarm()
        assert_whole(store)
        run = ended(store, clock)
        assert_whole(store)
        assert run.status is RunStatus.SUCCEEDED
        assert [row.status for row in store.steps.list(run.id)] == ["succeeded", "succeeded"]
        assert [len(records) for records in store.steps.statements(run.id).values()] == [2, 2]
        forget_key(store)
    assert number > 20  # every statement and every commit of it had its turn
    assert len(store.runs.list(limit=1000)) == number


def forget_key(store: Store) -> None:
    with store.database.write() as connection:
        connection.change("DELETE FROM idempotency")


def insist(store: Store, work: Callable[[Store], object], fault: Fault) -> str:
    """Asks for one change again and again, with its first call failing, then its second, until one is answered: by
    `done`, or by a refusal, whose code this gives."""
    faulty, database = make_faulty(store)
    for number in itertools.count(1):
        database.arm(number, fault)
        try:
            work(faulty)
        except StateError:
            assert_whole(store)
            continue
        except HeadgateError as error:
            return error.code
        break
    return "done"


def test_change_that_failed_can_be_asked_for_again(store: Store) -> None:
    insist(store, enter, Fault.BEFORE)
    run = store.runs.list()[0]
    changes: list[Callable[[Store], object]] = [
        claim,
        lambda s: plan(s, replace(run, fence=1)),
        lambda s: s.queue.heartbeat(run.id, 1, 30),
        lambda s: journal(s, replace(run, fence=1)),
        lambda s: finish(s, replace(run, fence=1)),
    ]
    assert [insist(store, change, Fault.BEFORE) for change in changes] == ["done"] * len(changes)
    assert store.runs.get(run.id).status is RunStatus.SUCCEEDED
    assert len(store.runs.list()) == 1


def test_change_that_was_made_and_not_answered_is_not_made_twice(store: Store) -> None:
    assert insist(store, enter, Fault.AFTER) == "done"  # its key says that it was
    run = store.runs.list()[0]
    changes: dict[str, Callable[[Store], object]] = {
        "done": claim,  # finds nothing else to do
        "steps_planned": lambda s: plan(s, replace(run, fence=1)),
        "step_move_refused": lambda s: journal(s, replace(run, fence=1)),
        "run_move_refused": lambda s: finish(s, replace(run, fence=1)),
    }
    assert [insist(store, change, Fault.AFTER) for change in changes.values()] == list(changes)
    assert len(store.runs.list()) == 1
    events = [e.data.get("status") for e in store.events.read(run_id=run.id) if e.kind == "run_status"]
    assert events == ["waiting", "running", "succeeded"]


def test_starts_and_ends_of_runs_cost_few_calls(store: Store) -> None:
    faulty, database = make_faulty(store)
    counts = {}
    for name, change in (
        ("enter", lambda: faulty.queue.enter(NewRun(RunKind.REFRESH, 1))),
        ("claim", lambda: faulty.queue.claim_next(OWNER, 30)),
        ("heartbeat", lambda: faulty.queue.heartbeat(1, 1, 30)),
        ("look", lambda: faulty.runs.cancel_requested(1)),
        ("finish", lambda: faulty.runs.finish(1, 1, RunStatus.SUCCEEDED)),
        ("nothing to claim", lambda: faulty.queue.claim_next(OWNER, 30)),
    ):
        database.arm(0, Fault.BEFORE)
        change()
        counts[name] = database.count
    # Statements and commits; PostgreSQL adds one for each BEGIN.
    assert counts == {
        "enter": 4,
        "claim": 8,
        "heartbeat": 3,
        "look": 1,
        "finish": 5,
        "nothing to claim": 2,
    }


def test_journal_waits_for_a_state_that_is_away_for_a_moment(store: Store) -> None:
    faulty, database = make_faulty(store)
    run = started(store)
    plan(store, run)
    database.arm(3, Fault.BEFORE)
    journal(faulty, run)
    assert [row.status for row in store.steps.list(run.id)] == ["succeeded", "succeeded"]
    finish(store, run)
    assert_whole(store)


def test_journal_gives_up_on_a_state_that_stays_away(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("headgate.store.connection.PATIENCE_SECONDS", 0.0)
    faulty, database = make_faulty(store)
    run = started(store)
    plan(store, run)
    database.arm(3, Fault.BEFORE)
    with pytest.raises(StateError):
        journal(faulty, run)
    assert_whole(store)
