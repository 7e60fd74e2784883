"""Users: whom tokens belong to, and where each is notified. Addresses of notifications hold passwords: they are
kept sealed, and only their scheme is readable."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from headgate.errors import NotFound, Refused, did_you_mean
from headgate.store import audit
from headgate.store.audit import Actor
from headgate.store.codec import from_json, from_micros, to_json
from headgate.store.connection import Conflict, Connection, Database, Row
from headgate.store.statements import load

SQL = load("accounts")


@dataclass(frozen=True, slots=True)
class NotifyAddress:
    """Where a notification goes: `mailto`, and the whole address as it was sealed."""

    scheme: str
    sealed: str


@dataclass(frozen=True, slots=True)
class Account:
    id: int
    name: str
    created_at: datetime
    email: str | None = None
    notify: tuple[NotifyAddress, ...] = ()


@dataclass(frozen=True, slots=True)
class AccountChange:
    """What is to be set; None leaves it as it is. An empty `email` or `notify` takes it away."""

    name: str | None = None
    email: str | None = None
    notify: Sequence[NotifyAddress] | None = None

    @property
    def names(self) -> list[str]:
        return [name for name in ("name", "email", "notify") if getattr(self, name) is not None]


class Accounts:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def create(
        self, name: str, *, by: Actor, email: str | None = None, notify: Sequence[NotifyAddress] = ()
    ) -> Account:
        """Raises Refused `user_exists`."""
        now = self._now()
        parameters = {"name": name, "email": email or None, "notify": _text(notify), "now": now}
        try:
            with self._database.write() as connection:
                made = _account(connection.rows(SQL["add"], parameters)[0])
                audit.add(connection, now, by, "user_created", f"user/{made.id}", {"name": name})
        except Conflict as error:
            raise _taken(name) from error
        return made

    def update(self, account: int | str, change: AccountChange, *, by: Actor) -> Account:
        """Sets what `change` names. Raises NotFound `user_not_found`, Refused `user_exists`."""
        try:
            with self._database.write() as connection:
                found = _require(connection, account)
                connection.row(SQL["hold"], {"id": found.id})
                new = _changed(_require(connection, found.id), change)
                parameters = {"id": new.id, "name": new.name, "email": new.email, "notify": _text(new.notify)}
                connection.rows(SQL["update"], parameters)
                data = {"name": new.name, "changed": change.names}
                audit.add(connection, self._now(), by, "user_changed", f"user/{new.id}", data)
        except Conflict as error:
            raise _taken(change.name or "") from error
        return new

    def get(self, account: int | str) -> Account:
        """By id, or by name. Raises NotFound `user_not_found`."""
        with self._database.read() as connection:
            return _require(connection, account)

    def list(self, *, after_id: int = 0, limit: int = 100) -> list[Account]:
        """By id, those after `after_id`."""
        with self._database.read() as connection:
            rows = connection.rows(SQL["list"], {"after_id": after_id, "limit": limit})
        return [_account(row) for row in rows]


def seal_again(connection: Connection, again: Callable[[bytes], bytes]) -> None:
    """Every address under another key, inside the caller's transaction."""
    for row in connection.rows(SQL["notified"]):
        account = _account(row)
        notify = [replace(one, sealed=again(one.sealed.encode()).decode()) for one in account.notify]
        parameters = {"id": account.id, "name": account.name, "email": account.email}
        connection.rows(SQL["update"], {**parameters, "notify": _text(notify)})


def any_sealed(connection: Connection) -> bool:
    return connection.row(SQL["any_notified"]) is not None


def _changed(old: Account, change: AccountChange) -> Account:
    return replace(
        old,
        name=old.name if change.name is None else change.name,
        email=old.email if change.email is None else change.email or None,
        notify=old.notify if change.notify is None else tuple(change.notify),
    )


def _require(connection: Connection, account: int | str) -> Account:
    if isinstance(account, int):
        row = connection.row(SQL["get"], {"id": account})
    else:
        row = connection.row(SQL["get_by_name"], {"name": account})
    if row is None:
        names = [found[0] for found in connection.rows(SQL["names"])]
        raise NotFound(
            "user_not_found",
            f"there is no user {account}",
            hint=did_you_mean(str(account), names, "`headgate user list` shows the users there are"),
        )
    return _account(row)


def _taken(name: str) -> Refused:
    return Refused("user_exists", f"there is a user {name} already", hint="choose another name")


def _text(notify: Sequence[NotifyAddress]) -> str | None:
    return to_json(notify) if notify else None


def _account(row: Row) -> Account:
    account_id, name, email, notify, created_at = row
    addresses = from_json(notify, tuple[NotifyAddress, ...]) if notify else ()
    return Account(account_id, name, from_micros(created_at), email, addresses)
