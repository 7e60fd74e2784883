"""What all bodies share: camelCase with `ID` and `SQL` in capitals, and how far unknown keys are borne."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BaseModel, ConfigDict, Field

_CAPITALS = {"id": "ID", "ids": "IDs", "sql": "SQL"}


def spelled(name: str) -> str:
    """`environment_id` -> `environmentID`."""
    first, *rest = name.rstrip("_").split("_")
    return first + "".join(_CAPITALS.get(part, part.capitalize()) for part in rest)


class Answer(BaseModel):
    """Every key is always there, but for those that have a default here; there are no others."""

    # Nothing is ever read with these: a validator is built for openapi.json alone.
    model_config = ConfigDict(
        alias_generator=spelled, extra="forbid", serialize_by_alias=True, defer_build=True
    )


class Request(BaseModel):
    """A key that nobody knows is an error: a misspelled option must not be passed over."""

    model_config = ConfigDict(alias_generator=spelled, extra="forbid", serialize_by_alias=True, strict=True)


class CoalesceRequest(BaseModel):
    """What Coalesce's clients send may hold keys that mean nothing here."""

    model_config = ConfigDict(alias_generator=spelled, extra="ignore", serialize_by_alias=True)


MOST_ID = 10**18 - 1
"""Ids are integers of 64 bits; more digits than fit are refused before anything is looked up."""

Number = Annotated[int, Field(ge=0, le=MOST_ID)]
Id = (
    Annotated[int, Field(ge=0, le=MOST_ID, strict=True)] | Annotated[str, Field(min_length=1, max_length=200)]
)
"""A number, or the same as text. Where a name is unique it may stand for it."""

Instant = Annotated[str, Field(json_schema_extra={"format": "date-time"})]
Name = Annotated[str, Field(min_length=1, max_length=200)]
Selector = Annotated[str, Field(max_length=100_000)]
MOST_HEAD_BYTES = 256 * 1024
"""Of a request's first line and headers."""

QuerySelector = Annotated[str, Field(max_length=5_000)]
"""In an address: percent-encoded, a character takes 12 bytes at most."""

Parameters = dict[str, Any]
