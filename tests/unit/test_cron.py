"""Cron expressions: what is read, and when they fire around a change of clocks."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headgate.cron import Cron
from headgate.errors import UsageError

BERLIN = "Europe/Berlin"


def firings(cron: Cron, after: str, count: int) -> list[str]:
    found = []
    instant = datetime.fromisoformat(after)
    for _ in range(count):
        following = cron.after(instant)
        assert following is not None
        assert following.tzinfo is UTC
        found.append(following.isoformat(timespec="minutes"))
        instant = following
    return found


def test_a_time_fires_after_the_instant_and_never_at_it() -> None:
    assert firings(Cron.parse("0 6 * * *"), "2026-01-01T06:00:00+00:00", 2) == [
        "2026-01-02T06:00+00:00",
        "2026-01-03T06:00+00:00",
    ]


def test_a_local_time_that_is_left_out_fires_once_after_the_gap() -> None:
    assert firings(Cron.parse("30 2 * * *", BERLIN), "2026-03-28T12:00:00+00:00", 2) == [
        "2026-03-29T01:00+00:00",
        "2026-03-30T00:30+00:00",
    ]


def test_a_local_time_that_comes_twice_fires_once() -> None:
    assert firings(Cron.parse("30 2 * * *", BERLIN), "2026-10-24T12:00:00+00:00", 2) == [
        "2026-10-25T00:30+00:00",
        "2026-10-26T01:30+00:00",
    ]


def test_every_half_hour_goes_on_through_both_hours() -> None:
    found = firings(Cron.parse("*/30 * * * *", BERLIN), "2026-10-25T00:00:00+00:00", 4)
    assert [text[11:16] for text in found] == ["00:30", "01:00", "01:30", "02:00"]


@pytest.mark.parametrize(
    ("expression", "first"),
    [
        ("@daily", "2026-01-01T00:00+00:00"),
        ("@Hourly", "2025-12-31T13:00+00:00"),
        ("@yearly", "2026-01-01T00:00+00:00"),
        ("0 0 L 1 *", "2026-01-31T00:00+00:00"),
        ("0 0 * * 5#2", "2026-01-09T00:00+00:00"),
        ("0 8 * * mon-fri", "2026-01-01T08:00+00:00"),
    ],
)
def test_words_and_marks_of_cron_are_known(expression: str, first: str) -> None:
    assert firings(Cron.parse(expression), "2025-12-31T12:30:00+00:00", 1) == [first]


@pytest.mark.parametrize(
    "expression",
    ["", "* * * *", "* * * * * *", "0 0 30 2 *", "61 * * * *", "@reboot", "a b c d e", "0 " * 500],
)
def test_what_is_no_expression_is_refused(expression: str) -> None:
    with pytest.raises(UsageError) as caught:
        Cron.parse(expression)
    assert caught.value.code == "cron_invalid"


@pytest.mark.parametrize(
    "zone", ["Europe/Berln", "", "../../etc/passwd", "a\0b", "x" * 5000, "/etc/localtime"]
)
def test_what_is_no_time_zone_is_refused(zone: str) -> None:
    with pytest.raises(UsageError) as caught:
        Cron.parse("0 6 * * *", zone)
    assert caught.value.code == "timezone_unknown"
