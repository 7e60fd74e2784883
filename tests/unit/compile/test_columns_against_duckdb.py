"""Columns and types as compile derives them, against DuckDB itself over the same queries."""

from __future__ import annotations

from pathlib import Path

import duckdb
import pytest

from headgate.compile.parse import parse_query
from headgate.compile.relation import OPEN, Relation, ResolvedColumn
from headgate.compile.resolve import resolve_query

TABLES = {
    "CUSTOMER": {"c_id": "BIGINT", "c_name": "VARCHAR", "c_nation": "INTEGER"},
    "NATION": {"n_id": "INTEGER", "n_name": "VARCHAR"},
    "ORDERS": {"o_id": "BIGINT", "c_id": "BIGINT", "amount": "DECIMAL(18,2)", "status": "VARCHAR"},
    "EVENTS": {
        "c_id": "BIGINT",
        "tags": "VARCHAR[]",
        "address": "STRUCT(city VARCHAR, street VARCHAR)",
        "seen": "TIMESTAMP",
    },
    "WIDE": {"id": "INTEGER", "jan": "INTEGER", "feb": "INTEGER"},
}


def read_queries() -> list[str]:
    text = Path(__file__).with_name("queries.sql").read_text()
    return [block for block in text.strip().split("\n\n") if not block.startswith("--")]


@pytest.fixture(scope="module")
def database() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create schema raw")
    connection.execute("set lambda_syntax = 'ENABLE_SINGLE_ARROW'")
    for name, columns in TABLES.items():
        connection.execute(
            f"create table raw.{name} ({', '.join(f'{c} {kind}' for c, kind in columns.items())})"
        )
    return connection


def relation(name: str) -> Relation:
    columns = TABLES[name]
    return Relation([ResolvedColumn(c, kind, frozenset({(f"RAW.{name}", c)})) for c, kind in columns.items()])


@pytest.mark.parametrize("query", read_queries())
def test_compile_yields_the_columns_that_duckdb_yields(
    database: duckdb.DuckDBPyConnection, query: str
) -> None:
    described = database.execute(f"describe {query}").fetchall()
    parsed = parse_query(query, "duckdb")
    assert parsed.summary is not None, parsed.problems
    tables = [
        relation(table.parts[-1].upper()) if table.parts[0].upper() == "RAW" else OPEN
        for table in parsed.summary.tables
    ]
    resolution = resolve_query(parsed.summary, tables, "duckdb")
    assert resolution.problems == []
    found = resolution.relation
    names = [column.name for column in found.columns]
    if found.exact:
        assert names == [row[0] for row in described]
    types = {row[0].lower(): row[1] for row in described}
    for column in found.columns:
        assert column.name.lower() in types
        if column.type is not None:
            assert (
                database.execute(f"select null::{column.type}").description[0][1]
                == (database.execute(f"select null::{types[column.name.lower()]}").description[0][1])
            )
