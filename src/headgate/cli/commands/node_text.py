"""A node and its lineage as a person reads them. Pure: values in, lines out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from headgate.cli.output import table
from headgate.client.answers import LineageInfo, ReachedNode
from headgate.model.project import Freshness, Load, Node, TestSpec
from headgate.service.lineage import ColumnName
from headgate.service.node_bodies import load_body


def node_lines(node: Node) -> Iterator[str]:
    yield click.style(node.id, bold=True)
    for name, value in _facts(node):
        if value:
            yield f"  {name:<14}{value}"
    if node.columns:
        yield ""
        yield from _columns(node)
    elif node.source is not None:
        yield ""
        yield "columns unknown: `headgate sources sync` writes them into sources.yml"
    if node.tests:
        yield ""
        yield from table(("TEST", "SEVERITY", "WHAT"), [(t.name, t.severity, _what(t)) for t in node.tests])
    text = node.template or node.query
    if text:
        yield ""
        yield from text.splitlines()


def _columns(node: Node) -> list[str]:
    head = ("COLUMN", "TYPE", "FROM", "DESCRIPTION")
    rows = [
        (
            column.name,
            column.declared_type or column.type or "?",
            ", ".join(f"{parent}.{name}" for parent, name in column.sources),
            column.description,
        )
        for column in node.columns
    ]
    kept = [index for index in range(len(head)) if index < 2 or any(row[index] for row in rows)]
    return table([head[index] for index in kept], [[row[index] for index in kept] for row in rows])


def _facts(node: Node) -> Iterable[tuple[str, str]]:
    source = node.source
    return (
        ("type", f"{node.node_type} ({node.materialization})" if node.source is None else node.node_type),
        ("file", node.path),
        ("description", node.description),
        ("tags", ", ".join(node.tags)),
        ("load", _load(node.load)),
        ("reads", ", ".join(node.depends_on)),
        ("parameters", ", ".join(node.reads_parameters)),
        ("renamed from", node.renamed_from or ""),
        ("table", (source and source.table) or ""),
        ("data file", (source and source.file) or ""),
        ("loaded by", (source and source.loaded_by) or ""),
        ("freshness", _freshness(source.freshness if source else None)),
    )


def _load(load: Load | None) -> str:
    body = load_body(load)
    if body is None:
        return ""
    details = [
        f"{name} {', '.join(value) if isinstance(value, list) else value}"
        for name, value in body.items()
        if name != "strategy"
    ]
    return f"{body['strategy']}" + (f" ({'; '.join(details)})" if details else "")


def _freshness(freshness: Freshness | None) -> str:
    if freshness is None:
        return ""
    limits = [
        f"{word} after {limit / 3600:g}h"
        for word, limit in (
            ("warn", freshness.warn_after_seconds),
            ("error", freshness.error_after_seconds),
        )
        if limit is not None
    ]
    return ", ".join([freshness.loaded_at, *limits])


def _what(test: TestSpec) -> str:
    parts = [test.kind.value, test.column or ""]
    parts += [f"{name}={value}" for name, value in test.arguments.items() if value is not None]
    if test.where:
        parts.append(f"where {test.where}")
    if test.threshold.rows is not None:
        parts.append(f"up to {test.threshold.rows} rows")
    if test.threshold.percent is not None:
        parts.append(f"up to {test.threshold.percent:g}%")
    return " ".join(part for part in parts if part)


def lineage_lines(found: LineageInfo) -> Iterator[str]:
    """Two trees. A node that is reached in several ways stands below the nearest only."""
    subject = click.style(_name((found.node_id, found.column)), bold=True)
    if not found.upstream and not found.downstream:
        yield f"{subject} has no lineage in this direction"
        return
    for title, reached in (("is made of", found.upstream), ("is used by", found.downstream)):
        if reached:
            yield f"{subject} {title}"
            yield from _tree((found.node_id, found.column), reached)


def _tree(start: ColumnName, reached: tuple[ReachedNode, ...]) -> Iterator[str]:
    below: dict[ColumnName, list[ColumnName]] = {}
    for one in reached:
        below.setdefault(one.via, []).append((one.node_id, one.column))
    stack = [(child, 1) for child in reversed(below.get(start, []))]
    while stack:
        at, depth = stack.pop()
        yield f"{'  ' * depth}{_name(at)}"
        stack += [(child, depth + 1) for child in reversed(below.get(at, []))]


def _name(at: ColumnName) -> str:
    return at[0] if at[1] is None else f"{at[0]}.{at[1]}"
