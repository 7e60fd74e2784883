"""One HTTP request on a table -> what is asked for, with every name known and every value read.

What is refused is refused in the order in which PostgREST does: the address, then the table, then its columns.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from headgate.joblog import conditions, refusal
from headgate.joblog.address import Address, read_address
from headgate.joblog.literals import Reading, read_json, require
from headgate.joblog.media import ROWS, Media, body_media, negotiated
from headgate.joblog.paging import WHOLE, Slice, read_slice
from headgate.joblog.payload import Payload, check_text, read_payload
from headgate.joblog.preferences import Preferences, read_preferences
from headgate.joblog.refusal import Refusal, invalid_body
from headgate.joblog.table import COLUMNS, JOBS, SCHEMAS, TABLES
from headgate.joblog.tree import Compare, Comparison, Condition, Field, Order, Value

READING = frozenset({"GET", "HEAD"})
Record = dict[str, Value]
"""Values by column; one that is left out gets the column's default."""


@dataclass(frozen=True, slots=True)
class Rules:
    """What a server allows."""

    aggregates: bool = False
    most_rows: int | None = None
    unfiltered_writes: bool = False
    may_end_transactions: bool = False


@dataclass(frozen=True, slots=True)
class Call:
    """A request as it comes. `headers` are in lower case; `preferences` are the values of its `Prefer` headers."""

    method: str
    table: str
    query: bytes
    headers: Mapping[str, str]
    preferences: Sequence[str] = ()
    body: bytes = b""


@dataclass(frozen=True, slots=True)
class Asked:
    """`profile` is the schema where the request named one. `records` are those of a body; `keys` the columns that
    they give values to; `conflict` the columns by which they are found again."""

    method: str
    table: str
    profile: str | None
    conditions: tuple[Condition, ...]
    fields: tuple[Field, ...]
    orders: tuple[Order, ...]
    slice: Slice
    media: Media
    preferences: Preferences
    zone: tzinfo
    canonical: str
    records: tuple[Record, ...] = ()
    keys: tuple[str, ...] = ()
    conflict: tuple[str, ...] | None = None

    @property
    def represented(self) -> bool:
        """Whether the rows are part of the answer."""
        return self.method in READING or self.preferences.returned == "representation"


def read_request(call: Call, rules: Rules, now_micros: int) -> Asked:
    """Raises Refusal."""
    address = read_address(call.query)
    preferences = read_preferences(call.preferences, may_end_transactions=rules.may_end_transactions)
    profile = _profile(call)
    if call.table not in TABLES:
        raise refusal.no_such_table(call.table, profile or SCHEMAS[0], TABLES)
    if call.method not in READING and call.table != JOBS:
        raise Refusal(405, "25006", f"{call.table} can only be read", hint=f"write to /{JOBS}")
    media = negotiated(call.headers.get("accept"), ROWS)
    reads = call.method in READING
    asked = read_slice(address.limit, address.offset, call.headers.get("range")) if reads else WHOLE
    zone = preferences.zone or UTC
    reading = Reading(now_micros, zone)
    records, keys = _records(call, address, preferences, reading)
    found = Asked(
        method=call.method,
        table=call.table,
        profile=profile,
        conditions=tuple(conditions.condition(call.table, raw, reading) for raw in address.conditions),
        fields=conditions.fields(call.table, address.select, aggregates=rules.aggregates),
        orders=conditions.orders(call.table, address.order),
        slice=asked.at_most(rules.most_rows) if reads else asked,
        media=media,
        preferences=preferences,
        zone=zone,
        canonical=address.canonical,
        records=records,
        keys=keys,
        conflict=_conflict(call, address, preferences),
    )
    _check(found, address, rules)
    return found


def _profile(call: Call) -> str | None:
    header = "accept-profile" if call.method in READING else "content-profile"
    name = call.headers.get(header)
    if name is not None and name not in SCHEMAS:
        raise refusal.no_such_schema(name, SCHEMAS)
    return name


def _check(asked: Asked, address: Address, rules: Rules) -> None:
    if asked.method == "PUT":
        _check_put(asked, address)
    elif asked.method in ("PATCH", "DELETE") and not asked.conditions and not rules.unfiltered_writes:
        raise refusal.unfiltered("DELETE" if asked.method == "DELETE" else "UPDATE")
    if asked.method not in READING and any(field.aggregate for field in asked.fields):
        raise Refusal(400, "0A000", "what is written is not aggregated", hint="read it with GET")


def _check_put(asked: Asked, address: Address) -> None:
    if address.limit is not None or address.offset is not None:
        raise Refusal(400, "PGRST114", "limit/offset querystring parameters are not allowed for PUT")
    match asked.conditions:
        case (Comparison("id", Compare.EQUAL, value, False),):
            pass
        case _:
            raise Refusal(
                405,
                "PGRST105",
                "Filters must include all and only primary key columns with 'eq' operators",
            )
    if len(asked.records) != 1 or asked.records[0].get("id", value) != value or "id" not in asked.keys:
        raise Refusal(400, "PGRST115", "Payload values do not match URL in primary key column(s)")


def _conflict(call: Call, address: Address, preferences: Preferences) -> tuple[str, ...] | None:
    """None where a record that is there already is an error."""
    if call.method == "PUT":
        return ("id",)
    if call.method != "POST" or not preferences.resolution:
        return None
    for name in address.on_conflict or ():
        if name not in COLUMNS:
            raise Refusal(400, "42703", f'column "{name}" does not exist')
    if address.on_conflict not in (None, ("id",)):
        raise Refusal(
            400,
            "42P10",
            "there is no unique or exclusion constraint matching the ON CONFLICT specification",
        )
    return ("id",)


def _records(
    call: Call, address: Address, preferences: Preferences, reading: Reading
) -> tuple[tuple[Record, ...], tuple[str, ...]]:
    if call.method not in ("POST", "PATCH", "PUT"):
        return (), ()
    named = None if call.method == "PUT" else address.columns
    payload = read_payload(body_media(call.headers.get("content-type")), call.body, named)
    for key in payload.keys:
        if key not in COLUMNS:
            raise refusal.unknown_key(call.table, key)
    if call.method == "PATCH" and len(payload.rows) > 1:
        raise invalid_body("PATCH takes one object, which every matching row gets")
    whole = call.method != "PATCH"
    records = tuple(
        _record(call.table, payload, row, preferences, reading, whole=whole) for row in payload.rows
    )
    return records, payload.keys


def _record(
    table: str,
    payload: Payload,
    row: Mapping[str, object],
    preferences: Preferences,
    reading: Reading,
    *,
    whole: bool,
) -> Record:
    """A key that `columns` names and the row lacks is NULL, or the column's default where that is preferred."""
    check_text({key: row.get(key) for key in payload.keys})
    by_default = preferences.missing == "default"
    record: Record = {
        key: require(table, COLUMNS[key], read_json(COLUMNS[key], row.get(key), reading))
        for key in payload.keys
        if key in row or not by_default
    }
    if whole:
        for column in COLUMNS.values():
            if not column.generated and column.name not in record:
                record[column.name] = require(table, column, None)
    return record
