"""DuckDB: one file, one process, one instance shared by all sessions of that process.

Nothing is ever downloaded: extensions that are not built in are neither installed nor loaded by themselves.
"""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, closing, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import duckdb

from headgate.errors import Refused, StatementFailed, WarehouseUnavailable
from headgate.model.bound import BoundColumn, ColumnFacts, TableFacts, TableName, WarehouseFacts
from headgate.model.steps import LATE_PREFIX
from headgate.warehouse.base import Answer, Capabilities, Handle, Opening, StatementGate
from headgate.warehouse.duckdb_errors import lock_holder, open_error, statement_error
from headgate.warehouse.late import late_values
from headgate.warehouse.lease import FileLease, Holder, wait_until_free
from headgate.warehouse.ledger import CREATE_LEDGER, UNIQUE_VIOLATION, LedgerSession, already_published
from headgate.warehouse.names import fold
from headgate.warehouse.table_locks import TableLocks

_NAME_PREFIX = LATE_PREFIX.removeprefix("$")
_NO_DOWNLOADS = {"autoinstall_known_extensions": "false", "autoload_known_extensions": "false"}


@dataclass(slots=True)
class _Instance:
    """The one open database of a file in this process, and how many warehouses use it."""

    root: duckdb.DuckDBPyConnection
    config: dict[str, str]
    lease: FileLease | None = None
    users: int = 1
    tables: TableLocks = field(default_factory=TableLocks)


_instances: dict[Path, _Instance] = {}
_instances_lock = threading.Lock()


class DuckDBWarehouse:
    type: ClassVar[str] = "duckdb"
    dialect: ClassVar[str] = "duckdb"
    capabilities: ClassVar[Capabilities] = Capabilities(
        transactional_ddl=True, create_or_replace_table=True, single_process=True, detached_statements=False
    )

    def __init__(self, instance: _Instance, path: Path | None) -> None:
        self._instance: _Instance | None = instance
        self._path = path
        self._connection = instance.root.cursor()
        self._lock = threading.Lock()
        self.max_statements: int = self._connection.execute("SELECT current_setting('threads')").fetchall()[
            0
        ][0]

    @classmethod
    def open(cls, options: Mapping[str, Any], opening: Opening) -> DuckDBWarehouse:
        """Waits while another process has the file. A relative path's missing folders are created."""
        name = str(options["path"])
        config = _config(options)
        if name == ":memory:":
            try:
                return cls(_connect(name, config), None)
            except duckdb.Error as error:
                raise open_error(error, name) from error
        path = opening.root / name
        try:
            if not Path(name).is_absolute():
                path.parent.mkdir(parents=True, exist_ok=True)
            path = path.resolve()
            instance = wait_until_free(
                lambda: _try_open(path, name, config, opening.label),
                name=name,
                on_wait=opening.on_wait,
                wait_seconds=opening.wait_seconds,
            )
        except FileNotFoundError as error:
            raise WarehouseUnavailable(
                "warehouse_unavailable",
                f"{name}: its folder does not exist",
                hint="create it, or correct the path",
            ) from error
        except OSError as error:
            raise WarehouseUnavailable(
                "permission_denied" if isinstance(error, PermissionError) else "warehouse_unavailable",
                f"{name}: {(error.strerror or str(error)).lower()}",
                hint="the file needs a folder that this user may write, for its lease and its log",
            ) from error
        return cls(instance, path)

    def session(self) -> DuckDBSession:
        with self._lock:
            if self._instance is None:
                raise WarehouseUnavailable(
                    "warehouse_unavailable", "this warehouse was closed", hint="open it again"
                )
            try:
                return DuckDBSession(self._connection.cursor(), self._instance.tables)
            except duckdb.Error as error:
                raise statement_error(error) from error

    def prepare(self) -> None:
        with closing(self.session()) as session:
            for sql in CREATE_LEDGER:
                session.execute(sql)

    def facts(self, places: Iterable[tuple[str | None, str]]) -> WarehouseFacts:
        with closing(self.session()) as session:
            return _facts(session, places)

    def forget_markers(self, older_than: datetime) -> int:
        with closing(self.session()) as session:
            return session.forget_markers(older_than)

    def close(self) -> None:
        """Closes this warehouse's sessions too. The last user of the file writes its log into it, so that the
        file can be copied alone (0.7 ms for each table changed since), and gives the lease back."""
        with _instances_lock:
            instance, self._instance = self._instance, None
            if instance is None:
                return
            self._connection.close()
            instance.users -= 1
            if instance.users:
                return
            try:
                instance.root.close()
            finally:
                if self._path is not None:
                    _instances.pop(self._path, None)
                if instance.lease is not None:
                    instance.lease.release()


