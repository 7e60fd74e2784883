"""The grammar of selectors: every rule, every error with its place, and laws over generated expressions."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from headgate.errors import UsageError
from headgate.selector import And, Block, Condition, Expression, Lineage, Not, Or, format_selector, parse
from headgate.selector.attributes import ATTRIBUTES
from headgate.selector.pattern import compile_glob, is_glob


def name(pattern: str) -> Block:
    return Block((Condition("name", pattern),))


A, B, C = name("A"), name("B"), name("C")


def valid(pattern: str) -> bool:
    try:
        compile_glob(pattern)
    except ValueError:
        return False
    return True


patterns = st.text(min_size=1, max_size=8).filter(valid) | st.sampled_from(
    [
        "AND",
        "or",
        "Not",
        "a b",
        'x"y',
        "it's",
        "a:b",
        "a,b",
        "||",
        "|x",
        "STG_*",
        "[!a-c]?",
        "ORDERS",
        "{",
        "+",
    ]
)
conditions = st.builds(Condition, st.sampled_from([a.name for a in ATTRIBUTES.values()]), patterns)
block_terms = st.lists(conditions, min_size=1, max_size=3).map(lambda found: Block(tuple(found)))
depths = st.none() | st.integers(0, 12)


def composed(inner: st.SearchStrategy[Expression]) -> st.SearchStrategy[Expression]:
    several = st.lists(inner, min_size=2, max_size=3).map(tuple)
    return (
        st.builds(Lineage, inner, depths, depths)
        | st.builds(Not, inner)
        | st.builds(And, several)
        | st.builds(Or, several)
    )


expressions: st.SearchStrategy[Expression] = st.recursive(block_terms, composed, max_leaves=12)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{ A }", A),
        ("{ * }", name("*")),
        ("{A}", A),
        ("{ name: A }", A),
        ("{name:A}", A),
        ("{ NAME :  A }", A),
        ('{ "A B" }', name("A B")),
        ("{ name: 'A B' }", name("A B")),
        ('{ name: "say ""x""" }', name('say "x"')),
        ('{ name: "AND" }', name("AND")),
        (
            "{ nodeid: STG.A nodetype: fact }",
            Block((Condition("nodeID", "STG.A"), Condition("nodeType", "fact"))),
        ),
        ("{ location: S, name: A }", Block((Condition("location", "S"), Condition("name", "A")))),
        ("{ location: S and name: A }", Block((Condition("location", "S"), Condition("name", "A")))),
        ("{ path: nodes/(a)/+b|c.sql }", Block((Condition("path", "nodes/(a)/+b|c.sql"),))),
        ("{A} OR {B} or {C}", Or((A, B, C))),
        ("{A}||{B}", Or((A, B))),
        ("{A} AND {B} aNd {C}", And((A, B, C))),
        ("{A} OR {B} AND {C}", Or((A, And((B, C))))),
        ("({A} OR {B}) AND {C}", And((Or((A, B)), C))),
        ("NOT {A} AND {B}", And((Not(A), B))),
        ("not not {A}", Not(Not(A))),
        ("NOT ({A} OR {B})", Not(Or((A, B)))),
        ("(({A}))", A),
        ("+{A}", Lineage(A, None, 0)),
        ("{A}+", Lineage(A, 0, None)),
        ("{ A }+ ", Lineage(A, 0, None)),
        ("2+{A}", Lineage(A, 2, 0)),
        ("{A}+1", Lineage(A, 0, 1)),
        ("2+{A}+1", Lineage(A, 2, 1)),
        ("+{A}+", Lineage(A, None, None)),
        ("+({A} OR {B})+3", Lineage(Or((A, B)), None, 3)),
        ("NOT +{A}", Not(Lineage(A, None, 0))),
        ("{A}+OR+{B}", Or((Lineage(A, 0, None), Lineage(B, None, 0)))),
        ("{A}+1OR{B}", Or((Lineage(A, 0, 1), B))),
        ("{A}\n  OR {B}\n", Or((A, B))),
    ],
)
def test_text_means(text: str, expected: Expression) -> None:
    assert parse(text) == expected
    assert parse(format_selector(expected)) == expected


