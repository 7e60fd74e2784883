"""Locations -> physical names in one environment."""

from __future__ import annotations

from headgate.errors import Diagnostic, Location, did_you_mean
from headgate.model.bound import TableName
from headgate.model.project import Environment, Manifest, Node
from headgate.warehouse.names import fold, literal, table_sql

_FILE_READERS = {
    ".parquet": "read_parquet",
    ".csv": "read_csv",
    ".tsv": "read_csv",
    ".json": "read_json",
    ".ndjson": "read_json",
    ".jsonl": "read_json",
}


def table_name(node: Node, environment: Environment, dialect: str) -> TableName | None:
    """The physical table of `node`; None where its location has no mapping."""
    mapping = environment.mappings.get(node.location)
    if mapping is None:
        return None
    physical = node.source.table if node.source and node.source.table else node.name
    return TableName(
        schema=fold(mapping.schema, dialect),
        name=fold(physical, dialect),
        database=fold(mapping.database, dialect) if mapping.database else None,
    )


def file_relation(node: Node, root: str, dialect: str) -> str | None:
    """What stands after FROM for a source that is a file; None where it is a table.

    Paths are relative to the project and bound as absolute ones, because a refresh may run elsewhere.
    """
    if node.source is None or node.source.file is None:
        return None
    path = node.source.file
    if "://" not in path and not path.startswith("/"):
        path = f"{root.rstrip('/')}/{path}"
    plain = path.lower().removesuffix(".gz").removesuffix(".zst")
    reader = next((call for ending, call in _FILE_READERS.items() if plain.endswith(ending)), "read_parquet")
    return f"{reader}({literal(path, dialect)})"


def relation_of(table: TableName, dialect: str) -> str:
    return table_sql(table, dialect)


def missing_mappings(manifest: Manifest, environment: Environment) -> list[Diagnostic]:
    """One diagnostic per location that nodes use and the environment does not map."""
    used = {node.location for node in manifest.nodes.values()}
    return [
        Diagnostic(
            code="mapping_missing",
            message=f"environment {environment.name} maps no schema to the location {location}",
            location=Location(environment.path or f"environments/{environment.name}.yml"),
            hint=did_you_mean(location, environment.mappings, f"add mappings: {{{location}: {{schema: …}}}}"),
        )
        for location in sorted(used - set(environment.mappings))
    ]
