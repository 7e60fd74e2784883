"""Order, cycles, ancestors and descendants in a graph of names. Pure, and iterative, so depth has no limit.

A graph is `depends_on`: name -> the names it needs. Names that are needed but are no key of the mapping are
outside the graph: they order nothing and are never returned.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from heapq import heapify, heappop, heappush

DependsOn = Mapping[str, Sequence[str]]


def order(depends_on: DependsOn) -> list[str]:
    """Every name after all that it needs; names that are free to go stand in alphabetical order.

    The answer does not depend on the mapping's own order. Raises ValueError, with the path, on a cycle.
    """
    needed_by = invert(depends_on)
    missing = dict.fromkeys(depends_on, 0)
    for dependents in needed_by.values():
        for name in dependents:
            missing[name] += 1
    ready = [name for name, count in missing.items() if count == 0]
    heapify(ready)
    ordered: list[str] = []
    while ready:
        name = heappop(ready)
        ordered.append(name)
        for dependent in needed_by[name]:
            missing[dependent] -= 1
            if missing[dependent] == 0:
                heappush(ready, dependent)
    if len(ordered) < len(depends_on):
        raise ValueError(f"cycle: {' -> '.join(find_cycle(depends_on) or ())}")
    return ordered


def find_cycle(depends_on: DependsOn) -> list[str] | None:
    """A cycle as a path along dependencies, its first name repeated at the end; None where there is none.

    Equal graphs give the same cycle, starting at its alphabetically first name.
    """
    done: set[str] = set()
    for root in sorted(depends_on):
        if root in done:
            continue
        path: dict[str, None] = {root: None}
        pending = [iter(sorted(depends_on[root]))]
        while pending:
            following = next(pending[-1], None)
            if following is None:
                pending.pop()
                done.add(path.popitem()[0])
            elif following in path:
                names = list(path)
                return _from_first(names[names.index(following) :])
            elif following not in done and following in depends_on:
                path[following] = None
                pending.append(iter(sorted(depends_on[following])))
    return None


def _from_first(cycle: list[str]) -> list[str]:
    first = cycle.index(min(cycle))
    return [*cycle[first:], *cycle[:first], cycle[first]]


def invert(depends_on: DependsOn) -> dict[str, list[str]]:
    """Name -> the names that need it, each once, in the mapping's order; all names are keys."""
    needed_by: dict[str, list[str]] = {name: [] for name in depends_on}
    for name, needs in depends_on.items():
        for needed in needs:
            dependents = needed_by.get(needed)
            # A repeated need would stand right behind the first: cheaper to see than a set for every name.
            if dependents is not None and not (dependents and dependents[-1] == name):
                dependents.append(name)
    return needed_by


def upstream(depends_on: DependsOn, starts: Iterable[str], depth: int | None = None) -> set[str]:
    """`starts` and all that they need, directly or not; with `depth`, at most so many edges away."""
    return reach(depends_on, starts, depth)


def downstream(depends_on: DependsOn, starts: Iterable[str], depth: int | None = None) -> set[str]:
    """`starts` and all that need them, directly or not; with `depth`, at most so many edges away.

    Inverts the graph first: who asks often keeps `invert(depends_on)` and asks `reach`.
    """
    return reach(invert(depends_on), starts, depth)


def reach(edges: DependsOn, starts: Iterable[str], depth: int | None = None) -> set[str]:
    """`starts` and every name that at most `depth` edges lead to (None: any number)."""
    seen = edges.keys() & starts
    frontier = seen
    while frontier and (depth is None or depth > 0):
        frontier = set().union(*map(edges.__getitem__, frontier)) - seen
        frontier &= edges.keys()
        seen |= frontier
        depth = None if depth is None else depth - 1
    return seen