class DuckDBSession(LedgerSession):
    def __init__(self, connection: duckdb.DuckDBPyConnection, tables: TableLocks) -> None:
        self._connection = connection
        self._tables = tables
        self._gate = StatementGate(connection.interrupt)
        self._failed = False
        self._marker: tuple[str, str] | None = None

    def begin(self) -> None:
        self._gate.check()
        self._failed = False
        self._control("BEGIN TRANSACTION")

    def commit(self) -> None:
        self._gate.check()
        if self._failed:
            # DuckDB answers a COMMIT of an aborted transaction with success, having undone it.
            raise StatementFailed(
                "statement_failed", "nothing was committed: a statement of this transaction had failed"
            )
        marker, self._marker = self._marker, None
        try:
            self._control("COMMIT")
        except StatementFailed as error:
            if (
                marker
                and error.sqlstate == UNIQUE_VIOLATION
                and f'"{marker[0]}, {marker[1]}"' in error.message
            ):
                raise already_published(*marker) from error
            raise

    def rollback(self) -> None:
        with suppress(duckdb.Error):
            self._connection.execute("ROLLBACK")
        self._failed = False
        self._marker = None
        self._gate.reset()

    def submit(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Handle:
        return Handle(sql, parameters)

    def wait(self, handle: Handle) -> Answer:
        return self.execute(handle.sql, handle.parameters)

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        values = late_values(sql, parameters) if parameters else {}
        bound = {_NAME_PREFIX + name: value for name, value in values.items()}
        with self._gate:
            try:
                return self._answer(sql, bound)
            except duckdb.Error as error:
                self._failed = True
                raise statement_error(error) from error

    def cancel(self) -> None:
        self._gate.cancel()

    def describe(self, query: str) -> tuple[BoundColumn, ...]:
        with self._gate:
            try:
                rows = self._connection.execute(f"DESCRIBE\n{query}").fetchall()
            except duckdb.Error as error:
                self._failed = True
                raise statement_error(error, skipped_lines=1) from error
        return tuple(BoundColumn(row[0], row[1]) for row in rows)

    def writing(self, table: TableName) -> AbstractContextManager[None]:
        place = [table.database] if table.database else []
        return self._tables.hold(_key([*place, table.schema, table.name]), self._gate.check)

    def write_marker(
        self, *, run_uid: str, step_id: str, fence: int, rows: int | None, table: TableName | None
    ) -> None:
        super().write_marker(run_uid=run_uid, step_id=step_id, fence=fence, rows=rows, table=table)
        self._marker = (run_uid, step_id)

    def close(self) -> None:
        with suppress(duckdb.Error):
            self._connection.close()

    def _control(self, sql: str) -> None:
        try:
            self._connection.execute(sql)
        except duckdb.Error as error:
            raise statement_error(error) from error

    def _answer(self, sql: str, bound: dict[str, Any]) -> Answer:
        connection = self._connection
        if bound:
            connection.execute(sql, bound)
        else:
            connection.execute(sql)
        columns = tuple(column[0] for column in connection.description or ())
        try:
            rows = connection.fetchall()
        except duckdb.InvalidInputException as error:
            if "pytz" not in str(error):
                raise
            rows = self._fetch_zoned(sql, bound, error)
        row_count = None
        if columns == ("Count",) and len(rows) == 1 and isinstance(rows[0][0], int):
            row_count = rows[0][0]
        elif columns == ("Success",) and not rows:
            columns = ()
        return Answer(rows, columns, row_count)

    def _fetch_zoned(self, sql: str, bound: dict[str, Any], error: duckdb.Error) -> list[tuple[Any, ...]]:
        """The rows of a query with TIMESTAMPTZ columns, which DuckDB's own conversion needs pytz for: asked
        for again without their zone (the session's is UTC), which is then put back here."""
        statements = self._connection.extract_statements(sql)
        if len(statements) != 1 or statements[0].type != duckdb.StatementType.SELECT:
            raise error
        types = [str(column[1]) for column in self._connection.description or ()]
        columns = [f"c{number}" for number in range(len(types))]
        outputs = [_without_zone(column, type_) for column, type_ in zip(columns, types, strict=True)]
        query = statements[0].query.strip().rstrip(";")
        again = f"SELECT {', '.join(outputs)} FROM ({query}\n) AS hg_rows({', '.join(columns)})"
        rows = (
            self._connection.execute(again, bound) if bound else self._connection.execute(again)
        ).fetchall()
        zoned = {index for index, type_ in enumerate(types) if type_ == _ZONED}
        return [
            tuple(
                value.replace(tzinfo=UTC) if index in zoned and isinstance(value, datetime) else value
                for index, value in enumerate(row)
            )
            for row in rows
        ]


_ZONED = "TIMESTAMP WITH TIME ZONE"


def _without_zone(column: str, type_: str) -> str:
    if type_ == _ZONED:
        return f"{column} AT TIME ZONE 'UTC'"
    return f"{column}::VARCHAR" if _ZONED in type_ else column


def _config(options: Mapping[str, Any]) -> dict[str, str]:
    config = dict(_NO_DOWNLOADS)
    config.update({name: _setting(value) for name, value in options.get("settings", {}).items()})
    for name in ("threads", "memory_limit"):
        if name in options:
            config[name] = _setting(options[name])
    return config


def _setting(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _try_open(path: Path, name: str, config: dict[str, str], label: str) -> _Instance | Holder:
    """One turn of waiting for the file: the instance, or who has it."""
    with _instances_lock:
        if instance := _instances.get(path):
            if instance.config != config:
                raise Refused(
                    "warehouse_settings_differ",
                    f"{name} is open in this process with other settings",
                    hint="environments that share a DuckDB file need equal threads, memory_limit, settings",
                )
            instance.users += 1
            return instance
        lease = FileLease(path)
        if holder := lease.try_take(label):
            return holder
        try:
            instance = _connect(str(path), config)
            instance.lease = lease
        except BaseException as error:
            lease.release()
            # Another program than ours holds the file: it knows no lease, but the driver names it.
            if isinstance(error, duckdb.Error):
                if holder := lock_holder(error, socket.gethostname()):
                    return holder
                raise open_error(error, name) from error
            raise
        _instances[path] = instance
        return instance


def _connect(path: str, config: dict[str, str]) -> _Instance:
    root = duckdb.connect(path, config=dict(config))
    # SET GLOBAL reaches every cursor; the setting itself is unknown to `config`.
    root.execute("SET GLOBAL TimeZone = 'UTC'")
    return _Instance(root, config)


def _facts(session: DuckDBSession, places: Iterable[tuple[str | None, str]]) -> WarehouseFacts:
    """DuckDB compares names without case, so tables are named folded, whatever they were created as."""
    own = session.execute("SELECT current_database()").rows[0][0]
    wanted = {(_folded(database or own), _folded(schema)): (database, schema) for database, schema in places}
    if not wanted:
        return WarehouseFacts()
    asked = {"schemas": [schema.lower() for _, schema in wanted]}
    found = {_key(row) for row in session.execute(_SCHEMAS, asked).rows}
    schemas = (_place(*wanted[key]) for key in found if key in wanted)
    definitions = {_key(row[:3]): row[3] for row in session.execute(_VIEWS, asked).rows}
    columns: dict[tuple[str, ...], list[ColumnFacts]] = {}
    for *names, column, type_, nullable in session.execute(_COLUMNS, asked).rows:
        columns.setdefault(_key(names), []).append(ColumnFacts(column, type_, nullable))
    tables = {}
    for key, its_columns in columns.items():
        if place := wanted.get((key[0], key[1])):
            name = TableName(schema=place[1], name=key[2], database=place[0])
            kind = "view" if key in definitions else "table"
            tables[str(name)] = TableFacts(name, kind, tuple(its_columns), definitions.get(key))
    return WarehouseFacts(tables, tuple(sorted(schemas)))


def _folded(name: str) -> str:
    return fold(name, "duckdb")


def _key(names: Iterable[str]) -> tuple[str, ...]:
    return tuple(_folded(name) for name in names)


def _place(database: str | None, schema: str) -> str:
    return f"{database}.{schema}" if database else schema


_SCHEMAS = """SELECT database_name, schema_name FROM duckdb_schemas()
WHERE lower(schema_name) = ANY($hg_schemas)"""
_VIEWS = """SELECT database_name, schema_name, view_name, sql FROM duckdb_views()
WHERE lower(schema_name) = ANY($hg_schemas) AND NOT internal"""
_COLUMNS = """SELECT database_name, schema_name, table_name, column_name, data_type, is_nullable
FROM duckdb_columns()
WHERE lower(schema_name) = ANY($hg_schemas) AND NOT internal
ORDER BY database_name, schema_name, table_name, column_index"""
