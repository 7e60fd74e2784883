"""What a node or a column is made of, and what is made of it. Pure: walks over the nodes of one manifest."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

from headgate.errors import NotFound, did_you_mean
from headgate.model.project import Node

ColumnName = tuple[str, str | None]
"""A node's id and the name of one of its columns; None stands for the node as a whole."""


@dataclass(frozen=True, slots=True)
class Reached:
    """`depth` edges away from where the walk began; `via` is the step before it on the shortest way."""

    node_id: str
    column: str | None
    depth: int
    via: ColumnName


@dataclass(frozen=True, slots=True)
class Lineage:
    node_id: str
    column: str | None
    upstream: tuple[Reached, ...]
    downstream: tuple[Reached, ...]


def find_node(nodes: Mapping[str, Node], name: str) -> Node:
    """By id, or by a name that is unique, compared without case. Raises NotFound `node_not_found`."""
    folded = name.lower()
    exact = [node for node in nodes.values() if node.id.lower() == folded]
    found = exact or [node for node in nodes.values() if node.name.lower() == folded]
    if len(found) == 1:
        return found[0]
    if found:
        ids = ", ".join(node.id for node in found)
        raise NotFound(
            "node_ambiguous", f"there are {len(found)} nodes named {name}", hint=f"name one: {ids}"
        )
    known = [*nodes, *(node.name for node in nodes.values())]
    raise NotFound(
        "node_not_found",
        f"there is no node {name}",
        hint=did_you_mean(name, known, "headgate nodes list shows them all"),
    )


def find_subject(nodes: Mapping[str, Node], name: str) -> tuple[Node, str | None]:
    """`NODE` or `NODE.COLUMN`. Raises NotFound `node_not_found` or `column_not_found`."""
    head, _, column = name.rpartition(".")
    try:
        return find_node(nodes, name), None
    except NotFound as error:
        if not head or error.code != "node_not_found":
            raise
        try:
            node = find_node(nodes, head)
        except NotFound:
            raise error from None
    return node, find_column(node, column)


def find_column(node: Node, name: str) -> str:
    """As the node spells it, compared without case. Raises NotFound `column_not_found`."""
    for known in node.columns:
        if known.name.lower() == name.lower():
            return known.name
    names = [known.name for known in node.columns]
    otherwise = (
        f"its columns are {', '.join(names[:20])}" if names else "its columns are not known to compile"
    )
    raise NotFound(
        "column_not_found", f"{node.id} has no column {name}", hint=did_you_mean(name, names, otherwise)
    )


def lineage(nodes: Mapping[str, Node], node: Node, column: str | None, depth: int | None = None) -> Lineage:
    """Everything upstream and downstream of a node, or of one column of it; nearest first."""
    edges = _column_edges(nodes.values()) if column is not None else _node_edges(nodes.values())
    start = (node.id, column)
    back: dict[ColumnName, list[ColumnName]] = {}
    for below, above in edges.items():
        for parent in above:
            back.setdefault(parent, []).append(below)
    return Lineage(
        node.id,
        column,
        _walk(start, lambda at: edges.get(at, ()), depth),
        _walk(start, lambda at: back.get(at, ()), depth),
    )


def _node_edges(nodes: Iterable[Node]) -> dict[ColumnName, list[ColumnName]]:
    return {(node.id, None): [(parent, None) for parent in node.depends_on] for node in nodes}


def _column_edges(nodes: Iterable[Node]) -> dict[ColumnName, list[ColumnName]]:
    return {
        (node.id, column.name): [(parent, name) for parent, name in column.sources]
        for node in nodes
        for column in node.columns
    }


def _walk(
    start: ColumnName, step: Callable[[ColumnName], Iterable[ColumnName]], depth: int | None
) -> tuple[Reached, ...]:
    found: dict[ColumnName, Reached] = {}
    frontier, distance = [start], 0
    while frontier and (depth is None or distance < depth):
        distance += 1
        following: list[ColumnName] = []
        for at in frontier:
            for other in step(at):
                if other != start and other not in found:
                    found[other] = Reached(other[0], other[1], distance, at)
                    following.append(other)
        frontier = following
    return tuple(found.values())
