"""Tells those who wait that something in the state has changed, so that they look at once instead of later.

A hint, not a promise: whoever waits also looks by itself now and then.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

POLL_SECONDS = 0.05


class Wakeups:
    """Waits for `poke`. Each thread is told of what happened since it last waited, so nothing slips between its look
    and its wait."""

    _look_again_seconds = threading.TIMEOUT_MAX

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._count = 0
        self._seen = threading.local()
        self._closed = False

    def poke(self) -> None:
        """Wakes every thread of this process that waits, and the next wait of those that do not wait now."""
        with self._changed:
            self._count += 1
            self._changed.notify_all()

    def wait(self, timeout_seconds: float) -> bool:
        """Waits until something happened since this thread last waited; False where nothing did in that time, or
        the state was closed."""
        give_up_at = time.monotonic() + timeout_seconds
        with self._changed:
            while not self._closed:
                self._look()
                if self._count != getattr(self._seen, "count", 0):
                    self._seen.count = self._count
                    return True
                left = give_up_at - time.monotonic()
                if left <= 0:
                    return False
                self._changed.wait(min(left, self._look_again_seconds))
            return False

    def _look(self) -> None:
        """Asks whether something happened that nobody told; holds the condition."""

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()


class PolledWakeups(Wakeups):
    """Looks, while somebody waits, whether `version` has changed, as other processes make it do."""

    _look_again_seconds = POLL_SECONDS

    def __init__(self, version: Callable[[], int]) -> None:
        super().__init__()
        self._version = version
        self._last: int | None = None

    def _look(self) -> None:
        version = self._version()
        if version != self._last:  # what happened before the first look is not known: that counts too
            self._last = version
            self._count += 1
