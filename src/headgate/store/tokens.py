"""Tokens: kept as digests, with what each may do. A token found is remembered for a few seconds, because every
request asks; in the process that revokes it, it is forgotten at once."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from headgate.errors import NotFound
from headgate.store import audit
from headgate.store.audit import Actor
from headgate.store.codec import from_micros, optional_instant, optional_micros
from headgate.store.connection import Conflict, Connection, Database, Row
from headgate.store.statements import load

SQL = load("tokens")

REMEMBERED_MICROS = 5_000_000
"""For how long another process may still take a token that was revoked here."""

USE_MICROS = 60_000_000
"""How exact the last use is."""

MOST_REMEMBERED = 10_000


@dataclass(frozen=True, slots=True)
class Token:
    """What is told about a token. `scopes` is as `identity.scopes` prints it. It belongs to a user, to a job or
    to nobody."""

    id: int
    name: str
    scopes: str
    created_at: datetime
    created_by: str
    account_id: int | None = None
    account_name: str | None = None
    job_id: int | None = None
    expires_at: datetime | None = None
    revoked_at: datetime | None = None
    last_used_at: datetime | None = None

    def valid(self, now: datetime) -> bool:
        return self.revoked_at is None and (self.expires_at is None or now < self.expires_at)


@dataclass(frozen=True, slots=True)
class NewToken:
    """What a token is made of, beside its digest."""

    name: str
    scopes: str
    account_id: int | None = None
    job_id: int | None = None
    expires_at: datetime | None = None


class Tokens:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros
        self._found: dict[str, tuple[int, Token]] = {}
        self._used: dict[int, int] = {}
        self._revocations = 0

    def create(self, new: NewToken, digest: str, *, by: Actor) -> Token:
        """Raises NotFound `user_not_found`."""
        try:
            with self._database.write() as connection:
                return self._add(connection, new, digest, by)
        except Conflict as error:
            message = f"there is no user {new.account_id}"
            raise NotFound("user_not_found", message, hint="headgate user list") from error

    def create_first(
        self, new: NewToken, digest: str, *, by: Actor, before_commit: Callable[[], None]
    ) -> Token | None:
        """Creates a token, unless there is one already that may do everything: then None, and nothing is done.
        `before_commit` makes its text known; where that fails, there is no token."""
        with self._database.write() as connection:
            connection.row(SQL["one_at_a_time"])
            if connection.row(SQL["valid_admin"], {"now": self._now()}):
                return None
            made = self._add(connection, new, digest, by)
            before_commit()
            return made

    def create_only(self, new: NewToken, digest: str, *, by: Actor) -> Token:
        """Creates a token in place of all others that `by` made. One that has this digest stays as it is, also
        where it was revoked."""
        now = self._now()
        with self._database.write() as connection:
            connection.row(SQL["one_at_a_time"])
            rows = connection.rows(
                SQL["revoke_made_by"], {"now": now, "created_by": by.name, "digest": digest}
            )
            for (token_id,) in rows:
                audit.add(connection, now, by, "token_revoked", f"token/{token_id}")
            row = connection.row(SQL["find"], {"digest": digest})
            token = _token(row) if row else self._add(connection, new, digest, by)
        self._forget()
        return token

    def find(self, digest: str) -> Token | None:
        """The token of a digest, also one that does not hold any more; as it was up to five seconds ago."""
        now = self._now()
        known = self._found.get(digest)
        if known is not None and 0 <= now - known[0] < REMEMBERED_MICROS:
            return known[1]
        revocations = self._revocations
        with self._database.read() as connection:
            row = connection.row(SQL["find"], {"digest": digest})
        if row is None:
            return None  # not remembered: strangers would fill the memory
        token = _token(row)
        if len(self._found) >= MOST_REMEMBERED:
            self._found.clear()
        self._found[digest] = (now, token)
        if revocations != self._revocations:  # what was read may be from before
            self._found.pop(digest, None)
        return token

    def use(self, token: Token) -> bool:
        """Writes down that it was used just now, where the last use is a minute old. Whether it was written."""
        now = self._now()
        used = max(optional_micros(token.last_used_at) or 0, self._used.get(token.id, 0))
        if now - used < USE_MICROS:
            return False
        self._used[token.id] = now
        with self._database.write() as connection:
            parameters = {"id": token.id, "now": now, "before": now - USE_MICROS}
            return connection.change(SQL["use"], parameters) > 0

    def get(self, token_id: int) -> Token:
        """Raises NotFound `token_not_found`."""
        with self._database.read() as connection:
            return _require(connection, token_id)

    def valid_named(self, name: str) -> list[Token]:
        """Tokens of a name that hold, by id."""
        with self._database.read() as connection:
            return [
                _token(row) for row in connection.rows(SQL["valid_named"], {"name": name, "now": self._now()})
            ]

    def list(self, *, after_id: int = 0, limit: int = 100, valid: bool = False) -> list[Token]:
        """By id, those after `after_id`; with `valid`, only those that hold."""
        parameters = {"after_id": after_id, "limit": limit}
        with self._database.read() as connection:
            if valid:
                rows = connection.rows(SQL["list_valid"], {**parameters, "now": self._now()})
            else:
                rows = connection.rows(SQL["list"], parameters)
        return [_token(row) for row in rows]

    def revoke(self, token_id: int, *, by: Actor) -> Token:
        """It does not hold from now on; revoking it again changes nothing. Raises NotFound `token_not_found`."""
        now = self._now()
        with self._database.write() as connection:
            if connection.change(SQL["revoke"], {"id": token_id, "now": now}):
                audit.add(connection, now, by, "token_revoked", f"token/{token_id}")
            token = _require(connection, token_id)
        self._forget()
        return token

    def _forget(self) -> None:
        self._revocations += 1
        self._found.clear()

    def _add(self, connection: Connection, new: NewToken, digest: str, by: Actor) -> Token:
        now = self._now()
        parameters = {
            "digest": digest,
            "name": new.name,
            "account_id": new.account_id,
            "job_id": new.job_id,
            "scopes": new.scopes,
            "now": now,
            "created_by": by.name,
            "expires_at": optional_micros(new.expires_at),
        }
        row = connection.rows(SQL["add"], parameters)[0]
        made = _require(connection, row[0])
        data = {"name": new.name, "scopes": new.scopes, "user": made.account_name, "job": new.job_id}
        audit.add(connection, now, by, "token_created", f"token/{made.id}", data)
        return made


def _require(connection: Connection, token_id: int) -> Token:
    row = connection.row(SQL["get"], {"id": token_id})
    if row is None:
        raise NotFound(
            "token_not_found",
            f"there is no token {token_id}",
            hint="`headgate token list` shows the tokens there are",
        )
    return _token(row)


def _token(row: Row) -> Token:
    token_id, name, scopes, account_id, account_name, job_id, created_at, created_by, *ends = row
    expires_at, revoked_at, last_used_at = map(optional_instant, ends)
    return Token(
        token_id,
        name,
        scopes,
        from_micros(created_at),
        created_by,
        account_id,
        account_name,
        job_id,
        expires_at,
        revoked_at,
        last_used_at,
    )
