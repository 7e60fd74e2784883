"""How the runs of a job have been lately: how long, how many records, how many failed; and which counts are unusual.

Usual is a range around the median of what was usual before, on a scale of factors: as wide as the counts spread, and
three times up or down at the least. Unusual counts do not widen it, but five in a row are the new usual.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import expm1, log, log1p
from statistics import median

from headgate.joblog.instants import INFINITY, MINUS_INFINITY
from headgate.joblog.runs import ERROR, SUCCESS, LogRecord
from headgate.joblog.table import FINAL

RUNS = 50
"""Of so many newest runs a trend is made."""

LEAST_KNOWN = 5
"""Successes with a count, without which nothing is unusual yet."""

_LEAST_FACTOR = log(3)
_SPREADS = 4.5
"""Of the median distance from the median: about three standard deviations of what is distributed normally."""


@dataclass(frozen=True, slots=True)
class Usual:
    """Counts of records, both included."""

    least: int
    most: int

    def has(self, count: int) -> bool:
        return self.least <= count <= self.most

    def __str__(self) -> str:
        return f"{self.least:,} to {self.most:,}"


@dataclass(frozen=True, slots=True)
class Trend:
    """`durations` in seconds and `records` are those of the successes, oldest first; `runs` and `errors` count what has
    ended. `usual` is what the newest count is held against; None where too few are known."""

    runs: int
    errors: int
    durations: tuple[float, ...]
    records: tuple[int, ...]
    usual: Usual | None
    unusual: bool
    """Whether the newest count is."""

    @property
    def error_rate(self) -> float | None:
        return self.errors / self.runs if self.runs else None


def trend_of(newest_first: Sequence[LogRecord]) -> Trend:
    """Of the newest runs of one name, the newest first."""
    ended = [record for record in reversed(newest_first) if record.status in FINAL]
    good = [record for record in ended if record.status == SUCCESS]
    counts = tuple(record.records_processed for record in good if record.records_processed is not None)
    usual, unusual = _followed(counts)
    return Trend(
        len(ended),
        sum(record.status == ERROR for record in ended),
        tuple(seconds for record in good if (seconds := duration(record)) is not None),
        counts,
        usual,
        unusual,
    )


def duration(record: LogRecord) -> float | None:
    """Seconds from its start to its end; None where one of them is no instant."""
    start, end = record.start_date, record.end_date
    if end is None or {start, end} & {INFINITY, MINUS_INFINITY} or end < start:
        return None
    return (end - start) / 1e6


def _followed(counts: Sequence[int]) -> tuple[Usual | None, bool]:
    """What the last count is held against, and whether it lies outside."""
    known: list[int] = []
    streak: list[int] = []
    usual: Usual | None = None
    for count in counts:
        usual = _usual(known)
        if usual is None or usual.has(count):
            known.append(count)
            streak = []
            continue
        streak.append(count)
        if len(streak) == LEAST_KNOWN:
            known, streak = streak, []
            usual = _usual(known)
    return usual, bool(streak)


def _usual(counts: Sequence[int]) -> Usual | None:
    logs = [log1p(max(count, 0)) for count in counts]
    if len(logs) < LEAST_KNOWN:
        return None
    middle = median(logs)
    spread = max(_SPREADS * median(abs(one - middle) for one in logs), _LEAST_FACTOR)
    return Usual(round(expm1(max(middle - spread, 0.0))), round(expm1(min(middle + spread, 44.0))))