@pytest.mark.parametrize(
    ("text", "column", "message", "hint"),
    [
        ("", 1, "the selector is empty", "{ * }"),
        ("  \n ", 1, "the selector is empty", "{ * }"),
        ("{ }", 1, "the block is empty", "{ * }"),
        ("{A} OR ()", 8, "the parentheses are empty", ""),
        ("{A}{B}", 4, "an operator is missing before this", "OR, AND"),
        ("{A} {B}", 5, "an operator is missing before this", "OR, AND"),
        ("{A} + {B}", 7, "an operator is missing before this", "OR, AND"),
        ("{A} NOT {B}", 5, "an operator is missing before this", "AND NOT"),
        ("{A} (", 5, "an operator is missing before this", "OR, AND"),
        ("{A} BUT {B}", 5, "BUT is no operator", "OR, AND"),
        ("{A} | {B}", 5, "| is no operator", "OR, AND"),
        ("{A} OR", 7, "the selector ends where a block is expected", ""),
        ("OR {A}", 1, "OR stands where a block is expected", ""),
        ("{A} AND OR {B}", 9, "OR stands where a block is expected", ""),
        ("NOT", 4, "the selector ends where a block is expected", ""),
        ("A", 1, "A stands outside braces", "{ NAME }"),
        ("{A} OR 'B'", 8, "B stands outside braces", "{ NAME }"),
        ("{ nme: A }", 3, "unknown attribute nme", "did you mean name?"),
        ("{ colour: A }", 3, "unknown attribute colour", ""),
        ("{ xyzzy: A }", 3, "unknown attribute xyzzy", "attributes are name, nodeID, location"),
        ("{A", 1, "`{` is never closed", ""),
        ("{", 1, "`{` is never closed", ""),
        ("{ name: A", 1, "`{` is never closed", ""),
        ("{ name: A {B} }", 1, "`{` is never closed", ""),
        ("{A}}", 4, "`}` closes nothing", ""),
        ("}", 1, "`}` closes nothing", ""),
        ("{A})", 4, "`)` closes nothing", ""),
        (")", 1, "`)` closes nothing", ""),
        ("({A}", 1, "`(` is never closed", ""),
        ("({A}}", 5, "`}` closes nothing", ""),
        ("{ name: }", 9, "name has no value", ""),
        ("{ location: name: A }", 13, "location has no value", ""),
        ("{ name: 'A }", 9, "the quote ' is never closed", ""),
        ("{ name: '' }", 9, "name has an empty value", ""),
        ("{ name: NET SALES }", 13, "SALES has no attribute before it", "in quotes"),
        ("{ A B }", 3, "A has no attribute before it", "in quotes"),
        ("{ tag: a:b }", 9, "`:` after a value", "in quotes"),
        ("{ name: A OR name: B }", 11, "OR cannot stand inside a block", "{ … } OR { … }"),
        ("{ name: A || name: B }", 11, "|| cannot stand inside a block", "{ … } OR { … }"),
        ("{ NOT name: A }", 3, "NOT cannot stand inside a block", "{ … } AND NOT { … }"),
        ("{ name: and }", 9, "and is a keyword", "quotes"),
        ("{ name: A, }", 12, "the block ends where an attribute is expected", ""),
        ("{ name: A AND }", 15, "the block ends where an attribute is expected", ""),
        ("{ , name: A }", 3, ", stands where an attribute is expected", ""),
        ("{ name: A,, tag: B }", 11, ", stands where an attribute is expected", ""),
        ("{ name: [ab }", 9, "in [ab, `[` is never closed", ""),
        ("{ name: [z-a] }", 9, "in [z-a], the range z-a is empty", ""),
        ("2{A}", 2, "+ is expected after 2", "2+{ name: X }"),
        ("{A}2", 4, "an operator is missing before this", "OR, AND"),
        ("++{A}", 2, "+ stands where a block is expected", ""),
        ("{A}++", 5, "only one + belongs on each side of a term", ""),
        ("{A}+1+{B}", 6, "only one + belongs on each side of a term", ""),
        ("1234567890+{A}", 1, "the depth is too large", ""),
        ("(" * 51 + "{A}" + ")" * 51, 51, "nested more than 50 deep", ""),
        ("NOT " * 51 + "{A}", 201, "nested more than 50 deep", ""),
    ],
)
def test_syntax_error_says_what_and_where(text: str, column: int, message: str, hint: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse(text, subject="include selector")
    assert caught.value.code == "selector_syntax"
    assert caught.value.message.startswith(f"include selector, column {column}: {message}")
    assert hint in caught.value.hint
    lines = caught.value.hint.splitlines()
    assert lines[-1] == " " * (lines[-1].index("^")) + "^"


def test_caret_stands_under_the_place_in_its_line() -> None:
    with pytest.raises(UsageError) as caught:
        parse("{ A } OR\n\t{ nme: B }")
    assert caught.value.message == "selector, line 2, column 4: unknown attribute nme"
    assert caught.value.hint == "did you mean name?\n   { nme: B }\n     ^"


def test_caret_of_a_long_selector_shows_only_its_surroundings() -> None:
    text = " OR ".join(["{ location: STG name: CUSTOMER }"] * 30)
    with pytest.raises(UsageError) as caught:
        parse(text + " { A } OR " + text)
    shown, caret = caught.value.hint.splitlines()[-2:]
    assert len(shown) < 80
    assert shown[caret.index("^") :].startswith("{ A }")


def test_seed_selector_is_read_word_for_word() -> None:
    parsed = parse("{ location: SAMPLE name: CUSTOMER } OR { location: QA name: STG_PARTSUPP }")
    assert parsed == Or(
        (
            Block((Condition("location", "SAMPLE"), Condition("name", "CUSTOMER"))),
            Block((Condition("location", "QA"), Condition("name", "STG_PARTSUPP"))),
        )
    )


def test_block_knows_its_place_in_the_text() -> None:
    parsed = parse("{ A } OR { B }")
    assert isinstance(parsed, Or)
    assert [(b.start, b.end) for b in parsed.operands if isinstance(b, Block)] == [(0, 5), (9, 14)]


def test_a_thousand_terms_need_no_recursion() -> None:
    parsed = parse(" OR ".join(["{ A }"] * 1000))
    assert isinstance(parsed, Or)
    assert len(parsed.operands) == 1000


@given(expressions)
def test_printed_expression_parses_to_itself(expression: Expression) -> None:
    assert parse(format_selector(expression)) == expression


@given(
    st.text(max_size=40)
    | st.lists(
        st.sampled_from(
            [
                "{",
                "}",
                "(",
                ")",
                "+",
                "2",
                ":",
                ",",
                "||",
                "|",
                "OR",
                "and",
                "NOT",
                "A",
                "'",
                '"',
                "[",
                " ",
                "name:",
            ]
        ),
        max_size=15,
    ).map("".join)
)
def test_any_text_parses_or_raises_a_syntax_error(text: str) -> None:
    outcome: Expression | UsageError
    try:
        outcome = parse(text)
    except UsageError as error:
        outcome = error
    if isinstance(outcome, UsageError):
        assert outcome.code == "selector_syntax"
        assert outcome.hint.endswith("^")
    else:
        assert parse(format_selector(outcome)) == outcome


@pytest.mark.parametrize(
    ("pattern", "matching", "others"),
    [
        ("*", ["", "a", "a\nb"], []),
        ("stg_*", ["stg_", "stg_orders"], ["xstg_a", "stg"]),
        ("*_wide", ["fct_wide", "_wide"], ["fct_wider"]),
        ("a*b*c", ["abc", "axxbyyc", "abcbc"], ["acb", "ab"]),
        ("a?c", ["abc", "a.c"], ["ac", "abbc"]),
        ("x[0-9a]", ["x1", "xa"], ["xb", "x"]),
        ("x[!0-9]", ["xa"], ["x1", "x"]),
        ("x[^0-9]", ["xa"], ["x1"]),
        ("[]]", ["]"], ["[", ""]),
        ("[*]?", ["*a"], ["ab"]),
        ("[[]", ["["], []),
        ("[a-]", ["a", "-"], ["b"]),
        ("a.b", ["a.b"], ["axb"]),
        ("STG_*", ["stg_a"], []),
        ("**", ["", "x"], []),
    ],
)
def test_glob_stands_for(pattern: str, matching: list[str], others: list[str]) -> None:
    compiled = compile_glob(pattern)
    assert [value for value in matching if not compiled.fullmatch(value)] == []
    assert [value for value in others if compiled.fullmatch(value)] == []


def walk(pattern: str, value: str) -> bool:
    """What stars and question marks mean, by the definition."""
    if not pattern:
        return not value
    if pattern[0] == "*":
        return any(walk(pattern[1:], value[i:]) for i in range(len(value) + 1))
    return bool(value) and pattern[0] in ("?", value[0]) and walk(pattern[1:], value[1:])


@given(st.text("ab*?", max_size=7), st.text("ab", max_size=8))
def test_glob_agrees_with_its_definition(pattern: str, value: str) -> None:
    assert bool(compile_glob(pattern).fullmatch(value)) == walk(pattern, value)
    assert is_glob(pattern) == ("*" in pattern or "?" in pattern)


def test_hostile_glob_takes_no_exponential_time() -> None:
    # With ordinary backtracking this takes longer than the test run; the assertion is that it ends.
    assert not compile_glob("*a" * 60 + "b").fullmatch("a" * 5_000)
