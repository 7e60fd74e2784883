"""The `parameters` that a template sees. Imports nothing heavy; `sandbox` and `render` both know it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any


class ReadParameters(Mapping[str, Any]):
    """Parameters that remember which of them were read. A template's `parameters.keys` is the parameter of
    that name where there is one."""

    def __init__(self, values: Mapping[str, Any]) -> None:
        self._values = values
        self._read: set[str] = set()

    def names_read(self) -> tuple[str, ...]:
        return tuple(sorted(self._read))

    def has(self, name: str) -> bool:
        return name in self._values

    def __getitem__(self, name: str) -> Any:
        self._read.add(name)
        return self._values[name]

    def __iter__(self) -> Iterator[str]:
        self._read.update(self._values)
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
