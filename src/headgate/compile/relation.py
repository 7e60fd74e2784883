"""What stands in FROM, as a list of columns: renamed, joined to others by set operations. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

Lineage = frozenset[tuple[str, str]]

NO_LINEAGE: Lineage = frozenset()


class ResolvedColumn(NamedTuple):
    """`lineage` holds the columns of other nodes that it is computed from."""

    name: str
    type: str | None
    lineage: Lineage


class Relation:
    """The columns of something that stands in FROM, in order. `open`: there may be more names than are known.

    `exact`: these are all columns, at their positions; those that the engine names itself have the name "".
    `open_nodes` are the nodes whose unknown columns it may have.
    """

    __slots__ = ("by_name", "columns", "exact", "open", "open_nodes")

    def __init__(
        self, columns: Sequence[ResolvedColumn], *, is_open: bool = False, open_nodes: tuple[str, ...] = ()
    ) -> None:
        self.columns = columns
        self.exact = not is_open
        self.open_nodes = open_nodes
        self.by_name: dict[str, ResolvedColumn] = {}
        for column in columns:
            self.by_name.setdefault(column.name.lower(), column)
        self.open = is_open or self.by_name.pop("", None) is not None

    def find(self, name: str) -> ResolvedColumn | None:
        """The column of that name; of an open relation over one node, any name is taken to be that node's."""
        found = self.by_name.get(name.lower())
        if found is None and len(self.open_nodes) == 1:
            return ResolvedColumn(name, None, frozenset({(self.open_nodes[0], name)}))
        return found


OPEN = Relation((), is_open=True)


def renamed(relation: Relation, names: tuple[str, ...]) -> Relation:
    """Give the first columns other names: `t(a, b)`."""
    if not names:
        return relation
    if not relation.exact:
        known = [ResolvedColumn(name, None, NO_LINEAGE) for name in names]
        return Relation(known, is_open=True, open_nodes=())
    renamed = [column._replace(name=name) for name, column in zip(names, relation.columns, strict=False)]
    return Relation([*renamed, *relation.columns[len(names) :]])


def united(relations: list[Relation], *, by_name: bool) -> Relation:
    """Names come from the first branch; lineage from all, by position or by name."""
    first = relations[0]
    is_open = not all(relation.exact for relation in relations)
    open_nodes = tuple(dict.fromkeys(node for relation in relations for node in relation.open_nodes))
    if by_name:
        names: dict[str, list[ResolvedColumn]] = {}
        for relation in relations:
            for column in relation.columns:
                names.setdefault(column.name.lower(), []).append(column)
        return Relation([_same(same) for same in names.values()], is_open=is_open, open_nodes=open_nodes)
    if is_open:  # positions are unsure, so is lineage; names are still the first branch's
        return Relation(first.columns, is_open=not first.exact, open_nodes=() if first.exact else open_nodes)
    columns = [
        _same([column, *(other.columns[index] for other in relations[1:] if index < len(other.columns))])
        for index, column in enumerate(first.columns)
    ]
    return Relation(columns)


def _same(same: list[ResolvedColumn]) -> ResolvedColumn:
    kinds = {column.type for column in same}
    lineage = frozenset().union(*(column.lineage for column in same))
    return ResolvedColumn(same[0].name, kinds.pop() if len(kinds) == 1 else None, lineage)
