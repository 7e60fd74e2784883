"""OpenLineage's events as far as they are read here, for openapi.json, and what one is answered with."""

from __future__ import annotations

from typing import Any

from pydantic import Field

from headgate.wire.base import Answer

_TEXT = {"type": "string", "minLength": 1, "maxLength": 200}
_DATASETS = {
    "type": "array",
    "items": {
        "type": "object",
        "properties": {"namespace": _TEXT, "name": _TEXT},
        "required": ["namespace", "name"],
    },
}

# A dict and no model: events are read by `joblog.openlineage`, and a model's validator would be built for nothing.
EVENT: dict[str, Any] = {
    "type": "object",
    "description": "A RunEvent of OpenLineage. More keys and facets may stand there. Of a JobEvent or a DatasetEvent, "
    "which have no `run`, nothing is recorded.",
    "properties": {
        "eventTime": {"type": "string", "format": "date-time"},
        "eventType": {
            "type": "string",
            "enum": ["START", "RUNNING", "COMPLETE", "ABORT", "FAIL", "OTHER"],
        },
        "producer": {"type": "string"},
        "run": {
            "type": "object",
            "properties": {"runId": {"type": "string", "format": "uuid"}, "facets": {"type": "object"}},
            "required": ["runId"],
        },
        "job": {
            "type": "object",
            "properties": {"namespace": _TEXT, "name": _TEXT},
            "required": ["namespace", "name"],
        },
        "inputs": _DATASETS,
        "outputs": _DATASETS,
    },
    "required": ["eventTime"],
}


class LineageAnswer(Answer):
    id: int | None = Field(description="The record's; null where there is none.")
    name: str | None = Field(description="What the record stands under.")
