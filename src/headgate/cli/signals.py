"""Ctrl-C and its kin while a run goes on: the first stops the run, the third the process.

A handler only starts a thread: to stop a run takes locks that the interrupted code may hold.
"""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType

from headgate.engine.stop import Stop

_REASONS = {
    signal.SIGINT: "canceled by Ctrl-C",
    signal.SIGTERM: "canceled by SIGTERM",
    signal.SIGHUP: "canceled: the terminal was closed",
}
_LEFT = "leaves the run to be marked as interrupted"


@contextmanager
def stopping(
    stop: Stop, say: Callable[[str], None], *, before_exit: Callable[[], None], left: str = _LEFT
) -> Iterator[None]:
    """While inside, a signal requests `stop`. `before_exit` puts the terminal in order when a third one ends the
    process at once, with everything that is not recorded yet; `left` says what becomes of the run then."""
    received = 0

    def handle(number: int, _: FrameType | None) -> None:
        nonlocal received
        received += 1
        threading.Thread(target=answer, args=(received, number), name="stop", daemon=True).start()

    def answer(count: int, number: int) -> None:
        if count == 1:
            say("stopping: waiting for the running statements to end")
            stop.request(_REASONS[signal.Signals(number)])
        elif count == 2:
            say(f"still stopping; once more ends at once, and {left}")
        else:
            before_exit()
            os._exit(1)

    before = {number: signal.signal(number, handle) for number in _REASONS}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
