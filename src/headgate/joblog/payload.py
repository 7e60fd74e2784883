"""A request's body -> rows: objects by key, all with the same keys. JSON, CSV with a head, or a form."""

from __future__ import annotations

import csv
import io
import json
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from headgate.joblog.literals import Nested, Number
from headgate.joblog.media import Media
from headgate.joblog.refusal import Refusal, invalid_body

MOST_DEPTH = 100
MOST_BYTES = {"name": 2_000, "status": 400}
"""Of texts that stand in an index: a row of one has 2,700 in PostgreSQL."""

_UNREADABLE = "Empty or invalid json"

Row = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Payload:
    """`single` is False where the body was a list. Without `uniform`, the rows may have different keys."""

    rows: list[Row]
    single: bool
    keys: tuple[str, ...]


def read_payload(media: Media, body: bytes, columns: tuple[str, ...] | None) -> Payload:
    """With `columns`, only those keys of a JSON body are read, and a row need not have all of them. Raises Refusal
    PGRST102; with `columns`, 22P02 and 22023, since PostgREST leaves such a body to PostgreSQL."""
    match media:
        case Media.CSV:
            rows, single = _csv(_text(body)), False
        case Media.FORM:
            rows, single = [dict(parse_qsl(_text(body), keep_blank_values=True))], True
        case _ if columns is not None:
            rows, single = _chosen(body)
            return Payload(rows, single, columns)
        case _:
            rows, single = _json(body)
    keys = tuple(rows[0]) if rows else ()
    if any(row.keys() != rows[0].keys() for row in rows):
        raise invalid_body("All object keys must match")
    return Payload(rows, single, keys)


def _text(body: bytes) -> str:
    try:
        return body.decode("utf-8")
    except UnicodeDecodeError as error:
        raise invalid_body(f"the body is not UTF-8 at byte {error.start}") from None


def _json(body: bytes) -> tuple[list[Row], bool]:
    try:
        found = _parsed(body)
    except (ValueError, RecursionError):
        raise invalid_body(_UNREADABLE) from None
    if isinstance(found, dict):
        return _flat(body, [found], single=True), True
    if not isinstance(found, list):
        return [], False  # as the published server has it: a bare value holds no rows
    if any(not isinstance(row, dict) for row in found):
        raise invalid_body("All object keys must match")
    return _flat(body, found, single=False), False


def _chosen(body: bytes) -> tuple[list[Row], bool]:
    try:
        found = _parsed(body)
    except (ValueError, RecursionError):
        raise Refusal(400, "22P02", "invalid input syntax for type json") from None
    if isinstance(found, dict):
        return _flat(body, [found], single=True), True
    if not isinstance(found, list):
        raise Refusal(400, "22023", "cannot call json_to_recordset on a scalar")
    if any(not isinstance(row, dict) for row in found):
        raise Refusal(400, "22023", "argument of json_to_recordset must be an array of objects")
    return _flat(body, found, single=False), False


def _flat(body: bytes, rows: list[Row], *, single: bool) -> list[Row]:
    """What is nested becomes the text that stands in the body, as in PostgreSQL's `json_to_record`."""
    if not any(isinstance(value, dict | list) for row in rows for value in row.values()):
        return rows
    raw = dict[str, msgspec.Raw]
    try:
        texts = [msgspec.json.decode(body, type=raw)] if single else msgspec.json.decode(body, type=list[raw])
    except (msgspec.MsgspecError, RecursionError):
        raise invalid_body(_UNREADABLE) from None
    return [
        {
            key: Nested(bytes(text[key]).decode()) if isinstance(value, dict | list) else value
            for key, value in row.items()
        }
        for row, text in zip(rows, texts, strict=True)
    ]


def _parsed(body: bytes) -> Any:
    """Raises ValueError, also for half a surrogate pair, which is no character."""
    text = _text(body)
    found = json.loads(text, parse_int=Number, parse_float=Number, parse_constant=_no_constant)
    if "\\u" in text:
        json.dumps(found, ensure_ascii=False).encode()
    return found


def _no_constant(word: str) -> None:
    raise ValueError(word)


def _csv(text: str) -> list[Row]:
    """NULL is written without quotes or with; an empty cell is an empty text."""
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head, *lines = [line for line in reader if line]
    except (ValueError, csv.Error) as error:
        reason = f": {error}" if isinstance(error, csv.Error) else ""
        raise invalid_body(f"Empty or invalid CSV{reason}") from None
    if any(len(line) != len(head) for line in lines):
        raise invalid_body("All lines must have same number of fields")
    return [
        {key: None if cell == "NULL" else cell for key, cell in zip(head, line, strict=True)}
        for line in lines
    ]


def check_text(row: Row) -> None:
    """Raises Refusal 22P05 for a NUL, which no text of PostgreSQL holds, and 54000 for a name or a status that its
    indexes do not hold."""
    for key, value in row.items():
        if not isinstance(value, str):
            continue
        most = MOST_BYTES.get(key)
        if most is not None and len(value) * 4 > most and len(value.encode(errors="replace")) > most:
            raise Refusal(413, "54000", f"{key} has more than {most:,} bytes", hint=f"choose a shorter {key}")
        if "\x00" in value:
            raise Refusal(
                400,
                "22P05",
                "unsupported Unicode escape sequence",
                details="\\u0000 cannot be converted to text.",
            )
