"""Keeps the lease of a run while it goes on, passes on a cancel that somebody asked for, and stops a run whose lease
could not be kept before that is over."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

from headgate.engine.stop import Stop, StopCode
from headgate.errors import HeadgateError, LeaseLost
from headgate.model.runs import Run
from headgate.store.store import Store

LOOK_SECONDS = 0.5
"""How often a running run looks whether it is to stop."""

BEATS = 3
"""How many of them fit into a lease, so that it outlives a missed one."""

TRUSTED = 5 / 6
"""For what part of a lease a run goes on without being heard of. The rest is for its statements to be cancelled."""


@contextmanager
def heartbeat(store: Store, run: Run, lease_seconds: float, stop: Stop) -> Iterator[None]:
    """A lost lease stops the run (LEASE_LOST): somebody else has it, or may soon."""
    lease = _Lease(store, run, lease_seconds, stop)
    # A beat may wait for a connection that fails without a word, so another thread minds the time.
    threads = [
        threading.Thread(target=target, name=f"{target.__name__}-{run.id}", daemon=True)
        for target in (lease.beat, lease.watch)
    ]
    for thread in threads:
        thread.start()
    try:
        yield
    finally:
        lease.over.set()
        for thread in threads:
            thread.join()


class _Lease:
    def __init__(self, store: Store, run: Run, seconds: float, stop: Stop) -> None:
        self.over = threading.Event()
        self._store = store
        self._run = run
        self._seconds = seconds
        self._stop = stop
        self._kept_at = time.monotonic()  # a machine that slept beats before it gives up

    def beat(self) -> None:
        look_seconds = min(LOOK_SECONDS, self._seconds / BEATS)
        store, run = self._store, self._run
        tried_at = self._kept_at
        while not self.over.wait(look_seconds):
            try:
                if time.monotonic() - tried_at >= self._seconds / BEATS:
                    tried_at = time.monotonic()
                    store.queue.heartbeat(run.id, run.fence, self._seconds)
                    self._kept_at = tried_at
                if store.runs.cancel_requested(run.id):
                    self._stop.request(f"canceled by request: headgate cancel {run.id}")
            except LeaseLost:
                self._stop.request("another process took the run over", StopCode.LEASE_LOST)
            except HeadgateError:
                continue  # a busy state is no reason to stop

    def watch(self) -> None:
        while not self.over.wait(min(LOOK_SECONDS, self._seconds / 10)):
            silent = time.monotonic() - self._kept_at
            if silent >= self._seconds * TRUSTED:
                reason = f"its lease could not be kept: the state did not answer for {silent:.0f} seconds"
                self._stop.request(reason, StopCode.LEASE_LOST)
                return
