"""Reads the named statements of `sql/*.sql`. A file belongs to one repository, which loads it whole.

    -- name: get
    -- One run by its id.
    SELECT {columns} FROM run WHERE id = :id

`{columns}` is replaced by the statement of that name in the same file; other words in braces are left for the
repository to fill with fixed text (`{where}`, `{digests}`), never with a value from outside. `{for_update}` locks
the rows that a query finds, where a database has locks for rows; so do longer words (`{for_update_of_run}`,
`{for_update_skip_locked}`).

A statement that must differ stands once more in a file beside it, `runs.postgres.sql`. It replaces the shared text on
its way to the database, so it has no words for a repository to fill.
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
    bare = _parsed(FOLDER / f"{name}.sql")
    return _filled(bare, bare)


def _row_lock(word: re.Match[str]) -> str:
    """A comment where the word asks for a lock; a database that locks rows makes a clause of it."""
    return f"/* {word[1].replace('_', ' ')} */" if word[1].startswith("for_update") else word[0]


def overrides(dialect: str) -> dict[str, str]:
    """The statements that one database has its own texts for, by the text that they replace."""
    found = {}
    for path in FOLDER.glob(f"*.{dialect}.sql"):
        shared = load(path.name.partition(".")[0])
        own = _parsed(path)
        texts = _filled(own, {**shared, **own})
        found.update({shared[key]: text for key, text in texts.items() if key in shared})
    return found


def _filled(texts: dict[str, str], words: dict[str, str]) -> dict[str, str]:
    return {
        key: _WORD.sub(lambda word: words.get(word[1]) or _row_lock(word), text)
        for key, text in texts.items()
    }


def _parsed(path: Path) -> dict[str, str]:
    parts = _NAME.split(path.read_text(encoding="utf-8"))[1:]
    return {
        key: "\n".join(line for line in body.strip().splitlines() if not line.startswith("--"))
        for key, body in zip(parts[::2], parts[1::2], strict=True)
    }


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
