"""Values as PostgreSQL reads and writes them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.joblog import instants
from headgate.joblog.instants import INFINITY, MINUS_INFINITY, micros_of, read_instant, write_instant
from headgate.joblog.literals import Nested, Number, Reading, read_array, read_integer, read_json, read_value
from headgate.joblog.refusal import Refusal
from headgate.joblog.table import COLUMNS, Kind

NOW = micros_of(datetime(2018, 6, 20, 15, 30, 5, 123_456, tzinfo=UTC))
CHICAGO = ZoneInfo("America/Chicago")


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2018-06-16T05:00:00Z", "2018-06-16T05:00:00+00:00"),
        ("2018-06-16 05:00:00-05:00", "2018-06-16T10:00:00+00:00"),
        ("2018-06-16 05:00:00-05", "2018-06-16T10:00:00+00:00"),
        ("2018-06-16 05:00:00+0530", "2018-06-15T23:30:00+00:00"),
        ("2018-06-16t05:00:00.25z", "2018-06-16T05:00:00.25+00:00"),
        ("2018-06-16 05:00:00.1234567", "2018-06-16T05:00:00.123457+00:00"),
        ("2018-06-16 23:59:59.9999999", "2018-06-17T00:00:00+00:00"),
        ("2018-06-16 05:00", "2018-06-16T05:00:00+00:00"),
        ("2018-06-16", "2018-06-16T00:00:00+00:00"),
        ("20180616T050000Z", "2018-06-16T05:00:00+00:00"),
        ("2018-06-16 5:0:7", "2018-06-16T05:00:07+00:00"),
        ("6/16/2018 05:00", "2018-06-16T05:00:00+00:00"),
        ("2018.06.16", "2018-06-16T00:00:00+00:00"),
        ("16 June 2018 05:00 PST", "2018-06-16T13:00:00+00:00"),
        ("16-Jun-2018", "2018-06-16T00:00:00+00:00"),
        ("June 16, 2018", "2018-06-16T00:00:00+00:00"),
        ("2018-Jun-16 05:00", "2018-06-16T05:00:00+00:00"),
        ("Sat Jun 16 05:00:00.5 2018 UTC", "2018-06-16T05:00:00.5+00:00"),
        ("Sat, 16 Jun 2018 05:00:00 GMT", "2018-06-16T05:00:00+00:00"),
        ("2018/6/1 5:00 PM", "2018-06-01T17:00:00+00:00"),
        ("2018-06-16 12:00 AM", "2018-06-16T00:00:00+00:00"),
        ("2018-06-16 24:00:00", "2018-06-17T00:00:00+00:00"),
        ("2018-06-16 23:59:60", "2018-06-17T00:00:00+00:00"),
        ("2018-06-16 05:00:00 America/Chicago", "2018-06-16T10:00:00+00:00"),
        ("2018-01-16 05:00:00 america/chicago", "2018-01-16T11:00:00+00:00"),
        ("2018-06-16 05:00:00 EST", "2018-06-16T10:00:00+00:00"),
        (" epoch ", "1970-01-01T00:00:00+00:00"),
        ("now", "2018-06-20T15:30:05.123456+00:00"),
        ("today", "2018-06-20T00:00:00+00:00"),
        ("Yesterday", "2018-06-19T00:00:00+00:00"),
        ("tomorrow", "2018-06-21T00:00:00+00:00"),
        ("infinity", "infinity"),
        ("-infinity", "-infinity"),
        ("0001-01-01", "0001-01-01T00:00:00+00:00"),
    ],
)
def test_an_instant_is_read_and_written(text: str, written: str) -> None:
    assert write_instant(read_instant(text, UTC, NOW), UTC) == written


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("1529125200", "22008"),
        ("16/6/2018", "22008"),
        ("2018-06-16 05:00:00,5", "22007"),
        ("x", "22007"),
        ("", "22007"),
        ("2018-06-18T11:00:00 00:00", "22007"),
        ("2018-06-16 5", "22007"),
        ("2018-06-16 05:00:00 NOWHERE", "22007"),
        ("2018-13-01", "22008"),
        ("2018-02-30", "22008"),
        ("2018-06-16 25:00:00", "22008"),
        ("2018-06-16 13:00 PM", "22008"),
        ("99999-01-01", "22008"),
        ("2018-06-16 05:00:00+99", "22009"),
        ("2018-06-16 05:00:00 No/Where", "22023"),
    ],
)
def test_what_is_no_instant_is_refused_as_postgresql_does(text: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_instant(text, UTC, NOW)
    assert (caught.value.status, caught.value.code) == (400, code)


def test_a_zone_is_that_of_texts_without_one_and_of_answers() -> None:
    micros = read_instant("2018-06-16 05:00:00", CHICAGO, NOW)
    assert write_instant(micros, CHICAGO) == "2018-06-16T05:00:00-05:00"
    assert write_instant(micros, UTC, " ") == "2018-06-16 10:00:00+00"
    assert write_instant(micros, ZoneInfo("Asia/Kolkata"), " ") == "2018-06-16 15:30:00+05:30"


@given(st.integers(micros_of(datetime(1, 1, 2, tzinfo=UTC)), micros_of(datetime(9999, 12, 30, tzinfo=UTC))))
def test_what_is_written_is_read_again(micros: int) -> None:
    for zone in (UTC, CHICAGO):
        for between in ("T", " "):
            assert read_instant(write_instant(micros, zone, between), UTC, NOW) == micros


def test_infinities_are_beyond_everything() -> None:
    for text, number in (("infinity", INFINITY), ("-infinity", MINUS_INFINITY)):
        assert read_instant(text, UTC, NOW) == number
        assert -(2**63) < number < 2**63
    assert instants.zone_named("Jupiter/Red_Spot") is None


@pytest.mark.parametrize(
    ("text", "value"), [("5", 5), (" -7 ", -7), ("+0012", 12), ("2147483647", 2**31 - 1)]
)
def test_an_integer_is_read(text: str, value: int) -> None:
    assert read_integer(text) == value


@pytest.mark.parametrize(
    ("text", "code"),
    [
        ("", "22P02"),
        ("abc", "22P02"),
        ("1.5", "22P02"),
        ("٣", "22P02"),
        ("2147483648", "22003"),
        ("9" * 5000, "22003"),
    ],
)
def test_what_is_no_integer_is_refused(text: str, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_integer(text)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("text", "values"),
    [
        ("{}", ()),
        ("{3,4}", ("3", "4")),
        ('{"a b",NULL, c d }', ("a b", None, "c d")),
        (r'{"a\"b",c\,d}', ('a"b', "c,d")),
        ('{"NULL"}', ("NULL",)),
    ],
)
def test_an_array_is_read(text: str, values: tuple[str | None, ...]) -> None:
    assert read_array(text) == values


@pytest.mark.parametrize("text", ["", "3", "{a,,b}", "{a", '{"a}', "{{a}}", '{a"b}', "{,}", '{"a"b}'])
def test_a_malformed_array_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_array(text)
    assert caught.value.code == "22P02"


def test_values_of_a_body_are_read_by_their_column() -> None:
    reading = Reading(NOW)
    assert read_json(COLUMNS["records_processed"], Number("12"), reading) == 12
    assert read_json(COLUMNS["records_processed"], "12", reading) == 12
    assert read_json(COLUMNS["message"], Number("5"), reading) == "5"
    assert read_json(COLUMNS["message"], Nested('{"a":  [1, null]}'), reading) == '{"a":  [1, null]}'
    assert read_json(COLUMNS["message"], None, reading) is None
    wrong: list[Any] = [Number("1.5"), Number("1e2"), True, Nested("[]"), "x"]
    for given_value in wrong:
        with pytest.raises(Refusal):
            read_json(COLUMNS["records_processed"], given_value, reading)
    with pytest.raises(Refusal) as caught:
        read_value(Kind.TEXT, "a\0b", reading)
    assert caught.value.code == "22021"
