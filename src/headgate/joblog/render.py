"""Rows -> the body of an answer: JSON, one object, or CSV, in pieces, so that a million rows need no more memory
than a hundred."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from datetime import UTC, datetime, tzinfo
from typing import Any

import msgspec

from headgate.joblog import instants
from headgate.joblog.literals import read_integer
from headgate.joblog.media import Media
from headgate.joblog.refusal import Refusal
from headgate.joblog.table import COLUMNS, Kind
from headgate.joblog.tree import Aggregate, Cast, Field

PIECE = 1_000
"""Rows of one piece."""

Values = Sequence[Any]
_TO_QUOTE = re.compile(r'[\s",\\()]')
_TRUE, _FALSE = ("t", "true", "y", "yes", "on", "1"), ("f", "false", "n", "no", "off", "0")
_MOST_BIGINT = 2**63 - 1
_MOST_SMALLINT = 2**15 - 1


def keys_of(fields: Sequence[Field]) -> list[str]:
    return [field.key for field in fields]


def shown(fields: Sequence[Field], rows: Iterable[Values], zone: tzinfo) -> Iterator[list[Any]]:
    """Values as JSON has them. Raises Refusal where a cast does not understand one."""
    writers = [_writer(field, zone) for field in fields]
    for row in rows:
        yield [
            write(value) if write and value is not None else value
            for write, value in zip(writers, row, strict=True)
        ]


def json_pieces(
    fields: Sequence[Field], rows: Iterable[Values], zone: tzinfo, *, without_nulls: bool
) -> Iterator[bytes]:
    """A list of objects."""
    keys = keys_of(fields)
    encode = msgspec.json.Encoder().encode
    piece: list[bytes] = []
    between = b"["
    for values in shown(fields, rows, zone):
        item = dict(zip(keys, values, strict=True))
        if without_nulls:
            item = {key: value for key, value in item.items() if value is not None}
        piece.append(encode(item))
        if len(piece) == PIECE:
            yield between + b",\n ".join(piece)
            piece, between = [], b",\n "
    yield (between if piece or between == b"[" else b"") + b",\n ".join(piece) + b"]"


def json_object(fields: Sequence[Field], row: Values, zone: tzinfo, *, without_nulls: bool) -> bytes:
    (piece,) = json_pieces(fields, [row], zone, without_nulls=without_nulls)
    return piece[1:-1]


def csv_pieces(fields: Sequence[Field], rows: Iterable[Values], zone: tzinfo) -> Iterator[bytes]:
    """With a head, unless there are no rows; NULL is nothing, an empty text is `""`, instants and truths are as
    PostgreSQL's text has them."""
    instants_at = [
        place
        for place, field in enumerate(fields)
        if field.column is not None
        and COLUMNS[field.column].kind is Kind.INSTANT
        and field.cast in (None, Cast.INSTANT, Cast.TIMESTAMP)
        and field.aggregate is not Aggregate.COUNT
    ]
    head = ",".join(keys_of(fields))
    piece: list[str] = []
    between = b""
    for values in shown(fields, rows, zone):
        if head:
            piece, head = [head], ""
        for place in instants_at:
            if values[place] is not None:
                values[place] = _as_text(values[place])
        piece.append(",".join(map(_cell, values)))
        if len(piece) >= PIECE:
            yield between + "\n".join(piece).encode()
            piece, between = [], b"\n"
    if piece or head:
        yield between + "\n".join(piece).encode() if piece else b"\n"


def body_pieces(
    media: Media, fields: Sequence[Field], rows: Iterable[Values], zone: tzinfo
) -> Iterator[bytes]:
    if media is Media.CSV:
        return csv_pieces(fields, rows, zone)
    return json_pieces(fields, rows, zone, without_nulls=media.without_nulls)


def _as_text(shown_instant: str) -> str:
    """`2018-06-16T05:00:00+00:00` -> `2018-06-16 05:00:00+00`."""
    text = shown_instant.replace("T", " ", 1)
    return text[:-3] if text[-6:-5] in ("+", "-") and text.endswith(":00") else text


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if type(value) is int:
        return str(value)
    if type(value) is bool:
        return "t" if value else "f"
    text = value if isinstance(value, str) else msgspec.json.encode(value).decode()
    if not text:
        return '""'
    if _TO_QUOTE.search(text):
        return '"' + text.replace("\\", "\\\\").replace('"', '""') + '"'
    return text


