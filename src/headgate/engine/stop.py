"""The one way to stop a run from outside: a signal, a cancel request, a lost lease."""

from __future__ import annotations

import threading
from collections.abc import Callable
from enum import StrEnum


class StopCode(StrEnum):
    """Why a run is stopped, as far as it matters to what becomes of it."""

    CANCELED = "canceled"
    TIMED_OUT = "timed_out"
    HANDED_BACK = "handed_back"
    LEASE_LOST = "lease_lost"


class Stop:
    """Requested once; whoever registered is told, also when it registers late.

    `reason` is a sentence for people (`canceled by Ctrl-C`). Callbacks run on the thread that requests the stop
    and may take seconds: a signal handler requests it from a thread of its own.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._event = threading.Event()
        self._callbacks: list[Callable[[], None]] = []
        self.reason = ""
        self.code = StopCode.CANCELED

    @property
    def requested(self) -> bool:
        return self._event.is_set()

    def request(self, reason: str, code: StopCode = StopCode.CANCELED) -> None:
        """Stop the run. Only the first reason is kept."""
        with self._lock:
            if self._event.is_set():
                return
            self.reason = reason
            self.code = code
            self._event.set()
            callbacks = list(self._callbacks)
        for callback in callbacks:
            callback()

    def when_requested(self, callback: Callable[[], None]) -> None:
        with self._lock:
            if not self._event.is_set():
                self._callbacks.append(callback)
                return
        callback()

    def wait(self, seconds: float) -> bool:
        """Wait for the request at most so long; True when it came."""
        return self._event.wait(seconds)
