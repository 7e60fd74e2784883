"""Stored secrets: set, listed, deleted, put under a new key; and `${…}` resolved where a connection is made.

No use case reads a value back. What is resolved here becomes known to the process's redactor.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from headgate.errors import UsageError
from headgate.identity.keyring import KEY_FILE, read_keys, sealer, write_keys
from headgate.identity.redaction import Redactor, process_redactor
from headgate.identity.sealing import Sealer, new_key
from headgate.model.secret import Secret
from headgate.service.context import Context
from headgate.service.paging import Page, cut
from headgate.settings import Settings
from headgate.store.accounts import Account, NotifyAddress
from headgate.store.secrets import NOTIFY, SecretRow
from headgate.store.store import Store

VALUE_MOST_BYTES = 65_536
LOCAL_SCHEMES = frozenset({"file", "syslog", "dbus", "glib", "kde", "qt", "gnome", "macosx", "windows"})
"""What would write to the machine of a server, or to its screen."""

_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]{0,99}")
_ADDRESS = re.compile(r"([A-Za-z][A-Za-z0-9+.-]*)://\S+")


def resolver(settings: Settings, store: Store, redactor: Redactor = process_redactor) -> Callable[[str], str]:
    """What replaces `${NAME}` and `${secret:NAME}` in a warehouse's options: `Settings.resolve`, with the secrets
    that are stored. It raises what that raises, and StateError where a stored one cannot be opened."""

    def stored(name: str) -> Secret | None:
        sealed = store.secrets.sealed(name)
        return None if sealed is None else _sealer(settings, store).open(name, sealed)

    return partial(settings.resolve, stored=stored, on_secret=redactor.add)


def set_secret(context: Context, name: str, value: Secret) -> SecretRow:
    """Keeps a value, in place of the one that there was; it can be used from now on, and not be read back.

    Raises UsageError (`secret_name_invalid`, `secret_value_invalid`, `secret_key_invalid`), Refused
    `secret_key_needed`, StateError `secret_key_gone`.
    """
    if not _NAME.fullmatch(name) or name == "KEY":
        raise UsageError(
            "secret_name_invalid",
            f"{name[:100]!r} cannot be the name of a secret",
            hint="letters, digits and _, at most 100, beginning with a letter; KEY is taken (HEADGATE_SECRET_KEY)",
        )
    size = len(value.reveal().encode())
    if not 0 < size <= VALUE_MOST_BYTES:
        raise UsageError(
            "secret_value_invalid",
            f"the value of {name} has {size:,} bytes; 1 to {VALUE_MOST_BYTES:,} are allowed",
            hint='pipe it in: printf %s "$VALUE" | headgate secret set NAME',
        )
    process_redactor.add(value)
    sealed = _sealer(context.settings, context.store).seal(name, value)
    return context.store.secrets.put(name, sealed, by=context.actor)


def check_key(settings: Settings, store: Store) -> None:
    """Whether what is stored can be opened here, by one of the secrets; where there is none, whether the key is one.

    Raises UsageError `secret_key_invalid`, and what opening a secret raises.
    """
    for kept in store.secrets.list(limit=1):
        if (sealed := store.secrets.sealed(kept.name)) is not None:
            _sealer(settings, store).open(kept.name, sealed)
            return
    if settings.secret_key is not None:
        _sealer(settings, store)


def list_secrets(context: Context, *, limit: int = 100, starting_from: str | None = None) -> Page[SecretRow]:
    """Names, with who set them when; by name, those after `starting_from`."""
    found = context.store.secrets.list(after_name=starting_from or "", limit=limit + 1)
    return cut(found, limit, lambda secret: secret.name)


def delete_secret(context: Context, name: str) -> None:
    """Raises NotFound `secret_not_found`."""
    context.store.secrets.delete(name, by=context.actor)


@dataclass(frozen=True, slots=True)
class Rotation:
    """`count` secrets are under the first key of `source` now. `made` says that this key is new."""

    count: int
    source: str
    made: bool


def rotate_secrets(context: Context) -> Rotation:
    """Puts everything that is sealed under another key, all or nothing: the first of the setting's, or a new one
    where the key is in the state's folder. An interruption leaves keys that open everything.

    Raises as `set_secret` does, and StateError `secret_key_wrong` where no key opens a secret.
    """
    store, given = context.store, context.settings.secret_key
    keys = _sealer(context.settings, store)
    folder = _key_folder(store)
    if given is not None or folder is None:
        count = store.secrets.seal_again(keys.seal_again, by=context.actor)
        return Rotation(count, keys.source, made=False)
    path = folder / KEY_FILE
    new, old = new_key(), read_keys(path)
    write_keys(path, [new, *old])
    count = store.secrets.seal_again(Sealer([new, *old], str(path)).seal_again, by=context.actor)
    write_keys(path, [new])
    return Rotation(count, str(path), made=True)


# --- where users are notified ---------------------------------------------------------------------------


def seal_addresses(context: Context, addresses: Iterable[Secret]) -> tuple[NotifyAddress, ...]:
    """Addresses as apprise writes them (`mailto://…`, `slack://…`), which hold passwords and tokens.

    Raises UsageError `notify_invalid`, which shows none of them.
    """
    found = []
    for number, address in enumerate(addresses, start=1):
        match = _ADDRESS.fullmatch(address.reveal())
        if match is None or match[1].lower() in LOCAL_SCHEMES:
            raise UsageError(
                "notify_invalid",
                f"address {number} of notifications is none that a server can send to",
                hint="a scheme and where to, as apprise writes them: mailto://user:password@host",
            )
        found.append((match[1].lower(), address))
    if not found:
        return ()
    keys = _sealer(context.settings, context.store)
    return tuple(NotifyAddress(scheme, keys.seal(NOTIFY, value).decode()) for scheme, value in found)


def open_addresses(settings: Settings, store: Store, account: Account) -> tuple[Secret, ...]:
    """Where to notify a user, for whoever sends it. Raises StateError where a key is gone or another one."""
    if not account.notify:
        return ()
    keys = _sealer(settings, store)
    opened = tuple(keys.open(NOTIFY, address.sealed.encode()) for address in account.notify)
    for address in opened:
        process_redactor.add(address)
    return opened


# --- keys -----------------------------------------------------------------------------------------------


def _sealer(settings: Settings, store: Store) -> Sealer:
    if settings.secret_key is not None:
        for key in settings.secret_key.reveal().split(","):
            process_redactor.add(key.strip())
    return sealer(settings.secret_key, _key_folder(store), may_make=not store.secrets.any_sealed())


def _key_folder(store: Store) -> Path | None:
    """Beside the embedded state; None where machines share the state."""
    return store.where.parent if isinstance(store.where, Path) else None
