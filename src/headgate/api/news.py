"""Reads the event log for everything in this process that wants to know: one thread, however many streams there are.

It carries no event to anybody. It says that there is something new about a run, and each stream reads for itself, as
fast as its client takes it: so nothing piles up here for a slow one.
"""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

from headgate.errors import HeadgateError
from headgate.model.runs import Event
from headgate.store.store import Store

LOOK_SECONDS = 1.0
"""How often to look where nothing was told."""

BATCH = 500
log = logging.getLogger("headgate.api")


@dataclass(eq=False, slots=True)
class Subscriber:
    """A stream that waits for news of one run."""

    loop: asyncio.AbstractEventLoop
    news: asyncio.Event = field(default_factory=asyncio.Event)

    def tell(self) -> None:
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self.news.set)


class News:
    """`see` is called with every event, in the order of the log, on the one thread."""

    def __init__(self, store: Store, see: Callable[[Event], None]) -> None:
        self._store = store
        self._see = see
        self._subscribers: dict[int, set[Subscriber]] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None
        self._last_id = 0
        self.closed = False

    def start(self) -> None:
        """From what happens from now on."""
        if self._thread is None:
            self._last_id = self._store.events.last_id()
            self._thread = threading.Thread(target=self._follow, name="news", daemon=True)
            self._thread.start()

    def close(self) -> None:
        """Ends the thread and tells every stream, which then ends too. Doing it again changes nothing."""
        self.closed = True
        self._tell(list(self._subscribers))
        self._store.wakeups.poke()
        if self._thread is not None:
            self._thread.join(LOOK_SECONDS * 5)

    @contextmanager
    def subscribed(self, run_id: int) -> Iterator[Subscriber]:
        subscriber = Subscriber(asyncio.get_running_loop())
        with self._lock:
            self._subscribers.setdefault(run_id, set()).add(subscriber)
        try:
            yield subscriber
        finally:
            with self._lock:
                left = self._subscribers[run_id]
                left.discard(subscriber)
                if not left:
                    del self._subscribers[run_id]

    @property
    def subscriber_count(self) -> int:
        with self._lock:
            return sum(map(len, self._subscribers.values()))

    def turn(self) -> bool:
        """One look at the log: whether there was anything."""
        events = self._store.events.read(self._last_id, BATCH)
        for event in events:
            self._see(event)
            self._last_id = event.id
        self._tell({event.run_id for event in events if event.run_id is not None})
        return bool(events)

    def _follow(self) -> None:
        while not self.closed:
            try:
                while not self.closed and self.turn():
                    pass
            except HeadgateError as error:
                log.warning("events cannot be read: %s", error.message)
            except Exception:
                log.exception("events cannot be read")
            if not self.closed:
                self._store.wakeups.wait(LOOK_SECONDS)

    def _tell(self, run_ids: set[int] | list[int]) -> None:
        with self._lock:
            for run_id in run_ids:
                for subscriber in self._subscribers.get(run_id, ()):
                    subscriber.tell()
