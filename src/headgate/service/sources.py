"""Columns of sources that the files do not declare: asked of the warehouse, and written into sources.yml."""

from __future__ import annotations

import io
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from headgate.bind.places import file_relation, relation_of, table_name
from headgate.bind.text import transpile_type
from headgate.compile import Compiled
from headgate.errors import Diagnostic, Location, ProjectError, StatementFailed
from headgate.model.bound import BoundColumn
from headgate.model.project import Environment, Materialization, Node
from headgate.service.context import Context
from headgate.warehouse.base import Session


@dataclass(frozen=True, slots=True)
class Found:
    """`columns` by node id, with types in the project's dialect; `missing` says why others have none."""

    columns: Mapping[str, tuple[BoundColumn, ...]]
    missing: Mapping[str, str]


def undeclared(compiled: Compiled) -> list[Node]:
    """Sources without columns, in the order of the manifest."""
    return [
        node
        for node in compiled.manifest.nodes.values()
        if node.materialization is Materialization.SOURCE and not node.columns
    ]


def read_columns(context: Context, compiled: Compiled, environment: Environment) -> Found:
    """Ask the warehouse of `environment` for the columns of every undeclared source. Changes nothing."""
    nodes = undeclared(compiled)
    if not nodes:
        return Found({}, {})
    columns: dict[str, tuple[BoundColumn, ...]] = {}
    missing: dict[str, str] = {}
    warehouse = context.open_warehouse(environment, f"headgate sources sync -e {environment.name}")
    try:
        session = warehouse.session()
        try:
            for node in nodes:
                relation = _relation(context, node, environment, warehouse.dialect)
                if relation is None:
                    missing[node.id] = f"{environment.name} maps no schema to {node.location}"
                    continue
                try:
                    columns[node.id] = _described(session, relation, warehouse.dialect, compiled)
                except StatementFailed as error:
                    missing[node.id] = error.message
                    session.rollback()
        finally:
            session.close()
    finally:
        warehouse.close()
    return Found(columns, missing)


def _relation(context: Context, node: Node, environment: Environment, dialect: str) -> str | None:
    file = file_relation(node, str(context.root or ""), dialect)
    if file is not None:
        return file
    table = table_name(node, environment, dialect)
    return None if table is None else relation_of(table, dialect)


def _described(session: Session, relation: str, dialect: str, compiled: Compiled) -> tuple[BoundColumn, ...]:
    project = compiled.manifest.dialect
    return tuple(
        BoundColumn(column.name, transpile_type(column.type, dialect, project))
        for column in session.describe(f"SELECT * FROM {relation}")
    )


def with_columns(text: str, columns: Mapping[str, tuple[BoundColumn, ...]], path: str) -> str:
    """The text of a sources.yml with the columns of these sources, by name; its comments and order are kept.

    Raises ProjectError where the file has changed meanwhile and is no longer valid.
    """
    from ruamel.yaml import YAML
    from ruamel.yaml.comments import CommentedMap
    from ruamel.yaml.error import YAMLError

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    try:
        document = yaml.load(text)
    except YAMLError as error:
        found = Diagnostic("yaml_syntax", " ".join(str(error).split()), Location(path))
        raise ProjectError([found]) from error
    for name, found_columns in columns.items():
        entry = document[name]
        if not isinstance(entry, CommentedMap):  # `ORDERS:` with nothing behind it
            entry = document[name] = CommentedMap()
        entry.fa.set_block_style()
        entry["columns"] = _column_map(found_columns, CommentedMap)
    out = io.StringIO()
    yaml.dump(document, out)
    return out.getvalue()


def _column_map(columns: tuple[BoundColumn, ...], kind: type[Any]) -> Any:
    made = kind()
    for column in columns:
        made[column.name] = kind(type=column.type.lower())
        made[column.name].fa.set_flow_style()
    return made
