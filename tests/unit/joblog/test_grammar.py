"""What stands in an address, and where it is refused. Places count characters from 1."""

from __future__ import annotations

import pytest

from headgate.joblog.address import MOST_CONDITIONS, read_address
from headgate.joblog.filters import MOST_DEPTH, Raw, RawLogic, read_filter, read_logic
from headgate.joblog.refusal import Refusal
from headgate.joblog.selects import RawField, RawOrder, read_names, read_order, read_select
from headgate.joblog.tree import Aggregate, Joint, Quantifier


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("eq.5", Raw("c", "eq", "5")),
        ("eq.", Raw("c", "eq", "")),
        ("eq.a.b,c(d)", Raw("c", "eq", "a.b,c(d)")),
        ("not.lt.11", Raw("c", "lt", "11", negated=True)),
        ("in.(1,2)", Raw("c", "in", texts=("1", "2"))),
        ("in.()", Raw("c", "in")),
        ('in.("")', Raw("c", "in", texts=("",))),
        ('in.("a,b",c)', Raw("c", "in", texts=("a,b", "c"))),
        (r'in.("a\"b\\c","d")', Raw("c", "in", texts=('a"b\\c', "d"))),
        ('in.("a"b,c)', Raw("c", "in", texts=('"a"b', "c"))),
        ("not.in.(a)", Raw("c", "in", texts=("a",), negated=True)),
        ("is.null", Raw("c", "is", "null")),
        ("is.NOT_NULL", Raw("c", "is", "not_null")),
        ("not.is.null", Raw("c", "is", "null", negated=True)),
        ("isdistinct.x", Raw("c", "isdistinct", "x")),
        ("like(any).{a*,b*}", Raw("c", "like", "{a*,b*}", (), Quantifier.ANY)),
        ("not.eq(all).{1}", Raw("c", "eq", "{1}", (), Quantifier.ALL, negated=True)),
        ("fts(english).word", Raw("c", "fts", "word")),
        ("cs.{a}", Raw("c", "cs", "{a}")),
    ],
)
def test_a_filter_is_read(text: str, expected: Raw) -> None:
    assert read_filter("c", text) == expected


