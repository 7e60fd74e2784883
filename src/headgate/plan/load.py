"""The SQL of each load strategy, as finished statements over one table. One function a strategy.

Every strategy runs inside one transaction of the warehouse, so a reader sees the table before or after it.
`merge`, `scd2` and keyed or timed `append` first stage the query's rows in a temporary table: keys are checked
on what the query yields, the query runs once, and rows inserted, updated and deleted are counted apart, which
MERGE does not tell on either engine.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from typing import assert_never

from headgate.model.bound import BoundColumn, BoundNode
from headgate.model.project import HISTORY_COLUMNS, DeletePolicy, Load, LoadStrategy
from headgate.model.steps import Check, Counts, Role, Statement
from headgate.plan.checks import SAMPLE_ROWS, key_check, late_names, not_null_check, said
from headgate.warehouse.ddl import lock_table
from headgate.warehouse.names import quote, table_sql

STAGED = "hg_new"
"""The session's temporary table of the rows that a step loads."""


@dataclass(frozen=True, slots=True)
class LoadSql:
    """`statements` in order. `new_rows` is a relation of just the rows that this run loads, for tests with
    `scope: new`; with `each_interval` it holds for one range at a time. `cleanup` runs after the tests."""

    statements: tuple[Statement, ...]
    new_rows: str
    each_interval: bool = False
    cleanup: tuple[Statement, ...] = ()


def load_sql(node: BoundNode, dialect: str) -> LoadSql:
    """The statements that fill the table of `node` by its load strategy."""
    assert node.load is not None
    builder = _Builder(node, node.load, dialect)
    match node.load.strategy:
        case LoadStrategy.FULL:
            sql = builder.full()
        case LoadStrategy.APPEND:
            sql = builder.append()
        case LoadStrategy.MERGE:
            sql = builder.merge()
        case LoadStrategy.INTERVAL:
            sql = builder.interval()
        case LoadStrategy.SCD2:
            sql = builder.scd2()
        case LoadStrategy.TEMPLATE:
            sql = builder.template()
        case _:
            assert_never(node.load.strategy)
    assert node.table is not None
    lock = lock_table(node.table, dialect)
    if lock is None:
        return sql
    # Without it two concurrent DELETE + INSERT could both commit.
    return replace(sql, statements=(Statement("lock", Role.STAGE, lock), *sql.statements))


