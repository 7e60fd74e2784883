"""Warehouses kept open between runs, so that a run on an idle server begins with its first statement, and closed when
nobody used them for a while, so that a DuckDB file is free for others."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import msgspec

from headgate.engine.stop import Stop
from headgate.errors import HeadgateError
from headgate.model.project import Environment
from headgate.warehouse.base import Warehouse
from headgate.worker.equipment import OpenWarehouse

IDLE_SECONDS = 10.0


@dataclass(slots=True)
class _Kept:
    warehouse: Warehouse
    users: int = 0
    idle_since: float = 0.0


class KeptWarehouses:
    """`open` gives what a run may close as if it were its own. One object for all threads."""

    def __init__(
        self,
        opener: OpenWarehouse,
        *,
        idle_seconds: float = IDLE_SECONDS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._opener = opener
        self._idle_seconds = idle_seconds
        self._clock = clock
        self._kept: dict[bytes, _Kept] = {}
        self._lock = threading.Lock()

    def open(self, environment: Environment, who: str, stop: Stop) -> Warehouse:
        """The warehouse of `environment`, opened where it is not yet. A changed configuration is another warehouse."""
        key = msgspec.json.encode((environment.id, environment.warehouse))
        with self._lock:
            if kept := self._kept.get(key):
                kept.users += 1
                return cast("Warehouse", _Lent(self, kept))
        opened = self._opener(environment, who, stop)  # may wait: not under the lock
        with self._lock:
            kept = self._kept.get(key)
            if kept is None:
                kept = self._kept[key] = _Kept(opened)
                opened_too = None
            else:
                opened_too = opened
            kept.users += 1
        if opened_too is not None:
            opened_too.close()
        return cast("Warehouse", _Lent(self, kept))

    def close_idle(self, *, at_once: bool = False) -> None:
        """Close those that nobody used for a while. Returns after the last is closed."""
        now = self._clock()
        with self._lock:
            idle = [
                key
                for key, kept in self._kept.items()
                if kept.users == 0 and (at_once or now - kept.idle_since >= self._idle_seconds)
            ]
            closing = [self._kept.pop(key) for key in idle]
        for kept in closing:
            kept.warehouse.close()

    def give_back(self, kept: _Kept) -> None:
        with self._lock:
            kept.users -= 1
            kept.idle_since = self._clock()

    def discard(self, kept: _Kept) -> None:
        """Nobody gets this one any more: its connection is gone."""
        with self._lock:
            for key in [key for key, other in self._kept.items() if other is kept]:
                del self._kept[key]


class _Lent:
    """A kept warehouse as one run has it: closing gives it back."""

    def __init__(self, home: KeptWarehouses, kept: _Kept) -> None:
        self._home = home
        self._kept = kept
        self._closed = False

    def __getattr__(self, name: str) -> Any:
        return getattr(self._kept.warehouse, name)

    def session(self) -> Any:
        try:
            return self._kept.warehouse.session()
        except HeadgateError as error:
            if error.code == "warehouse_unavailable":
                self._home.discard(self._kept)
            raise

    def close(self) -> None:
        if not self._closed:
            self._closed = True
            self._home.give_back(self._kept)
