"""Part of a list, and the key that the next part starts after."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list. `next` is the key that the next page starts after, None at the end."""

    items: tuple[T, ...]
    limit: int
    next: str | None = None


def cut(found: Sequence[T], limit: int, key: Callable[[T], str]) -> Page[T]:
    """`found` holds one more than the page where there is a next one."""
    items = tuple(found[:limit])
    return Page(items, limit, key(items[-1]) if items and len(found) > limit else None)
