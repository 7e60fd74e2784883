"""What a deploy does to the ledger of done intervals, which is keyed by physical table: the text of it."""

from __future__ import annotations

from headgate.model.bound import BoundNode, NamedSql, TableName
from headgate.model.project import LoadStrategy
from headgate.warehouse.names import literal

_LEDGER = "_headgate.intervals"


def forget_intervals(node: BoundNode, dialect: str) -> list[NamedSql]:
    """A table that is new, replaced or dropped has no interval done."""
    if not keeps_ledger(node):
        return []
    where = f"table_name = {literal(str(node.table), dialect)}"
    return [NamedSql("forget intervals", f"DELETE FROM {_LEDGER} WHERE {where}")]


def rename_intervals(node: BoundNode, before: TableName, after: TableName, dialect: str) -> list[NamedSql]:
    """A renamed table keeps its rows, and so what is known of them; what was known of another one that once had
    the new name is forgotten."""
    if not keeps_ledger(node):
        return []
    old, new = literal(str(before), dialect), literal(str(after), dialect)
    return [
        NamedSql("forget intervals", f"DELETE FROM {_LEDGER} WHERE table_name = {new}"),
        NamedSql("rename intervals", f"UPDATE {_LEDGER} SET table_name = {new} WHERE table_name = {old}"),
    ]


def keeps_ledger(node: BoundNode) -> bool:
    return node.load is not None and node.load.strategy is LoadStrategy.INTERVAL
