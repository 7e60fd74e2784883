"""Raw conditions, fields and orders -> the tree, with every column known and every value read."""

from __future__ import annotations

import re
from typing import Any

from headgate.joblog import refusal
from headgate.joblog.filters import OTHER_OPERATORS, SEARCHES, Raw, RawLogic
from headgate.joblog.literals import Reading, find_cast, read_array, read_value
from headgate.joblog.refusal import Refusal
from headgate.joblog.selects import RawField, RawOrder
from headgate.joblog.table import COLUMNS, Column, Kind
from headgate.joblog.tree import (
    NUMBERS,
    Aggregate,
    Cast,
    Compare,
    Comparison,
    Condition,
    Constant,
    Field,
    IsNull,
    Logic,
    OneOf,
    Order,
    Quantified,
    Quantifier,
    Value,
)

PATTERNS = {Compare.LIKE: "~~", Compare.ILIKE: "~~*", Compare.MATCH: "~", Compare.IMATCH: "~*"}
"""Comparisons of texts alone, and what PostgreSQL calls them."""

MOST_PATTERN = 5_000
MOST_FIELDS = 500
"""Of one selection, and of one order."""

_TEXTS = frozenset({Cast.TEXT, Cast.CHARACTER})
_ARITHMETIC = frozenset({Aggregate.SUM, Aggregate.AVG})
_CASTS_OF = {
    Kind.INTEGER: {*_TEXTS, *NUMBERS, Cast.BOOLEAN},
    Kind.TEXT: set(Cast),
    Kind.INSTANT: {*_TEXTS, Cast.DATE, Cast.TIME, Cast.TIMESTAMP, Cast.INSTANT},
}


_PATH_KEY = re.compile(r'->>?("(?:\\\\.|[^"])*"|[^>]*?)(?=->|$)')
_INDEX = re.compile("-?[0-9]+")


def find_column(table: str, name: str) -> Column:
    """Raises Refusal 42703."""
    column = COLUMNS.get(name)
    if column is None:
        raise refusal.unknown_column(table, name)
    return column


def find_path(table: str, field: str) -> tuple[Column, str | None]:
    """The column of a field, and the last key of a path into it; None without a path. A path finds nothing: each
    column is a value of its own, as PostgREST's `to_jsonb(column)->'key'` has it.

    Raises Refusal 42703, or 0A000 for a place in a list, which a value of its own would be.
    """
    bare, arrow, rest = field.partition("->")
    column = find_column(table, bare)
    if not arrow:
        return column, None
    key = bare
    for part in _PATH_KEY.findall(arrow + rest):
        if _INDEX.fullmatch(part):
            raise Refusal(400, "0A000", f"{field}: no column is a list", hint=f"the value itself is {bare}")
        key = part.strip('"').strip()
    return column, key


def condition(table: str, raw: Raw | RawLogic, reading: Reading) -> Condition:
    """Raises Refusal where the table has no such column, its type no such operator, or its value cannot be read."""
    if isinstance(raw, RawLogic):
        terms = tuple(condition(table, term, reading) for term in raw.terms)
        return Logic(raw.joint, terms, raw.negated)
    column, key = find_path(table, raw.field)
    if key is not None:
        return _of_nothing(column, raw)
    if raw.operator == "in":
        values = (read_value(column.kind, text, reading) for text in raw.texts)
        return OneOf(column.name, tuple(dict.fromkeys(values)), raw.negated)
    if raw.operator == "is":
        return _is(column, raw)
    if raw.operator in SEARCHES:
        raise Refusal(
            400,
            "0A000",
            f"{raw.operator}: the job log has no full-text search",
            hint="ilike, imatch and in find texts",
        )
    if raw.operator in OTHER_OPERATORS:
        raise _not_comparable(column.kind, raw.operator)
    return _comparison(column, raw, reading)


def _not_comparable(kind: Kind, word: str) -> Refusal:
    """As PostgreSQL refuses operators of arrays, of ranges, or of bits."""
    operator = OTHER_OPERATORS[word]
    if word == "cd":
        return Refusal(400, "42725", f"operator is not unique: {kind.value} {operator} unknown")
    if word in ("sl", "sr") and kind is Kind.INTEGER:
        return Refusal(400, "42804", "argument of WHERE must be type boolean, not type integer")
    return refusal.no_operator(kind.value, operator)


def _is(column: Column, raw: Raw) -> IsNull:
    if raw.text not in ("null", "not_null"):
        kind = column.kind.value
        word = raw.text.upper()
        raise Refusal(400, "42804", f"argument of IS {word} must be type boolean, not type {kind}")
    return IsNull(column.name, raw.negated is not (raw.text == "not_null"))


def _of_nothing(column: Column, raw: Raw) -> Condition:
    """A condition on NULL."""
    if raw.operator == "is":
        is_null = _is(column, raw)
        return Constant(not is_null.negated)
    if raw.operator == Compare.DISTINCT:
        return Constant(True, raw.negated)
    if raw.quantifier is not None and not read_array(raw.text):
        return Constant(raw.quantifier is Quantifier.ALL, raw.negated)
    return Constant(None, raw.negated)


