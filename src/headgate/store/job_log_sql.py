"""A tree of the job log -> SQL text with named parameters. Values are never part of the text.

Texts compare by their code points everywhere. What the two databases spell differently is in `_Postgres` and
`_Sqlite`, and nowhere else.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from headgate.joblog.instants import DAY
from headgate.joblog.refusal import Refusal
from headgate.joblog.table import COLUMNS, LATEST, Kind
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
    Joint,
    Logic,
    OneOf,
    Order,
    Quantified,
    Quantifier,
    Value,
)
from headgate.store.matching import prefix

TABLE = "job_log"

_SIGNS = {
    Compare.EQUAL: "=",
    Compare.NOT_EQUAL: "<>",
    Compare.GREATER: ">",
    Compare.GREATER_EQUAL: ">=",
    Compare.LESS: "<",
    Compare.LESS_EQUAL: "<=",
}
_IN_ORDER = frozenset({Cast.DATE, Cast.TIMESTAMP, Cast.INSTANT})
NONE: frozenset[Cast] = frozenset()
_AGGREGATES = {
    Aggregate.SUM: "CAST(sum({0}) AS bigint)",
    Aggregate.AVG: "CAST(avg({0}) AS double precision)",
    Aggregate.MIN: "min({0})",
    Aggregate.MAX: "max({0})",
    Aggregate.COUNT: "count({0})",
}


class Spelling(Protocol):
    def pattern(self, compare: Compare, column: str, parameter: str) -> str: ...

    def is_in(self, kind: Kind, column: str, parameter: str) -> str: ...

    def in_list(self, values: Sequence[Value]) -> Any: ...

    def distinct(self, column: str, parameter: str) -> str: ...

    def order(self, term: Order) -> str: ...


class _Postgres:
    def pattern(self, compare: Compare, column: str, parameter: str) -> str:
        words = {
            Compare.LIKE: "LIKE",
            Compare.ILIKE: "ILIKE",
            Compare.MATCH: "~",
            Compare.IMATCH: "~*",
        }
        return f"{column} {words[compare]} {parameter}"

    def is_in(self, kind: Kind, column: str, parameter: str) -> str:
        return f"{column} = ANY({parameter}::{'text' if kind is Kind.TEXT else 'bigint'}[])"

    def in_list(self, values: Sequence[Value]) -> Any:
        return list(values)

    def distinct(self, column: str, parameter: str) -> str:
        return f"{column} IS DISTINCT FROM {parameter}"

    def order(self, term: Order) -> str:
        direction = "DESC" if term.descending else "ASC"
        if not COLUMNS[term.column].nullable:
            return f"{term.column} {direction}"
        return f"{term.column} {direction} NULLS {'FIRST' if term.nulls_first else 'LAST'}"


class _Sqlite:
    def pattern(self, compare: Compare, column: str, parameter: str) -> str:
        function = "text_like" if compare in (Compare.LIKE, Compare.ILIKE) else "text_matches"
        fold = int(compare in (Compare.ILIKE, Compare.IMATCH))
        return f"{function}({parameter}, {fold}, {column})"

    def is_in(self, kind: Kind, column: str, parameter: str) -> str:  # noqa: ARG002
        return f"{column} IN (SELECT value FROM json_each({parameter}))"

    def in_list(self, values: Sequence[Value]) -> Any:
        return json.dumps(values)

    def distinct(self, column: str, parameter: str) -> str:
        return f"{column} IS NOT {parameter}"

    def order(self, term: Order) -> str:
        direction = "DESC" if term.descending else "ASC"
        if not COLUMNS[term.column].nullable:
            return f"{term.column} {direction}"
        # As its index has it: read forwards NULL comes last, backwards first.
        return f"({term.column} IS NULL) {'DESC' if term.nulls_first else 'ASC'}, {term.column} {direction}"


SPELLINGS: dict[str, Spelling] = {"postgres": _Postgres(), "sqlite": _Sqlite()}


@dataclass(slots=True)
class Text:
    """SQL that grows, and the values of its parameters."""

    spelling: Spelling
    parameters: dict[str, Any] = field(default_factory=dict)

    def value(self, value: Any) -> str:
        name = f"p{len(self.parameters)}"
        self.parameters[name] = value
        return f":{name}"

    def where(self, conditions: Iterable[Condition]) -> str:
        """Begins with a blank; nothing where there is no condition."""
        texts = [self._condition(one) for one in conditions]
        return f" WHERE {' AND '.join(texts)}" if texts else ""

    def _condition(self, condition: Condition) -> str:
        match condition:
            case Logic(joint, terms):
                word = " AND " if joint is Joint.AND else " OR "
                text = f"({word.join(map(self._condition, terms))})"
            case Constant(truth):
                text = "NULL = 1" if truth is None else f"1 = {int(truth)}"
            case IsNull(column):
                return f"{column} IS {'NOT ' if condition.negated else ''}NULL"
            case OneOf(column, values):
                listed = self.value(self.spelling.in_list(values))
                text = self.spelling.is_in(COLUMNS[column].kind, column, listed)
            case Quantified(column, compare, quantifier, values):
                text = self._quantified(column, compare, quantifier, values)
            case Comparison(column, compare, value):
                text = self._comparison(column, compare, value)
        return f"NOT ({text})" if condition.negated else f"({text})"

    def _quantified(
        self, column: str, compare: Compare, quantifier: Quantifier, values: tuple[Value, ...]
    ) -> str:
        anyone = quantifier is Quantifier.ANY
        if not values:
            return "1 = 0" if anyone else "1 = 1"
        texts = [
            "NULL = 1" if one is None else f"({self._comparison(column, compare, one)})" for one in values
        ]
        return (" OR " if anyone else " AND ").join(texts)

    def _comparison(self, column: str, compare: Compare, value: Value) -> str:
        parameter = self.value(value)
        if compare in _SIGNS:
            return f"{column} {_SIGNS[compare]} {parameter}"
        if compare is Compare.DISTINCT:
            return self.spelling.distinct(column, parameter)
        text = self.spelling.pattern(compare, column, parameter)
        if compare is Compare.LIKE and (start := prefix(str(value))):
            # What an index can find; the pattern then looks at those alone.
            text = f"{column} >= {self.value(start)} AND {text}"
            if end := _after(start):
                text = f"{column} < {self.value(end)} AND {text}"
        return text

    def order(self, orders: Sequence[Order]) -> str:
        """Ends with the id, so that every page has its place."""
        terms = list(orders)
        if all(one.column != "id" for one in terms):
            terms.append(Order("id", bool(terms) and terms[-1].descending, False))
        return " ORDER BY " + ", ".join(map(self.spelling.order, terms))

    def limit(self, limit: int | None, offset: int) -> str:
        if limit is None and not offset:
            return ""
        most = self.value(2**62 if limit is None else limit)
        return f" LIMIT {most} OFFSET {self.value(offset)}"

    def aggregated(self, fields: Sequence[Field], orders: Sequence[Order]) -> tuple[str, str]:
        """What is selected, and the rest of the statement behind its conditions."""
        selected = [_expression(one) for one in fields]
        groups = [text for text, one in zip(selected, fields, strict=True) if one.aggregate is None]
        for term in orders:
            if term.column not in groups:
                raise Refusal(
                    400,
                    "42803",
                    f'column "jobs.{term.column}" must appear in the GROUP BY clause or be used in an '
                    "aggregate function",
                )
        text = f" GROUP BY {', '.join(dict.fromkeys(groups))}" if groups else ""
        if orders:
            text += " ORDER BY " + ", ".join(map(self.spelling.order, orders))
        return ", ".join(selected), text


def source(table: str) -> str:
    """What stands behind FROM. The newest record of each name is found name by name, not row by row."""
    if table != LATEST:
        return TABLE
    return (
        "(WITH RECURSIVE names (name) AS (SELECT min(name) FROM job_log UNION ALL SELECT (SELECT min(later.name) "
        "FROM job_log AS later WHERE later.name > names.name) FROM names WHERE names.name IS NOT NULL) "
        "SELECT job_log.* FROM names JOIN job_log ON job_log.id = (SELECT newest.id FROM job_log AS newest "
        "WHERE newest.name = names.name ORDER BY newest.start_date DESC, newest.id DESC LIMIT 1)) AS latest"
    )


def columns_of(fields: Sequence[Field]) -> str:
    """As they are stored; casts come later. One at least, for a selection of nothing."""
    return ", ".join(one.column for one in fields if one.column) or "id"


def _expression(one: Field) -> str:
    if one.aggregate is None:
        return _group(one)
    if one.column is None:
        return "count(*)"
    return _AGGREGATES[one.aggregate].format(_aggregated(one))


def _aggregated(one: Field) -> str:
    """What an aggregate takes. A cast that keeps the order of values is made of the result instead."""
    assert one.column is not None
    kind = COLUMNS[one.column].kind
    if one.cast is None or one.aggregate is Aggregate.COUNT:
        return one.column
    if kind is Kind.INTEGER and one.cast is Cast.TEXT and one.aggregate in (Aggregate.MIN, Aggregate.MAX):
        return f"CAST({one.column} AS text)"
    if (kind is Kind.INTEGER and one.cast in NUMBERS) or (kind is Kind.INSTANT and one.cast in _IN_ORDER):
        return one.column
    if kind is Kind.TEXT and one.cast is Cast.TEXT:
        return one.column
    raise _unsupported(f"an aggregate of a cast ({one.column}::{one.cast})")


def _group(one: Field) -> str:
    assert one.column is not None
    kind = COLUMNS[one.column].kind
    if one.cast is Cast.DATE and kind is Kind.INSTANT:
        return f"({one.column} - (({one.column} % {DAY}) + {DAY}) % {DAY})"
    alike = {Kind.INTEGER: NUMBERS, Kind.INSTANT: {Cast.INSTANT, Cast.TIMESTAMP}, Kind.TEXT: NONE}[kind]
    if one.cast not in (None, Cast.TEXT) and one.cast not in alike:
        raise _unsupported(f"grouping by {one.column}::{one.cast}")
    return one.column


def _unsupported(what: str) -> Refusal:
    return Refusal(400, "0A000", f"{what} is not supported", hint="select::date, or the column as it is")


def _after(start: str) -> str:
    """The least text that is greater than all that begin with `start`; '' where there is none."""
    last = ord(start[-1])
    return start[:-1] + chr(last + 1) if last < 0xD7FF or 0xE000 <= last < 0x10FFFF else ""
