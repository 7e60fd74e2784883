"""Keeps the lease of a run while it goes on, and passes on a cancel that somebody asked for."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

from headgate.engine.stop import Stop, StopCode
from headgate.errors import HeadgateError, LeaseLost
from headgate.model.runs import Run
from headgate.store.store import Store

LOOK_SECONDS = 0.5
"""How often a running run looks whether it is to stop."""


@contextmanager
def heartbeat(store: Store, run: Run, lease_seconds: float, stop: Stop) -> Iterator[None]:
    """Three beats fit into a lease. A lost lease stops the run: somebody else has it."""
    over = threading.Event()

    def beat() -> None:
        waited = 0.0
        while not over.wait(LOOK_SECONDS):
            waited += LOOK_SECONDS
            try:
                if waited >= lease_seconds / 3:
                    waited = 0.0
                    store.queue.heartbeat(run.id, run.fence, lease_seconds)
                if store.runs.cancel_requested(run.id):
                    stop.request(f"canceled by request: headgate cancel {run.id}")
            except LeaseLost:
                stop.request("another process took the run over", StopCode.LEASE_LOST)
            except HeadgateError:
                continue  # a busy state is no reason to stop; the lease outlives a few missed beats

    thread = threading.Thread(target=beat, name=f"heartbeat-{run.id}", daemon=True)
    thread.start()
    try:
        yield
    finally:
        over.set()
        thread.join()
