"""How a job stands: its watch, its newest runs and the time -> a state, why, and when to look again. Pure.

Instants are microseconds since 1970.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, timedelta

from headgate.joblog.instants import EPOCH, INFINITY, MINUS_INFINITY, write_instant
from headgate.joblog.runs import ERROR, IN_PROGRESS, SUCCESS, LogRecord
from headgate.joblog.table import FINAL
from headgate.joblog.trend import trend_of
from headgate.joblog.watch import HOUR, Records, State, Watch

SECOND = 1_000_000
EARLY = 60 * SECOND
"""A run may begin so much before its cron time and still be meant by it: clocks differ."""

LONGEST = 86_400 * SECOND
"""A look is taken so long after the last one, where nothing calls for it."""

SETTLED = 60 * SECOND
"""So long after it was made a watch is looked at again: a record that was being written did not know of it."""

_AHEAD = 86_400 * SECOND
"""So far a sender's clock may go ahead; what ended later still has not ended."""

_MOST_MESSAGE = 200


@dataclass(frozen=True, slots=True)
class Seen:
    """`runs` are the newest ones of the name, the newest first. Of those that ended before `resumed_at` nothing is
    said; without any, what is due counts from `since`."""

    runs: Sequence[LogRecord]
    since: int
    resumed_at: int | None = None
    paused: bool = False


@dataclass(frozen=True, slots=True)
class Verdict:
    """`due_at` is when the next success is expected, None where nothing is. `unusual` is '' where the newest count of
    records is well, None where it is not to be judged. Time alone changes nothing of it before `look_at`, which is
    never later than in `LONGEST`."""

    state: State
    reason: str
    due_at: int | None
    look_at: int
    unusual: str | None
    stale: tuple[LogRecord, ...]
    """Runs in progress for too long, the newest first."""


def judge(watch: Watch, seen: Seen, now: int) -> Verdict:
    return _Judge(watch, seen, now).verdict()


@dataclass(slots=True)
class _Judge:
    watch: Watch
    seen: Seen
    now: int
    ended: list[LogRecord] = field(init=False)
    """The runs that ended and count, in the order of their ends, the last first."""
    running: list[LogRecord] = field(init=False)
    stale: list[LogRecord] = field(init=False)

    def __post_init__(self) -> None:
        runs = self.seen.runs
        after = MINUS_INFINITY if self.seen.resumed_at is None else self.seen.resumed_at
        final = [run for run in runs if run.status in FINAL and after <= _end(run) <= self.now + _AHEAD]
        self.ended = sorted(final, key=lambda run: (_end(run), run.id), reverse=True)
        self.running = [run for run in runs if run.status == IN_PROGRESS]
        self.stale = [run for run in self.running if self.stale_at(run) <= self.now]

    def verdict(self) -> Verdict:
        alive = [run for run in self.running if run not in self.stale]
        looks = [self.seen.since + SETTLED, *(self.stale_at(run) for run in alive)]
        unusual, stale = self.unusual(), tuple(self.stale)
        if self.seen.paused:
            return Verdict(State.PAUSED, "nobody is told of it", None, self.soonest(looks), unusual, stale)
        due = self.due()
        over = None if due is None else due + self.grace(due)
        state, reason = self.state(due, over, alive)
        looks += [one for one in (due, over) if one is not None]
        return Verdict(state, reason, due, self.soonest(looks), unusual, stale)

    def state(self, due: int | None, over: int | None, alive: Sequence[LogRecord]) -> tuple[State, str]:
        last = self.ended[0] if self.ended else None
        if last is not None and last.status == ERROR:
            message = " ".join((last.message or "").split())
            text = f": {message[-_MOST_MESSAGE:]}" if message else ""
            return State.DOWN, f"run {last.id} failed at {_written(_end(last))}{text}"
        newest = next(
            (run for run in self.seen.runs if run.status == IN_PROGRESS or run.status in FINAL), None
        )
        if self.stale and self.stale[0] is newest:
            started = _written(self.stale[0].start_date)
            return State.DOWN, f"run {self.stale[0].id} is in progress since {started}"
        if due is not None and over is not None:
            missing = f"a success was due at {_written(due)}; {self.last_success()}"
            if over <= self.now:
                return State.DOWN, missing
            covered = any(self.watch.cron is None or run.start_date >= due - EARLY for run in alive)
            if due <= self.now and not covered:
                return State.LATE, missing
        if last is None:
            heard = (
                "no run has ended since it was resumed" if self.seen.resumed_at else "no run has ended yet"
            )
            return State.NEW, heard
        return State.UP, f"run {last.id} succeeded at {_written(_end(last))}"

    def due(self) -> int | None:
        """One interval after the last success ended; or the first firing of `cron` that no success began for."""
        good = [run for run in self.ended if run.status == SUCCESS]
        floor = self.seen.resumed_at or MINUS_INFINITY
        if self.watch.every is not None:
            counted = max((self.past(_end(run)) for run in good), default=self.seen.since)
            return max(counted, floor) + round(self.watch.every * SECOND)
        if self.watch.cron is None:
            return None
        counted = max((self.past(run.start_date) + EARLY for run in good), default=self.seen.since)
        return self.fires(max(counted, floor))

    def grace(self, due: int) -> int:
        if self.watch.grace is not None:
            return round(self.watch.grace * SECOND)
        every = self.watch.every
        if every is None:
            following = self.fires(due)
            every = HOUR if following is None else (following - due) / SECOND
        return round(min(every, HOUR) * SECOND)

    def fires(self, after: int) -> int | None:
        assert self.watch.schedule is not None
        found = self.watch.schedule.after(EPOCH + timedelta(microseconds=after))
        return None if found is None else (found - EPOCH) // timedelta(microseconds=1)

    def unusual(self) -> str | None:
        good = [run for run in self.seen.runs if run.status == SUCCESS and run.records_processed is not None]
        resumed_at = self.seen.resumed_at
        if self.seen.paused or (good and resumed_at is not None and _end(good[0]) < resumed_at):
            return None
        if self.watch.records is Records.ANY or not good:
            return ""
        count = good[0].records_processed
        if self.watch.records is Records.SOME:
            return "" if count else f"run {good[0].id} had no records"
        trend = trend_of(self.seen.runs)
        had = "1 record" if count == 1 else f"{count:,} records"
        return f"run {good[0].id} had {had}; usual are {trend.usual}" if trend.unusual else ""

    def last_success(self) -> str:
        good = [_end(run) for run in self.seen.runs if run.status == SUCCESS]
        if not good:
            return "it has not succeeded yet" if self.seen.runs else "nothing was ever heard of it"
        return f"the last one ended at {_written(max(good))}"

    def stale_at(self, run: LogRecord) -> int:
        return min(run.start_date, self.now) + round(self.watch.stale_after * SECOND)

    def past(self, instant: int) -> int:
        """An instant that a clock which goes ahead, or the word `infinity`, gave."""
        return min(max(instant, 0), self.now)

    def soonest(self, looks: Iterable[int]) -> int:
        return min([self.now + LONGEST, *(one for one in looks if one > self.now)])


def _end(run: LogRecord) -> int:
    return run.start_date if run.end_date is None else run.end_date


def _written(micros: int) -> str:
    if micros in (INFINITY, MINUS_INFINITY):
        return write_instant(micros, UTC)
    return write_instant(micros - micros % SECOND, UTC).removesuffix("+00:00") + "Z"
