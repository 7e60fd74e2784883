"""The texts of tokens: made here, shown once, kept only as a digest."""

from __future__ import annotations

import hashlib
import re
import secrets
import string

from headgate.errors import Unauthorized
from headgate.model.secret import Secret

PREFIX = "hg_"
PATTERN = re.compile(r"hg_[0-9A-Za-z]{43}")
"""What a text of ours looks like, for whoever looks for leaked ones."""

_LETTERS = string.digits + string.ascii_uppercase + string.ascii_lowercase
_MOST = 512
"""Longer than any token; what a stranger sends is not hashed beyond it."""


def new_token() -> Secret:
    """`hg_` and 32 random bytes in base 62: one word in every terminal, URL and shell."""
    number = int.from_bytes(secrets.token_bytes(32))
    letters = []
    for _ in range(43):  # 62 ** 43 > 2 ** 256
        number, digit = divmod(number, len(_LETTERS))
        letters.append(_LETTERS[digit])
    return Secret(PREFIX + "".join(reversed(letters)))


def digest_of(token: Secret) -> str:
    """SHA-256, in hex. A fast hash without salt is enough for 256 random bits, and can be looked up."""
    return hashlib.sha256(token.reveal().encode()).hexdigest()


def bearer(header: str | None) -> Secret:
    """The token of an `Authorization` header. Raises Unauthorized `token_missing` or `token_malformed`."""
    if not header or not header.strip():
        raise Unauthorized(
            "token_missing",
            "this needs a token",
            hint="send the header `Authorization: Bearer <token>`; `headgate token create` makes one",
        )
    scheme, _, text = header.strip().partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer" or not text or len(text) > _MOST or not text.isascii():
        raise Unauthorized(
            "token_malformed",
            "the Authorization header holds no bearer token",
            hint="it must be `Bearer <token>`",
        )
    return Secret(text)
