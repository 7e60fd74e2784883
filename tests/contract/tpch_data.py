"""The source tables of examples/tpch for a PostgreSQL: the same rows that the demo loads into DuckDB."""

from __future__ import annotations

import tempfile
from pathlib import Path

import duckdb
import psycopg
from psycopg import sql

from headgate.demo.data import SCHEMA, TABLES, find_generator, generate

_BLOCK_BYTES = 1 << 20


def make_parquet(folder: Path, scale: float) -> None:
    """`<table>.parquet` for every source table. Equal scales give equal rows."""
    folder.mkdir(parents=True, exist_ok=True)
    generate(find_generator(), scale, folder)


def load_postgres(dsn: str, data_dir: Path) -> dict[str, int]:
    """Make schema `sample` and its tables from the parquet files in `data_dir`. Rows by table.

    One transaction. DuckDB writes each file as CSV, PostgreSQL reads that: a null stays apart from an empty text.
    """
    counts: dict[str, int] = {}
    with (
        tempfile.TemporaryDirectory() as folder,
        duckdb.connect() as source,
        psycopg.connect(dsn) as target,
    ):
        target.execute(sql.SQL("CREATE SCHEMA IF NOT EXISTS {}").format(sql.Identifier(SCHEMA)))
        for table in TABLES:
            relation = f"read_parquet('{data_dir / table}.parquet')"
            columns = source.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
            csv = Path(folder) / f"{table}.csv"
            source.execute(f"COPY (SELECT * FROM {relation}) TO '{csv}' (FORMAT csv, HEADER false)")
            counts[table] = _copy(target, table, [(str(c[0]), str(c[1])) for c in columns], csv)
    return counts


def _copy(target: psycopg.Connection, table: str, columns: list[tuple[str, str]], csv: Path) -> int:
    """The types that these tables use are spelled the same in both engines."""
    name = sql.Identifier(SCHEMA, table)
    definitions = [sql.SQL("{} {}").format(sql.Identifier(column), sql.SQL(kind)) for column, kind in columns]
    target.execute(sql.SQL("DROP TABLE IF EXISTS {} CASCADE").format(name))
    target.execute(sql.SQL("CREATE TABLE {} ({})").format(name, sql.SQL(", ").join(definitions)))
    with target.cursor() as cursor, csv.open("rb") as file:
        with cursor.copy(sql.SQL("COPY {} FROM STDIN (FORMAT csv)").format(name)) as copy:
            while block := file.read(_BLOCK_BYTES):
                copy.write(block)
        rows = cursor.rowcount
    target.execute(sql.SQL("ANALYZE {}").format(name))
    return rows
