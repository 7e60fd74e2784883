"""Patterns over texts, for a database that has none of its own: LIKE by PostgreSQL's rules, and regular expressions.

Both take time in proportion to the text, whatever the pattern is.
"""

from __future__ import annotations

import re
import string
from functools import lru_cache
from typing import Any

_LOWER = str.maketrans(string.ascii_uppercase, string.ascii_lowercase)
_PART = re.compile(r"\\(?P<escaped>.)|(?P<wild>[%_])|(?P<plain>[^%_\\]+)", re.DOTALL)


def like(pattern: str, fold: int, text: str | None) -> int | None:
    """Whether the whole of `text` is like `pattern`; with `fold`, A to Z are as a to z."""
    if text is None:
        return None
    if fold:
        pattern, text = pattern.translate(_LOWER), text.translate(_LOWER)
    return int(_compiled(expression(pattern), False).fullmatch(text) is not None)


def matches(pattern: str, fold: int, text: str | None) -> int | None:
    """Whether a regular expression is found in `text`."""
    return None if text is None else int(_compiled(pattern, bool(fold)).search(text) is not None)


def expression(pattern: str) -> str:
    """A pattern of LIKE as a regular expression."""
    words = {"%": ".*", "_": "."}
    return "".join(
        words[found["wild"]] if found["wild"] else re.escape(found["escaped"] or found["plain"])
        for found in _PART.finditer(pattern)
    )


def prefix(pattern: str) -> str:
    """What every text that is like `pattern` begins with."""
    parts = []
    for found in _PART.finditer(pattern):
        if found["wild"]:
            break
        parts.append(found["escaped"] or found["plain"])
    return "".join(parts)


@lru_cache(maxsize=256)
def _compiled(pattern: str, fold: bool) -> Any:
    from headgate.joblog.conditions import compiled_pattern

    return compiled_pattern(pattern, fold=fold)
