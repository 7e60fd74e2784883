"""Durations as people write them in project files: `30s`, `1m`, `2h`, `1d`, `1w`, `1h30m`, or seconds."""

from __future__ import annotations

import re

_UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}
_WHOLE = re.compile(r"(?:\d+(?:\.\d+)?\s*[smhdw]\s*)+")
_PART = re.compile(r"(\d+(?:\.\d+)?)\s*([smhdw])")

LONGEST = 1e300
"""A whole number can be more than any float."""

HINT = "write a number and a unit: 30s, 10m, 2h, 1d, 1w"


def duration_seconds(value: str | int | float) -> float | None:
    """Seconds; None where the value is no duration."""
    if isinstance(value, bool):
        return None
    if isinstance(value, (int, float)):
        return float(min(value, LONGEST)) if value >= 0 else None
    text = value.strip()
    if text.isdecimal():
        return float(text)
    if not _WHOLE.fullmatch(text):
        return None
    return sum(float(number) * _UNITS[unit] for number, unit in _PART.findall(text))


def duration_text(seconds: float) -> str:
    """As `duration_seconds` reads it: `1d`, `1h30m`, `0.5s`."""
    parts = []
    whole, rest = divmod(round(seconds, 6), 60)
    minutes = int(whole)
    for unit, size in (("d", 1_440), ("h", 60), ("m", 1)):
        count, minutes = divmod(minutes, size)
        if count:
            parts.append(f"{count}{unit}")
    rest = round(rest, 6)
    if rest or not parts:
        parts.append(f"{rest:.6f}".rstrip("0").rstrip(".") + "s")
    return "".join(parts)
