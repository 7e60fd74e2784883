"""Globs `*`, `?` and `[…]`, compared without case, in time bounded by the lengths of pattern and value."""

from __future__ import annotations

import re
from collections.abc import Collection

_WILD = "*?["


def is_glob(pattern: str) -> bool:
    return any(wild in pattern for wild in _WILD)


def compile_glob(pattern: str) -> re.Pattern[str]:
    """What `fullmatch`es the lower-case values that the glob stands for. ValueError where it is malformed.

    Between two stars the first place that fits is as good as any later one, so each part is an atomic group
    and nothing is ever tried twice: a pattern from a request cannot cost exponential time.
    """
    first, *later = _parts(pattern.lower())
    if not later:
        return re.compile(first, re.DOTALL)
    *middle, last = later
    found = "".join(f"(?>.*?{part})" for part in middle if part)
    return re.compile(f"{first}{found}.*{last}", re.DOTALL)


def matching(pattern: str, values: Collection[str]) -> Collection[str]:
    """Those of the lower-case `values` that the pattern, in any case, stands for."""
    if not is_glob(pattern):
        folded = pattern.lower()
        return (folded,) if folded in values else ()
    if not pattern.strip("*"):
        return values
    matches = compile_glob(pattern).fullmatch
    return [value for value in values if matches(value)]


def literal_part(pattern: str) -> str:
    """The pattern without its wildcards: what a person most likely knows of the name."""
    return "".join(character for character in pattern if character not in "*?[]!^")


def _parts(pattern: str) -> list[str]:
    """Regular expressions of fixed length for the parts between stars."""
    parts = [""]
    position = 0
    while position < len(pattern):
        character = pattern[position]
        position += 1
        if character == "*":
            parts.append("")
        elif character == "?":
            parts[-1] += "."
        elif character == "[":
            # A bracket that comes first in the class stands for itself.
            opening = position + 1 if pattern[position : position + 1] in ("!", "^") else position
            closing = pattern.find("]", opening + 1)
            if closing < 0:
                raise ValueError("`[` is never closed; for the character itself write [[]")
            parts[-1] += _character_class(pattern[opening:closing], negated=opening > position)
            position = closing + 1
        else:
            parts[-1] += re.escape(character)
    return parts


def _character_class(members: str, *, negated: bool) -> str:
    found = ""
    position = 0
    while position < len(members):
        low, dash, high = members[position], members[position + 1 : position + 2], members[position + 2 :][:1]
        if dash == "-" and high:
            if low > high:
                raise ValueError(f"the range {low}-{high} is empty")
            found += f"{re.escape(low)}-{re.escape(high)}"
            position += 3
        else:
            found += re.escape(low)
            position += 1
    return f"[{'^' if negated else ''}{found}]"
