"""What has to be done to a table that keeps its rows when its columns change."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.model.bound import BoundColumn, NamedSql, TableName
from headgate.warehouse import ddl
from headgate.warehouse.widening import widens


class ColumnChanges:
    """The difference between two lists of columns, by name without case; order is free."""

    def __init__(self, old: Sequence[BoundColumn], new: Sequence[BoundColumn]) -> None:
        before = {column.name.lower(): column for column in old}
        after = {column.name.lower(): column for column in new}
        self.added = [column for name, column in after.items() if name not in before]
        self.dropped = [column for name, column in before.items() if name not in after]
        self.retyped = [
            (before[name], column)
            for name, column in after.items()
            if name in before and before[name].type != column.type
        ]

    @property
    def any(self) -> bool:
        return bool(self.added or self.dropped or self.retyped)

    def statements(self, table: TableName, dialect: str) -> list[NamedSql]:
        sql = [NamedSql(f"add column {c.name}", ddl.add_column(table, c, dialect)) for c in self.added]
        sql += [
            NamedSql(f"retype column {new.name}", ddl.retype_column(table, new, dialect))
            for _, new in self.retyped
        ]
        sql += [
            NamedSql(f"drop column {c.name}", ddl.drop_column(table, c.name, dialect)) for c in self.dropped
        ]
        return sql

    def reasons(self) -> list[str]:
        texts = [f"column {c.name} {c.type} is added" for c in self.added]
        texts += [f"column {new.name} becomes {new.type} (was {old.type})" for old, new in self.retyped]
        return texts + [f"column {c.name} is dropped" for c in self.dropped]

    def destroys(self, dialect: str) -> str:
        lost = [f"column {c.name}" for c in self.dropped]
        lost += [
            f"precision of {new.name} ({old.type} to {new.type})"
            for old, new in self.retyped
            if not widens(old.type, new.type, dialect)
        ]
        return ", ".join(lost)
