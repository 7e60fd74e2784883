"""How a job stands, by its watch, its runs and the time."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import UsageError
from headgate.joblog.instants import INFINITY, MINUS_INFINITY
from headgate.joblog.runs import LogRecord
from headgate.joblog.trend import trend_of
from headgate.joblog.verdict import SECOND, Seen, Verdict, judge
from headgate.joblog.watch import State, Watch, read_watch

HOUR = 3_600 * SECOND
DAY = 24 * HOUR


def at(text: str) -> int:
    return round(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp()) * SECOND


T0 = at("2026-03-02T00:00:00")
"""A Monday."""


def run(
    number: int,
    start: int,
    end: int | None = None,
    status: str = "success",
    records: int | None = None,
    message: str | None = None,
) -> LogRecord:
    return LogRecord(number, "orders", start, end, message, status, records, "crm", "lake")


def verdict(watch: dict[str, Any], runs: list[LogRecord], now: int, **seen: Any) -> Verdict:
    newest_first = sorted(runs, key=lambda one: (one.start_date, one.id), reverse=True)
    return judge(read_watch(watch), Seen(newest_first, **{"since": T0, **seen}), now)


def states(
    watch: dict[str, Any], runs: list[LogRecord], times: dict[str, int], **seen: Any
) -> dict[str, str]:
    return {name: str(verdict(watch, runs, now, **seen).state) for name, now in times.items()}


def test_a_job_of_which_nothing_is_heard_is_new_then_late_then_down() -> None:
    assert states(
        {"every": "1d", "grace": "2h"}, [], {"at once": T0, "due": T0 + DAY, "over": T0 + DAY + 2 * HOUR}
    ) == {"at once": "new", "due": "late", "over": "down"}


def test_an_interval_counts_from_the_end_of_the_last_success() -> None:
    runs = [run(1, T0, T0 + HOUR)]
    found = verdict({"every": "1d", "grace": "1h"}, runs, T0 + 2 * HOUR)
    assert (found.state, found.due_at, found.look_at) == (State.UP, T0 + 25 * HOUR, T0 + 25 * HOUR)
    assert verdict({"every": "1d", "grace": "1h"}, runs, T0 + 25 * HOUR).state is State.LATE
    assert verdict({"every": "1d", "grace": "1h"}, runs, T0 + 26 * HOUR).state is State.DOWN


def test_it_is_looked_at_again_when_time_alone_changes_something() -> None:
    watch = {"every": "10m", "grace": "5m"}
    end = T0 + 60 * SECOND
    runs = [run(1, T0, end)]
    assert verdict(watch, runs, end).look_at == end + 600 * SECOND
    assert verdict(watch, runs, end + 600 * SECOND).look_at == end + 900 * SECOND


def test_a_cron_time_is_met_by_a_run_that_begins_at_it() -> None:
    six = {"cron": "0 6 * * *", "grace": "1h"}
    runs = [run(1, at("2026-03-02T06:00:05"), at("2026-03-02T06:40:00"))]
    times = {
        "that day": at("2026-03-02T23:00:00"),
        "next morning": at("2026-03-03T05:59:59"),
        "due": at("2026-03-03T06:00:00"),
        "over": at("2026-03-03T07:00:00"),
    }
    assert states(six, runs, times) == {"that day": "up", "next morning": "up", "due": "late", "over": "down"}


def test_a_run_that_begins_seconds_early_meets_its_cron_time() -> None:
    runs = [run(1, at("2026-03-02T05:59:30"), at("2026-03-02T05:59:50"))]
    found = verdict({"cron": "0 6 * * *"}, runs, at("2026-03-02T12:00:00"))
    assert (found.state, found.due_at) == (State.UP, at("2026-03-03T06:00:00"))


def test_a_long_run_of_yesterday_does_not_meet_the_time_of_today() -> None:
    runs = [run(1, at("2026-03-02T06:00:00"), at("2026-03-03T06:30:00"))]
    assert verdict({"cron": "0 6 * * *", "grace": "1h"}, runs, at("2026-03-03T07:00:00")).state is State.DOWN


def test_what_is_at_work_is_not_late_but_down_when_its_grace_is_over() -> None:
    six = {"cron": "0 6 * * *", "grace": "1h"}
    runs = [
        run(1, at("2026-03-02T06:00:00"), at("2026-03-02T06:10:00")),
        run(2, at("2026-03-03T06:00:01"), None, "in_progress"),
    ]
    assert verdict(six, runs, at("2026-03-03T06:30:00")).state is State.UP
    assert verdict(six, runs, at("2026-03-03T07:00:00")).state is State.DOWN


def test_a_cron_time_is_that_of_its_zone() -> None:
    found = verdict({"cron": "0 6 * * *", "timezone": "America/Chicago"}, [], T0)
    assert found.due_at == at("2026-03-02T12:00:00")


def test_without_a_grace_it_is_one_interval_and_an_hour_at_most() -> None:
    for watch, grace in (({"every": "10m"}, 600), ({"every": "1d"}, 3_600), ({"cron": "*/15 * * * *"}, 900)):
        due = verdict(watch, [], T0).due_at
        assert due is not None
        assert verdict(watch, [], due + grace * SECOND - 1).state is State.LATE
        assert verdict(watch, [], due + grace * SECOND).state is State.DOWN


def test_an_error_is_down_at_once_and_a_success_up_again() -> None:
    failed = run(2, T0 + HOUR, T0 + 2 * HOUR, "error", message="no answer\nfrom crm")
    found = verdict({"every": "1d"}, [run(1, T0, T0 + 60), failed], T0 + 2 * HOUR)
    assert (found.state, found.reason) == (
        State.DOWN,
        "run 2 failed at 2026-03-02T02:00:00Z: no answer from crm",
    )
    assert (
        verdict({"every": "1d"}, [failed, run(3, T0 + 3 * HOUR, T0 + 4 * HOUR)], T0 + 4 * HOUR).state
        is State.UP
    )


def test_of_two_runs_beside_each_other_the_one_that_ends_last_decides() -> None:
    runs = [run(1, T0, T0 + 3 * HOUR, "error"), run(2, T0 + HOUR, T0 + 2 * HOUR)]
    assert verdict({}, runs, T0 + 2 * HOUR).state is State.DOWN


def test_a_watch_that_expects_nothing_says_only_what_failed_or_hangs() -> None:
    assert verdict({}, [], T0 + 999 * DAY).state is State.NEW
    assert verdict({}, [run(1, T0, T0 + 1)], T0 + 999 * DAY).state is State.UP


def test_a_run_in_progress_for_too_long_is_stale_and_its_job_down() -> None:
    watch = {"stale_after": "6h"}
    runs = [run(1, T0, T0 + 1), run(2, T0 + HOUR, None, "in_progress")]
    before = verdict(watch, runs, T0 + 7 * HOUR - 1)
    assert (before.state, before.stale, before.look_at) == (State.UP, (), T0 + 7 * HOUR)
    after = verdict(watch, runs, T0 + 7 * HOUR)
    assert (after.state, [one.id for one in after.stale]) == (State.DOWN, [2])


def test_a_stale_run_behind_a_later_success_is_shown_and_alarms_nobody() -> None:
    runs = [run(1, T0, None, "in_progress"), run(2, T0 + 2 * DAY, T0 + 2 * DAY + 1)]
    found = verdict({"every": "1d"}, runs, T0 + 2 * DAY + 2)
    assert (found.state, [one.id for one in found.stale]) == (State.UP, [1])


def test_paused_it_is_paused_and_resumed_it_counts_from_then() -> None:
    runs = [run(1, T0, T0 + 1, "error")]
    assert verdict({"every": "1d"}, runs, T0 + 9 * DAY, paused=True).state is State.PAUSED
    resumed = T0 + 10 * DAY
    found = verdict({"every": "1d"}, runs, resumed, resumed_at=resumed)
    assert (found.state, found.due_at) == (State.NEW, resumed + DAY)


def test_clocks_that_go_ahead_and_the_word_infinity_break_nothing() -> None:
    watch = {"every": "1d"}
    ahead = run(1, T0 + 300 * SECOND, T0 + 600 * SECOND)
    assert verdict(watch, [ahead], T0).due_at == T0 + DAY
    assert verdict(watch, [run(1, T0, INFINITY)], T0 + 3 * DAY).state is State.DOWN
    assert verdict({"cron": "0 6 * * *"}, [run(1, MINUS_INFINITY, T0)], T0).state is State.DOWN
    assert verdict({}, [run(1, MINUS_INFINITY, None, "in_progress")], T0).state is State.DOWN


INSTANTS = st.one_of(
    st.integers(T0 - 90 * DAY, T0 + 90 * DAY), st.sampled_from([INFINITY, MINUS_INFINITY, 0, T0])
)
RUNS = st.lists(
    st.builds(
        run,
        st.integers(1, 10**6),
        INSTANTS,
        st.none() | INSTANTS,
        st.sampled_from(["success", "error", "in_progress", "odd"]),
        st.none() | st.integers(-(2**63), 2**63 - 1),
        st.none() | st.text(max_size=9),
    ),
    max_size=12,
)
WATCHES = st.sampled_from(
    [
        Watch(),
        Watch(every=60.0),
        Watch(every=86_400.0, grace=0.0),
        Watch(cron="0 6 * * 1-5", timezone="Europe/Berlin"),
        Watch(cron="*/5 * * * *", grace=10.0, stale_after=60.0),
    ]
)


@given(WATCHES, RUNS, st.integers(T0, T0 + 60 * DAY))
def test_nothing_changes_before_it_is_looked_at_again(watch: Watch, runs: list[LogRecord], now: int) -> None:
    newest_first = sorted(runs, key=lambda one: (one.start_date, one.id), reverse=True)
    seen = Seen(newest_first, since=T0)
    first = judge(watch, seen, now)
    assert now < first.look_at <= now + DAY
    last = judge(watch, seen, first.look_at - 1)
    if all(one.start_date <= now and (one.end_date is None or one.end_date <= now) for one in runs):
        assert (last.state, last.unusual, last.stale) == (first.state, first.unusual, first.stale)


def counted(*counts: int | None) -> list[LogRecord]:
    """Successes with these counts, the newest first."""
    return [run(n, T0 + n * HOUR, T0 + n * HOUR + 1, "success", one) for n, one in enumerate(counts, 1)][::-1]


@pytest.mark.parametrize(
    ("counts", "unusual"),
    [
        ((1000, 900, 1100, 950, 1050, 1020), False),
        ((1000, 900, 1100, 950, 1050, 0), True),
        ((1000, 900, 1100, 950, 1050, 90_000), True),
        ((1000, 900, 1100, 950, 1050, 400), False),
        ((1000, 900, 1100, 950, 0), False),
        ((0, 1, 0, 2, 1, 0), False),
        ((10, 100, 20_000, 3_000, 70, 900, 5), False),
        ((1000, 900, 1100, 950, 1050, 0, 0), True),
        ((1000, 900, 1100, 950, 1050, 0, 1000), False),
        ((1000, 900, 1100, 950, 1050, 0, 0, 0, 0, 0), False),
        ((1000, 900, 1100, 950, 1050, 0, 0, 0, 0, 0, 0), False),
        ((1000, None, 900, 1100, None, 950, 1050, None, 0), True),
        ((1000, 900, 1100, 950, 1050, -5), True),
    ],
)
def test_counts_are_held_against_what_was_usual(counts: tuple[int | None, ...], unusual: bool) -> None:
    assert trend_of(counted(*counts)).unusual is unusual


def test_an_unusual_count_says_what_is_usual() -> None:
    found = verdict({}, counted(1000, 1000, 1000, 1000, 1000, 0), T0 + DAY)
    assert found.unusual == "run 6 had 0 records; usual are 333 to 3,002"
    assert found.state is State.UP


def test_the_watch_says_which_counts_are_well() -> None:
    runs = counted(1000, 1000, 1000, 1000, 1000, 0)
    assert verdict({"records": "any"}, runs, T0 + DAY).unusual == ""
    assert verdict({"records": "some"}, runs, T0 + DAY).unusual == "run 6 had no records"
    assert verdict({"records": "some"}, counted(5), T0 + DAY).unusual == ""


def test_a_trend_has_durations_counts_and_errors_in_their_order() -> None:
    runs = [
        run(1, T0, T0 + 5 * SECOND, records=7),
        run(2, T0 + HOUR, T0 + HOUR + SECOND, "error", 3),
        run(3, T0 + 2 * HOUR, INFINITY, records=8),
        run(4, T0 + 3 * HOUR, None, "in_progress"),
    ]
    trend = trend_of(runs[::-1])
    assert (trend.runs, trend.errors, trend.durations, trend.records) == (3, 1, (5.0,), (7, 8))
    assert trend.error_rate == pytest.approx(1 / 3)
    assert trend_of([]).error_rate is None


@pytest.mark.parametrize(
    ("data", "code"),
    [
        ({"every": "1d", "cron": "0 6 * * *"}, "watch_invalid"),
        ({"every": "soon"}, "watch_invalid"),
        ({"every": 0}, "watch_invalid"),
        ({"every": -5}, "watch_invalid"),
        ({"every": "100000000d"}, "watch_invalid"),
        ({"every": float("nan")}, "watch_invalid"),
        ({"every": True}, "watch_invalid"),
        ({"every": [1]}, "watch_invalid"),
        ({"grace": "1h"}, "watch_invalid"),
        ({"timezone": "Europe/Berlin"}, "watch_invalid"),
        ({"cron": 5}, "watch_invalid"),
        ({"cron": "0 6 * *"}, "cron_invalid"),
        ({"cron": "0 6 * * *", "timezone": "Berlin"}, "timezone_unknown"),
        ({"records": "most"}, "watch_invalid"),
        ({"overlap": 7}, "watch_invalid"),
        ({"close_stale": "yes"}, "watch_invalid"),
        ({"evry": "1d"}, "watch_invalid"),
    ],
)
def test_what_is_no_watch_is_refused_and_says_why(data: dict[str, Any], code: str) -> None:
    with pytest.raises(UsageError) as caught:
        read_watch(data)
    assert caught.value.code == code
    assert caught.value.hint


def test_keys_without_a_value_are_as_if_they_were_not_there() -> None:
    assert read_watch({"every": "1d", "cron": None, "grace": None}) == Watch(every=86_400.0)
