"""The journal: what the engine reports about steps is written in order, together, and only under the claim."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from tests.contract.store.samples import (
    FAILURE,
    START,
    Clock,
    failed,
    started,
    step,
    succeeded,
)

from headgate.errors import HeadgateError, LeaseLost, Refused
from headgate.model.runs import STEP_MOVES, Run, RunStatus, StepRow
from headgate.model.steps import Step, StepOutcome, StepStatus
from headgate.store import Journal, Store

LATER = START + timedelta(seconds=2)
NAMES = ("A", "B", "C")


@pytest.fixture
def steps() -> list[Step]:
    return [step(name) for name in NAMES]


@pytest.fixture
def run(store: Store, steps: list[Step]) -> Run:
    run = started(store)
    store.steps.plan(run.id, run.fence, steps)
    return run


def statuses(store: Store, run: Run) -> list[StepStatus]:
    return [row.status for row in store.steps.list(run.id)]


def test_planned_steps_wait_in_the_order_of_the_plan(store: Store) -> None:
    run = started(store)
    store.steps.plan(run.id, run.fence, [step("Z"), step("A", ["MART.Z"])])
    assert store.steps.list(run.id) == [
        StepRow(run.id, f"MART.{name}", name, "table", StepStatus.WAITING, "MART", "stage")
        for name in ("Z", "A")
    ]
    assert store.events.read(run_id=run.id)[-1].data == {"count": 2}


def test_steps_of_a_run_are_planned_once(store: Store, run: Run, steps: list[Step]) -> None:
    with pytest.raises(Refused) as caught:
        store.steps.plan(run.id, run.fence, steps[:1])
    assert caught.value.code == "steps_planned"
    with pytest.raises(LeaseLost):
        store.steps.plan(run.id, run.fence + 1, [step("D")])
    assert len(store.steps.list(run.id)) == 3


def test_finished_step_is_read_back_with_all_that_was_reported(
    store: Store, run: Run, steps: list[Step]
) -> None:
    good, bad = succeeded(START, "A"), failed(START)
    with Journal(store, run) as journal:
        journal.step_started(steps[0], START)
        journal.step_started(steps[1], START)
        journal.flush()
        assert statuses(store, run) == [StepStatus.RUNNING, StepStatus.RUNNING, StepStatus.WAITING]
        journal.step_finished(steps[0], good, LATER)
        journal.step_finished(steps[1], bad, LATER)
        journal.step_finished(steps[2], StepOutcome(StepStatus.SKIPPED), LATER)
    first, second, third = store.steps.list(run.id)
    assert (first.started_at, first.ended_at, first.published) == (START, LATER, True)
    assert (first.rows_inserted, first.rows_updated, first.rows_deleted) == (10, 2, 0)
    assert (first.attempts, first.notes, first.error) == (1, ("first load",), None)
    assert (second.status, second.error, second.attempts) == (StepStatus.FAILED, FAILURE, 2)
    assert (third.status, third.started_at) == (StepStatus.SKIPPED, None)
    assert store.steps.statements(run.id) == {
        "MART.A": list(good.statements),
        "MART.B": list(bad.statements),
    }
    assert store.steps.statements(run.id, "MART.B") == {"MART.B": list(bad.statements)}


def test_error_with_values_that_json_lacks_is_kept_as_text(store: Store, run: Run, steps: list[Step]) -> None:
    sample = ((START, timedelta(days=1), {1, 2}, object),)
    outcome = StepOutcome(StepStatus.FAILED, error=type(FAILURE)("odd", "odd values", sample=sample))
    with Journal(store, run) as journal:
        journal.step_finished(steps[0], outcome, LATER)
    error = store.steps.list(run.id)[0].error
    assert error is not None
    assert "class 'object'" in error.sample[0][3]


def test_events_stand_in_the_order_of_the_reports(store: Store, run: Run, steps: list[Step]) -> None:
    before = store.events.last_id()
    with Journal(store, run) as journal:
        journal.step_started(steps[0], START)
        journal.step_started(steps[1], START)
        journal.step_finished(steps[1], failed(START), LATER)
        journal.step_finished(steps[0], succeeded(START), LATER)
        journal.step_finished(steps[2], StepOutcome(StepStatus.SKIPPED), LATER)
    events = store.events.read(before)
    assert [(event.step_id, event.kind, event.data.get("status")) for event in events] == [
        ("MART.A", "step_status", "running"),
        ("MART.B", "step_status", "running"),
        ("MART.B", "step_status", "failed"),
        ("MART.A", "step_status", "succeeded"),
        ("MART.A", "table_published", None),
        ("MART.C", "step_status", "skipped"),
    ]
    assert events[2].data["error"] == {"code": FAILURE.code, "message": FAILURE.message}
    assert events[4].data == {"table": "mart.a", "rows_inserted": 10, "rows_updated": 2, "rows_deleted": 0}
    assert {(event.run_id, event.environment_id) for event in events} == {(run.id, 1)}
    assert [event.id for event in events] == sorted(event.id for event in events)


def test_reports_that_wait_share_one_transaction(store: Store) -> None:
    run = started(store)
    steps = [step(f"T{n}") for n in range(500)]
    store.steps.plan(run.id, run.fence, steps)
    before = store.database.transaction_count
    journal = Journal(store, run)
    with store.database.write():  # nobody else writes meanwhile, so the reports gather
        for one in steps:
            journal.step_started(one, START)
            journal.step_finished(one, succeeded(START), LATER)
    journal.close()
    assert store.database.transaction_count - before <= 1 + 2
    assert set(statuses(store, run)) == {StepStatus.SUCCEEDED}


def test_text_that_ran_before_is_kept_once(store: Store) -> None:
    for _ in range(3):
        run = started(store)
        store.steps.plan(run.id, run.fence, [step("A")])
        with Journal(store, run) as journal:
            journal.step_started(step("A"), START)
            journal.step_finished(step("A"), succeeded(START, statements=2), LATER)
        store.runs.finish(run.id, run.fence, RunStatus.SUCCEEDED)
    with store.database.read() as connection:
        assert connection.row("SELECT count(*) FROM statement_text") == (2,)
        assert connection.row("SELECT count(*) FROM step_statement") == (6,)


def test_many_threads_report_and_all_of_it_is_written(store: Store) -> None:
    run = started(store)
    steps = [step(f"T{n}") for n in range(200)]
    store.steps.plan(run.id, run.fence, steps)
    journal = Journal(store, run)

    def report(part: list[Step]) -> None:
        for one in part:
            journal.step_started(one, START)
            journal.step_finished(one, succeeded(START, one.name), LATER)

    threads = [threading.Thread(target=report, args=(steps[n::8],)) for n in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    journal.close()
    assert set(statuses(store, run)) == {StepStatus.SUCCEEDED}
    assert len(store.steps.statements(run.id)) == 200


def test_lost_lease_stops_the_journal_and_is_told_at_every_later_call(
    store: Store, run: Run, steps: list[Step]
) -> None:
    told: list[HeadgateError] = []
    journal = Journal(store, run, on_failure=told.append)
    journal.step_started(steps[0], START)
    journal.flush()
    store.runs.interrupt(run.id, run.fence)
    before = store.events.last_id()
    journal.step_finished(steps[0], succeeded(START), LATER)
    for call in (journal.flush, lambda: journal.step_started(steps[1], START), journal.close, journal.close):
        with pytest.raises(LeaseLost):
            call()
    assert [error.code for error in told] == ["lease_lost"]
    assert store.events.last_id() == before
    assert store.steps.statements(run.id) == {}


ILLEGAL = [
    (first, second)
    for first in (StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.RUNNING, StepStatus.WAITING)
    for second in StepStatus
    if second is not StepStatus.WAITING and second not in STEP_MOVES.get(first, ())
]


@pytest.mark.parametrize(("first", "second"), ILLEGAL)
def test_move_of_a_step_that_the_table_does_not_allow_is_refused(
    store: Store, run: Run, steps: list[Step], first: StepStatus, second: StepStatus
) -> None:
    journal = Journal(store, run)

    def report(status: StepStatus) -> None:
        if status is StepStatus.RUNNING:
            journal.step_started(steps[0], START)
        elif status is not StepStatus.WAITING:
            journal.step_finished(steps[0], StepOutcome(status), LATER)

    report(first)
    journal.flush()
    before = store.events.last_id()
    report(second)
    with pytest.raises(Refused) as caught:
        journal.close()
    assert caught.value.code == "step_move_refused"
    assert f"MART.A of run {run.id} is {first} and cannot become {second}" in caught.value.message
    assert statuses(store, run)[0] is first
    assert store.events.last_id() == before


def test_report_of_a_step_outside_the_plan_names_it(store: Store, run: Run) -> None:
    journal = Journal(store, run)
    journal.step_started(step("NOWHERE"), START)
    with pytest.raises(Refused, match=r"has no step MART\.NOWHERE"):
        journal.close()


def test_error_of_the_work_is_not_hidden_by_the_journals(store: Store, run: Run, steps: list[Step]) -> None:
    journal = Journal(store, run)
    journal.step_started(step("NOWHERE"), START)
    with pytest.raises(ZeroDivisionError), journal:
        raise ZeroDivisionError
    with pytest.raises(Refused):
        journal.flush()


def test_closed_journal_takes_no_more_reports(store: Store, run: Run, steps: list[Step]) -> None:
    journal = Journal(store, run)
    journal.close()
    journal.flush()
    with pytest.raises(RuntimeError):
        journal.step_started(steps[0], START)


def test_steps_that_an_earlier_run_did_are_planned_as_reused(store: Store, steps: list[Step]) -> None:
    run = started(store)
    with pytest.raises(Refused) as caught:
        store.steps.plan(run.id, run.fence, steps[:1], reused=["MART.C"])
    assert caught.value.code == "step_move_refused"
    assert statuses(store, run) == []
    store.steps.plan(run.id, run.fence, steps, reused=["MART.A", "MART.C"])
    assert statuses(store, run) == [StepStatus.REUSED, StepStatus.WAITING, StepStatus.REUSED]
    last = store.events.read(run_id=run.id)[-1]
    assert (last.step_id, last.data) == ("MART.C", {"status": "reused"})


def test_usual_duration_follows_good_runs_only(store: Store, clock: Clock) -> None:
    def run_once(seconds: float, outcome: StepOutcome) -> None:
        run = started(store)
        store.steps.plan(run.id, run.fence, [step("A")])
        with Journal(store, run) as journal:
            journal.step_started(step("A"), START)
            journal.step_finished(step("A"), outcome, START + timedelta(seconds=seconds))
        store.runs.finish(run.id, run.fence, RunStatus.WARNING)

    assert store.steps.usual_durations(1, ["MART.A"]) == {}
    run_once(3, succeeded(START))
    assert store.steps.usual_durations(1, ["MART.A", "MART.B"]) == {"MART.A": 3.0}
    run_once(9, succeeded(START))
    assert store.steps.usual_durations(1, ["MART.A"]) == {"MART.A": 5.0}
    run_once(900, failed(START))
    assert store.steps.usual_durations(1, ["MART.A"]) == {"MART.A": 5.0}
    assert store.steps.usual_durations(2, ["MART.A"]) == {}
