"""Hears on a connection of its own what processes tell one another through PostgreSQL (NOTIFY), and wakes who waits."""

from __future__ import annotations

import select
import socket
import threading
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

import psycopg

from headgate.errors import HeadgateError
from headgate.store.wakeups import Wakeups

if TYPE_CHECKING:
    from headgate.store.postgres import PostgresConnection

DEAF_SECONDS = 1.0
"""While nothing can be heard, those who wait look this often by themselves."""


class ListeningWakeups(Wakeups):
    """Begins to listen when somebody first waits, and again whenever the connection was lost."""

    def __init__(self, connect: Callable[[], PostgresConnection]) -> None:
        super().__init__()
        self._connect = connect
        self._thread: threading.Thread | None = None
        self._stop, self._stopped = socket.socketpair()

    def _look(self) -> None:
        if self._thread is None:
            self._thread = threading.Thread(target=self._listen, name="wakeups", daemon=True)
            self._thread.start()

    def _listen(self) -> None:
        while not self._closed:
            with suppress(HeadgateError, psycopg.Error, OSError):
                self._hear()
            if not self._closed:
                self._pause(DEAF_SECONDS)
            self.poke()

    def _hear(self) -> None:
        connection = self._connect()
        try:
            connection.send("LISTEN headgate")
            self.poke()  # what was told before is not known
            wire = connection.raw.pgconn
            while not self._pause(None, connection.raw.fileno()):
                wire.consume_input()
                heard = False
                while wire.notifies():
                    heard = True
                if heard:
                    self.poke()
        finally:
            connection.close()

    def _pause(self, seconds: float | None, *also: int) -> bool:
        """Waits for the end, or for something to read; whether the end has come."""
        return self._stopped.fileno() in readable((self._stopped.fileno(), *also), seconds)

    def close(self) -> None:
        super().close()
        self._stop.close()
        if self._thread is not None:
            self._thread.join(timeout=2.0)  # it may be waiting for a server that does not answer
        if self._thread is None or not self._thread.is_alive():
            self._stopped.close()


def readable(files: Sequence[int], seconds: float | None) -> list[int]:
    """Which of these can be read, or have ended, within a time."""
    if not hasattr(select, "poll"):
        return select.select(files, [], [], seconds)[0]
    poll = select.poll()  # unlike select, it takes any number of a file
    for file in files:
        poll.register(file, select.POLLIN)
    return [file for file, _ in poll.poll(None if seconds is None else seconds * 1000)]
