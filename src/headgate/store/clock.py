"""Time for leases and records: set once from a clock that may jump, carried on by one that never does."""

from __future__ import annotations

import time
from collections.abc import Callable


def steady_micros() -> int:
    """Microseconds since some instant. Goes on while the machine sleeps, where the system can tell."""
    source = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
    return time.clock_gettime_ns(source) // 1000


def wall_micros() -> int:
    """Microseconds since 1970 by the machine's clock, which people and time servers set."""
    return time.time_ns() // 1000


class SteadyClock:
    """Microseconds since 1970, as they were told to `set` and have passed since."""

    def __init__(self, micros: int, steady: Callable[[], int] = steady_micros) -> None:
        self._steady = steady
        self._set_at = steady()
        self._offset = micros - self._set_at

    def now_micros(self) -> int:
        return self._steady() + self._offset

    def age_micros(self) -> int:
        """How long ago the clock was set."""
        return self._steady() - self._set_at

    def set(self, micros: int, asked_at: int) -> None:
        """Sets the clock to what another one answered. It was asked when `steady` stood at `asked_at`, and answers
        now: its time is from between the two. What is right within that span already does not move."""
        self._set_at = self._steady()
        earliest, latest = micros - self._set_at, micros - asked_at
        if not earliest <= self._offset <= latest:
            self._offset = (earliest + latest) // 2
