"""Which file of a project is what, by its path alone."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache


class FileKind(StrEnum):
    PROJECT = "project"
    ENVIRONMENT = "environment"
    NODE = "node"
    SOURCES = "sources"
    NODE_TYPE = "node_type"
    TYPE_TEMPLATE = "type_template"
    MACRO = "macro"
    SUBGRAPH = "subgraph"
    JOB = "job"
    TEST = "test"
    WATCHES = "watches"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Place:
    """`folder` is the node's location as the folder spells it, or the node type; `name` the file's stem."""

    kind: FileKind
    name: str = ""
    folder: str = ""


_YAML_FOLDERS = {
    "environments": FileKind.ENVIRONMENT,
    "jobs": FileKind.JOB,
    "subgraphs": FileKind.SUBGRAPH,
    "watches": FileKind.WATCHES,
}
_SQL_FOLDERS = {"macros": FileKind.MACRO, "tests": FileKind.TEST}
_EXPECTED = {
    "environments": "environments/<name>.yml",
    "jobs": "jobs/<name>.yml",
    "subgraphs": "subgraphs/<name>.yml",
    "watches": "watches/<name>.yml",
    "macros": "macros/<name>.sql",
    "tests": "tests/<name>.sql",
    "nodes": "nodes/<LOCATION>/<NAME>.sql or nodes/<LOCATION>/sources.yml",
    "node_types": "node_types/<name>/definition.yml, create.sql.j2 or run.sql.j2",
}


@lru_cache(maxsize=20_000)
def place_of(path: str) -> Place:
    """What the file at this path is. UNKNOWN is a file that no rule covers."""
    parts = path.split("/")
    if len(parts) == 1:
        return Place(FileKind.PROJECT)
    top, file = parts[0], parts[-1]
    stem, _, suffix = file.rpartition(".")
    yaml = suffix in ("yml", "yaml")
    if top in _YAML_FOLDERS and yaml:
        return Place(_YAML_FOLDERS[top], stem)
    if top in _SQL_FOLDERS and suffix == "sql":
        return Place(_SQL_FOLDERS[top], stem)
    if top == "nodes" and len(parts) >= 3:
        if suffix == "sql":
            return Place(FileKind.NODE, stem, parts[1])
        if yaml and stem == "sources" and len(parts) == 3:
            return Place(FileKind.SOURCES, stem, parts[1])
    if top == "node_types" and len(parts) == 3:
        if file in ("definition.yml", "definition.yaml"):
            return Place(FileKind.NODE_TYPE, "definition", parts[1])
        if file in ("create.sql.j2", "run.sql.j2"):
            return Place(FileKind.TYPE_TEMPLATE, file.removesuffix(".sql.j2"), parts[1])
    return Place(FileKind.UNKNOWN)


def expected(path: str) -> str:
    """The paths that files of this folder may have."""
    return _EXPECTED.get(path.split("/", maxsplit=1)[0], "")
