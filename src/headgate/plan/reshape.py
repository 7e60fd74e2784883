"""A refresh step for columns that changed since the deploy, as the node's `on_schema_change` says. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from headgate.errors import Refused
from headgate.model.bound import BoundColumn, BoundNode
from headgate.model.project import HISTORY_COLUMNS, LoadStrategy, OnSchemaChange
from headgate.model.steps import Role, Shapes, Statement, Step
from headgate.plan.columns import ColumnChanges
from headgate.plan.steps import refresh_step
from headgate.warehouse.names import fold, quote


def reshaped_step(node: BoundNode, step: Step, shapes: Shapes, dialect: str) -> Step:
    """`step` for the columns that the query of `node` yields now and its table has now: first the table is altered
    (`add_columns`: columns are only added; `sync`: added and dropped), then it is loaded. Columns that change
    their type are altered under both policies; a type declared in the header stays.

    Raises Refused `key_column_gone` where the load cannot do without a column that the query no longer yields.
    """
    history = node.columns[-len(HISTORY_COLUMNS) :] if _keeps_history(node) else ()
    query = _folded(shapes.query, dialect)
    own = _own_columns(node, query)
    _check_needed(node, own)
    names = {column.name.lower() for column in history}
    standing = [column for column in _folded(shapes.table, dialect) if column.name.lower() not in names]
    changes = ColumnChanges(standing, own)
    if node.on_schema_change is OnSchemaChange.ADD_COLUMNS:
        node, query, own = _with_kept(node, query, own, changes.dropped, dialect)
        changes.dropped = []
    fresh = replace(node, query_columns=query, columns=(*own, *history))
    assert fresh.table is not None
    altering = tuple(Statement(s.name, Role.STAGE, s.sql) for s in changes.statements(fresh.table, dialect))
    return replace(step, statements=(*altering, *refresh_step(fresh, dialect).statements), shape=None)


def _own_columns(node: BoundNode, query: Sequence[BoundColumn]) -> tuple[BoundColumn, ...]:
    """The columns that the table shall have, history aside: the query's, with the types that the header declares
    (those that differed from the query's when they were deployed)."""
    described = {column.name: column.type for column in node.query_columns}
    declared = {c.name: c.type for c in node.columns if described.get(c.name, c.type) != c.type}
    return tuple(BoundColumn(c.name, declared.get(c.name, c.type)) for c in query)


def _with_kept(
    node: BoundNode,
    query: tuple[BoundColumn, ...],
    own: tuple[BoundColumn, ...],
    gone: Sequence[BoundColumn],
    dialect: str,
) -> tuple[BoundNode, tuple[BoundColumn, ...], tuple[BoundColumn, ...]]:
    """Columns that the query no longer yields stay as they are in rows that stay. A full load makes all rows
    anew, and on some engines the table with them, so there they are filled with nulls."""
    if not gone or node.load is None or node.load.strategy is not LoadStrategy.FULL:
        return node, query, own
    nulls = ", ".join(f"CAST(NULL AS {c.type}) AS {quote(c.name, dialect)}" for c in gone)
    node = replace(node, query=f"SELECT hg_query.*, {nulls} FROM (\n{node.query}\n) AS hg_query")
    return node, (*query, *gone), (*own, *gone)


def _check_needed(node: BoundNode, own: Sequence[BoundColumn]) -> None:
    load = node.load
    assert load is not None
    there = {column.name for column in own}
    for needed in (*load.key, load.time_column, load.updated_at):
        if needed is not None and needed not in there:
            raise Refused(
                "key_column_gone",
                f"the query of {node.id} no longer yields {needed}, which its load needs",
                hint="mend what it reads, or deploy the node with another key or time column",
            )


def _keeps_history(node: BoundNode) -> bool:
    return node.load is not None and node.load.strategy is LoadStrategy.SCD2


def _folded(columns: Sequence[BoundColumn], dialect: str) -> tuple[BoundColumn, ...]:
    """DuckDB keeps the case in which a name was first written, and then ignores it."""
    if dialect != "duckdb":
        return tuple(columns)
    return tuple(BoundColumn(fold(column.name, dialect), column.type) for column in columns)
