"""What a deploy does to the ledger of done intervals, which is keyed by physical table: the text of it."""

from __future__ import annotations

from headgate.model.bound import BoundNode, NamedSql
from headgate.model.project import LoadStrategy
from headgate.warehouse.names import literal

_LEDGER = "_headgate.intervals"


def forget_intervals(node: BoundNode, dialect: str) -> list[NamedSql]:
    """A table that is new, replaced or dropped has no interval done."""
    if not _keeps(node):
        return []
    where = f"table_name = {literal(str(node.table), dialect)}"
    return [NamedSql("forget intervals", f"DELETE FROM {_LEDGER} WHERE {where}")]


def rename_intervals(old: BoundNode, new: BoundNode, dialect: str) -> list[NamedSql]:
    """A renamed table keeps its rows, and so what is known of them."""
    if not _keeps(old):
        return []
    before, after = literal(str(old.table), dialect), literal(str(new.table), dialect)
    update = f"UPDATE {_LEDGER} SET table_name = {after} WHERE table_name = {before}"
    return [NamedSql("rename intervals", update)]


def _keeps(node: BoundNode) -> bool:
    return node.load is not None and node.load.strategy is LoadStrategy.INTERVAL
