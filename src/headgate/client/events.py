"""What a run does, as it does it: its events from the server's stream, read on from the last one after a break, and
looked after by plain questions where no stream comes through.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import msgspec

from headgate.client import reading
from headgate.client.calls import Calls
from headgate.errors import HeadgateError, NotFound, ServerUnavailable
from headgate.model.runs import Event, Run

SILENCE_SECONDS = 40.0
"""A stream that says nothing for so long is dead: a server says every 15 seconds that it lives."""
POLL_SECONDS = (0.2, 0.5, 1.0, 2.0, 3.0)
"""Pauses between questions where there is no stream, and between tries to reach a server that is gone."""
GONE_SECONDS = 600.0
"""How long a server may be gone before nobody waits for it any more."""


@dataclass(frozen=True, slots=True)
class ServerEvent:
    """One event of a stream, as the standard for server-sent events has it."""

    id: str
    kind: str
    data: str


def parse(lines: Iterable[str]) -> Iterator[ServerEvent]:
    """Events of a stream's lines. Comments and events without data are passed over."""
    event_id, kind, data = "", "message", list[str]()
    for line in lines:
        if not line:
            if data:
                yield ServerEvent(event_id, kind, "\n".join(data))
            kind, data = "message", []
            continue
        name, _, value = line.partition(":")
        value = value.removeprefix(" ")
        match name:
            case "id" if "\0" not in value:
                event_id = value
            case "event":
                kind = value
            case "data":
                data.append(value)


@dataclass(frozen=True, slots=True)
class Following:
    """How a run is followed. `told` hears in words that the server is gone, and that it is back. `give_up_at` is an
    instant of `clock`; after it, `TimeoutError` is raised."""

    calls: Calls
    run_id: int
    told: Callable[[str], None] = lambda _: None
    give_up_at: float | None = None
    clock: Callable[[], float] = time.monotonic
    sleep: Callable[[float], None] = time.sleep

    def events(self) -> Iterator[Event | Run]:
        """Every event of the run once, in order; last the run as it ended. Where there is no stream, only the run,
        each time that it was asked for.

        Raises NotFound `run_not_found`, TimeoutError, ServerUnavailable where the server stays away, and whatever
        else the server refuses.
        """
        last = ""
        streams = True
        gone_since: float | None = None
        pauses = iter(POLL_SECONDS)
        while True:
            try:
                for event in self._stream(last) if streams else ():
                    self._back(gone_since)
                    gone_since, pauses = None, iter(POLL_SECONDS)
                    last = event.id
                    yield reading.event(msgspec.json.decode(event.data))
                # The server ends a stream after the last event of a run that has ended, and when it stops itself.
                run = reading.run(self.calls.run(self.run_id))
                self._back(gone_since)
                gone_since = None
                if run.status.final or not streams:
                    yield run
                if run.status.final:
                    return
            except ServerUnavailable as error:
                now = self.clock()
                if gone_since is None:
                    gone_since, pauses = now, iter(POLL_SECONDS)
                    self.told(f"{error.message}; trying again")
                elif now - gone_since > GONE_SECONDS:
                    raise
            except _NoStream:
                streams = False
                continue
            self._pause(next(pauses, POLL_SECONDS[-1]))

    def _back(self, gone_since: float | None) -> None:
        if gone_since is not None:
            self.told("the server is back")

    def _stream(self, last: str) -> Iterator[ServerEvent]:
        headers = {"Accept": "text/event-stream", **({"Last-Event-ID": last} if last else {})}
        path = f"/api/v1/runs/{self.run_id}/events"
        try:
            with self.calls.transport.lines(path, headers=headers, silence_seconds=self._silence()) as lines:
                yield from parse(lines)
        except NotFound as error:
            if error.code == "run_not_found":
                raise
            raise _NoStream from None
        except HeadgateError as error:
            if error.code == "answer_unreadable":
                raise _NoStream from None
            raise

    def _silence(self) -> float:
        if self.give_up_at is None:
            return SILENCE_SECONDS
        return max(0.05, min(SILENCE_SECONDS, self.give_up_at - self.clock()))

    def _pause(self, seconds: float) -> None:
        if self.give_up_at is not None:
            left = self.give_up_at - self.clock()
            if left <= 0:
                raise TimeoutError(f"run {self.run_id} has not ended yet")
            seconds = min(seconds, left)
        self.sleep(seconds)


class _NoStream(Exception):
    """The server, or something on the way to it, has no stream of events."""
