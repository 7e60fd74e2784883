"""How values stand in columns: instants as UTC microseconds, values of `model` as JSON text.

msgspec is imported at the first JSON value, so that a command that reads none does not pay for it.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND = timedelta(microseconds=1)


def to_micros(at: datetime) -> int:
    """Exact, unlike a float of seconds. A naive instant is a TypeError."""
    return (at - EPOCH) // MICROSECOND


def from_micros(micros: int) -> datetime:
    return EPOCH + timedelta(microseconds=micros)


def optional_micros(at: datetime | None) -> int | None:
    return None if at is None else (at - EPOCH) // MICROSECOND


def optional_instant(micros: int | None) -> datetime | None:
    return None if micros is None else EPOCH + timedelta(microseconds=micros)


@cache
def _encoder() -> Any:
    import msgspec

    # Samples of warehouse rows hold decimals, dates and bytes: those msgspec writes itself; the rest as text.
    return msgspec.json.Encoder(enc_hook=str)


@cache
def _decoder(kind: Any) -> Any:
    import msgspec

    return msgspec.json.Decoder(kind)


def to_json(value: Any) -> str:
    text: str = _encoder().encode(value).decode()
    return text


def optional_json(value: Any) -> str | None:
    return to_json(value) if value else None


def from_json(text: str, kind: type[T]) -> T:
    value: T = _decoder(kind).decode(text)  # type: ignore[arg-type]
    return value


def optional_from_json(text: str | None, kind: type[T]) -> T | None:
    return from_json(text, kind) if text else None


def strings_from_json(text: str | None) -> tuple[str, ...]:
    return from_json(text, tuple[str, ...]) if text else ()
