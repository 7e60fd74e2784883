"""What a person types -> values."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from headgate.errors import UsageError
from headgate.service.parameters import check_range, read_instant, read_parameters


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a=1", 1),
        ("a=1.5", 1.5),
        ("a=true", True),
        ("a=null", None),
        ("a=[1, 2]", [1, 2]),
        ('a={"b": 1}', {"b": 1}),
        ('a="1"', "1"),
        ("a=BUILDING", "BUILDING"),
        ("a=", ""),
        ("a=b=c", "b=c"),
        ("a=007", "007"),
        ("a=1.10", "1.10"),
        ("a=1e3", "1e3"),
        ("a=2026-01-01", "2026-01-01"),
        (" a =x", "x"),
        ('{"a": 3}', 3),
        (' {"a": "x"} ', "x"),
    ],
)
def test_value_is_json_where_it_reads_back_as_written_else_text(text: str, value: object) -> None:
    assert read_parameters([text]) == {"a": value}


def test_later_parameters_win() -> None:
    assert read_parameters(['{"a": 1, "b": 2}', "a=3"]) == {"a": 3, "b": 2}
    assert read_parameters([]) == {}


@pytest.mark.parametrize("text", ["a", "=1", "", '{"a": }', '{"a": 1} x'])
def test_parameters_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(UsageError) as refused:
        read_parameters([text])
    assert refused.value.code == "parameters_invalid"
    assert refused.value.hint


def test_instants_are_utc() -> None:
    assert read_instant(None, "--from") is None
    assert read_instant("2026-01-31", "--from") == datetime(2026, 1, 31, tzinfo=UTC)
    assert read_instant("2026-01-31T06:00:00+02:00", "--from") == datetime(2026, 1, 31, 4, tzinfo=UTC)
    assert read_instant("2026-01-31T06:00Z", "--from") == datetime(2026, 1, 31, 6, tzinfo=UTC)
    with pytest.raises(UsageError, match="--to is no date"):
        read_instant("31.1.2026", "--to")


def test_range_that_holds_nothing_is_refused() -> None:
    first, second = datetime(2026, 1, 1, tzinfo=UTC), datetime(2026, 1, 2, tzinfo=UTC)
    check_range(first, second)
    check_range(first, None)
    for end in (first, datetime(2025, 1, 1, tzinfo=UTC)):
        with pytest.raises(UsageError, match="not before"):
            check_range(first, end)
