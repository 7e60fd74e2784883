"""Locks on tables inside one process, for an engine that has none: DuckDB lets two transactions that delete from and
insert into one table both commit."""

from __future__ import annotations

import threading
from collections.abc import Callable, Hashable, Iterator
from contextlib import contextmanager

LOOK_SECONDS = 0.05
"""How often one that waits looks whether it is to stop."""


class TableLocks:
    """Who writes which table now. One object for all sessions of a database."""

    def __init__(self) -> None:
        self._held: set[Hashable] = set()
        self._freed = threading.Condition()

    @contextmanager
    def hold(self, table: Hashable, check: Callable[[], None]) -> Iterator[None]:
        """Wait until nobody writes `table`, then keep it. `check` is called while waiting and raises to give up."""
        with self._freed:
            while table in self._held:
                check()
                self._freed.wait(LOOK_SECONDS)
            self._held.add(table)
        try:
            yield
        finally:
            with self._freed:
                self._held.discard(table)
                self._freed.notify_all()