def _comparison(column: Column, raw: Raw, reading: Reading) -> Condition:
    compare = Compare(raw.operator)
    if compare in PATTERNS and column.kind is not Kind.TEXT:
        raise refusal.no_operator(column.kind.value, PATTERNS[compare])
    text = raw.text
    if compare in (Compare.LIKE, Compare.ILIKE):
        text = text.replace("*", "%")
    if raw.quantifier is None:
        value = _read(column, compare, text, reading)
        return Comparison(column.name, compare, value, raw.negated)
    values = tuple(None if one is None else _read(column, compare, one, reading) for one in read_array(text))
    return Quantified(column.name, compare, raw.quantifier, values, raw.negated)


def _read(column: Column, compare: Compare, text: str, reading: Reading) -> Value:
    value = read_value(column.kind, text, reading)
    if compare not in PATTERNS:
        return value
    if len(text) > MOST_PATTERN:
        raise refusal.too_complex(f"a pattern has more than {MOST_PATTERN:,} characters")
    if compare in (Compare.LIKE, Compare.ILIKE):
        if (len(text) - len(text.rstrip("\\"))) % 2:
            raise Refusal(400, "22025", "LIKE pattern must not end with escape character")
    else:
        compiled_pattern(text, fold=compare is Compare.IMATCH)
    return value


def compiled_pattern(text: str, *, fold: bool) -> Any:
    """A regular expression that takes time in proportion to the text it searches, whatever it is. It has no
    references back and looks neither ahead nor behind. Raises Refusal 2201B."""
    import re2

    options = re2.Options()
    options.log_errors = False
    options.dot_nl = True
    options.case_sensitive = not fold
    options.max_mem = 1 << 20
    try:
        return re2.compile(text.replace(r"\y", r"\b"), options)
    except re2.error as error:
        reason = error.args[0].decode() if isinstance(error.args[0], bytes) else str(error.args[0])
        raise Refusal(400, "2201B", f"invalid regular expression: {reason}") from None


def fields(table: str, raw: tuple[RawField, ...], *, aggregates: bool) -> tuple[Field, ...]:
    """What is selected. `count` alone counts rows also where aggregates are not allowed, as in PostgREST.

    Raises Refusal 42703, 42704, 42803, 42846, 42883, PGRST123 or PGRST200.
    """
    check_fields(table, raw, aggregates=aggregates)
    found: list[Field] = []
    if any(one.name == "count" and one.aggregate is None for one in raw):
        return (_bare_count(raw),)
    for one in raw:
        if one.name == "*":
            found.extend(Field(name, name) for name in COLUMNS)
        else:
            found.append(_field(table, one))
    if len(found) > MOST_FIELDS:
        raise refusal.too_complex(f"more than {MOST_FIELDS} fields are selected")
    return tuple(found)


def check_fields(table: str, raw: tuple[RawField, ...], *, aggregates: bool) -> None:
    """What is asked of a selection even where its rows are no part of the answer. Raises Refusal PGRST123 or
    PGRST200."""
    for one in raw:
        if one.relation:
            raise refusal.no_relationship(table, one.name)
    if not aggregates and any(one.aggregate is not None for one in raw):
        raise Refusal(400, "PGRST123", "Use of aggregate functions is not allowed")


def _bare_count(raw: tuple[RawField, ...]) -> Field:
    if len(raw) > 1:
        other = next((one.name for one in raw if one.name != "count"), "count")
        raise Refusal(
            400,
            "42803",
            f'column "jobs.{other}" must appear in the GROUP BY clause or be used in an aggregate function',
            hint="count() counts beside other columns, where aggregates are allowed",
        )
    (one,) = raw
    return Field(None, one.alias or "count", None, Aggregate.COUNT, _cast_of_count(one))


def _field(table: str, raw: RawField) -> Field:
    outer = None if raw.outer_cast is None else find_cast(raw.outer_cast)
    if not raw.name:
        return Field(None, raw.alias or "count", None, Aggregate.COUNT, outer or _cast_of_count(raw))
    column, key = find_path(table, raw.name + raw.path)
    if key is not None:
        if raw.aggregate is not None:
            raise Refusal(400, "0A000", f"{raw.name}{raw.path} is not aggregated: no column is a document")
        return Field(column.name, raw.alias or key, empty=True)
    cast = None if raw.cast is None else find_cast(raw.cast)
    if cast is not None and cast not in _CASTS_OF[column.kind]:
        raise Refusal(400, "42846", f"cannot cast type {column.kind} to {cast}")
    if raw.aggregate in _ARITHMETIC and column.kind is not Kind.INTEGER and cast not in NUMBERS:
        raise Refusal(404, "42883", f"function {raw.aggregate}({column.kind}) does not exist")
    usual = column.name if raw.aggregate is None else raw.aggregate.value
    return Field(column.name, raw.alias or usual, cast, raw.aggregate, outer)


def _cast_of_count(raw: RawField) -> Cast | None:
    return None if raw.cast is None else find_cast(raw.cast)


def orders(table: str, raw: tuple[RawOrder, ...]) -> tuple[Order, ...]:
    """Raises Refusal 42703 or PGRST108."""
    if len(raw) > MOST_FIELDS:
        raise refusal.too_complex(f"an order has more than {MOST_FIELDS} fields")
    found = []
    for one in raw:
        if one.relation:
            raise refusal.not_embedded(one.name)
        column, key = find_path(table, one.name + one.path)
        if key is not None:
            continue  # NULL in every row
        first = one.descending if one.nulls_first is None else one.nulls_first
        found.append(Order(column.name, one.descending, first))
    return tuple(found)
