"""Which deployed table becomes which wanted one under another name or in another place, and what stands in the way.

Pure: works on physical names. A table that only changes in its own place is no move.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from headgate.model.bound import BoundNode, TableName


def key_of(table: TableName | None) -> str:
    """Compares two physical names as every engine does: without case."""
    return str(table).lower()


@dataclass(frozen=True, slots=True)
class Moves:
    """`sources`: the key of a wanted table -> the deployed node that it was. `aside`: the key of a deployed table
    that stands where another one moves to -> the name that it bears in between, None where it is dropped."""

    sources: dict[str, BoundNode] = field(default_factory=dict)
    aside: dict[str, TableName | None] = field(default_factory=dict)

    @property
    def moved_from(self) -> set[str]:
        return {key_of(node.table) for node in self.sources.values()}


def find_moves(old: Mapping[str, BoundNode], new: Mapping[str, BoundNode]) -> Moves:
    """`old` and `new` are the tables and views of deployed and wanted nodes by key.

    A node is moved by `renamed_from`, by its unchanged id in another place (a remapped location, a file renamed
    under a fixed `id`), or back by the `renamed_from` of what is deployed.
    """
    claims = _claims(old, new)
    while wrong := [key for key, node in claims.items() if not _free(node, new, claims)]:
        for key in wrong:
            del claims[key]
    leaving = {key_of(node.table) for node in claims.values()}
    aside: dict[str, TableName | None] = {}
    for key in claims:
        occupant = old.get(key)
        if occupant is None or occupant.table is None:
            continue
        table = occupant.table
        name = f"hg_aside_{len(aside) + 1}"
        aside[key] = TableName(table.schema, name, table.database) if key in leaving else None
    return Moves(claims, aside)


def _claims(old: Mapping[str, BoundNode], new: Mapping[str, BoundNode]) -> dict[str, BoundNode]:
    deployed = {node.id.lower(): node for node in old.values()}
    wanted = {node.id.lower() for node in new.values()}
    returning = {
        (node.renamed_from or "").lower(): node for name, node in deployed.items() if name not in wanted
    }
    claims: dict[str, BoundNode] = {}
    taken: set[str] = set()
    for key, node in new.items():
        same = deployed.get(node.id.lower())
        for previous in (_renamed(node, same, deployed), same, returning.get(node.id.lower())):
            if previous is None or not _movable(previous, node):
                continue
            place = key_of(previous.table)
            if place != key and place not in taken and (previous is not same or key not in old):
                claims[key] = previous
                taken.add(place)
            break
    return claims


def _renamed(node: BoundNode, same: BoundNode | None, deployed: Mapping[str, BoundNode]) -> BoundNode | None:
    """What `renamed_from` names, unless the deployed node was renamed from there already. A bare name is one of
    the node's own location."""
    named = node.renamed_from
    if not named or (same is not None and same.renamed_from == named):
        return None
    return deployed.get(named.lower()) or deployed.get(f"{node.location}.{named}".lower())


def _movable(previous: BoundNode, node: BoundNode) -> bool:
    """A rename never crosses databases: no engine can do that with DDL."""
    if previous.table is None or node.table is None:
        return False
    return previous.table.database == node.table.database


def _free(previous: BoundNode, new: Mapping[str, BoundNode], claims: Mapping[str, BoundNode]) -> bool:
    """Whether no wanted node stays where `previous` stands."""
    place = key_of(previous.table)
    return place not in new or place in claims


def conflicts(moves: Moves, old: Mapping[str, BoundNode]) -> Sequence[tuple[BoundNode, TableName | None]]:
    """The deployed nodes that have to leave their place before anything moves there, and where to."""
    return [(old[key], place) for key, place in moves.aside.items()]
