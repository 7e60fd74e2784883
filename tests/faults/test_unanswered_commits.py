"""A commit of the warehouse that was not answered, or that another worker made first: its marker says what happened."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import pytest
from tests.contract.loading import Recorder
from tests.faults.conftest import NewPlace
from tests.faults.crashing import wrapped
from tests.faults.places import STEPS, Place, now

from headgate.engine.executor import Execution, execute
from headgate.engine.stop import Stop
from headgate.model.runs import RunStatus
from headgate.model.steps import LateValues, Step, StepStatus
from headgate.store.content import Content
from headgate.warehouse.open import open_warehouse
from headgate.warehouse.postgres import PostgresSession

PAIRS = ("embedded", "shared")


class Faster(Recorder):
    """Another worker that has every step published just before it begins here."""

    def __init__(self, execution: Execution) -> None:
        super().__init__()
        self.execution = execution

    def step_started(self, step: Step, at: datetime) -> None:
        execute([step], self.execution)
        super().step_started(step, at)


@pytest.mark.parametrize("pair", PAIRS)
def test_step_that_another_worker_published_meanwhile_counts_as_published(
    pair: str, new_place: NewPlace
) -> None:
    place = new_place(pair)
    with place.opened():
        deployment = place.store.deployments.current(1)
        assert deployment is not None
        steps = list(Content(place.store, deployment).steps(STEPS).values())
    warehouse = open_warehouse(place.config, root=place.root, label="tests")
    late = LateValues("run", 1, now())
    other = Execution(warehouse, Recorder(), late, now, Stop(), parallelism=1)
    outcomes = execute(steps, Execution(warehouse, Faster(other), late, now, Stop(), parallelism=1))
    warehouse.close()
    assert {outcome.status for outcome in outcomes.values()} == {StepStatus.SUCCEEDED}
    assert all(outcome.published and outcome.notes for outcome in outcomes.values())
    assert outcomes["STG.A"].rows_inserted == 2
    assert place.execute("SELECT count(*) FROM stg.b") == [(2,)]


class Cut:
    """Ends the connection of the `turn`-th session that commits, with the commit carried out or not."""

    def __init__(self, place: Place, turn: int, *, carried_out: bool) -> None:
        self.place = place
        self.turn = turn
        self.carried_out = carried_out
        self.count = 0

    def commit(self, call: Any, session: PostgresSession) -> None:
        self.count += 1
        if self.count != self.turn:
            call(session)
            return
        (pid,) = session.execute("SELECT pg_backend_pid()").rows[0]
        if self.carried_out:
            call(session)
        self.place.execute(f"SELECT pg_terminate_backend({pid}, 10000)")
        session.execute("SELECT 1")  # raises


@pytest.mark.parametrize("carried_out", [True, False])
def test_step_whose_commit_was_not_answered_is_as_its_marker_says(
    new_place: NewPlace, carried_out: bool
) -> None:
    place = new_place("shared")
    with place.opened():
        run = place.enter_refresh()
        with wrapped(PostgresSession, "commit", Cut(place, 3, carried_out=carried_out).commit):
            place.recover()
        ended = place.store.runs.get(run.id)
        assert ended.status is (RunStatus.SUCCEEDED if carried_out else RunStatus.FAILED)
        place.assert_sound()
        if not carried_out:
            assert place.rerun(run.id).status is RunStatus.SUCCEEDED  # type: ignore[union-attr]
    assert place.execute("SELECT count(*) FROM stg.b") == [(2,)]
    assert place.execute("SELECT count(*) FROM stg.merged") == [(2,)]


@pytest.mark.parametrize("carried_out", [True, False])
def test_deploy_whose_commit_was_not_answered_is_as_its_marker_says(
    new_place: NewPlace, carried_out: bool
) -> None:
    place = new_place("shared")
    place.change()
    with place.opened():
        run = place.enter_deploy()
        with wrapped(PostgresSession, "commit", Cut(place, 1, carried_out=carried_out).commit):
            place.recover()
        ended = place.store.runs.get(run.id)
        assert ended.status is (RunStatus.SUCCEEDED if carried_out else RunStatus.FAILED)
        if not carried_out:
            assert place.deploy().status is RunStatus.SUCCEEDED
        assert place.plan().empty
        place.assert_sound()
