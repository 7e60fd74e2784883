"""What a person types -> values: run parameters, instants, ids. Pure."""

from __future__ import annotations

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from headgate.errors import UsageError
from headgate.model.project import Parameters


def read_parameters(given: Iterable[str]) -> Parameters:
    """Each is a JSON object or `name=value`; later ones win. Raises UsageError `parameters_invalid`.

    A value that is written as JSON writes a number, true, false, null, a list or an object is that; anything
    else is text (`007`, `1.10`, `BUILDING`).
    """
    found: Parameters = {}
    for text in given:
        if text.lstrip().startswith("{"):
            found.update(_object(text))
            continue
        name, equals, value = text.partition("=")
        if not equals or not name.strip():
            raise UsageError(
                "parameters_invalid",
                f"cannot read the parameters {text!r}",
                hint="""write name=value, or JSON: '{"name": "value"}'""",
            )
        found[name.strip()] = _value(value)
    return found


def _object(text: str) -> dict[str, Any]:
    try:
        value = json.loads(text)
    except ValueError as error:
        raise UsageError(
            "parameters_invalid",
            f"the parameters are not JSON: {error}",
            hint="""write '{"name": "value"}' in single quotes, or name=value""",
        ) from error
    assert isinstance(value, dict)  # it begins with a brace
    return value


def _value(text: str) -> Any:
    try:
        value = json.loads(text)
    except ValueError:
        return text
    # 1.10 and 1e3 would come out otherwise than they were written.
    return text if isinstance(value, float) and repr(value) != text else value


def read_instant(text: str | None, flag: str) -> datetime | None:
    """A date or an instant of ISO 8601; UTC where it names no zone. Raises UsageError `instant_invalid`."""
    if text is None:
        return None
    try:
        instant = datetime.fromisoformat(text)
    except ValueError as error:
        raise UsageError(
            "instant_invalid",
            f"{flag} is no date or instant: {text!r}",
            hint="write 2026-01-31 or 2026-01-31T06:00:00Z",
        ) from error
    return instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)


def check_range(start: datetime | None, end: datetime | None) -> None:
    if start is not None and end is not None and start >= end:
        raise UsageError("range_empty", f"--from {start.isoformat()} is not before --to {end.isoformat()}")


def run_number(text: str) -> int:
    """The id of a run as typed. Raises UsageError `run_id_invalid`."""
    number = whole_number(text)
    if number is None:
        raise UsageError("run_id_invalid", f"{text!r} is no run id", hint="headgate runs shows them")
    return number


def environment_number(text: str) -> int:
    """The id of an environment as typed. Raises UsageError `environment_id_invalid`."""
    number = whole_number(text)
    if number is None:
        hint = "headgate environments shows them"
        raise UsageError("environment_id_invalid", f"{text!r} is no environment id", hint=hint)
    return number


def job_number(text: str) -> int:
    """The id of a job as typed. Raises UsageError `job_id_invalid`."""
    number = whole_number(text)
    if number is None:
        raise UsageError("job_id_invalid", f"{text!r} is no job id", hint="headgate jobs shows them")
    return number


def whole_number(text: str) -> int | None:
    """None where `text` is none, or more than an id can be."""
    # 18 digits fit into the state's integers.
    return int(text) if text.isascii() and text.isdigit() and len(text) <= 18 else None
