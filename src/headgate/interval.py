"""Intervals of time, and which of them a load has to do. Pure: the ledger and the clock are passed in.

All arithmetic is on the number of an interval counted from `start`, so months never drift: the second
interval of `1mo` from 31 January begins on 28 February, the third on 31 March.
"""

from __future__ import annotations

from calendar import monthrange
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Self, TypeVar

from headgate.errors import UsageError

Range = tuple[datetime, datetime]
"""A half-open range of time `[from, to)`, aware."""

_Span = tuple[int, int]
"""A half-open range of interval numbers, counted from `start`."""

_Point = TypeVar("_Point", int, datetime)

_SECONDS = {"m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_MONTHS = {"mo": 1, "y": 12}
_WORDS = {"hour": "1h", "day": "1d", "week": "1w", "month": "1mo", "year": "1y"}
_MAX_DIGITS = 6


@dataclass(frozen=True, slots=True)
class Interval:
    """A length of time: `count` minutes, hours, days, weeks, months or years (`unit` m, h, d, w, mo, y)."""

    count: int
    unit: str

    @classmethod
    def parse(cls, text: str) -> Self:
        """Read `15m`, `1h`, `1d`, `1w`, `1mo`, `1y`, or one of the words hour, day, week, month, year.

        UsageError `interval_invalid` otherwise. Units are lower-case only: `1M` could be a minute or a month.
        """
        written = text.strip()
        written = _WORDS.get(written.lower(), written)
        unit = written.lstrip("0123456789")
        digits = written[: len(written) - len(unit)]
        unit = unit.lstrip()
        known = unit in _SECONDS or unit in _MONTHS
        if not digits or len(digits) > _MAX_DIGITS or not known or int(digits) == 0:
            raise UsageError(
                "interval_invalid",
                f"{text!r} is not an interval",
                hint="write a number and a unit, such as 15m, 1h, 1d, 1w, 1mo (month) or 1y, "
                "or one of hour, day, week, month, year",
            )
        return cls(int(digits), unit)

    def __str__(self) -> str:
        return f"{self.count}{self.unit}"

    def advance(self, instant: datetime, n: int) -> datetime:
        """`instant` moved by n intervals in one step; a day that the month lacks becomes its last day.

        OverflowError outside the years 1 to 9999.
        """
        if self.unit in _SECONDS:
            return instant + timedelta(seconds=self.count * _SECONDS[self.unit]) * n
        years, month = divmod(instant.month - 1 + n * self.count * _MONTHS[self.unit], 12)
        year = instant.year + years
        if not 1 <= year <= 9999:
            raise OverflowError(f"{n} times {self} from {instant} leaves the calendar")
        day = min(instant.day, monthrange(year, month + 1)[1])
        return instant.replace(year=year, month=month + 1, day=day)

    def floor_index(self, start: datetime, instant: datetime) -> int:
        """The number of the interval, counted from `start`, that holds `instant`; negative before `start`."""
        if self.unit in _SECONDS:
            return (instant - start) // timedelta(seconds=self.count * _SECONDS[self.unit])
        months = (instant.year - start.year) * 12 + instant.month - start.month
        index = months // (self.count * _MONTHS[self.unit])
        # The day and the time of day decide whether the month that was begun counts.
        return index if self.advance(start, index) <= instant else index - 1

    def ceil_index(self, start: datetime, instant: datetime) -> int:
        """The number of the first interval, counted from `start`, that begins at `instant` or later."""
        index = self.floor_index(start, instant)
        return index if self.advance(start, index) == instant else index + 1


def due_ranges(  # noqa: PLR0913  one question with independent, named parts
    *,
    start: datetime,
    now: datetime,
    interval: Interval,
    done: Sequence[Range],
    lookback: int = 0,
    max_intervals: int | None = None,
    backfill_from: datetime | None = None,
    backfill_to: datetime | None = None,
) -> list[Range]:
    """What a run has to load: half-open UTC ranges of whole intervals, oldest first, neighbours merged.

    Without a backfill: every interval from `start` to the last one complete at `now` that `done` does not
    cover whole (so gaps heal, and a ledger kept under another interval counts where it covers), and again the
    last `lookback` that are done. `max_intervals` bounds them together: what was never loaded goes first,
    oldest first, and lookback gets the room that is left, or it would starve new intervals for ever.

    With a bound of a backfill: every interval that `[backfill_from, backfill_to)` touches, done or not,
    between the same ends; an absent bound is open. `lookback` and `max_intervals` then do not apply: a
    backfill cut short could never be continued, since it does not ask what is done.

    All instants are aware; ValueError where one is not. Costs are in ranges of `done`, not in intervals.
    """
    start, now = _utc(start), _utc(now)
    complete = max(0, interval.floor_index(start, now))
    if backfill_from is not None or backfill_to is not None:
        first = 0 if backfill_from is None else interval.floor_index(start, _utc(backfill_from))
        last = complete if backfill_to is None else interval.ceil_index(start, _utc(backfill_to))
        empty = backfill_from is not None and backfill_to is not None and backfill_to <= backfill_from
        spans = [] if empty else [(max(0, first), min(last, complete))]
    else:
        covered = _covered(start, interval, done, complete)
        missing = _oldest(_complement(covered, complete), max_intervals)
        room = lookback
        if max_intervals is not None:
            room = min(lookback, max_intervals - sum(b - a for a, b in missing))
        spans = _merge([*missing, *_newest(covered, room)])
    return [(interval.advance(start, a), interval.advance(start, b)) for a, b in spans if a < b]


def merge_ranges(ranges: Iterable[Range]) -> list[Range]:
    """The same instants as sorted UTC ranges that neither overlap nor touch; empty ranges vanish."""
    return _merge((_utc(a), _utc(b)) for a, b in ranges)


def _utc(instant: datetime) -> datetime:
    if instant.tzinfo is None:
        raise ValueError(f"{instant} has no time zone")
    return instant.astimezone(UTC)


def _merge(ranges: Iterable[tuple[_Point, _Point]]) -> list[tuple[_Point, _Point]]:
    merged: list[tuple[_Point, _Point]] = []
    for a, b in sorted(r for r in ranges if r[0] < r[1]):
        if merged and a <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(merged[-1][1], b))
        else:
            merged.append((a, b))
    return merged


def _covered(start: datetime, interval: Interval, done: Sequence[Range], complete: int) -> list[_Span]:
    """Numbers of the intervals that `done` covers whole. Ranges are merged first: two halves make one."""
    spans: list[_Span] = []
    for a, b in merge_ranges(done):
        if b <= start:
            continue
        first = max(0, interval.ceil_index(start, a))
        last = min(complete, interval.floor_index(start, b))
        if first < last:
            spans.append((first, last))
    return spans


def _complement(spans: Sequence[_Span], complete: int) -> list[_Span]:
    edges = [0, *(edge for span in spans for edge in span), complete]
    pairs = zip(edges[::2], edges[1::2], strict=True)
    return [(a, b) for a, b in pairs if a < b]


def _oldest(spans: Sequence[_Span], count: int | None) -> list[_Span]:
    """The first `count` intervals of sorted spans; None means all."""
    if count is None:
        return list(spans)
    taken: list[_Span] = []
    for a, b in spans:
        if count <= 0:
            break
        taken.append((a, min(b, a + count)))
        count -= b - a
    return taken


def _newest(spans: Sequence[_Span], count: int) -> list[_Span]:
    """The last `count` intervals of sorted spans, as spans, newest first."""
    taken: list[_Span] = []
    for a, b in reversed(spans):
        if count <= 0:
            break
        taken.append((max(a, b - count), b))
        count -= b - a
    return taken