@pytest.mark.parametrize(
    ("text", "column", "details"),
    [
        ("5", 1, 'unexpected "5" expecting "not" or operator (eq, gt, ...)'),
        ("", 1, 'unexpected end of input expecting "not" or operator (eq, gt, ...)'),
        ("noop.1", 1, 'unexpected "n" expecting "not" or operator (eq, gt, ...)'),
        ("not.5", 5, 'unexpected "5" expecting operator (eq, gt, ...)'),
        ("eq(some).{1}", 4, 'unexpected "s" expecting "any" or "all"'),
        ("eq(any)", 8, "unexpected end of input expecting delimiter (.)"),
        ("neq(any).{1}", 4, 'unexpected "(" expecting operator (eq, gt, ...) with its delimiter (.)'),
        ("in.1,2", 4, 'unexpected "1" expecting "("'),
        ("in.(1", 6, 'unexpected end of input expecting "," or ")"'),
        ("is.nil", 4, 'unexpected "n" expecting isVal: (null, not_null, true, false, unknown)'),
    ],
)
def test_a_filter_that_is_none_is_told_with_its_place(text: str, column: int, details: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_filter("c", text)
    assert (caught.value.status, caught.value.code) == (400, "PGRST100")
    assert caught.value.message == f'"failed to parse filter ({text})" (line 1, column {column})'
    assert caught.value.details == details


def test_logic_nests_and_negates() -> None:
    text = '(name.eq."a, (b)", not.and( id.in.(1,2) ,end_date.is.null ),or.eq.1)'
    assert read_logic(Joint.OR, True, text) == RawLogic(
        Joint.OR,
        (
            Raw("name", "eq", "a, (b)"),
            RawLogic(
                Joint.AND, (Raw("id", "in", texts=("1", "2")), Raw("end_date", "is", "null")), negated=True
            ),
            Raw("or", "eq", "1"),
        ),
        negated=True,
    )


@pytest.mark.parametrize(
    "text", ["", "()", "(id)", "(id.eq.1", "(id.eq.1,)", "(not.xor(id.eq.1))", "(id.is.nullx)"]
)
def test_broken_logic_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_logic(Joint.OR, False, text)
    assert caught.value.code == "PGRST100"


def test_what_follows_logic_is_not_read_and_a_word_without_parentheses_begins_a_name() -> None:
    assert read_logic(Joint.OR, False, "(id.eq.1))") == RawLogic(Joint.OR, (Raw("id", "eq", "1"),))
    assert read_logic(Joint.OR, False, "id.eq.1") == Raw("orid", "eq", "1")


def test_logic_that_is_too_deep_is_refused_before_it_is_read() -> None:
    deep = "(" + "and(" * MOST_DEPTH + "id.eq.1" + ")" * MOST_DEPTH + ")"
    with pytest.raises(Refusal) as caught:
        read_logic(Joint.OR, False, deep)
    assert (caught.value.status, caught.value.code) == (400, "54001")
    fits = "(" + "and(" * (MOST_DEPTH - 1) + "id.eq.1" + ")" * (MOST_DEPTH - 1) + ")"
    read_logic(Joint.OR, False, fits)


def test_a_selection_is_read() -> None:
    assert read_select("*, day:start_date::date ,records_processed.sum()::text,count(),n:count()") == (
        RawField("*"),
        RawField("start_date", "day", "date"),
        RawField("records_processed", None, None, Aggregate.SUM, "text"),
        RawField("", None, None, Aggregate.COUNT),
        RawField("", "n", None, Aggregate.COUNT),
    )
    assert read_select("") == ()
    assert read_select(",id") == read_select("*x") == ()
    assert read_select("id),x") == (RawField("id"),)
    assert read_select("a->b->>c::text,a->0") == (
        RawField("a", cast="text", path="->b->>c"),
        RawField("a", path="->0"),
    )
    assert read_select('"a b"') == (RawField("a b"),)
    assert read_select("other(id,more(x)),...spread(y)") == (
        RawField("other", relation=True),
        RawField("spread", relation=True),
    )


@pytest.mark.parametrize("text", ["id,", "id::", "id.sum", "id.sum(", "a b(", "id;drop", "count(id)", "id!x"])
def test_a_broken_selection_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_select(text)
    assert caught.value.code == "PGRST100"


def test_an_order_is_read() -> None:
    assert read_order("a, b.desc,c.nullsfirst, e ,d.desc.nullslast") == (
        RawOrder("a"),
        RawOrder("b", True),
        RawOrder("c", nulls_first=True),
        RawOrder("e"),
        RawOrder("d", True, False),
    )


@pytest.mark.parametrize(
    "text", ["", "a,", "a.up", "a.desc.asc", "a.nullsfirst.desc", "a.descc", "a.desc ,b"]
)
def test_a_broken_order_is_refused(text: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_order(text)
    assert caught.value.code == "PGRST100"


def test_names_are_read_once_each() -> None:
    assert read_names("columns parameter", 'a , "b c",a') == ("a", "b c")
    with pytest.raises(Refusal):
        read_names("columns parameter", "")


def test_an_address_is_taken_apart() -> None:
    found = read_address(
        b"id=gt.1&or=(a.eq.1)&select=id&order=id.desc&limit=5&offset=2&id=lt.9&not.and=(b.eq.2)&flag"
    )
    assert [type(one) for one in found.conditions] == [Raw, RawLogic, Raw, RawLogic]
    assert (found.limit, found.offset, found.columns, found.on_conflict) == ("5", "2", None, None)
    assert found.canonical.startswith("flag=&id=gt.1,lt.9&limit=5&not.and=")


@pytest.mark.parametrize(
    ("query", "code"),
    [
        (b"id=eq.%ff", "22021"),
        (b"%22=eq.1", "PGRST100"),
        (b"&".join([b"id=eq.1"] * (MOST_CONDITIONS + 1)), "54001"),
    ],
)
def test_an_address_that_cannot_be_answered_is_refused(query: bytes, code: str) -> None:
    with pytest.raises(Refusal) as caught:
        read_address(query)
    assert (caught.value.status, caught.value.code) == (400, code)


def test_another_table_is_told_once_all_is_read() -> None:
    for query in (b"other.id=eq.1", b"other.order=id", b"other.or=(id.eq.1)", b"other.limit=1"):
        assert read_address(query).embedded == "other"
    with pytest.raises(Refusal):
        read_address(b"other.id=eq.1&id=nope.1")
