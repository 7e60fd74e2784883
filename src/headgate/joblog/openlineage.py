"""OpenLineage's events, read: the JSON of its specification (2-0-2, OpenLineage.json) -> what the job log keeps.

Producers differ in what they add, so whatever no record is made of is passed over unread, most facets among it. What
several events say of one run is put together in `lineage`.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any
from uuid import UUID

import msgspec

from headgate.errors import UsageError
from headgate.joblog.instants import micros_of

MOST_NAME = 500
"""Characters of a record's name, which indexes hold, and of a dataset's."""
MOST_MESSAGE = 4_000
"""Characters of a message: as many as our own client keeps of a traceback."""
MOST_ROWS = 10**18 - 1
_HINT = "a RunEvent has eventTime, eventType, run.runId, job.namespace and job.name: https://openlineage.io/docs/spec"

_PROBLEM = re.compile(
    r"(?:Object missing required field `(?P<missing>\w+)`|Expected `(?P<expected>[^`]+)`, got `(?P<got>\w+)`)"
    r"(?: - at `\$\.?(?P<at>.*)`)?"
)


class EventType(StrEnum):
    START = "START"
    RUNNING = "RUNNING"
    COMPLETE = "COMPLETE"
    ABORT = "ABORT"
    FAIL = "FAIL"
    OTHER = "OTHER"


@dataclass(frozen=True, slots=True)
class Dataset:
    """`rows` is how many were written to it, None where the event does not say."""

    name: str
    rows: int | None = None


@dataclass(frozen=True, slots=True)
class RunEvent:
    """What an event tells of a run. `name` is the record's, `at` in microseconds since 1970; `message` comes with a
    failure. No dataset stands twice."""

    run_id: UUID
    name: str
    type: EventType
    at: int
    inputs: tuple[Dataset, ...] = ()
    outputs: tuple[Dataset, ...] = ()
    message: str | None = None


class _Named(msgspec.Struct):
    namespace: str
    name: str


class _Dataset(_Named, rename="camel"):
    output_facets: Any = None


class _Run(msgspec.Struct, rename="camel"):
    run_id: str
    facets: Any = None


class _Event(msgspec.Struct, rename="camel"):
    event_time: str
    event_type: str | None = None
    run: _Run | None = None
    job: _Named | None = None
    dataset: Any = None
    inputs: list[_Dataset] | None = None
    outputs: list[_Dataset] | None = None


def read_event(body: bytes) -> RunEvent | None:
    """None for an event of a job or of a dataset, which tells of no run. Without a type it is OTHER, without a time
    zone in UTC. Raises UsageError (`body_malformed`, `lineage_event_invalid`)."""
    try:
        # Python's own: statistics of producers in Python hold NaN, which JSON does not have.
        found = json.loads(body, parse_constant=lambda _: None)
    except (ValueError, RecursionError) as error:
        raise UsageError("body_malformed", f"the body is not JSON: {error}") from None
    try:
        event = msgspec.convert(found, _Event)
    except msgspec.ValidationError as error:
        raise _invalid(_shown(str(error))) from None
    at = _instant(event.event_time)
    if event.run is None:
        if event.job is None and event.dataset is None:
            raise _invalid("it has no `run`, and neither a `job` nor a `dataset`")
        return None
    if event.job is None:
        raise _invalid("it has a `run` and no `job`")
    return RunEvent(
        run_id=_uuid(event.run.run_id),
        name=_job_name(event.job),
        type=EventType.OTHER if event.event_type is None else _type(event.event_type),
        at=at,
        inputs=_datasets("inputs", event.inputs),
        outputs=_datasets("outputs", event.outputs),
        message=_message(event.run.facets),
    )


def _invalid(reason: str) -> UsageError:
    return UsageError(
        "lineage_event_invalid", f"the OpenLineage event cannot be recorded: {reason}", hint=_HINT
    )


def _shown(problem: str) -> str:
    """msgspec's sentence, beginning with the key."""
    found = _PROBLEM.fullmatch(problem)
    if found is None:
        return problem
    path = ".".join(filter(None, (found["at"], found["missing"])))
    key = f"`{path}`" if path else "the event"
    if found["missing"]:
        return f"{key} is missing"
    return f"{key} is of the type {found['got']}, and should be {found['expected']}"


