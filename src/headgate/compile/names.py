"""The nodes of a project by name: what a table in a query means. Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from headgate.errors import did_you_mean
from headgate.model.project import Node

SYSTEM_SCHEMAS = frozenset({"information_schema", "pg_catalog"})
_FILE_NAME = re.compile(
    r"[/\\*]|\.(parquet|csv|tsv|json|jsonl|ndjson|gz|zst|xlsx|db|duckdb|arrow|txt)$", re.I
)


@dataclass(slots=True)
class Entry:
    """A node that some file declares. `at` is its key in sources.yml. `previous` is the node as the last
    compile made it, where its file has not changed since."""

    id: str
    location: str
    name: str
    path: str
    at: str | None = None
    previous: Node | None = None

    @property
    def full_name(self) -> str:
        return f"{self.location}.{self.name}"


@dataclass(frozen=True, slots=True)
class NameProblem:
    code: str
    message: str
    hint: str


@dataclass(slots=True)
class Names:
    """`locations` maps the folded name to the declared one. In the locations of `unread` a sources.yml could not
    be read: what seems to be missing there may stand in it."""

    locations: Mapping[str, str]
    default_location: str | None
    by_name: dict[tuple[str, str], Entry] = field(default_factory=dict)
    by_id: dict[str, Entry] = field(default_factory=dict)
    disabled: set[tuple[str, str]] = field(default_factory=set)
    unread: set[str] = field(default_factory=set)

    def entries(self) -> Iterable[Entry]:
        return self.by_name.values()

    def find(self, parts: tuple[str, ...], *, quoted: str = "") -> Entry | NameProblem | None:
        """The node a table name means; None for what is none of the project's: a file, a system table, a name
        in three parts. `quoted` is the character that the text begins with."""
        if len(parts) > 2 or quoted == "'":
            return None
        if len(parts) == 1:
            if self.default_location is None:
                if _FILE_NAME.search(parts[0]):
                    return None
                hint = "write LOCATION.NAME, or set default_location in headgate.yml"
                return NameProblem("unknown_node", f"{parts[0]} does not say its location", hint)
            found = self.by_name.get((self.default_location.lower(), parts[0].lower()))
            if found is None and _FILE_NAME.search(parts[0]):
                return None
            return found or self.missing(self.default_location, parts[0])
        location = self.locations.get(parts[0].lower())
        if location is None:
            if parts[0].lower() in SYSTEM_SCHEMAS:
                return None
            known = list(self.locations.values())
            hint = did_you_mean(parts[0], known, f"the locations are {', '.join(known)}")
            return NameProblem("unknown_location", f"there is no location {parts[0]}", hint)
        return self.by_name.get((location.lower(), parts[1].lower())) or self.missing(location, parts[1])

    def find_declared(self, text: str) -> Entry | NameProblem:
        """A node named in YAML: by id, `LOCATION.NAME`, or a name in the default location."""
        found = self.by_id.get(text.lower())
        if found is not None:
            return found
        location, dot, name = text.partition(".")
        result = self.find((location, name) if dot else (text,))
        return result or NameProblem("unknown_node", f"there is no node {text}", "write LOCATION.NAME")

    def missing(self, location: str, name: str) -> NameProblem | None:
        return None if location in self.unread else self.unknown_node(location, name)

    def unknown_node(self, location: str, name: str) -> NameProblem:
        if (location.lower(), name.lower()) in self.disabled:
            message = f"the node {location}.{name} is disabled"
            return NameProblem("unknown_node", message, "remove `enabled: false` from its header")
        message = f"there is no node {location}.{name}"
        here = [entry.name for entry in self.entries() if entry.location == location]
        elsewhere = sorted(entry.full_name for entry in self.entries() if entry.name.lower() == name.lower())
        if elsewhere:
            return NameProblem("unknown_node", message, f"did you mean {' or '.join(elsewhere[:3])}?")
        otherwise = f"add nodes/{location}/{name}.sql, or declare it in nodes/{location}/sources.yml"
        hint = did_you_mean(name, here, otherwise)
        return NameProblem("unknown_node", message, hint)
