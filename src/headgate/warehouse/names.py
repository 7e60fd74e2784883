"""Names and literals as each engine spells them: folding, quoting, qualified tables, constants. Pure.

Imports nothing heavy: `bind`, `plan` and the engines' adapters all spell names here. A `dialect` is the
engine's name: duckdb, postgres, snowflake or spark.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from headgate.errors import UsageError, did_you_mean
from headgate.model.bound import TableName
from headgate.warehouse import reserved

LiteralValue = str | int | float | bool | Decimal | datetime | date | None

_LOWER: Final = "abcdefghijklmnopqrstuvwxyz"
_UPPER: Final = _LOWER.upper()
_DIGITS: Final = "0123456789"
# Engines fold the letters of ASCII only: DuckDB and PostgreSQL hold "Ä" and "ä" apart.
_TO_LOWER: Final = str.maketrans(_UPPER, _LOWER)
_TO_UPPER: Final = str.maketrans(_LOWER, _UPPER)


@dataclass(frozen=True, slots=True)
class _Spelling:
    """How an engine writes names and constants."""

    reserved: frozenset[str]
    upper: bool = False
    quote: str = '"'
    backslash_escapes: bool = False
    quote_escape: str = "''"
    double_type: str = "DOUBLE"
    local_timestamp: str = "TIMESTAMP"
    zoned_timestamp: str = "TIMESTAMPTZ"
    longest_name_bytes: int | None = None

    @property
    def plain(self) -> str:
        """The characters of a name that needs no quotes."""
        return (_UPPER if self.upper else _LOWER) + _DIGITS + "_"


_SPELLINGS: Final = {
    "duckdb": _Spelling(reserved.DUCKDB),
    "postgres": _Spelling(reserved.POSTGRES, double_type="DOUBLE PRECISION", longest_name_bytes=63),
    "snowflake": _Spelling(
        reserved.SNOWFLAKE,
        upper=True,
        backslash_escapes=True,
        local_timestamp="TIMESTAMP_NTZ",
        zoned_timestamp="TIMESTAMP_TZ",
    ),
    "spark": _Spelling(
        reserved.SPARK,
        quote="`",
        backslash_escapes=True,
        # Spark reads 'it''s' as two constants side by side, which it joins to its.
        quote_escape="\\'",
        local_timestamp="TIMESTAMP_NTZ",
        zoned_timestamp="TIMESTAMP",
    ),
}

DIALECTS: Final = tuple(_SPELLINGS)


def fold(name: str, dialect: str) -> str:
    """`name` as the engine stores it when it is written without quotes.

    DuckDB keeps a name's case and compares without it; we fold to lower case there, so that a name has one
    spelling everywhere.
    """
    return name.translate(_TO_UPPER if _spelling(dialect).upper else _TO_LOWER)


def quote(name: str, dialect: str) -> str:
    """`name`, already folded, in quotes only where the engine would read it otherwise without them."""
    spelling = _spelling(dialect)
    plain = name and name[0] not in _DIGITS and not name.strip(spelling.plain)
    if plain and name.translate(_TO_LOWER) not in spelling.reserved:
        return name
    return quote_always(name, dialect)


def quote_always(name: str, dialect: str) -> str:
    """`name` in the engine's quotes, exactly as given. UsageError `name_invalid` where it is no name."""
    if not name or "\0" in name:
        raise UsageError(
            "name_invalid",
            f"{name!r} cannot name a table or a column",
            hint="a name has at least one character and no NUL",
        )
    mark = _spelling(dialect).quote
    return f"{mark}{name.replace(mark, mark * 2)}{mark}"


def table_sql(table: TableName, dialect: str) -> str:
    """The qualified name of a table, each part in quotes where needed: `stg.orders`."""
    parts = (table.database, table.schema, table.name)
    return ".".join(quote(part, dialect) for part in parts if part)


def check_length(table: TableName, dialect: str) -> None:
    """Raise UsageError `name_invalid` where the engine would cut a part of the name off, and so mix up tables."""
    longest = _spelling(dialect).longest_name_bytes
    for part in (table.schema, table.name):
        if longest is not None and len(part.encode()) > longest:
            raise UsageError(
                "name_invalid",
                f"{part} is {len(part.encode())} bytes long, and {dialect} keeps the first {longest} of a name",
                hint="give it a shorter name",
            )


def literal(value: LiteralValue, dialect: str) -> str:
    """`value` as a constant of the engine's SQL.

    A datetime without a zone becomes a timestamp without one; an aware one keeps its instant. A float is
    written so that it reads back exactly. TypeError for any other type.
    """
    spelling = _spelling(dialect)
    match value:
        case None:
            return "NULL"
        case bool():
            return "TRUE" if value else "FALSE"
        case str():
            return _string(value, spelling)
        case int():
            return str(value)
        case float():
            return repr(value) if math.isfinite(value) else _not_finite(value, spelling)
        case Decimal() if value.is_finite():
            return format(value, "f")
        case datetime():
            zone = spelling.local_timestamp if value.tzinfo is None else spelling.zoned_timestamp
            return _typed(zone, value.isoformat(sep=" "), dialect)
        case date():
            return f"DATE '{value.isoformat()}'"
        case _:
            raise TypeError(f"{value!r} has no SQL constant")


def _spelling(dialect: str) -> _Spelling:
    try:
        return _SPELLINGS[dialect]
    except KeyError:
        raise UsageError(
            "dialect_unknown",
            f"no engine speaks {dialect!r}",
            hint=did_you_mean(dialect, DIALECTS, f"known are {', '.join(DIALECTS)}"),
        ) from None


def _string(value: str, spelling: _Spelling) -> str:
    if "\0" in value:
        raise UsageError("value_invalid", f"{value!r} holds a NUL, which no engine's text can")
    if spelling.backslash_escapes:
        value = value.replace("\\", "\\\\")
    return f"'{value.replace(chr(39), spelling.quote_escape)}'"


def _not_finite(value: float, spelling: _Spelling) -> str:
    word = "NaN" if math.isnan(value) else "inf" if value > 0 else "-inf"
    return f"CAST('{word}' AS {spelling.double_type})"


def _typed(type_name: str, text: str, dialect: str) -> str:
    # Snowflake writes only DATE, TIME and TIMESTAMP before a constant; its other types need a cast.
    return f"'{text}'::{type_name}" if dialect == "snowflake" else f"{type_name} '{text}'"
