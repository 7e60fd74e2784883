"""A process is killed, or told to stop, at every named instant of a run's life; then the next worker goes on, and
nothing is lost, held, done twice or told twice.

`HEADGATE_TEST_FAULTS=all` takes every point, signal and pair of databases; else each point is met once.
"""

from __future__ import annotations

import os
import signal
from pathlib import Path
from time import monotonic
from typing import Any

import pytest
from tests.faults.conftest import NewPlace
from tests.faults.crashing import Forker, Order, Process
from tests.faults.places import PATIENCE_SECONDS, Place, Reader
from tests.faults.points import COMMIT, POINTS, Point, Scenario, When

from headgate.model.runs import RunKind, RunStatus

SIGNALS = (signal.SIGKILL, signal.SIGTERM)
PAIRS = ("embedded", "shared")
MATRIX = [(point, number, pair) for pair in PAIRS for number in SIGNALS for point in POINTS]
if os.environ.get("HEADGATE_TEST_FAULTS") != "all":
    # Each point once; kills are three of four.
    MATRIX = [
        (point, SIGNALS[place % 4 == 3], PAIRS[(place + place // 2) % 2])
        for place, point in enumerate(POINTS)
    ]

DEAD = {Scenario.SETTLE: RunKind.DEPLOY, Scenario.RERUN: RunKind.REFRESH}
"""Scenarios that begin after a run which failed."""

Contents = dict[str, list[tuple[Any, ...]]]
twins: dict[tuple[str, str], Contents] = {}
"""What stands in a place where nobody disturbed a scenario."""


def prepare(place: Place, scenario: Scenario, forker: Forker) -> None:
    """Bring the place to where the process begins that is to end."""
    match scenario:
        case Scenario.REFRESH | Scenario.STOPPING:
            place.enter_refresh()
            place.enter_refresh()
        case Scenario.DEPLOY:
            place.change()
            place.enter_deploy()
            place.enter_refresh()
        case Scenario.COMMAND:
            place.change()
        case Scenario.TAKEOVER:
            place.begin_elsewhere(journaled=1, published=2)
        case Scenario.RERUN:
            place.enter_rerun()
        case Scenario.SETTLE:
            place.change()
            killed_deploy(place, forker)
            place.enter_refresh()


def killed_deploy(place: Place, forker: Forker) -> None:
    point = Point(Scenario.COMMAND, When.AFTER, COMMIT)
    process = forker.start(order(place, point, signal.SIGKILL))
    assert process.end() == -signal.SIGKILL, output(place)
    fired(place).unlink()


def finish(place: Place, scenario: Scenario) -> None:
    """What a person does then: a command that was ended is given again."""
    place.recover()
    if scenario is Scenario.COMMAND:
        prepared = place.prepare()
        if not prepared.plan.empty:
            assert place.deploy().status is RunStatus.SUCCEEDED
        place.enter_refresh()
        place.recover()


def order(place: Place, point: Point, number: int) -> Order:
    command = ("deploy", "-e", "dev") if point.scenario is Scenario.COMMAND else ("worker",)
    return Order(
        arguments=command,
        folder=str(place.root),
        output=str(place.root / "output"),
        environ=place.environ,
        point=point,
        number=number,
        fired=str(fired(place)),
    )


def fired(place: Place) -> Path:
    return place.root / "fired"


def output(place: Place) -> str:
    return (place.root / "output").read_text()


def end_of(place: Place, process: Process, reader: Reader, *, serves: bool) -> int:
    """How the process ended, at its point; events are read on meanwhile."""
    give_up_at = monotonic() + PATIENCE_SECONDS
    while process.alive:
        reader.read(place.store)
        idle = serves and not place.store.runs.open()  # a worker without runs waits for more
        if not fired(place).exists() and (monotonic() > give_up_at or idle):
            process.send(signal.SIGTERM)
            process.end()
            pytest.fail(f"the point was never reached\n{output(place)}")
        if monotonic() > give_up_at + PATIENCE_SECONDS:
            process.send(signal.SIGKILL)
            process.end()
            pytest.fail(f"it did not stop\n{output(place)}")
        place.store.wakeups.wait(0.02)
    code = process.end()
    assert fired(place).exists(), f"the point was never reached\n{output(place)}"
    return code


def twin(pair: str, scenario: Scenario, new_place: NewPlace, forker: Forker) -> Contents:
    """What the scenario leaves where nobody disturbs it."""
    key = (pair, scenario)
    if key not in twins:
        place = new_place(pair)
        with place.opened():
            if scenario in (Scenario.TAKEOVER, Scenario.RERUN):
                place.enter_refresh()
            elif scenario is Scenario.SETTLE:
                place.change()
                place.enter_deploy()
                place.recover()
                place.enter_refresh()
            else:
                prepare(place, scenario, forker)
            finish(place, scenario)
            place.assert_sound()
        twins[key] = place.contents()
    return twins[key]


@pytest.mark.crash
@pytest.mark.parametrize(
    ("point", "number", "pair"),
    MATRIX,
    ids=[f"{point.name}, {number.name}, {pair}" for point, number, pair in MATRIX],
)
def test_process_that_ends_at_any_instant_loses_nothing_and_does_nothing_twice(
    point: Point, number: int, pair: str, new_place: NewPlace, forker: Forker
) -> None:
    peaceful = twin(pair, point.scenario, new_place, forker)
    place = new_place(pair)
    reader = Reader()
    with place.opened():
        prepare(place, point.scenario, forker)
        reader.read(place.store)
        process = forker.start(order(place, point, number))
        code = end_of(place, process, reader, serves=point.scenario is not Scenario.COMMAND)
        if number == signal.SIGKILL:
            assert code == -signal.SIGKILL
        elif point.scenario is not Scenario.COMMAND:
            assert code == 0, output(place)
        assert "Traceback" not in output(place)
        finish(place, point.scenario)
        place.assert_sound()
        reader.assert_all(place.store)
        assert place.plan().empty
        if point.scenario is not Scenario.COMMAND:
            ends = [(run.kind, run.status) for run in place.store.runs.list()]
            if dead := DEAD.get(point.scenario):
                ends.remove((dead, RunStatus.FAILED))
            assert {status for _, status in ends} == {RunStatus.SUCCEEDED}, ends
    assert place.contents() == peaceful
