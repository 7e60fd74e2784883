"""A query string -> its parts, as they stand: conditions, select, order, columns, limit."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote, unquote_to_bytes

from headgate.joblog import refusal
from headgate.joblog.filters import Raw, RawLogic, read_filter, read_logic
from headgate.joblog.refusal import Refusal
from headgate.joblog.scanner import Scanner
from headgate.joblog.selects import RawField, RawOrder, read_names, read_order, read_select
from headgate.joblog.tree import Joint

MOST_CONDITIONS = 500
"""In one request, however they stand in each other."""

_RESERVED = ("select", "columns", "on_conflict")
_TAILS = ("order", "limit", "offset", "and", "or")
"""Words that may also end a path into an embedded table, which there is none of."""


@dataclass(frozen=True, slots=True)
class Address:
    """`columns` and `on_conflict` are None where they are not given, `embedded` where no other table is named; there
    is none. `canonical` is the same query in the order of
    its names."""

    conditions: tuple[Raw | RawLogic, ...]
    select: tuple[RawField, ...]
    order: tuple[RawOrder, ...]
    columns: tuple[str, ...] | None
    on_conflict: tuple[str, ...] | None
    limit: str | None
    offset: str | None
    canonical: str
    embedded: str | None = None


def read_address(query: bytes) -> Address:
    """Raises Refusal PGRST100, 22021, or 54001 for too many conditions."""
    every = _pairs(query)
    pairs = [(key, value) for key, value in every if value is not None]
    first, last = dict(reversed(pairs)), dict(pairs)
    conditions: list[Raw | RawLogic] = []
    orders: list[tuple[RawOrder, ...]] = []
    others: list[str] = []
    for key, value in pairs:
        *path, tail = key.split(".")
        if tail in ("and", "or"):
            others += [name for name in path if name != "not"]
            conditions.append(read_logic(Joint(tail), "not" in path, value))
        elif tail in _TAILS:
            others += path
            if tail == "order":
                orders.append(read_order(value))
        elif key not in _RESERVED:
            *path, field = _tree_path(key)
            others += path
            conditions.append(read_filter(field, value))
    if sum(map(_size, conditions)) > MOST_CONDITIONS:
        raise refusal.too_complex(f"a request has more than {MOST_CONDITIONS} conditions")
    columns, conflict = first.get("columns"), first.get("on_conflict")
    return Address(
        conditions=tuple(conditions),
        select=read_select(first.get("select", "*")),
        order=orders[0] if orders else (),
        columns=None if columns is None else read_names("columns parameter", columns),
        on_conflict=None if conflict is None else read_names("on_conflict parameter", conflict),
        limit=last.get("limit"),
        offset=last.get("offset"),
        canonical=_canonical(every),
        embedded=others[0] if others else None,
    )


def _pairs(query: bytes) -> list[tuple[str, str | None]]:
    """A name without `=` has no value, and asks for nothing."""
    found = []
    for part in query.replace(b"+", b" ").split(b"&"):
        key, equals, value = part.partition(b"=")
        if part:
            found.append((_decoded(key), _decoded(value) if equals else None))
    return found


def _canonical(pairs: list[tuple[str, str | None]]) -> str:
    """Values of the same name stand behind it in their order, with a comma between."""
    found: dict[str, list[str]] = {}
    for key, value in pairs:
        found.setdefault(key, []).append(quote(value or "", safe=""))
    return "&".join(f"{quote(key, safe='')}={','.join(found[key])}" for key in sorted(found))


def _decoded(text: bytes) -> str:
    try:
        return unquote_to_bytes(text).decode("utf-8")
    except UnicodeDecodeError:
        raise Refusal(400, "22021", 'invalid byte sequence for encoding "UTF8"') from None


def _tree_path(key: str) -> list[str]:
    """The tables that lead to a field, and the field. What stands behind it is not read (`pTreePath`)."""
    scanner = Scanner("tree path", key)
    found = [scanner.name()]
    while scanner.take("."):
        found.append(scanner.name())
    found[-1] += scanner.json_path()
    return found


def _size(condition: Raw | RawLogic) -> int:
    return sum(map(_size, condition.terms)) if isinstance(condition, RawLogic) else 1
