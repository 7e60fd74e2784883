"""A value that nobody may read by accident: it prints as `***`, everywhere."""

from __future__ import annotations

from hmac import compare_digest
from typing import NoReturn

SHOWN = "***"


class Secret:
    """Text that stays here. `reveal` is the one way to it, so that every use can be searched for.

    `str`, `repr` and formatting say `***`; it cannot be pickled, and no encoder of ours knows its inside.
    """

    __slots__ = ("_text",)

    def __init__(self, text: str) -> None:
        self._text = text

    def reveal(self) -> str:
        return self._text

    def __str__(self) -> str:
        return SHOWN

    __repr__ = __str__

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return compare_digest(self._text.encode(), other._text.encode())

    def __hash__(self) -> int:
        return hash(self._text)

    def __reduce__(self) -> NoReturn:
        raise TypeError("a secret cannot be pickled")
