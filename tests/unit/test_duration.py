"""Durations as people write them, and as they are written back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.duration import duration_seconds, duration_text


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("30s", 30.0),
        ("1h30m", 5_400.0),
        ("1.5 h", 5_400.0),
        (" 90 ", 90.0),
        (0, 0.0),
        (2.5, 2.5),
        ("1d 2h", 93_600.0),
    ],
)
def test_a_duration_is_a_number_with_units_or_of_seconds(value: str | float, seconds: float) -> None:
    assert duration_seconds(value) == seconds


@pytest.mark.parametrize(
    "value", ["", "soon", "-1", "1x", "1e3", "\u00b2", "1\u00b2h", "h", True, -1, float("nan")]
)
def test_what_is_no_duration_is_none(value: str | float) -> None:
    assert duration_seconds(value) is None


def test_a_number_of_any_length_is_a_duration() -> None:
    most = duration_seconds(10**400)
    assert most is not None
    assert most > 1e100
    assert duration_seconds("9" * 400) == float("inf")


@given(st.floats(0, 1e9))
def test_a_duration_is_read_as_it_is_written(seconds: float) -> None:
    assert duration_seconds(duration_text(seconds)) == pytest.approx(seconds, abs=1e-6)


def test_what_rounds_to_a_minute_is_one() -> None:
    assert duration_text(3_599.9999999) == "1h"
