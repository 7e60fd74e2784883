"""What a request asks for, with its values read: conditions, selected fields, an order. `store` makes SQL of it."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

Value = int | str | None
"""Of a column: an integer, a text, or an instant in microseconds since 1970."""


class Compare(StrEnum):
    EQUAL = "eq"
    NOT_EQUAL = "neq"
    GREATER = "gt"
    GREATER_EQUAL = "gte"
    LESS = "lt"
    LESS_EQUAL = "lte"
    LIKE = "like"
    ILIKE = "ilike"
    MATCH = "match"
    IMATCH = "imatch"
    DISTINCT = "isdistinct"


class Quantifier(StrEnum):
    ANY = "any"
    ALL = "all"


class Joint(StrEnum):
    AND = "and"
    OR = "or"


@dataclass(frozen=True, slots=True)
class Comparison:
    column: str
    compare: Compare
    value: Value
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Quantified:
    """One comparison with each of several values."""

    column: str
    compare: Compare
    quantifier: Quantifier
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class OneOf:
    column: str
    values: tuple[Value, ...]
    negated: bool = False


@dataclass(frozen=True, slots=True)
class IsNull:
    column: str
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Constant:
    """The same for every row; None is neither true nor false, as whatever is compared with NULL."""

    truth: bool | None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class Logic:
    joint: Joint
    terms: tuple[Condition, ...]
    negated: bool = False


Condition = Comparison | Quantified | OneOf | IsNull | Constant | Logic


class Aggregate(StrEnum):
    COUNT = "count"
    SUM = "sum"
    AVG = "avg"
    MIN = "min"
    MAX = "max"


class Cast(StrEnum):
    """What a selected column may become; every name that PostgreSQL has for it is read (`literals.CASTS`)."""

    TEXT = "text"
    CHARACTER = "character"
    SMALLINT = "smallint"
    INTEGER = "integer"
    BIGINT = "bigint"
    NUMERIC = "numeric"
    FLOAT = "double precision"
    BOOLEAN = "boolean"
    DATE = "date"
    TIME = "time"
    TIMESTAMP = "timestamp"
    INSTANT = "timestamp with time zone"
    JSON = "json"


NUMBERS = frozenset({Cast.SMALLINT, Cast.INTEGER, Cast.BIGINT, Cast.NUMERIC, Cast.FLOAT})


@dataclass(frozen=True, slots=True)
class Field:
    """`column` is None for `count()`, which counts rows. `cast` is the column's, `outer_cast` the aggregate's."""

    column: str | None
    key: str
    """What it is called in the answer."""
    cast: Cast | None = None
    aggregate: Aggregate | None = None
    outer_cast: Cast | None = None
    empty: bool = False
    """Whether it is NULL whatever `column` is: what a path finds in a value that is no document."""


@dataclass(frozen=True, slots=True)
class Order:
    """`nulls_first` is PostgreSQL's own where nothing is said: first where the order is descending."""

    column: str
    descending: bool
    nulls_first: bool
