"""A clock that is told the time now and then, and otherwise trusts only what has passed."""

from __future__ import annotations

import time

import pytest

from headgate.store.clock import SteadyClock, steady_micros, wall_micros


class Steady:
    """Counts from somewhere, as a machine does since it was switched on."""

    def __init__(self) -> None:
        self.micros = 777

    def __call__(self) -> int:
        return self.micros


def test_clock_goes_on_from_what_it_was_told() -> None:
    steady = Steady()
    clock = SteadyClock(1_000_000, steady)
    assert clock.now_micros() == 1_000_000
    steady.micros += 250
    assert (clock.now_micros(), clock.age_micros()) == (1_000_250, 250)


def test_jump_of_the_machines_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = SteadyClock(wall_micros())
    before = clock.now_micros()
    monkeypatch.setattr(time, "time_ns", lambda: 0)
    assert 0 <= clock.now_micros() - before < 60_000_000


def test_answer_that_took_long_does_not_move_a_clock_that_it_does_not_contradict() -> None:
    steady = Steady()
    clock = SteadyClock(1_000_000, steady)
    asked_at = steady()
    steady.micros += 100
    clock.set(1_000_040, asked_at)  # said at some instant between 0 and 100 microseconds after the question
    assert clock.now_micros() == 1_000_100
    assert clock.age_micros() == 0


@pytest.mark.parametrize("jump", [-5_000_000, 5_000_000])
def test_clock_follows_the_one_that_it_asks_when_that_was_set(jump: int) -> None:
    steady = Steady()
    clock = SteadyClock(1_000_000, steady)
    asked_at = steady()
    steady.micros += 100
    clock.set(1_000_050 + jump, asked_at)
    assert abs(clock.now_micros() - (1_000_100 + jump)) <= 50


def test_steady_time_never_goes_back() -> None:
    seen = [steady_micros() for _ in range(100)]
    assert seen == sorted(seen)
