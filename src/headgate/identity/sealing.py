"""Seals secrets with a key, and opens them again. Where the keys come from is `keyring`'s.

Fernet: AES-128-CBC with an HMAC-SHA256 over it. Its library is imported when the first value is sealed or opened.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from headgate.errors import StateError, UsageError
from headgate.model.secret import Secret

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

MAKE_ONE = "`openssl rand -base64 32` makes one"


class Sealer:
    """`keys` are 32 bytes in base 64 each: the first one seals, any opens. `source` says where they come from."""

    def __init__(self, keys: Sequence[Secret], source: str) -> None:
        """Raises UsageError `secret_key_invalid`, which shows no key."""
        self.source = source
        self._fernet = _fernet(keys, source)
        self._first = _fernet(keys[:1], source)

    def seal(self, name: str, value: Secret) -> bytes:
        """What is sealed holds its name too, so that nobody who can write the state swaps two secrets."""
        return self._fernet.encrypt(_named(name, value.reveal()))

    def open(self, name: str, sealed: bytes) -> Secret:
        """Raises StateError: `secret_key_wrong` (none of the keys), `secret_swapped`."""
        content = self._decrypt(self._fernet, name, sealed)
        prefix = _named(name, "")
        if not content.startswith(prefix):
            raise StateError(
                "secret_swapped",
                f"what is stored as the secret {name} was sealed under another name",
                hint=f"somebody changed the state: set it again with `headgate secret set {name}`",
            )
        return Secret(content[len(prefix) :].decode())

    def seal_again(self, name: str, sealed: bytes) -> bytes:
        """The same value under the first key. Raises as `open` does."""
        return self.seal(name, self.open(name, sealed))

    def sealed_first(self, sealed: bytes) -> bool:
        """Whether the first key opens it already."""
        from cryptography.fernet import InvalidToken

        try:
            self._first.decrypt(sealed)
        except InvalidToken:
            return False
        return True

    def _decrypt(self, fernet: MultiFernet, name: str, sealed: bytes) -> bytes:
        from cryptography.fernet import InvalidToken

        try:
            return fernet.decrypt(sealed)
        except InvalidToken:
            raise StateError(
                "secret_key_wrong",
                f"the secret {name} was sealed with another key than {self.source} holds",
                hint="add the key that sealed it after the new one, parted by a comma (HEADGATE_SECRET_KEY), "
                f"or set it again with `headgate secret set {name}`",
            ) from None


def new_key() -> Secret:
    from cryptography.fernet import Fernet

    return Secret(Fernet.generate_key().decode())


def _fernet(keys: Sequence[Secret], source: str) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet

    try:
        return MultiFernet([Fernet(key.reveal()) for key in keys])
    except ValueError:
        raise UsageError(
            "secret_key_invalid",
            f"{source} must hold keys of 32 bytes in base 64, parted by commas",
            hint=MAKE_ONE,
        ) from None


def _named(name: str, text: str) -> bytes:
    return f"{name}\0{text}".encode()
