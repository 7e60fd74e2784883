"""A clock of the state that jumps while a worker is at work: no run is lost, and none is held twice."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import pytest
from tests.faults.conftest import NewPlace
from tests.faults.crashing import wrapped
from tests.faults.places import PATIENCE_SECONDS, Place, now

from headgate.engine.step import Attempt
from headgate.model.runs import Run, RunStatus
from headgate.store import Store
from headgate.worker.host import Host

PAIRS = ("embedded", "shared")
HOUR = timedelta(hours=1)


@dataclass
class Clock:
    """Goes on, and jumps where it is told to."""

    ahead: timedelta = timedelta()

    def __call__(self) -> datetime:
        return now() + self.ahead


class Scene:
    """Two workers, of which the first is held in its second step until `go`."""

    def __init__(self, place: Place) -> None:
        self.place = place
        self.clock = Clock()
        self.go = threading.Event()
        self.held = threading.Event()
        database = place.store.database
        worker = replace(place.state.worker, store=Store(database, place.store.where, self.clock))
        self.first = Host(replace(worker, lease_seconds=1.5))
        self.second = Host(replace(worker, lease_seconds=1.5))

    def statements(self, call: Any, attempt: Attempt, *rest: Any) -> None:
        if attempt.step.id == "STG.B" and not self.held.is_set():
            self.held.set()
            self.go.wait(PATIENCE_SECONDS)
        call(attempt, *rest)

    def begin(self) -> Run:
        run = self.place.enter_refresh()
        assert self.first.turn()
        assert self.held.wait(PATIENCE_SECONDS)
        return run

    def lease_until(self, run: Run) -> int:
        with self.place.store.database.read() as connection:
            row = connection.row("SELECT lease_until FROM work WHERE run_id = :id", {"id": run.id})
        assert row is not None
        return int(row[0])


@pytest.fixture(params=PAIRS)
def scene(
    request: pytest.FixtureRequest, new_place: NewPlace, monkeypatch: pytest.MonkeyPatch
) -> Iterator[Scene]:
    monkeypatch.setattr("headgate.worker.host.LOOK_SECONDS", 0.02)
    place = new_place(request.param)
    with place.opened():
        scene = Scene(place)
        with wrapped(Attempt, "statements", scene.statements):
            yield scene
            scene.go.set()
            scene.first.drain(PATIENCE_SECONDS)


def test_run_whose_lease_a_jump_forward_ends_goes_to_one_other_worker(scene: Scene) -> None:
    place = scene.place
    run = scene.begin()
    scene.clock.ahead = HOUR
    while not scene.second.turn():
        assert not place.store.runs.get(run.id).status.final
    taken = place.store.runs.get(run.id)
    assert (taken.status, taken.fence) == (RunStatus.RUNNING, 3)
    scene.go.set()
    scene.first.drain(PATIENCE_SECONDS)
    scene.second.drain(PATIENCE_SECONDS)
    assert place.store.runs.get(run.id).status is RunStatus.SUCCEEDED
    place.assert_sound()
    assert place.execute("SELECT count(*) FROM stg.b") == [(2,)]


def test_worker_does_not_take_its_own_run_from_itself_when_the_clock_jumps_forward(scene: Scene) -> None:
    """As on a machine that slept: a run that goes on is not begun again."""
    run = scene.begin()
    scene.clock.ahead = HOUR
    for _ in range(20):
        assert not scene.first.turn()
    scene.go.set()
    scene.first.drain(PATIENCE_SECONDS)
    ended = scene.place.store.runs.get(run.id)
    assert (ended.status, ended.fence) == (RunStatus.SUCCEEDED, 1)
    scene.place.assert_sound()


def test_worker_keeps_its_run_when_the_clock_jumps_back(scene: Scene) -> None:
    place = scene.place
    run = scene.begin()
    before = scene.lease_until(run)
    scene.clock.ahead = -HOUR
    while scene.lease_until(run) > before - HOUR // timedelta(microseconds=2):  # until it was heard of
        assert not scene.second.turn()
    for _ in range(20):
        assert not scene.second.turn()
    scene.go.set()
    scene.first.drain(PATIENCE_SECONDS)
    ended = place.store.runs.get(run.id)
    assert (ended.status, ended.fence) == (RunStatus.SUCCEEDED, 1)
    place.assert_sound()
    assert place.execute("SELECT count(*) FROM stg.b") == [(2,)]
