"""Another job log that is taken over: how it is asked, what it answers, and how far it is taken.

The other one is any PostgREST that serves a table with the nine columns; it is asked for nothing that one of them may
not have.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any
from urllib.parse import quote, urlsplit

from headgate.errors import UsageError
from headgate.joblog.literals import Reading, read_integer, read_json, require
from headgate.joblog.payload import MOST_BYTES, check_text
from headgate.joblog.refusal import Refusal
from headgate.joblog.runs import IN_PROGRESS
from headgate.joblog.table import COLUMNS, FINAL, JOBS, NAMES
from headgate.joblog.tree import Value

MOST_WHOLE = 2**63 - 1
"""Of an id and of a count: the other table may have `bigint` where ours is shown as `integer`."""

MOST_URL = 500
"""Characters; with a name it stands in an index."""

LATE_IDS = 1_000
"""How far below the last id a record may still appear: its id is given when it is written, and others may see it only
later, when its transaction ends. Ids that are missing within that many are asked for again."""

_PORTS = {"http": 80, "https": 443}
_LOOPBACK = ("127.0.0.1", "::1")
_BIG = ("id", "records_processed")


@dataclass(frozen=True, slots=True)
class Origin:
    """`url` is that of the table, in one spelling and without credentials. With a `name`, the records of that job alone
    are meant."""

    url: str
    name: str | None = None

    @property
    def key(self) -> str:
        """Names it, in our state and to people."""
        return self.url if self.name is None else f"{self.url}?name=eq.{self.name}"


@dataclass(frozen=True, slots=True)
class OtherRecord:
    """`values` are those of our columns, but for the id."""

    id: int
    values: Mapping[str, Value]

    @property
    def is_open(self) -> bool:
        """Whether it may still change. A status that nobody here knows is final once the record has an end."""
        status = self.values["status"]
        return status == IN_PROGRESS or (status not in FINAL and self.values["end_date"] is None)


@dataclass(frozen=True, slots=True)
class Page:
    """Records in the order of their ids. `after` is the id that the sender takes for the last one that was taken, None
    for none; `gone` are ids that were asked for again and are no more."""

    origin: Origin
    after: int | None
    records: tuple[OtherRecord, ...]
    gone: tuple[int, ...] = ()


@dataclass(frozen=True, slots=True)
class Progress:
    """How far an origin is taken. `last_id` is None before the first record, `records` counts all that came from it,
    `in_progress` those that are asked for again. `imported` and `updated` are of one page."""

    last_id: int | None = None
    records: int = 0
    in_progress: int = 0
    started_at: int | None = None
    changed_at: int | None = None
    imported: int = 0
    updated: int = 0


def read_origin(url: str, name: str | None = None) -> Origin:
    """Raises UsageError `import_url_invalid`."""
    url = url.strip()
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        raise _not_an_address(url) from None
    if parts.scheme not in _PORTS or not host or not url.isascii() or not url.isprintable() or " " in url:
        raise _not_an_address(url)
    if parts.username is not None or parts.query or parts.fragment:
        raise UsageError(
            "import_url_invalid",
            f"the address of the other job log is that of its table alone: {_shown(url)}",
            hint="names are given with --name, a token with HEADGATE_IMPORT_TOKEN",
        )
    if len(url) > MOST_URL or len((name or "").encode(errors="replace")) > MOST_BYTES["name"]:
        raise UsageError(
            "import_url_invalid",
            f"the address or the name is too long: {_shown(url)[:100]}…",
            hint=f"an address has {MOST_URL} characters at most, a name {MOST_BYTES['name']:,} bytes",
        )
    path = parts.path.rstrip("/")
    place = f"[{host}]" if ":" in host else host
    if port not in (None, _PORTS[parts.scheme]):
        place += f":{port}"
    if not path:
        raise UsageError(
            "import_url_invalid",
            f"{parts.scheme}://{place} is a server, and no table of it",
            hint=f"name the table: {parts.scheme}://{place}/{JOBS}",
        )
    return Origin(f"{parts.scheme}://{place}{path}", name)


def same_server(one: str, other: str) -> bool:
    """Whether two addresses are surely of one server: another spelling of its name may hide it."""
    return _place_of(one) == _place_of(other)


def _place_of(url: str) -> tuple[str, int | None]:
    parts = urlsplit(url)
    host = parts.hostname or ""
    return "localhost" if host in _LOOPBACK else host, parts.port or _PORTS.get(parts.scheme)


def page_query(
    name: str | None, *, after: int | None = None, ids: Sequence[int] = (), limit: int | None = None
) -> str:
    """The query of a request: records above `after`, with one of `ids` where some are named, the oldest first."""
    parts = [("select", ",".join(NAMES)), ("order", "id.asc")]
    if name is not None:
        parts.append(("name", f"eq.{name}"))
    if after is not None:
        parts.append(("id", f"gt.{after}"))
    if ids:
        parts.append(("id", f"in.({','.join(map(str, ids))})"))
    if limit is not None:
        parts.append(("limit", str(limit)))
    return "&".join(f"{key}={quote(value, safe='*,.()')}" for key, value in parts)


def newest_query(name: str | None) -> str:
    """The query for the record with the largest id."""
    return page_query(name, limit=1).replace("order=id.asc", "order=id.desc")


def read_id(origin: Origin, given: Any) -> int:
    """Of a record as it came. Raises UsageError `import_record_invalid`."""
    number = given.get("id") if isinstance(given, Mapping) else None
    if isinstance(number, bool) or not isinstance(number, int) or not -MOST_WHOLE <= number <= MOST_WHOLE:
        raise UsageError(
            "import_record_invalid",
            f"{origin.url} answers a record without an id that is a number: {str(given)[:100]}",
            hint="an import needs the table's own integer `id`",
        )
    return number


def read_records(origin: Origin, given: Iterable[Any], now_micros: int) -> tuple[OtherRecord, ...]:
    """Their values are read as those of a POST. Raises UsageError `import_record_invalid`."""
    reading = Reading(now_micros)
    found: list[OtherRecord] = []
    for one in given:
        number = read_id(origin, one)
        if found and number <= found[-1].id:
            raise invalid(origin, number, f"it comes after record {found[-1].id}, and is not above it")
        try:
            found.append(OtherRecord(number, _values(one, reading)))
        except Refusal as error:
            raise invalid(origin, number, error.message) from None
        if origin.name not in (None, found[-1].values["name"]):
            raise invalid(origin, number, f"its name {found[-1].values['name']!r} was not asked for")
    return tuple(found)


def invalid(origin: Origin, number: int, reason: str) -> UsageError:
    return UsageError(
        "import_record_invalid",
        f"record {number} of {origin.url} cannot be imported: {reason}",
        hint=f"correct it there ({origin.url}?id=eq.{number}) or leave it out (--skip {number}), and run the command "
        "again: it goes on from the page that has it",
    )


def _values(given: Mapping[str, Any], reading: Reading) -> dict[str, Value]:
    values: dict[str, Value] = {}
    for column in COLUMNS.values():
        if column.name == "id":
            continue
        raw = given.get(column.name)
        if raw is None and column.name in ("source", "destination"):
            raw = ""  # a table that allows NULL there says nothing with it
        if column.name in _BIG and isinstance(raw, int) and not isinstance(raw, bool):
            values[column.name] = read_integer(str(raw), MOST_WHOLE, "bigint")
        else:
            values[column.name] = require(JOBS, column, read_json(column, raw, reading))
    check_text(values)
    return values


def _not_an_address(url: str) -> UsageError:
    return UsageError(
        "import_url_invalid",
        f"{_shown(url)} is no address of a table",
        hint="write http://host/jobs",
    )


def _shown(url: str) -> str:
    """Without what may be a password."""
    scheme, slashes, rest = url.partition("//")
    return repr(scheme + slashes + rest.rpartition("@")[2]) if "@" in rest else repr(url)