# --- casts ----------------------------------------------------------------------------------------------


def _writer(field: Field, zone: tzinfo) -> Any:
    """None where the value is shown as it is."""
    if field.empty:
        return lambda _: None
    if field.aggregate is Aggregate.COUNT or field.column is None:
        return _plain_cast(field.outer_cast)
    kind = COLUMNS[field.column].kind
    outer = field.outer_cast if field.aggregate else None
    if field.aggregate in (Aggregate.SUM, Aggregate.AVG):
        return _plain_cast(outer)
    if kind is Kind.INSTANT:
        return _instant_cast(outer or field.cast or Cast.INSTANT, zone)
    return _plain_cast(outer or field.cast)


def _instant_cast(cast: Cast, zone: tzinfo) -> Any:
    match cast:
        case Cast.DATE:
            return _finite(zone, lambda moment: moment.date().isoformat())
        case Cast.TIME:
            return _finite(zone, lambda moment: instants.write_local(moment, "T").partition("T")[2])
        case Cast.TIMESTAMP:
            return _finite(zone, lambda moment: instants.write_local(moment, "T"))
        case Cast.TEXT:
            return lambda micros: instants.write_instant(micros, zone, " ")
        case Cast.CHARACTER:
            return lambda micros: instants.write_instant(micros, zone, " ")[:1]
    return lambda micros: instants.write_instant(micros, zone)


def _finite(zone: tzinfo, write: Callable[[datetime], str]) -> Callable[[int], str]:
    """What is infinite stays so."""

    def written(micros: int) -> str:
        if micros in (instants.INFINITY, instants.MINUS_INFINITY):
            return instants.write_instant(micros, zone)
        return write(instants.moment_of(micros, zone))

    return written


def _plain_cast(cast: Cast | None) -> Any:
    match cast:
        case Cast.TEXT:
            return lambda value: value if isinstance(value, str) else msgspec.json.encode(value).decode()
        case Cast.CHARACTER:
            return lambda value: str(value)[:1]
        case Cast.SMALLINT:
            return lambda value: read_integer(_whole(value), _MOST_SMALLINT, "smallint")
        case Cast.INTEGER:
            return lambda value: read_integer(_whole(value))
        case Cast.BIGINT:
            return lambda value: read_integer(_whole(value), _MOST_BIGINT, "bigint")
        case Cast.NUMERIC | Cast.FLOAT:
            return lambda value: _number(value, cast)
        case Cast.BOOLEAN:
            return _boolean
        case Cast.DATE:
            return lambda value: _moment(value).date().isoformat()
        case Cast.TIME:
            return lambda value: instants.write_local(_moment(value), "T").partition("T")[2]
        case Cast.TIMESTAMP:
            return lambda value: instants.write_local(_moment(value), "T")
        case Cast.INSTANT:
            return lambda value: instants.write_instant(instants.read_instant(value, UTC, 0), UTC)
        case Cast.JSON:
            return _document
    return None


def _whole(value: Any) -> str:
    """A number is rounded, a half away from zero; a text has to be whole."""
    if isinstance(value, float):
        return str(int(abs(value) + 0.5) * (1 if value > 0 else -1))
    return str(value)


def _moment(text: str) -> Any:
    return instants.moment_of(instants.read_instant(text, UTC, 0), UTC)


def _number(value: Any, cast: Cast) -> Any:
    try:
        number = float(value)
    except ValueError:
        raise Refusal(400, "22P02", f'invalid input syntax for type {cast}: "{value}"') from None
    return int(number) if number.is_integer() and abs(number) < 2**53 else number


def _boolean(value: Any) -> bool:
    text = str(value).strip().lower()
    if isinstance(value, int):
        return bool(value)
    for words, truth in ((_TRUE, True), (_FALSE, False)):
        if text in words:
            return truth
    raise Refusal(400, "22P02", f'invalid input syntax for type boolean: "{value}"')


def _document(value: Any) -> Any:
    try:
        return msgspec.json.decode(value) if isinstance(value, str) else value
    except msgspec.MsgspecError:
        raise Refusal(400, "22P02", "invalid input syntax for type json") from None
