"""One HTTP request on a table -> what is asked for, with every name known and every value read.

What is refused is refused in the order in which PostgREST does: the address, then the table, then its columns.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, tzinfo

from headgate.joblog import conditions, refusal
from headgate.joblog.address import Address, read_address
from headgate.joblog.literals import Reading, read_json, require
from headgate.joblog.media import ROWS, Media, body_media, negotiated
from headgate.joblog.paging import WHOLE, Slice, check_bounds, read_slice
from headgate.joblog.payload import Payload, check_text, read_payload
from headgate.joblog.preferences import Preferences, read_preferences
from headgate.joblog.refusal import Refusal, invalid_body
from headgate.joblog.selects import RawField
from headgate.joblog.table import COLUMNS, JOBS, SCHEMAS, TABLES, Column
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


def read_request(
    call: Call, rules: Rules, now_micros: int, permit: Callable[[], None] = lambda: None
) -> Asked:
    """Raises Refusal. `permit` is called where PostgreSQL looks whether one may: when all names and conditions are
    understood, and before the values of a body are read."""
    profile = _profile(call)
    address = read_address(call.query)
    asked = _slice(call, address)
    payload = _payload(call, address)
    _check_names(call, address, payload, profile, rules)
    preferences = read_preferences(call.preferences, may_end_transactions=rules.may_end_transactions)
    media = negotiated(call.headers.get("accept"), ROWS)
    reading = Reading(now_micros, preferences.zone or UTC)
    conflict = _conflict(call, address, preferences)
    fields, orders = _answered(call, address, preferences, rules)
    found = tuple(conditions.condition(call.table, raw, reading) for raw in address.conditions)
    check_bounds(asked)
    changes = call.method == "DELETE" or (call.method == "PATCH" and bool(payload.rows and payload.keys))
    if changes and not found and not rules.unfiltered_writes:
        raise refusal.unfiltered("DELETE" if call.method == "DELETE" else "UPDATE")
    if call.method == "PUT":
        payload = _check_put(found, payload)
    permit()
    return Asked(
        method=call.method,
        table=call.table,
        profile=profile,
        conditions=found,
        fields=fields,
        orders=orders,
        slice=asked.at_most(rules.most_rows) if call.method in READING else WHOLE,
        media=media,
        preferences=preferences,
        zone=reading.zone,
        canonical=address.canonical,
        records=_records(call, payload, preferences, reading) if payload.rows else (),
        keys=payload.keys,
        conflict=conflict,
    )


def _slice(call: Call, address: Address) -> Slice:
    header = call.headers.get("range") if call.method == "GET" else None  # RFC 9110: for GET alone
    asked = read_slice(address.limit, address.offset, header)
    if call.method == "PUT" and asked != WHOLE:
        raise Refusal(400, "PGRST114", "limit/offset querystring parameters are not allowed for PUT")
    return asked


def _check_names(call: Call, address: Address, payload: Payload, profile: str | None, rules: Rules) -> None:
    """Looks for what needs no database: tables, relations between them, and the columns that a body names."""
    if call.table not in TABLES:
        raise refusal.no_such_table(call.table, profile or SCHEMAS[0], TABLES)
    if call.method not in READING and call.table != JOBS:
        raise Refusal(405, "25006", f"{call.table} can only be read", hint=f"write to /{JOBS}")
    if address.embedded is not None:
        raise refusal.not_embedded(address.embedded)
    conditions.check_fields(call.table, address.select, aggregates=rules.aggregates)
    for key in payload.keys:
        if key not in COLUMNS:
            raise refusal.unknown_key(call.table, key)


def _answered(
    call: Call, address: Address, preferences: Preferences, rules: Rules
) -> tuple[tuple[Field, ...], tuple[Order, ...]]:
    """The fields and the order of the rows of an answer. Where none are answered, their names are not looked at, as in
    PostgREST's `prepareWrite`; of what is written without a selection, the key is answered."""
    reads = call.method in READING
    if not reads and preferences.returned not in ("representation", "headers-only"):
        return (), ()
    select = address.select or (RawField("*" if reads else "id"),)
    fields = conditions.fields(call.table, select, aggregates=rules.aggregates)
    if not reads and any(field.aggregate for field in fields):
        raise Refusal(400, "0A000", "what is written is not aggregated", hint="read it with GET")
    return fields, conditions.orders(call.table, address.order)


def _profile(call: Call) -> str | None:
    header = "accept-profile" if call.method in READING else "content-profile"
    name = call.headers.get(header)
    if name is not None and name not in SCHEMAS:
        raise refusal.no_such_schema(name, SCHEMAS)
    return name


def _check_put(asked: Sequence[Condition], payload: Payload) -> Payload:
    """Of several rows, only the one that the address names is written."""
    keys = [
        one.value
        for one in asked
        if isinstance(one, Comparison)
        and one.column == "id"
        and one.compare is Compare.EQUAL
        and not one.negated
    ]
    if not keys or len(keys) < len(asked):
        raise Refusal(
            405,
            "PGRST105",
            "Filters must include all and only primary key columns with 'eq' operators",
        )
    if "id" not in payload.keys:
        raise Refusal(
            400, "42703", "column pgrst_body.id does not exist", hint="the body names the record, too"
        )
    column, reading = COLUMNS["id"], Reading(0)
    rows = [row for row in payload.rows if {read_json(column, row.get("id"), reading)} == set(keys)]
    if len(rows) != 1:
        raise Refusal(400, "PGRST115", "Payload values do not match URL in primary key column(s)")
    return Payload(rows, payload.single, payload.keys)


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


def _payload(call: Call, address: Address) -> Payload:
    if call.method not in ("POST", "PATCH", "PUT"):
        return Payload([], False, ())
    named = None if call.method == "PUT" else address.columns
    payload = read_payload(body_media(call.headers.get("content-type")), call.body, named)
    if call.method == "PATCH" and payload.keys and len(payload.rows) > 1:
        raise invalid_body("PATCH takes one object, which every matching row gets")
    return payload


def _records(call: Call, payload: Payload, preferences: Preferences, reading: Reading) -> tuple[Record, ...]:
    """With every column that has no default, unless it is a change of some. All values are read, in the order of their
    names, before one that is missing is told, as in PostgREST. Raises Refusal."""
    by_default = preferences.missing == "default"
    columns = [COLUMNS[key] for key in sorted(payload.keys)]
    rows = [_record(columns, row, reading, by_default=by_default) for row in payload.rows]
    whole = call.method != "PATCH"
    others = {one.name: None for one in COLUMNS.values() if whole and not one.generated}
    needed = [one for one in COLUMNS.values() if not one.nullable]
    records = tuple({**others, **row} for row in rows)
    for record in records:
        for column in needed:
            if column.name in record:
                require(call.table, column, record[column.name])
    return records


def _record(
    columns: Sequence[Column], row: Mapping[str, object], reading: Reading, *, by_default: bool
) -> Record:
    """A key that `columns` names and the row lacks is NULL, or the column's default where that is preferred."""
    check_text({column.name: row.get(column.name) for column in columns})
    return {
        column.name: read_json(column, row.get(column.name), reading)
        for column in columns
        if not (by_default and column.generated) or column.name in row
    }
