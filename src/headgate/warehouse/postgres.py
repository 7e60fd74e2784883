"""PostgreSQL through psycopg 3: one connection per session, transactions opened by hand.

Late values are put into the text by the client (ClientCursor), because CREATE TABLE AS and other utility
statements take no server-side parameters.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from contextlib import AbstractContextManager, closing, nullcontext, suppress
from datetime import datetime
from typing import Any, ClassVar

import psycopg
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.pq import ExecStatus

from headgate.errors import StatementFailed, UsageError
from headgate.model.bound import BoundColumn, ColumnFacts, TableFacts, TableName, WarehouseFacts
from headgate.warehouse.base import Answer, Capabilities, Handle, Opening, StatementGate
from headgate.warehouse.late import late_values, pyformat
from headgate.warehouse.ledger import CREATE_LEDGER, LedgerSession
from headgate.warehouse.postgres_errors import connect_error, session_ended, statement_error

_LEDGER_LOCK = 4_729_118_530_176
"""Advisory lock for creating the ledger, because two CREATE … IF NOT EXISTS at once can collide."""


class PostgresWarehouse:
    type: ClassVar[str] = "postgres"
    dialect: ClassVar[str] = "postgres"
    capabilities: ClassVar[Capabilities] = Capabilities(
        transactional_ddl=True, create_or_replace_table=False, single_process=False, detached_statements=False
    )

    def __init__(self, conninfo: str, max_statements: int | None) -> None:
        self._conninfo = conninfo
        self.max_statements = max_statements

    @classmethod
    def open(cls, options: Mapping[str, Any], opening: Opening) -> PostgresWarehouse:
        """Connects once, so that a wrong address or password is known at the start."""
        warehouse = cls(_conninfo(options, opening.label), options.get("max_connections"))
        warehouse.session().close()
        return warehouse

    def session(self) -> PostgresSession:
        try:
            connection = psycopg.connect(
                self._conninfo, autocommit=True, cursor_factory=psycopg.ClientCursor[Any]
            )
        except psycopg.Error as error:
            raise connect_error(error, self._conninfo) from None
        session = PostgresSession(connection)
        session.execute("SET TIME ZONE 'UTC'")
        if connection.info.server_version >= 140000:
            # Else the statement of a client that died goes on, and holds its locks, until it ends by itself.
            session.execute("SET client_connection_check_interval = '2s'")
        return session

    def prepare(self) -> None:
        """A role that may not create schemas can still use a ledger that somebody else made."""
        with closing(self.session()) as session:
            exist = "SELECT to_regclass('_headgate.commits'), to_regclass('_headgate.intervals')"
            if None not in session.execute(exist).rows[0]:
                return
            session.begin()
            session.execute(f"SELECT pg_advisory_xact_lock({_LEDGER_LOCK})")
            for sql in CREATE_LEDGER:
                session.execute(sql)
            session.commit()

    def facts(self, places: Iterable[tuple[str | None, str]]) -> WarehouseFacts:
        with closing(self.session()) as session:
            return _facts(session, places)

    def forget_markers(self, older_than: datetime) -> int:
        with closing(self.session()) as session:
            return session.forget_markers(older_than)

    def close(self) -> None:
        """Nothing is shared between sessions; each is closed by who opened it."""


class PostgresSession(LedgerSession):
    def __init__(self, connection: psycopg.Connection[tuple[Any, ...]]) -> None:
        self._connection = connection
        self._gate = StatementGate(self._interrupt)

    def begin(self) -> None:
        self._gate.check()
        self._run("BEGIN")

    def commit(self) -> None:
        self._gate.check()
        if self._run("COMMIT").statusmessage == "ROLLBACK":
            raise StatementFailed(
                "statement_failed", "nothing was committed: a statement of this transaction had failed"
            )

    def rollback(self) -> None:
        for _ in range(2):  # a cancel that was on its way may still hit the first one
            with suppress(psycopg.Error):
                if self._connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                    self._connection.execute("ROLLBACK")
        self._gate.reset()

    def submit(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Handle:
        return Handle(sql, parameters)

    def wait(self, handle: Handle) -> Answer:
        return self.execute(handle.sql, handle.parameters)

    def execute(self, sql: str, parameters: Mapping[str, Any] | None = None) -> Answer:
        values = late_values(sql, parameters) if parameters else {}
        with self._gate:
            cursor = self._run(sql, values)
            try:
                rows = cursor.fetchall() if cursor.description else []
            except psycopg.Error as error:  # a value that Python cannot hold, such as a date of 'infinity'
                raise statement_error(error, sql) from error
        columns = tuple(column.name for column in cursor.description or ())
        is_query = (cursor.statusmessage or "").startswith("SELECT") and bool(columns)
        row_count = None if is_query or cursor.rowcount < 0 else cursor.rowcount
        return Answer(rows, columns, row_count)

    def cancel(self) -> None:
        self._gate.cancel()

    def describe(self, query: str) -> tuple[BoundColumn, ...]:
        """Asks for the description of a prepared statement: nothing is planned or run."""
        with self._gate:
            if self._connection.closed:
                raise session_ended()
            wire = self._connection.pgconn
            result = wire.prepare(b"", query.encode())
            if result.status == ExecStatus.COMMAND_OK:
                result = wire.describe_prepared(b"")
            if result.status != ExecStatus.COMMAND_OK:
                raise statement_error(psycopg.errors.error_from_result(result), query)
            fields = range(result.nfields)
            names = [(result.fname(field) or b"").decode() for field in fields]
            types = [result.ftype(field) for field in fields]
            modifiers = [result.fmod(field) for field in fields]
            rows = self._run(_FORMAT_TYPES, {"types": types, "modifiers": modifiers}).fetchall()
        return tuple(BoundColumn(name, type_) for name, (type_,) in zip(names, rows, strict=True))

    def writing(self, table: TableName) -> AbstractContextManager[None]:  # noqa: ARG002 - its loads lock the table
        return nullcontext()

    def close(self) -> None:
        with suppress(psycopg.Error):
            self._connection.close()

    def _run(self, sql: str, values: Mapping[str, Any] | None = None) -> psycopg.Cursor[tuple[Any, ...]]:
        if self._connection.closed:
            raise session_ended()
        cursor = self._connection.cursor()
        try:
            # Without values psycopg sends the text as it is, `%` included.
            return cursor.execute(pyformat(sql).encode(), values) if values else cursor.execute(sql.encode())
        except psycopg.Error as error:
            sent = (
                psycopg.ClientCursor(self._connection).mogrify(pyformat(sql).encode(), values)
                if values
                else sql
            )
            raise statement_error(error, sent) from error

    def _interrupt(self) -> None:
        with suppress(psycopg.Error):
            self._connection.cancel_safe(timeout=5.0)


def _conninfo(options: Mapping[str, Any], label: str) -> str:
    given = {
        name: options[name]
        for name in ("host", "port", "user", "password", "sslmode", "options")
        if name in options
    }
    if "database" in options:
        given["dbname"] = options["database"]
    try:
        defaults = {"connect_timeout": "10", "client_encoding": "utf8", "application_name": label}
        return make_conninfo(**(defaults | conninfo_to_dict(options.get("url", ""))) | given)
    except psycopg.Error:
        # The driver's own message quotes the part it could not read, which may be the password.
        raise UsageError(
            "warehouse_option_invalid",
            "the warehouse's connection options cannot be read",
            hint="url is postgresql://user:password@host:port/database, special characters percent-encoded",
        ) from None


def _facts(session: PostgresSession, places: Iterable[tuple[str | None, str]]) -> WarehouseFacts:
    own = session.execute("SELECT current_database()").rows[0][0]
    wanted: dict[str, str | None] = {}
    for database, schema in places:
        if database not in (None, own):
            raise UsageError(
                "database_not_connected",
                f"schema {schema} is mapped to database {database}, but the connection's database is {own}",
                hint="a PostgreSQL connection sees one database: correct the mapping or the connection",
            )
        wanted[schema] = database
    if not wanted:
        return WarehouseFacts()
    asked = {"schemas": list(wanted)}
    schemas = [row[0] for row in session.execute(_SCHEMAS, asked).rows]
    definitions = {row[:2]: row[2] for row in session.execute(_VIEWS, asked).rows}
    columns: dict[tuple[str, str], list[ColumnFacts]] = {}
    for schema, table, column, type_, nullable in session.execute(_COLUMNS, asked).rows:
        its_columns = columns.setdefault((schema, table), [])
        if column is not None:  # PostgreSQL has tables without columns
            its_columns.append(ColumnFacts(column, type_, nullable))
    tables = {}
    for key, found in columns.items():
        name = TableName(schema=key[0], name=key[1], database=wanted[key[0]])
        kind = "view" if key in definitions else "table"
        tables[str(name)] = TableFacts(name, kind, tuple(found), definitions.get(key))
    places_found = (f"{wanted[schema]}.{schema}" if wanted[schema] else schema for schema in schemas)
    return WarehouseFacts(tables, tuple(sorted(places_found)))


_FORMAT_TYPES = """SELECT format_type(type, modifier)
FROM unnest($hg_types::oid[], $hg_modifiers::int[]) WITH ORDINALITY AS field(type, modifier, position)
ORDER BY position"""
_SCHEMAS = "SELECT nspname FROM pg_namespace WHERE nspname = ANY($hg_schemas)"
_VIEWS = """SELECT n.nspname, c.relname, pg_get_viewdef(c.oid)
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
WHERE n.nspname = ANY($hg_schemas) AND c.relkind IN ('v', 'm')"""
_COLUMNS = """SELECT n.nspname, c.relname, a.attname, format_type(a.atttypid, a.atttypmod), NOT a.attnotnull
FROM pg_class c JOIN pg_namespace n ON n.oid = c.relnamespace
LEFT JOIN pg_attribute a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
WHERE n.nspname = ANY($hg_schemas) AND c.relkind IN ('r', 'p', 'f', 'v', 'm')
ORDER BY n.nspname, c.relname, a.attnum"""
"""Tables, partitioned and foreign ones; views, materialized ones included. Partitions stand as tables too."""
