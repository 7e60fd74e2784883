"""The text of DDL per engine, for plans and deploys. Pure: nothing here is run or asked of a warehouse.

Types are the warehouse's own spelling already, so text is enough; names are quoted only where needed.
A statement carries no semicolon.
"""

from __future__ import annotations

from collections.abc import Iterable

from headgate.model.bound import BoundColumn, TableName
from headgate.warehouse.names import quote, table_sql


def create_schema(schema: str, dialect: str, *, database: str | None = None) -> str:
    return f"CREATE SCHEMA IF NOT EXISTS {_schema_sql(schema, database, dialect)}"


def drop_schema(schema: str, dialect: str, *, database: str | None = None) -> str:
    """Fails while anything stands in the schema."""
    return f"DROP SCHEMA IF EXISTS {_schema_sql(schema, database, dialect)}"


def create_table(table: TableName, columns: Iterable[BoundColumn], dialect: str) -> str:
    lines = ",\n".join(f"    {_column_sql(column, dialect)}" for column in columns)
    return f"CREATE TABLE {table_sql(table, dialect)} (\n{lines}\n)"


def drop_table(table: TableName, dialect: str) -> str:
    """On PostgreSQL fails while a view reads the table: a plan drops readers first and never cascades."""
    return f"DROP TABLE IF EXISTS {table_sql(table, dialect)}"


def rename_table(old: TableName, new: TableName, dialect: str) -> tuple[str, ...]:
    """Give a table another name or schema, with its rows.

    DuckDB cannot move a table between schemas: there it is copied, which costs time and constraints.
    """
    if old.schema == new.schema:
        return (f"ALTER TABLE {table_sql(old, dialect)} RENAME TO {quote(new.name, dialect)}",)
    if dialect == "duckdb":
        copied = f"CREATE TABLE {table_sql(new, dialect)} AS SELECT * FROM {table_sql(old, dialect)}"
        return (copied, f"DROP TABLE {table_sql(old, dialect)}")
    moved = TableName(schema=new.schema, name=old.name, database=new.database)
    statements = [f"ALTER TABLE {table_sql(old, dialect)} SET SCHEMA {quote(new.schema, dialect)}"]
    if old.name != new.name:
        statements.append(f"ALTER TABLE {table_sql(moved, dialect)} RENAME TO {quote(new.name, dialect)}")
    return tuple(statements)


def add_column(table: TableName, column: BoundColumn, dialect: str) -> str:
    """Existing rows get NULL."""
    return f"ALTER TABLE {table_sql(table, dialect)} ADD COLUMN {_column_sql(column, dialect)}"


def drop_column(table: TableName, name: str, dialect: str) -> str:
    return f"ALTER TABLE {table_sql(table, dialect)} DROP COLUMN {quote(name, dialect)}"


def retype_column(table: TableName, column: BoundColumn, dialect: str) -> str:
    """Existing values are cast; one that does not fit fails the statement."""
    name = quote(column.name, dialect)
    cast = f"USING CAST({name} AS {column.type})"
    return f"ALTER TABLE {table_sql(table, dialect)} ALTER COLUMN {name} TYPE {column.type} {cast}"


def create_view(view: TableName, query: str, dialect: str) -> str:
    return f"CREATE VIEW {table_sql(view, dialect)} AS\n{query}"


def create_or_replace_view(view: TableName, query: str, dialect: str) -> str:
    """PostgreSQL keeps the old columns' names, types and order and takes new ones only at the end: where that
    does not hold, drop and create."""
    return f"CREATE OR REPLACE VIEW {table_sql(view, dialect)} AS\n{query}"


def drop_view(view: TableName, dialect: str) -> str:
    return f"DROP VIEW IF EXISTS {table_sql(view, dialect)}"


def lock_table(table: TableName, dialect: str) -> str | None:
    """Keep other writers out until the transaction ends, while readers go on. None where the engine has no
    such lock: there only Headgate's own table locks keep two writers apart."""
    if dialect == "postgres":
        return f"LOCK TABLE {table_sql(table, dialect)} IN SHARE ROW EXCLUSIVE MODE"
    return None


def _column_sql(column: BoundColumn, dialect: str) -> str:
    return f"{quote(column.name, dialect)} {column.type}"


def _schema_sql(schema: str, database: str | None, dialect: str) -> str:
    return ".".join(quote(part, dialect) for part in (database, schema) if part)
