"""The audit trail: who did what to what, and in which request. Append-only; no value of a secret is ever in it.

A change of the state is recorded in its own transaction, by `add`; anything else by `Audit.record`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headgate.store.codec import from_json, from_micros, to_json
from headgate.store.connection import Connection, Database, Row
from headgate.store.statements import load

SQL = load("audit")
NEWEST = 2**63 - 1


@dataclass(frozen=True, slots=True)
class Actor:
    """Who acts, and in which request; '' where there is none (the command line)."""

    name: str
    request_id: str = ""


@dataclass(frozen=True, slots=True)
class AuditEntry:
    """`subject` is a noun and its key: `token/3`, `secret/PG`, `job/1/4`; `action` a noun and what was done to
    it: `token_created`."""

    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    request_id: str = ""
    data: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class AuditFilter:
    """Which entries a list holds; '' is any."""

    actor: str = ""
    action: str = ""
    subject: str = ""


ANY_ENTRY = AuditFilter()


def add(
    connection: Connection,
    at_micros: int,
    actor: Actor,
    action: str,
    subject: str,
    data: Mapping[str, Any] | None = None,
) -> None:
    """Writes one entry inside the caller's transaction."""
    parameters = {
        "at": at_micros,
        "actor": actor.name,
        "action": action,
        "subject": subject,
        "request_id": actor.request_id,
        "data": to_json(dict(data or {})),
    }
    connection.change(SQL["add"], parameters)


class Audit:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def record(self, actor: Actor, action: str, subject: str, data: Mapping[str, Any] | None = None) -> None:
        """Writes one entry about something that changes nothing in the state."""
        with self._database.write() as connection:
            add(connection, self._now(), actor, action, subject, data)

    def list(
        self, which: AuditFilter = ANY_ENTRY, *, before_id: int | None = None, limit: int = 100
    ) -> list[AuditEntry]:
        """Entries, newest first, those before `before_id`."""
        parameters: dict[str, Any] = {
            "actor": which.actor,
            "action": which.action,
            "before_id": NEWEST if before_id is None else before_id,
            "limit": limit,
        }
        statement = "list"
        if which.subject:
            statement, parameters["subject"] = "list_of_subject", which.subject
        elif which.actor:
            statement = "list_of_actor"
        with self._database.read() as connection:
            return [_entry(row) for row in connection.rows(SQL[statement], parameters)]


def _entry(row: Row) -> AuditEntry:
    entry_id, at, actor, action, subject, request_id, data = row
    return AuditEntry(entry_id, from_micros(at), actor, action, subject, request_id, from_json(data, dict))