class _Builder:
    def __init__(self, node: BoundNode, load: Load, dialect: str) -> None:
        assert node.table is not None
        self.node = node
        self.load = load
        self.dialect = dialect
        self.table = table_sql(node.table, dialect)
        self.staged = f"{'temp' if dialect == 'duckdb' else 'pg_temp'}.{STAGED}"
        history = load.strategy is LoadStrategy.SCD2
        self.columns = node.columns[: -len(HISTORY_COLUMNS)] if history else node.columns
        self.names = ", ".join(self.quote(column.name) for column in self.columns)

    def quote(self, name: str) -> str:
        return quote(name, self.dialect)

    # --- strategies -------------------------------------------------------------------------------

    def full(self) -> LoadSql:
        # A table by its type's own CREATE keeps what only that says: further columns, keys, defaults.
        makes_anew = self.dialect == "duckdb" and not self.node.create_sql
        if self.reads_itself() and not makes_anew:
            return LoadSql(
                (
                    *self.stage_rows(self.select()),
                    self.stage("delete", f"DELETE FROM {self.table}", Counts.DELETED),
                    self.stage("insert", self.insert_staged(), Counts.INSERTED),
                    *self.key_checks(self.table),
                ),
                new_rows=self.table,
                cleanup=self.drop_staged(),
            )
        if makes_anew:
            # A fifth to a quarter faster than DELETE + INSERT, and leaves no deleted rows in the file.
            create = f"CREATE OR REPLACE TABLE {self.table} AS {self.select(cast_all=True)}"
            statements = [self.stage("create table as", create, Counts.INSERTED)]
        else:
            statements = [
                self.stage("delete", f"DELETE FROM {self.table}", Counts.DELETED),
                self.stage("insert", self.insert(self.select()), Counts.INSERTED),
            ]
        return LoadSql((*statements, *self.key_checks(self.table)), new_rows=self.table)

    def append(self) -> LoadSql:
        time = self.load.time_column
        if time is None:
            where = ""
            checks: tuple[Statement, ...] = ()
        else:
            value = self.value(time)
            where = (
                f"NOT EXISTS (SELECT 1 FROM {self.table}) OR {value} IS NULL"
                f" OR {value} > (SELECT max({self.quote(time)}) FROM {self.table})"
            )
            checks = (not_null_check(self.staged, time, "it would never be loaded", self.dialect),)
        return LoadSql(
            (
                *self.stage_rows(self.select(where)),
                *checks,
                *self.key_checks(self.staged),
                self.stage("insert", self.insert_staged(), Counts.INSERTED),
            ),
            new_rows=self.staged,
            cleanup=self.drop_staged(),
        )

    def merge(self) -> LoadSql:
        statements = [
            *self.stage_rows(self.select()),
            *self.analyze(),
            *self.key_checks(self.staged),
        ]
        values = [column for column in self.columns if column.name not in self.load.key]
        if values:
            assignments = ", ".join(f"{self.quote(c.name)} = n.{self.quote(c.name)}" for c in values)
            update = (
                f"UPDATE {self.table} AS t SET {assignments} FROM {self.staged} AS n"
                f" WHERE {self.same_key()} AND ({self.differs(values)})"
            )
            statements.append(self.stage("update", update, Counts.UPDATED))
        missing = (
            f"SELECT {self.names} FROM {self.staged} AS n"
            f" WHERE NOT EXISTS (SELECT 1 FROM {self.table} AS t WHERE {self.same_key()})"
        )
        statements.append(self.stage("insert", self.insert(missing), Counts.INSERTED))
        if self.load.delete is DeletePolicy.NOT_IN_SOURCE:
            delete = (
                f"DELETE FROM {self.table} AS t"
                f" WHERE NOT EXISTS (SELECT 1 FROM {self.staged} AS n WHERE {self.same_key()})"
            )
            statements.append(self.stage("delete", delete, Counts.DELETED))
        return LoadSql(tuple(statements), new_rows=self.staged, cleanup=self.drop_staged())

    def interval(self) -> LoadSql:
        time = self.load.time_column
        assert time is not None
        within = self.within_interval(time, self.quote(time))
        rows = f"(SELECT * FROM {self.table} WHERE {within})"
        select = self.select(self.within_interval(time, self.value(time)))
        delete = self.stage("delete", f"DELETE FROM {self.table} WHERE {within}", Counts.DELETED)
        statements: tuple[Statement, ...]
        if self.reads_itself():
            drop = self.stage("drop stage", f"DROP TABLE {self.staged}")
            insert = self.stage("insert", self.insert_staged(), Counts.INSERTED)
            statements = (*self.stage_rows(select), delete, insert, drop)
        else:
            statements = (delete, self.stage("insert", self.insert(select), Counts.INSERTED))
        statements += self.key_checks(f"{rows} AS loaded")
        return LoadSql(
            tuple(replace(s, each_interval=True, parameters=late_names(s.sql)) for s in statements),
            new_rows=rows,
            each_interval=True,
        )

    def scd2(self) -> LoadSql:
        updated_at = self.load.updated_at
        since = f"n.{self.quote(updated_at)}" if updated_at else self.run_started()
        start, end, current = (self.quote(name) for name in HISTORY_COLUMNS)
        values = [column for column in self.columns if column.name not in self.load.key]
        open_row = f"t.{current} AND {self.same_key()}"
        closes = self.load.delete is DeletePolicy.CLOSE
        closed_at, opened_at, ended = since, since, ""
        if closes and updated_at:
            # A key that comes back with an old `updated_at` was closed later than that. Versions of a key never
            # overlap, so its new one starts where the last ended.
            closed_at, opened_at = f"greatest({since}, t.{start})", f"greatest({since}, hg_ended.ended)"
            ended = f" LEFT JOIN {self.last_ends(end)} ON {self.same_key('hg_ended')}"
        statements = [
            *self.stage_rows(self.select()),
            *self.analyze(),
            *self.key_checks(self.staged),
        ]
        if updated_at:
            statements += [
                not_null_check(self.staged, updated_at, "no version could start there", self.dialect),
                self.older_check(open_row, updated_at, updated_at if closes else HISTORY_COLUMNS[0]),
            ]
        if values:
            close = (
                f"UPDATE {self.table} AS t SET {end} = {closed_at}, {current} = FALSE"
                f" FROM {self.staged} AS n WHERE {open_row} AND ({self.differs(values)})"
            )
            statements.append(self.stage("close changed", close, Counts.UPDATED))
        if closes:
            gone = (
                f"UPDATE {self.table} AS t"
                f" SET {end} = greatest({self.run_started()}, t.{start}), {current} = FALSE"
                f" WHERE t.{current} AND NOT EXISTS"
                f" (SELECT 1 FROM {self.staged} AS n WHERE {self.same_key()})"
            )
            statements.append(self.stage("close missing", gone, Counts.UPDATED))
        opened = (
            f"INSERT INTO {self.table} ({self.names}, {start}, {end}, {current})"
            f" SELECT {self.names_of('n')}, {opened_at}, NULL, TRUE FROM {self.staged} AS n{ended}"
            f" WHERE NOT EXISTS (SELECT 1 FROM {self.table} AS t WHERE {open_row})"
        )
        statements.append(self.stage("insert", opened, Counts.INSERTED))
        return LoadSql(tuple(statements), new_rows=self.staged, cleanup=self.drop_staged())

    def template(self) -> LoadSql:
        run = tuple(self.stage(statement.name, statement.sql) for statement in self.node.run_sql)
        return LoadSql((*run, *self.key_checks(self.table)), new_rows=self.table)

    # --- pieces -----------------------------------------------------------------------------------

    def stage(self, name: str, sql: str, counts: Counts | None = None) -> Statement:
        return Statement(name, Role.STAGE, sql, parameters=late_names(sql), counts=counts)

    def select(self, where: str = "", *, cast_all: bool = False) -> str:
        """The query's rows with the table's names and types. `cast_all` is for CREATE TABLE AS, where an
        INSERT's own conversion to the column's type is missing; casts to the same type cost nothing."""
        described = {column.name: column.type for column in self.node.query_columns}
        items = ", ".join(
            self.cast(column)
            if cast_all or described.get(column.name) != column.type
            else self.quote(column.name)
            for column in self.columns
        )
        return f"SELECT {items} FROM (\n{self.node.query}\n) AS q{f' WHERE {where}' if where else ''}"

    def value(self, name: str) -> str:
        """A column of the query's row `q` as the table will hold it: a filter on the type it had before would
        let rows in that the table then keeps elsewhere."""
        column = next(column for column in self.columns if column.name == name)
        described = next((c.type for c in self.node.query_columns if c.name == name), column.type)
        plain = f"q.{self.quote(name)}"
        return plain if described == column.type else f"CAST({plain} AS {column.type})"

    def reads_itself(self) -> bool:
        """Whether the query may read the table that it fills: then all is read before anything is deleted."""
        assert self.node.query is not None
        pattern = rf'(?<![\w."]){re.escape(self.table)}(?![\w"])'
        return re.search(pattern, self.node.query) is not None

    def cast(self, column: BoundColumn) -> str:
        name = self.quote(column.name)
        return f"CAST({name} AS {column.type}) AS {name}"

    def insert(self, select: str) -> str:
        return f"INSERT INTO {self.table} ({self.names}) {select}"

    def insert_staged(self) -> str:
        return self.insert(f"SELECT {self.names} FROM {self.staged}")

    def stage_rows(self, select: str) -> tuple[Statement, ...]:
        drop = " ON COMMIT DROP" if self.dialect == "postgres" else ""
        return (self.stage("stage", f"CREATE TEMPORARY TABLE {STAGED}{drop} AS {select}"),)

    def drop_staged(self) -> tuple[Statement, ...]:
        if self.dialect == "postgres":
            return ()
        return (self.stage("drop stage", f"DROP TABLE {self.staged}"),)

    def analyze(self) -> tuple[Statement, ...]:
        """PostgreSQL knows nothing of a new temporary table and plans nested loops over it."""
        return (self.stage("analyze", f"ANALYZE {self.staged}"),) if self.dialect == "postgres" else ()

    def key_checks(self, relation: str) -> tuple[Statement, ...]:
        return (key_check(relation, self.load.key, self.dialect),) if self.load.key else ()

    def same_key(self, other: str = "t") -> str:
        return " AND ".join(f"{other}.{self.quote(key)} = n.{self.quote(key)}" for key in self.load.key)

    def names_of(self, rows: str) -> str:
        return ", ".join(f"{rows}.{self.quote(column.name)}" for column in self.columns)

    def last_ends(self, end: str) -> str:
        keys = ", ".join(self.quote(key) for key in self.load.key)
        return f"(SELECT {keys}, max({end}) AS ended FROM {self.table} GROUP BY {keys}) AS hg_ended"

    def differs(self, columns: list[BoundColumn]) -> str:
        return " OR ".join(
            f"t.{self.comparable(column)} IS DISTINCT FROM n.{self.comparable(column)}" for column in columns
        )

    def comparable(self, column: BoundColumn) -> str:
        name = self.quote(column.name)
        kind = column.type.removesuffix("[]")
        return f"{name}::text" if self.dialect == "postgres" and kind in _NO_EQUALITY else name

    def within_interval(self, time_column: str, value: str) -> str:
        """Whether `value`, of the column's type, lies in the interval."""
        kind = next(column.type for column in self.columns if column.name == time_column).lower()
        # A bound of the column's own type lets the engine skip what lies outside. A date is compared as the
        # midnight that begins it, so that an interval of hours holds a date or not, and never a part of one.
        zoned = "with time zone" in kind or kind == "timestamptz"
        bound_type = "TIMESTAMP WITH TIME ZONE" if zoned else "TIMESTAMP"
        return f"{value} >= CAST($hg_from AS {bound_type}) AND {value} < CAST($hg_to AS {bound_type})"

    def run_started(self) -> str:
        start = next(c for c in self.node.columns if c.name == HISTORY_COLUMNS[0])
        return f"CAST($hg_run_started_at AS {start.type})"

    def older_check(self, open_row: str, updated_at: str, since: str) -> Statement:
        """`since`: where the current version began. With `delete: close` that may be later than its `updated_at`
        said; without, the two differ only where history began without an `updated_at`."""
        column, current = self.quote(updated_at), f"t.{self.quote(since)}"
        source = f"FROM {self.staged} AS n, {self.table} AS t WHERE n.{column} < {current} AND {open_row}"
        keys = ", ".join(f"n.{self.quote(key)}" for key in self.load.key)
        return Statement(
            name=f"not older {updated_at}",
            role=Role.CHECK,
            sql=f"SELECT count(*) AS failures {source}",
            check=Check(
                probe=f"SELECT {keys}, n.{column}, {current} AS current {source} LIMIT {SAMPLE_ROWS}",
                message=f"{{failures}} rows have an {said(updated_at)} older than their current version's",
            ),
        )


_NO_EQUALITY = frozenset({"json", "xml", "point", "polygon", "line", "lseg", "box", "path", "circle"})
"""PostgreSQL's types without an equality, or with one of areas and lengths; their text has one."""
