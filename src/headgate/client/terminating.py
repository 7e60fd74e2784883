"""SIGTERM as an exception, so that what goes on can write down how it ended."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType


class Terminated(SystemExit):
    """The process ends with the code that a shell gives for SIGTERM."""

    def __init__(self) -> None:
        super().__init__(128 + signal.SIGTERM)

    def __str__(self) -> str:
        return "stopped by SIGTERM"


class Terminating:
    """Raises Terminated in the main thread, while `watched` and not `held`. A script that handles the signal itself
    goes on doing so."""

    def __init__(self) -> None:
        self._held = False
        self._came = False
        self._pid = 0

    @contextmanager
    def watched(self) -> Iterator[None]:
        main = threading.current_thread() is threading.main_thread()
        if not main or signal.getsignal(signal.SIGTERM) is not signal.SIG_DFL:
            yield
            return
        self._pid = os.getpid()
        signal.signal(signal.SIGTERM, self._handle)
        try:
            yield
        finally:
            if os.getpid() == self._pid and signal.getsignal(signal.SIGTERM) == self._handle:
                signal.signal(signal.SIGTERM, signal.SIG_DFL)

    @contextmanager
    def held(self) -> Iterator[None]:
        """What is written down inside is written down; a signal waits for that."""
        self._held = True
        try:
            yield
        finally:
            self._held = False
        if self._came:
            self._came = False
            raise Terminated

    def _handle(self, number: int, _: FrameType | None) -> None:
        if os.getpid() != self._pid:  # a child that was forked is none of ours
            signal.signal(number, signal.SIG_DFL)
            os.kill(os.getpid(), number)
        elif self._held:
            self._came = True
        else:
            raise Terminated
