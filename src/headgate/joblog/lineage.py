"""What OpenLineage's events have told of one run, put together, and the record that it makes.

Events come late, twice, and in any order. So what is known of a run is a value that every event can only add to: the
same events make the same record, in whichever order and however often they come.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

from headgate.joblog.openlineage import MOST_ROWS, Dataset, EventType, RunEvent
from headgate.joblog.runs import ERROR, IN_PROGRESS, SUCCESS
from headgate.joblog.tree import Value

MOST_DATASETS = 1_000
"""Of a run, as inputs and as outputs: the first ones."""
MOST_PLACES = 1_000
"""Characters of a record's source or destination."""

_FINAL = {EventType.COMPLETE: SUCCESS, EventType.FAIL: ERROR, EventType.ABORT: ERROR}


@dataclass(frozen=True, slots=True)
class SeenDataset:
    """`at` and `position`: the first event that names it, and where in there. `rows` is by the last event that counts
    them."""

    name: str
    at: int
    position: int
    rows: int | None = None
    rows_at: int | None = None


@dataclass(frozen=True, slots=True)
class End:
    at: int
    status: str
    message: str | None


@dataclass(frozen=True, slots=True)
class LineageRun:
    """`name` is that of its last event, at `named_at`: some producers know a job's name only when its run has begun.
    `started_at` is when its START says, `seen_at` when the first event that tells of it at all. Datasets stand in the
    order in which they were first named."""

    name: str = ""
    named_at: int | None = None
    started_at: int | None = None
    seen_at: int | None = None
    end: End | None = None
    inputs: tuple[SeenDataset, ...] = ()
    outputs: tuple[SeenDataset, ...] = ()

    def told(self, event: RunEvent) -> LineageRun:
        """With what `event` says; equal to this one where that is nothing new."""
        named_at, name = max((self.named_at, self.name), (event.at, event.name), key=_named)
        known = replace(
            self,
            name=name,
            named_at=named_at,
            inputs=_seen(self.inputs, event.inputs, event.at),
            outputs=_seen(self.outputs, event.outputs, event.at),
        )
        if event.type is EventType.OTHER:
            return known
        return replace(
            known,
            started_at=_earlier(self.started_at, event.at if event.type is EventType.START else None),
            seen_at=_earlier(self.seen_at, event.at),
            end=_later(self.end, _end(event)),
        )

    def columns(self, now: int) -> dict[str, Value] | None:
        """The record's values but for its id; None where there is no record of it: all that was told is datasets.
        Nothing is told before it happens, whatever the sender's clock shows, and no run ends before it began."""
        start = self.seen_at if self.started_at is None else self.started_at
        if start is None:
            return None
        start = min(start, now)
        rows = [one.rows for one in self.outputs if one.rows is not None]
        return {
            "name": self.name,
            "start_date": start,
            "end_date": None if self.end is None else max(min(self.end.at, now), start),
            "message": None if self.end is None else self.end.message,
            "status": IN_PROGRESS if self.end is None else self.end.status,
            "records_processed": min(sum(rows), MOST_ROWS) if rows else None,
            "source": _listed(self.inputs),
            "destination": _listed(self.outputs),
        }


def _named(one: tuple[int | None, str]) -> tuple[bool, int, str]:
    at, name = one
    return at is not None, at or 0, name


def _earlier(one: int | None, other: int | None) -> int | None:
    return min((at for at in (one, other) if at is not None), default=None)


def _end(event: RunEvent) -> End | None:
    status = _FINAL.get(event.type)
    if status is None:
        return None
    message = None if status == SUCCESS else event.message
    if event.type is EventType.ABORT:
        message = "aborted" if message is None else f"aborted: {message}"
    return End(event.at, status, message)


def _later(one: End | None, other: End | None) -> End | None:
    """Of two at the same time, an error: a failure is not to be overlooked."""
    if one is None or other is None:
        return one or other
    return max(one, other, key=lambda end: (end.at, end.status == ERROR, end.message or ""))


def _seen(known: tuple[SeenDataset, ...], given: Sequence[Dataset], at: int) -> tuple[SeenDataset, ...]:
    found = {one.name: one for one in known}
    for position, one in enumerate(given):
        new = SeenDataset(one.name, at, position, one.rows, None if one.rows is None else at)
        old = found.get(one.name, new)
        first = min(old, new, key=_place)
        last = max(old, new, key=_count)
        found[one.name] = replace(first, rows=last.rows, rows_at=last.rows_at)
    return tuple(sorted(found.values(), key=_place)[:MOST_DATASETS])


def _place(one: SeenDataset) -> tuple[int, int, str]:
    return one.at, one.position, one.name


def _count(one: SeenDataset) -> tuple[bool, int, int]:
    return one.rows is not None, one.rows_at or 0, one.rows or 0


def _listed(datasets: Sequence[SeenDataset]) -> str:
    """As many names as there is room for."""
    text = ""
    for count, one in enumerate(datasets):
        longer = f"{text}, {one.name}" if text else one.name
        if len(longer) > MOST_PLACES:
            return f"{text} and {len(datasets) - count:,} more"
        text = longer
    return text
