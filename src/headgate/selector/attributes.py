"""The one table of attributes: what a selector may ask of a node. A new attribute is one entry here."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Collection, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from operator import attrgetter
from typing import Final, cast

from headgate.model.bound import Catalog


@dataclass(frozen=True, slots=True)
class Scope:
    """What attributes are read from: the catalog, the ids of its nodes, and the jobs that the selector refers
    to, evaluated."""

    catalog: Catalog
    known: AbstractSet[str]
    job_nodes: Mapping[int, Collection[str]]


@dataclass(frozen=True, slots=True)
class Index:
    """One attribute's values in lower case, and their nodes: `first` holds one of them, `more` any others.

    Most names are unique, and 10,000 lists of one id would cost more than all the rest. A value without nodes
    has None as its first. `spelled` holds the values as they are written.
    """

    first: Mapping[str, str | None]
    more: Mapping[str, Collection[str]]
    spelled: Collection[str]

    def nodes(self, values: Collection[str]) -> set[str]:
        """Ids of all nodes that have one of the values, each of which has to exist."""
        found = {self.first[value] for value in values}
        found.discard(None)
        for value in self.more.keys() & values:
            found.update(self.more[value])
        return cast("set[str]", found)


@dataclass(frozen=True, slots=True)
class Attribute:
    """`name` as documented; `index` reads every value that exists with the nodes that have it.

    `groups` says that a value stands for many nodes: there a lone name is looked for that no node has.
    """

    name: str
    index: Callable[[Scope], Index]
    groups: bool = False


def _one(field: str) -> Callable[[Scope], Index]:
    """An attribute that is one field of every node."""

    def index(scope: Scope) -> Index:
        nodes = scope.catalog.nodes
        values = list(map(attrgetter(field), nodes))
        return _index(zip(map(str.lower, values), map(attrgetter("id"), nodes), strict=True), values)

    return index


def _tags(scope: Scope) -> Index:
    nodes = scope.catalog.nodes
    folded = {tag: tag.lower() for node in nodes for tag in node.tags}
    return _index(((folded[tag], node.id) for node in nodes for tag in node.tags), folded)


def _subgraphs(scope: Scope) -> Index:
    subgraphs = scope.catalog.subgraphs
    return _sets((name, [node for node in nodes if node in scope.known]) for name, nodes in subgraphs.items())


def _jobs(scope: Scope) -> Index:
    """A job by its name or its id."""
    jobs = scope.catalog.jobs.values()
    return _sets(
        (value, scope.job_nodes.get(job.id, ())) for job in jobs for value in (job.name, str(job.id))
    )


def _index(pairs: Iterable[tuple[str, str]], spelled: Collection[str]) -> Index:
    """From pairs of a value in lower case and one node."""
    first: dict[str, str | None] = {}
    more: defaultdict[str, list[str]] = defaultdict(list)
    for value, node in pairs:
        if first.setdefault(value, node) is not node:
            more[value].append(node)
    return Index(first, more, spelled)


def _sets(pairs: Iterable[tuple[str, Collection[str]]]) -> Index:
    """From pairs of a value and its nodes, of which there may be none."""
    first: dict[str, str | None] = {}
    more: defaultdict[str, list[str]] = defaultdict(list)
    spelled: list[str] = []
    for value, nodes in pairs:
        first.setdefault(value.lower(), None)
        more[value.lower()].extend(nodes)
        spelled.append(value)
    return Index(first, more, spelled)


JOB: Final = "job"
"""The attribute whose values are selectors themselves, so that `evaluate` has to prepare it."""

NAME: Final = "name"
"""The attribute that a block's lone value stands for."""

STATE: Final = "state"
STATES: Final = ("new", "modified", "unchanged")
"""Against what is deployed; in what is deployed itself every node is unchanged."""

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
        Attribute(STATE, _one("state")),
    )
}
