"""Reads the named statements of `sql/*.sql`. A file belongs to one repository, which loads it whole.

    -- name: get
    -- One run by its id.
    SELECT {columns} FROM run WHERE id = :id

`{columns}` is replaced by the statement of that name in the same file; other words in braces are left for the
repository to fill with fixed text (`{where}`, `{digests}`), never with a value from outside.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

FOLDER = Path(__file__).parent / "sql"

_NAME = re.compile(r"^-- name: *(\w+) *$", re.MULTILINE)
_WORD = re.compile(r"\{(\w+)\}")
CHUNK = 500
"""How many values one IN list holds: below every database's limit, and few different texts to prepare."""


def load(name: str) -> dict[str, str]:
    """The statements of one file, by name, in the order of the file."""
    parts = _NAME.split((FOLDER / f"{name}.sql").read_text(encoding="utf-8"))[1:]
    bare = {
        key: "\n".join(line for line in body.strip().splitlines() if not line.startswith("--"))
        for key, body in zip(parts[::2], parts[1::2], strict=True)
    }
    return {key: _WORD.sub(lambda word: bare.get(word[1], word[0]), text) for key, text in bare.items()}


def one_of(values: Iterable[str]) -> str:
    """Fixed words of ours (statuses) as the inside of an IN list."""
    return ", ".join(f"'{value}'" for value in sorted(values))


def in_list(values: list[str]) -> tuple[str, dict[str, str]]:
    """The inside of an IN list as parameters, and their values."""
    parameters = {f"v{index}": value for index, value in enumerate(values)}
    return ", ".join(f":{key}" for key in parameters), parameters


def chunks(values: Iterable[str]) -> Iterable[list[str]]:
    """The distinct values, CHUNK at a time, in their order."""
    distinct = list(dict.fromkeys(values))
    return (distinct[start : start + CHUNK] for start in range(0, len(distinct), CHUNK))
