"""Users: people and programs that tokens belong to, and where each is notified."""

from __future__ import annotations

from dataclasses import dataclass

from headgate.errors import UsageError
from headgate.identity.scopes import is_id
from headgate.model.secret import Secret
from headgate.service.access import checked_name, key_of_list, name_or_id
from headgate.service.context import Context
from headgate.service.paging import Page, cut
from headgate.service.secrets import seal_addresses
from headgate.store.accounts import Account, AccountChange


@dataclass(frozen=True, slots=True)
class UserRequest:
    """What is to be set; None leaves it as it is, empty takes it away. `notify` are addresses as apprise writes
    them, with their passwords."""

    name: str | None = None
    email: str | None = None
    notify: tuple[Secret, ...] | None = None


def create_user(context: Context, request: UserRequest) -> Account:
    """Raises UsageError (`name_invalid`, `email_invalid`, `notify_invalid`), Refused (`user_exists`,
    `secret_key_needed`)."""
    change = _checked(context, request)
    return context.store.accounts.create(
        change.name or checked_name("", "user"),
        by=context.actor,
        email=change.email,
        notify=change.notify or (),
    )


def update_user(context: Context, user: str, request: UserRequest) -> Account:
    """Sets what the request names. Raises as `create_user`, and NotFound `user_not_found`."""
    account = find_user(context, user)
    return context.store.accounts.update(account.id, _checked(context, request), by=context.actor)


def list_users(context: Context, *, limit: int = 100, starting_from: str | None = None) -> Page[Account]:
    """By id, those after `starting_from`."""
    after_id = 0 if starting_from is None else key_of_list(starting_from, "user")
    found = context.store.accounts.list(after_id=after_id, limit=limit + 1)
    return cut(found, limit, lambda account: str(account.id))


def find_user(context: Context, user: str) -> Account:
    """By id or by name, as typed. Raises NotFound `user_not_found`."""
    return context.store.accounts.get(name_or_id(user))


def _checked(context: Context, request: UserRequest) -> AccountChange:
    name = None if request.name is None else checked_name(request.name, "user")
    if name is not None and is_id(name):
        raise UsageError(
            "name_invalid", f"{name} cannot be the name of a user", hint="digits alone are an id"
        )
    email = None if request.email is None else request.email.strip()
    if email and (not email.isprintable() or " " in email or "@" not in email[1:-1] or len(email) > 254):
        raise UsageError("email_invalid", f"{email[:80]!r} is no e-mail address", hint="name@example.com")
    notify = None if request.notify is None else seal_addresses(context, request.notify)
    return AccountChange(name, email, notify)
