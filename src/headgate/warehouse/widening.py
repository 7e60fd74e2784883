"""Whether every value of one column type fits another without loss. Pure; types as the engines spell them.

Only families where this is certain are known; for every other pair of different types the answer is no.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from fractions import Fraction

_TYPE = re.compile(
    r"(?P<name>[a-z]\w*(?: [a-z]+)*?)"
    r" ?(?:\((?P<first>\d+)(?: ?, ?(?P<second>-?\d+))?\))?"
    r"(?P<zone> with(?:out)? time zone)?"
)
_SIGNED_BITS = {
    "tinyint": 8,
    "smallint": 16,
    "integer": 32,
    "bigint": 64,
    "hugeint": 128,
}
_UNSIGNED_BITS = {"utinyint": 8, "usmallint": 16, "uinteger": 32, "ubigint": 64, "uhugeint": 128}
_MANTISSA_BITS = {"real": 24, "float": 24, "double": 53, "double precision": 53}
_TEXTS = ("text", "varchar", "character varying")


@dataclass(frozen=True, slots=True)
class _Exact:
    """Numbers from `low` to `high` in steps of `10 ** -scale`."""

    low: Fraction
    high: Fraction
    scale: int


@dataclass(frozen=True, slots=True)
class _AnyDecimal:
    """PostgreSQL's numeric without precision: every decimal number."""


@dataclass(frozen=True, slots=True)
class _Float:
    mantissa_bits: int


@dataclass(frozen=True, slots=True)
class _Text:
    max_length: int | None


@dataclass(frozen=True, slots=True)
class _Timestamp:
    zoned: bool
    digits: int


_Family = _Exact | _AnyDecimal | _Float | _Text | _Timestamp


def widens(old_type: str, new_type: str, dialect: str) -> bool:
    """True when a column of `old_type` can become `new_type` with every value kept. Equal types widen."""
    if old_type == new_type:
        return True
    match _family(old_type, dialect), _family(new_type, dialect):
        case _Exact() as old, _Exact() as new:
            return new.low <= old.low and old.high <= new.high and old.scale <= new.scale
        case _Exact(), _AnyDecimal():
            return True
        case _Exact() as old, _Float(bits):
            return old.scale <= 0 and -(2**bits) <= old.low and old.high <= 2**bits
        case _Float(old_bits), _Float(new_bits):
            return old_bits <= new_bits
        case _Text(old_length), _Text(new_length):
            return new_length is None or (old_length is not None and old_length <= new_length)
        case _Timestamp(old_zoned, old_digits), _Timestamp(new_zoned, new_digits):
            return old_zoned == new_zoned and old_digits <= new_digits
        case _:
            return False


def _family(type_: str, dialect: str) -> _Family | None:
    found = _TYPE.fullmatch(type_.lower())
    if found is None:
        return None
    name = found["name"]
    first = int(found["first"]) if found["first"] else None
    second = int(found["second"] or 0)
    if bits := _SIGNED_BITS.get(name):
        return _Exact(Fraction(-(2 ** (bits - 1))), Fraction(2 ** (bits - 1) - 1), 0)
    if bits := _UNSIGNED_BITS.get(name):
        return _Exact(Fraction(0), Fraction(2**bits - 1), 0)
    if bits := _MANTISSA_BITS.get(name):
        return _Float(bits)
    if name in ("decimal", "numeric"):
        if first is None:
            return _AnyDecimal() if dialect == "postgres" else None
        high = Fraction(10**first - 1) / Fraction(10) ** second
        return _Exact(-high, high, second)
    if name in _TEXTS:
        return _Text(first)
    if name == "timestamp" and dialect == "postgres":
        return _Timestamp(found["zone"] == " with time zone", 6 if first is None else first)
    return None
