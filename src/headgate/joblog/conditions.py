"""Raw conditions, fields and orders -> the tree, with every column known and every value read."""

from __future__ import annotations

from typing import Any

from headgate.joblog import refusal
from headgate.joblog.filters import OTHER_OPERATORS, SEARCHES, Raw, RawLogic
from headgate.joblog.literals import Reading, find_cast, read_array, read_value
from headgate.joblog.refusal import Refusal
from headgate.joblog.selects import RawField, RawOrder
from headgate.joblog.table import COLUMNS, Column, Kind
from headgate.joblog.tree import (
    Aggregate,
    Cast,
    Compare,
    Comparison,
    Condition,
    Field,
    IsNull,
    Logic,
    OneOf,
    Order,
    Quantified,
    Value,
)

PATTERNS = {Compare.LIKE: "~~", Compare.ILIKE: "~~*", Compare.MATCH: "~", Compare.IMATCH: "~*"}
"""Comparisons of texts alone, and what PostgreSQL calls them."""

MOST_PATTERN = 5_000
MOST_FIELDS = 500
"""Of one selection, and of one order."""

_ARITHMETIC = frozenset({Aggregate.SUM, Aggregate.AVG})
_CASTS_OF = {
    Kind.INTEGER: {Cast.TEXT, Cast.INTEGER, Cast.BIGINT, Cast.NUMERIC, Cast.FLOAT, Cast.BOOLEAN},
    Kind.TEXT: set(Cast),
    Kind.INSTANT: {Cast.TEXT, Cast.DATE, Cast.TIME, Cast.TIMESTAMP, Cast.INSTANT},
}


def find_column(table: str, name: str) -> Column:
    """Raises Refusal 42703, or 42883 for a path into a document, which no column holds."""
    bare, arrow, _ = name.partition("->")
    column = COLUMNS.get(bare)
    if column is None:
        raise refusal.unknown_column(table, bare)
    if arrow:
        raise refusal.no_operator(column.kind.value, "->")
    return column


def condition(table: str, raw: Raw | RawLogic, reading: Reading) -> Condition:
    """Raises Refusal where the table has no such column, its type no such operator, or its value cannot be read."""
    if isinstance(raw, RawLogic):
        terms = tuple(condition(table, term, reading) for term in raw.terms)
        return Logic(raw.joint, terms, raw.negated)
    column = find_column(table, raw.field)
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
        raise refusal.no_operator(column.kind.value, OTHER_OPERATORS[raw.operator])
    return _comparison(column, raw, reading)


def _is(column: Column, raw: Raw) -> IsNull:
    if raw.text not in ("null", "not_null"):
        kind = column.kind.value
        word = raw.text.upper()
        raise Refusal(400, "42804", f"argument of IS {word} must be type boolean, not type {kind}")
    return IsNull(column.name, raw.negated is not (raw.text == "not_null"))


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
    """What is selected. Raises Refusal 42703, 42704, 42846, 42883, PGRST123 or PGRST200."""
    found: list[Field] = []
    for one in raw:
        if one.relation:
            raise refusal.no_relationship(table, one.name)
        if one.name == "*":
            found.extend(Field(name, name) for name in COLUMNS)
        else:
            found.append(_field(table, one, aggregates=aggregates))
    if len(found) > MOST_FIELDS:
        raise refusal.too_complex(f"more than {MOST_FIELDS} fields are selected")
    return tuple(found)


def _field(table: str, raw: RawField, *, aggregates: bool) -> Field:
    if raw.aggregate is not None and not aggregates:
        raise Refusal(400, "PGRST123", "Use of aggregate functions is not allowed")
    outer = None if raw.outer_cast is None else find_cast(raw.outer_cast)
    if not raw.name:
        return Field(None, raw.alias or "count", None, Aggregate.COUNT, outer or _cast_of_count(raw))
    column = find_column(table, raw.name + raw.path)
    cast = None if raw.cast is None else find_cast(raw.cast)
    if cast is not None and cast not in _CASTS_OF[column.kind]:
        raise Refusal(400, "42846", f"cannot cast type {column.kind} to {cast}")
    if raw.aggregate in _ARITHMETIC and column.kind is not Kind.INTEGER:
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
        column = find_column(table, one.name + one.path)
        first = one.descending if one.nulls_first is None else one.nulls_first
        found.append(Order(column.name, one.descending, first))
    return tuple(found)
