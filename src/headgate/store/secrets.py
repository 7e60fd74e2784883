"""Secrets as they are kept: sealed. No key is here, and nothing that could open one."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from headgate.errors import NotFound, did_you_mean
from headgate.store import accounts, audit
from headgate.store.audit import Actor
from headgate.store.codec import from_micros
from headgate.store.connection import Database
from headgate.store.statements import load

SQL = load("secrets")

NOTIFY = "user:notify"
"""The name under which addresses of notifications are sealed; no secret can have it."""


@dataclass(frozen=True, slots=True)
class SecretRow:
    """All that is told about a secret."""

    name: str
    updated_at: datetime
    updated_by: str


class Secrets:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def put(self, name: str, sealed: bytes, *, by: Actor) -> SecretRow:
        """Keeps a value, in place of the one that there was."""
        now = self._now()
        with self._database.write() as connection:
            parameters = {"name": name, "sealed": sealed, "now": now, "by": by.name}
            connection.change(SQL["put"], parameters)
            audit.add(connection, now, by, "secret_set", f"secret/{name}")
        return SecretRow(name, from_micros(now), by.name)

    def sealed(self, name: str) -> bytes | None:
        """What is kept under the name; None where there is nothing."""
        with self._database.read() as connection:
            row = connection.row(SQL["get"], {"name": name})
        return bytes(row[0]) if row else None

    def list(self, *, after_name: str = "", limit: int = 100) -> list[SecretRow]:
        """By name, those after `after_name`."""
        with self._database.read() as connection:
            rows = connection.rows(SQL["list"], {"after_name": after_name, "limit": limit})
        return [SecretRow(name, from_micros(at), who) for name, at, who in rows]

    def delete(self, name: str, *, by: Actor) -> None:
        """Raises NotFound `secret_not_found`."""
        with self._database.write() as connection:
            if not connection.change(SQL["delete"], {"name": name}):
                names = [row[0] for row in connection.rows(SQL["names"])]
                raise NotFound(
                    "secret_not_found",
                    f"there is no secret {name}",
                    hint=did_you_mean(name, names, "`headgate secret list` shows the secrets there are"),
                )
            audit.add(connection, self._now(), by, "secret_deleted", f"secret/{name}")

    def any_sealed(self) -> bool:
        """Whether anything was sealed: a secret, or where a user is notified."""
        with self._database.read() as connection:
            return connection.row(SQL["any"]) is not None or accounts.any_sealed(connection)

    def seal_again(self, again: Callable[[str, bytes], bytes], *, by: Actor) -> int:
        """Puts everything that is sealed under another key, all or nothing; returns how many secrets there are.
        `again` is given a name and what is sealed under it."""
        with self._database.write() as connection:
            rows = connection.rows(SQL["all"])
            for name, sealed in rows:
                connection.change(SQL["put_again"], {"name": name, "sealed": again(name, bytes(sealed))})
            accounts.seal_again(connection, lambda sealed: again(NOTIFY, sealed))
            audit.add(connection, self._now(), by, "secrets_rotated", "secret", {"count": len(rows)})
        return len(rows)
