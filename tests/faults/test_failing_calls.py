"""A whole run with the n-th call to the state failing, for every n: not carried out, carried out and not answered, or
so late that another worker has taken the run over meanwhile.

`HEADGATE_TEST_FAULTS=all` takes every n; else some are left out.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import replace
from time import monotonic
from typing import Any

import pytest
from tests.contract.store.faults import Fault, make_faulty
from tests.faults.conftest import NewPlace
from tests.faults.places import PATIENCE_SECONDS, Place

from headgate.errors import HeadgateError
from headgate.model.runs import Run, RunRequest, RunStatus
from headgate.service import running
from headgate.store import Store
from headgate.store.connection import PASSING, Connection
from headgate.worker import Worker
from headgate.worker.host import Host

EVERY = os.environ.get("HEADGATE_TEST_FAULTS") == "all"
STRIDES = {"embedded": 1, "shared": 1} if EVERY else {"embedded": 5, "shared": 17}
FIRST = {Fault.BEFORE: 1, Fault.AFTER: 1 if EVERY else 3}
LEASE_SECONDS = 0.6

Rows = list[tuple[Any, ...]]


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers that look at the queue, and at what others left, as often as a test wants to wait."""
    monkeypatch.setattr("headgate.worker.host.LOOK_SECONDS", 0.02)
    monkeypatch.setattr("headgate.store.connection.PAUSE_SECONDS", 0.02)


def counts(place: Place) -> Rows:
    """How many rows the appended tables have, and what the others hold."""
    return place.execute(
        "SELECT (SELECT count(*) FROM stg.a), (SELECT count(*) FROM stg.b), (SELECT count(*) FROM stg.daily),"
        " (SELECT count(*) FROM stg.merged)"
    )


def expected(runs: int) -> Rows:
    """After so many refreshes: each appends the two rows of the source to A, and all of A to B."""
    return [(2 * runs, runs * (runs + 1), min(2 * runs, 2), 2)]


def until_over(host: Host, place: Place, run: Run) -> Run:
    """Turn by turn, as `serve` does it, until the run has ended."""
    give_up_at = monotonic() + PATIENCE_SECONDS
    while not place.store.runs.get(run.id).status.final:
        assert monotonic() < give_up_at, place.store.runs.open()
        with suppress(HeadgateError):
            host.turn()
        place.store.wakeups.wait(0.02)
    host.drain(PATIENCE_SECONDS)
    return place.store.runs.get(run.id)


@pytest.mark.parametrize("pair", STRIDES)
@pytest.mark.parametrize("fault", Fault)
def test_run_of_the_queue_succeeds_whatever_call_fails(pair: str, fault: Fault, new_place: NewPlace) -> None:
    place = new_place(pair)
    with place.opened():
        faulty, database = make_faulty(place.store)
        worker = replace(place.state.worker, store=faulty, lease_seconds=LEASE_SECONDS)
        for runs, number in enumerate(itertools.count(FIRST[fault], STRIDES[pair]), 1):
            run = place.enter_refresh()
            host = Host(worker)
            database.arm(number, fault)
            ended = until_over(host, place, run)
            survived = database.count < number
            database.disarm()
            assert ended.status is RunStatus.SUCCEEDED, (number, ended)
            assert counts(place) == expected(runs), number
            if survived:
                break
        assert number > 30
        place.assert_sound()


@pytest.mark.parametrize("fault", Fault)
def test_run_of_a_command_ends_whatever_call_fails_and_its_rerun_does_the_rest(
    fault: Fault, new_place: NewPlace
) -> None:
    place = new_place("embedded")
    with place.opened():
        faulty, database = make_faulty(place.store)
        worker = replace(place.state.worker, store=faulty)
        context = place.state.context
        for runs, number in enumerate(itertools.count(FIRST[fault], 1 if EVERY else 5), 1):
            run, _ = running.start_refresh(
                context, place.store.environments.get(1), RunRequest(parallelism=1)
            )
            database.arm(number, fault)
            with suppress(HeadgateError):
                worker.run_one(run.id)
            survived = database.count < number
            database.disarm()
            ended = place.store.runs.get(run.id)
            if not ended.status.final:  # what the next command does where this one is gone
                ended = place.store.runs.interrupt(run.id, ended.fence)
            while ended.status is not RunStatus.SUCCEEDED:
                assert ended.error is not None
                assert ended.error.code in (*PASSING, "interrupted"), (number, ended)
                again = place.rerun(ended.id)
                if again is None:  # nothing was left
                    break
                ended = again
            assert counts(place) == expected(runs), number
            if survived:
                break
        assert number > 30
        place.assert_sound()


class Paused:
    """A database whose transactions stop at the `at`-th, all of them, until `go`: as in a process that was stopped, or
    a network that holds everything back."""

    def __init__(self, real: Any) -> None:
        self.real = real
        self.at = 0
        self.stopped = threading.Event()
        self.go = threading.Event()
        self._numbers = itertools.count(1)

    def pause(self) -> None:
        if self.stopped.is_set() or (self.at and next(self._numbers) == self.at):
            self.stopped.set()
            self.go.wait()

    @contextmanager
    def read(self) -> Iterator[Connection]:
        self.pause()
        with self.real.read() as connection:
            yield connection

    @contextmanager
    def write(self) -> Iterator[Connection]:
        self.pause()
        with self.real.write() as connection:
            yield connection

    def __getattr__(self, name: str) -> Any:
        return getattr(self.real, name)


@pytest.mark.parametrize("pair", STRIDES)
def test_worker_that_is_held_up_at_any_call_disturbs_nobody_who_took_its_run_over(
    pair: str, new_place: NewPlace
) -> None:
    place = new_place(pair)
    with place.opened():
        own = replace(place.state.worker, lease_seconds=LEASE_SECONDS)
        for runs, number in enumerate(itertools.count(1, 1 if EVERY else 6), 1):
            run = place.enter_refresh()
            survived = held_up(place, own, run, number)
            assert place.store.runs.get(run.id).status is RunStatus.SUCCEEDED, number
            assert counts(place) == expected(runs), number
            if survived:
                break
        assert number > 10
        place.assert_sound()


def held_up(place: Place, own: Worker, run: Run, number: int) -> bool:
    """One worker that stops at a call while another ends the run; whether the run had no such call."""
    paused = Paused(place.store.database)
    slow = replace(own, store=Store(paused, place.store.where))
    host = Host(slow)
    paused.at = number
    first = threading.Thread(target=serve_one, args=(host, place, run))
    first.start()
    while not paused.stopped.wait(0.01) and first.is_alive():
        pass
    until_over(Host(own), place, run)
    paused.go.set()
    first.join()
    host.drain(PATIENCE_SECONDS)
    return not paused.stopped.is_set()


def serve_one(host: Host, place: Place, run: Run) -> None:
    with suppress(HeadgateError):
        until_over(host, place, run)
