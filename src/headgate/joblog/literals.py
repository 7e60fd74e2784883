"""Values as PostgreSQL spells them -> values of a column; and casts of what is selected."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import UTC, tzinfo
from typing import Any

from headgate.joblog.instants import read_instant
from headgate.joblog.refusal import Refusal, null_refused
from headgate.joblog.table import Column, Kind
from headgate.joblog.tree import Cast, Value

MOST_INTEGER = 2**31 - 1
CASTS: dict[str, Cast] = {
    **dict.fromkeys(("text", "varchar", "character varying", "name", "bpchar"), Cast.TEXT),
    **dict.fromkeys(("char", "character"), Cast.CHARACTER),
    **dict.fromkeys(("smallint", "int2"), Cast.SMALLINT),
    **dict.fromkeys(("integer", "int", "int4"), Cast.INTEGER),
    **dict.fromkeys(("bigint", "int8"), Cast.BIGINT),
    **dict.fromkeys(("numeric", "decimal"), Cast.NUMERIC),
    **dict.fromkeys(("double precision", "float8", "float", "real", "float4"), Cast.FLOAT),
    **dict.fromkeys(("boolean", "bool"), Cast.BOOLEAN),
    "date": Cast.DATE,
    **dict.fromkeys(("time", "time without time zone"), Cast.TIME),
    **dict.fromkeys(("timestamp", "timestamp without time zone"), Cast.TIMESTAMP),
    **dict.fromkeys(("timestamptz", "timestamp with time zone"), Cast.INSTANT),
    **dict.fromkeys(("json", "jsonb"), Cast.JSON),
}
OTHER_TYPES = frozenset(
    (
        *("bit", "bytea", "cidr", "inet", "interval", "money", "oid", "regclass", "regproc", "timetz"),
        *("tsquery", "tsvector", "uuid", "varbit", "xml"),
    )
)
"""Types of PostgreSQL that nothing here becomes."""

_INTEGER = re.compile(r"[ \t\n\v\f\r]*[+-]?[0-9]+[ \t\n\v\f\r]*", re.ASCII)


class Number(str):
    """A number of a JSON text, as it stands there."""

    __slots__ = ()


class Nested(str):
    """A list or an object of a JSON text, as it stands there."""

    __slots__ = ()


@dataclass(frozen=True, slots=True)
class Reading:
    """How texts without a zone are read, and when `now` is."""

    now_micros: int
    zone: tzinfo = UTC


def read_value(kind: Kind, text: str, reading: Reading) -> Value:
    """Raises Refusal with PostgreSQL's code for a text that is no value of the type."""
    if "\x00" in text:
        raise Refusal(400, "22021", 'invalid byte sequence for encoding "UTF8": 0x00')
    match kind:
        case Kind.INTEGER:
            return read_integer(text)
        case Kind.INSTANT:
            return read_instant(text, reading.zone, reading.now_micros)
        case Kind.TEXT:
            return text


def read_integer(text: str, most: int = MOST_INTEGER, kind: str = "integer") -> int:
    if _INTEGER.fullmatch(text) is None:
        raise Refusal(400, "22P02", f'invalid input syntax for type {kind}: "{text}"')
    if len(text.strip().lstrip("+-0")) > 20 or not -most - 1 <= (found := int(text)) <= most:
        raise Refusal(400, "22003", f'value "{text}" is out of range for type {kind}')
    return found


def read_json(column: Column, given: Any, reading: Reading) -> Value:
    """A value of a body. Numbers come as `Number`, what is nested as `Nested`. Raises Refusal."""
    if given is None:
        return None
    if isinstance(given, bool):
        given = "true" if given else "false"
    return read_value(column.kind, str(given), reading)


def require(table: str, column: Column, value: Value) -> Value:
    """Raises Refusal 23502 for a NULL that the column cannot hold."""
    if value is None and not column.nullable:
        raise null_refused(table, column.name)
    return value


def read_array(text: str) -> tuple[str | None, ...]:
    """`{a,"b c",NULL}`. Raises Refusal 22P02."""
    malformed = Refusal(400, "22P02", f'malformed array literal: "{text}"')
    inner = text.strip()
    if len(inner) < 2 or inner[0] != "{" or inner[-1] != "}":
        raise Refusal(
            400,
            "22P02",
            f'malformed array literal: "{text}"',
            details='Array value must start with "{" or dimension information.',
        )
    at, end, found = 1, len(inner) - 1, list[str | None]()
    if not inner[1:-1].strip():
        return ()
    while True:
        while at < end and inner[at].isspace():
            at += 1
        if at < end and inner[at] == '"':
            value, at = _quoted_element(inner, at + 1, end, malformed)
            found.append(value)
        else:
            parts = []
            while at < end and inner[at] != ",":
                if inner[at] in '{}"':
                    raise malformed
                if inner[at] == "\\":
                    at += 1
                    if at >= end:
                        raise malformed
                parts.append(inner[at])
                at += 1
            bare = "".join(parts).strip()
            if not bare:
                raise malformed
            found.append(None if bare.upper() == "NULL" else bare)
        while at < end and inner[at].isspace():
            at += 1
        if at == end:
            return tuple(found)
        if inner[at] != ",":
            raise malformed
        at += 1


def _quoted_element(text: str, at: int, end: int, malformed: Refusal) -> tuple[str, int]:
    parts: list[str] = []
    while at < end:
        char = text[at]
        if char == '"':
            return "".join(parts), at + 1
        if char == "\\":
            at += 1
            if at >= end:
                break
            char = text[at]
        parts.append(char)
        at += 1
    raise malformed


def find_cast(name: str) -> Cast:
    """Raises Refusal 42704, or 0A000 for a type that only PostgreSQL has."""
    word = " ".join(name.lower().split())
    found = CASTS.get(word)
    if found is None and word in OTHER_TYPES:
        raise Refusal(400, "0A000", f"a cast to {word} is not supported", hint="text shows every value")
    if found is None:
        raise Refusal(400, "42704", f'type "{name}" does not exist')
    return found
