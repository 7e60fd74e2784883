"""One measured figure: what was measured, its median, the best that was seen, and the target where there is one."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Figure:
    """`least` is the best of several, None where it was measured once. `limit` is the target as text; `met` is None
    where there is none."""

    name: str
    value: float
    unit: str
    least: float | None = None
    limit: str = ""
    met: bool | None = None


def at_most(name: str, values: Sequence[float], unit: str, most: float) -> Figure:
    """The median of some values against what it may be at most."""
    median = statistics.median(values)
    least = min(values) if len(values) > 1 else None
    return Figure(name, median, unit, least, f"<= {most:g}", median <= most)


def at_least(name: str, value: float, unit: str, least: float) -> Figure:
    return Figure(name, value, unit, limit=f">= {least:g}", met=value >= least)


def median(name: str, values: Sequence[float], unit: str) -> Figure:
    return Figure(name, statistics.median(values), unit, min(values))


def p95(name: str, values: Sequence[float], unit: str) -> Figure:
    return Figure(name, sorted(values)[int(len(values) * 0.95)], unit)


def timed(call: Callable[[], object], rounds: int = 7) -> list[float]:
    """Milliseconds of each round, after one that is not counted."""
    call()
    found = []
    for _ in range(rounds):
        began = time.perf_counter()
        call()
        found.append((time.perf_counter() - began) * 1000)
    return found