def _type(word: str) -> EventType:
    try:
        return EventType(word)
    except ValueError:
        raise _invalid(f"`eventType` is none of {', '.join(EventType)}: {word[:60]!a}") from None


def _instant(text: str) -> int:
    try:
        if "T" not in text.upper():
            raise ValueError
        moment = datetime.fromisoformat(text.upper())  # what is finer than microseconds is cut off
        return micros_of((moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC))
    except (ValueError, OverflowError):
        shown = ascii(text[:60])
        raise _invalid(f"`eventTime` is no instant such as 2026-01-31T06:00:00Z: {shown}") from None


def _uuid(text: str) -> UUID:
    try:
        return UUID(text)
    except ValueError:
        raise _invalid(f"`run.runId` is no UUID: {text[:60]!a}") from None


def _job_name(job: _Named) -> str:
    if not job.name:
        raise _invalid("`job.name` is empty")
    name = _joined(job)
    _check_text("job", name)
    if len(name) > MOST_NAME:
        raise _invalid(f"`job.namespace` and `job.name` have more than {MOST_NAME} characters: {name[:60]}…")
    return name


def _joined(named: _Named) -> str:
    """`file` and `/data/orders` are `file/data/orders`; the namespace `default` says nothing."""
    if named.namespace in ("", "default"):
        return named.name
    if named.namespace.endswith("/") or named.name.startswith("/"):
        return named.namespace + named.name
    return f"{named.namespace}/{named.name}"


def _check_text(field: str, text: str) -> None:
    try:
        fine = "\0" not in text.encode().decode()
    except UnicodeEncodeError:  # half of a pair
        fine = False
    if not fine:
        raise _invalid(f"a name in `{field}` holds a character that no database takes: {text[:60]!a}")


def _datasets(field: str, given: list[_Dataset] | None) -> tuple[Dataset, ...]:
    """One that stands twice was written in two parts, which add up."""
    found: dict[str, int | None] = {}
    for one in given or ():
        name = _joined(one)
        _check_text(field, name)
        name = name if len(name) <= MOST_NAME else name[: MOST_NAME - 1] + "…"
        rows, before = _rows(one.output_facets), found.get(name)
        found[name] = before if rows is None else min(rows + (before or 0), MOST_ROWS)
    return tuple(Dataset(name, rows) for name, rows in found.items())


def _rows(facets: Any) -> int | None:
    count = _facet(facets, "outputStatistics").get("rowCount")
    if isinstance(count, float) and count.is_integer():
        count = int(count)
    if isinstance(count, bool) or not isinstance(count, int) or not 0 <= count <= MOST_ROWS:
        return None
    return count


def _message(facets: Any) -> str | None:
    """What went wrong, above the end of the stack trace."""
    facet = _facet(facets, "errorMessage")
    message, trace = _text(facet.get("message")), _text(facet.get("stackTrace"))
    if not trace:
        return message[:MOST_MESSAGE] or None
    head = f"{message[: MOST_MESSAGE // 2]}\n" if message else ""
    return head + trace[-(MOST_MESSAGE - len(head)) :]


def _text(value: Any) -> str:
    """As a database takes it: how a run failed is worth more than each of its characters."""
    if not isinstance(value, str):
        return ""
    return value.strip().encode("utf-8", errors="backslashreplace").decode().replace("\0", "\\0")


def _facet(facets: Any, name: str) -> dict[str, Any]:
    facet = facets.get(name) if isinstance(facets, dict) else None
    return facet if isinstance(facet, dict) else {}
