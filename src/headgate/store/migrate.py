"""Brings a state's schema to this version of Headgate: numbered files of `migrations/`, forward only.

Three words differ between databases and stand in braces: `{identity}` (a key that counts by itself),
`{bytes}` (binary data) and `{clustered}` (rows kept in the order of their key, where the database can). What one
database needs besides stands in a file of the same number, `0002_….postgres.sql`.
"""

from __future__ import annotations

import re
import uuid
from pathlib import Path

from headgate import __version__
from headgate.errors import StateError
from headgate.store.connection import Connection, Database, Spelling
from headgate.store.statements import load

FOLDER = Path(__file__).parent / "migrations"
SCHEMA_VERSION = 4
"""The number of the newest file in `migrations/`; a constant, so that opening a state lists no folder."""

SQL = load("meta")
_TEXT = re.compile(r"\btext\b")


def migrate(database: Database, where: object) -> None:
    """Applies what is missing, in one transaction. Costs one statement where nothing is.

    Raises StateError `state_too_new` for a state written by a newer Headgate.
    """
    with database.read() as connection:
        version = database.schema_version(connection)
        if version == SCHEMA_VERSION:
            return
        if version > SCHEMA_VERSION:
            raise _too_new(connection, where)
    with database.migration() as connection:
        version = database.schema_version(connection)  # another process may have been first
        if version > SCHEMA_VERSION:
            raise _too_new(connection, where)
        for path in migrations(database.dialect):
            if int(path.name[:4]) > version:
                for statement in statements_of(path, database):
                    connection.change(statement)
        connection.change(SQL["set_if_missing"], {"key": "uid", "value": uuid.uuid4().hex})
        for key, value in (("headgate_version", __version__), ("schema_version", str(SCHEMA_VERSION))):
            connection.change(SQL["set"], {"key": key, "value": value})
        database.set_schema_version(connection, SCHEMA_VERSION)


def migrations(dialect: str) -> list[Path]:
    """The files for one database, in their order; its own one comes after that which all share."""
    parts = {path: path.name.split(".")[1:-1] for path in FOLDER.glob("[0-9]*.sql")}
    own = [path for path, middle in parts.items() if middle in ([], [dialect])]
    return sorted(own, key=lambda path: (path.name[:4], parts[path]))


def statements_of(path: Path, database: Spelling) -> list[str]:
    """The statements of one migration, as `database` spells them."""
    text = "\n".join(
        line for line in path.read_text(encoding="utf-8").splitlines() if not line.startswith("--")
    )
    for word, spelling in (
        ("{identity}", database.identity_type),
        ("{bytes}", database.bytes_type),
        ("{clustered}", database.clustered),
    ):
        text = text.replace(word, spelling)
    text = _TEXT.sub(database.text_type, text)
    return [statement.strip() for statement in text.split(";") if statement.strip()]


def _too_new(connection: Connection, where: object) -> StateError:
    row = connection.row(SQL["get"], {"key": "headgate_version"})
    writer = row[0] if row else "unknown"
    return StateError(
        "state_too_new",
        f"the state {where} was written by Headgate {writer}, which is newer than this one ({__version__})",
        hint=f"install Headgate {writer} or newer, or use another state folder",
    )
