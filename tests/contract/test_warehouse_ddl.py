"""The DDL of `warehouse.ddl` and the promises of `warehouse.widening`, tried on every engine."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from headgate.errors import StatementFailed
from headgate.model.bound import BoundColumn, TableFacts, TableName
from headgate.warehouse import ddl
from headgate.warehouse.base import Session, Warehouse
from headgate.warehouse.names import table_sql
from headgate.warehouse.widening import widens

ORDERS = TableName("stg", "order lines")
COLUMNS = (BoundColumn("id", "INTEGER"), BoundColumn("select", "DECIMAL(18,2)"), BoundColumn("Zone", "DATE"))


@pytest.fixture
def orders(warehouse: Warehouse, session: Session) -> str:
    """A table with awkward names and one row; its SQL name."""
    session.execute(ddl.create_schema("stg", warehouse.dialect))
    session.execute(ddl.create_table(ORDERS, COLUMNS, warehouse.dialect))
    name = table_sql(ORDERS, warehouse.dialect)
    session.execute(f"INSERT INTO {name} VALUES (1, 2.50, DATE '2024-01-01')")
    return name


def tables_in(warehouse: Warehouse, *schemas: str) -> dict[str, TableFacts]:
    return warehouse.facts([(None, schema) for schema in schemas]).tables


def test_created_table_has_the_columns_in_order(warehouse: Warehouse, orders: str) -> None:
    (facts,) = tables_in(warehouse, "stg").values()
    assert [column.name for column in facts.columns] == ["id", "select", "Zone"]


def test_columns_are_added_dropped_and_retyped_on_the_table_that_keeps_its_rows(
    warehouse: Warehouse, session: Session, orders: str
) -> None:
    dialect = warehouse.dialect
    session.begin()
    session.execute(ddl.add_column(ORDERS, BoundColumn("from", "INTEGER"), dialect))
    session.execute(ddl.retype_column(ORDERS, BoundColumn("id", "BIGINT"), dialect))
    session.execute(ddl.retype_column(ORDERS, BoundColumn("select", "VARCHAR"), dialect))
    session.execute(ddl.drop_column(ORDERS, "Zone", dialect))
    session.commit()
    answer = session.execute(f"SELECT * FROM {orders}")
    assert answer.rows == [(1, "2.50", None)]
    assert answer.columns == ("id", "select", "from")


def test_retype_that_loses_a_value_fails_and_keeps_the_table(
    warehouse: Warehouse, session: Session, orders: str
) -> None:
    session.execute(f"INSERT INTO {orders} VALUES (1000000, 1, NULL)")
    session.begin()
    with pytest.raises(StatementFailed):
        session.execute(ddl.retype_column(ORDERS, BoundColumn("id", "SMALLINT"), warehouse.dialect))
    session.rollback()
    assert session.execute(f"SELECT sum(id) FROM {orders}").rows == [(1000001,)]


@pytest.mark.parametrize(
    "new", [TableName("stg", "order"), TableName("mart", "order"), TableName("mart", "order lines")]
)
def test_renamed_table_keeps_its_rows(
    warehouse: Warehouse, session: Session, orders: str, new: TableName
) -> None:
    session.execute(ddl.create_schema("mart", warehouse.dialect))
    session.begin()
    for statement in ddl.rename_table(ORDERS, new, warehouse.dialect):
        session.execute(statement)
    session.commit()
    assert session.execute(f"SELECT id FROM {table_sql(new, warehouse.dialect)}").rows == [(1,)]
    assert list(tables_in(warehouse, "stg", "mart")) == [str(new)]


def test_views_are_created_replaced_and_dropped(warehouse: Warehouse, session: Session, orders: str) -> None:
    view = TableName("stg", "group")
    session.execute(ddl.create_view(view, f"SELECT id FROM {orders}", warehouse.dialect))
    replaced = ddl.create_or_replace_view(
        view, f'SELECT id, "Zone" AS zone FROM {orders} -- all', warehouse.dialect
    )
    session.execute(replaced)
    assert session.execute(f"SELECT * FROM {table_sql(view, warehouse.dialect)}").columns == ("id", "zone")
    session.execute(ddl.drop_view(view, warehouse.dialect))
    assert list(tables_in(warehouse, "stg")) == [str(ORDERS)]


def test_table_and_schema_are_dropped(warehouse: Warehouse, session: Session, orders: str) -> None:
    with pytest.raises(StatementFailed):
        session.execute(ddl.drop_schema("stg", warehouse.dialect))
    session.execute(ddl.drop_table(ORDERS, warehouse.dialect))
    session.execute(ddl.drop_table(ORDERS, warehouse.dialect))
    session.execute(ddl.drop_schema("stg", warehouse.dialect))
    assert warehouse.facts([(None, "stg")]).schemas == ()


def test_lock_keeps_writers_out_and_lets_readers_in(
    warehouse: Warehouse, orders: str, open_session: Callable[[], Session]
) -> None:
    lock = ddl.lock_table(ORDERS, warehouse.dialect)
    if warehouse.dialect == "duckdb":
        assert lock is None
        return
    assert lock is not None
    writer, other = open_session(), open_session()
    writer.begin()
    writer.execute(lock)
    assert other.execute(f"SELECT count(*) FROM {orders}").rows == [(1,)]
    other.execute("SET lock_timeout = '20ms'")
    with pytest.raises(StatementFailed) as caught:
        other.execute(f"DELETE FROM {orders}")
    assert caught.value.code == "statement_conflict"


_EXTREMES: dict[str, dict[str, tuple[str, ...]]] = {
    "duckdb": {
        "TINYINT": ("-128", "127"),
        "SMALLINT": ("-32768", "32767"),
        "INTEGER": ("-2147483648", "2147483647"),
        "BIGINT": ("-9223372036854775808", "9223372036854775807"),
        "UTINYINT": ("0", "255"),
        "UINTEGER": ("0", "4294967295"),
        "FLOAT": ("0.1", "16777217"),
        "DOUBLE": ("0.1", "9007199254740993"),
        "DECIMAL(4,1)": ("-999.9", "999.9"),
        "DECIMAL(18,2)": ("-9999999999999999.99", "0.01"),
        "DECIMAL(5,0)": ("99999",),
        "VARCHAR": ("'12'", "'a'"),
        "DATE": ("'2024-01-01'",),
        "TIMESTAMP": ("'2024-01-01 00:00:00.000001'",),
        "BOOLEAN": ("true",),
    },
    "postgres": {
        "smallint": ("-32768", "32767"),
        "integer": ("-2147483648", "2147483647"),
        "bigint": ("-9223372036854775808", "9223372036854775807"),
        "real": ("0.1", "16777217"),
        "double precision": ("0.1", "9007199254740993"),
        "numeric(4,1)": ("-999.9", "999.9"),
        "numeric(18,2)": ("-9999999999999999.99", "0.01"),
        "numeric(5,0)": ("99999",),
        "numeric": ("0.0000000000000000000000001", "1e60"),
        "character varying(2)": ("'12'",),
        "character varying(5)": ("'12345'",),
        "text": ("'123456'",),
        "date": ("'2024-01-01'",),
        "timestamp(3) without time zone": ("'2024-01-01 00:00:00.001'",),
        "timestamp without time zone": ("'2024-01-01 00:00:00.000001'",),
        "timestamp with time zone": ("'2024-01-01 00:00:00.000001+00'",),
        "boolean": ("true",),
    },
}


def test_widening_type_keeps_every_extreme_value(warehouse: Warehouse, session: Session) -> None:
    types = _EXTREMES[warehouse.dialect]
    for old, values in types.items():
        for new in types:
            if not widens(old, new, warehouse.dialect):
                continue
            for value in values:
                there_and_back = (
                    f"CAST(CAST(CAST({value} AS {old}) AS {new}) AS {old}) = CAST({value} AS {old})"
                )
                assert session.execute(f"SELECT {there_and_back}").rows == [(True,)], (old, new, value)


@pytest.mark.parametrize(
    ("dialect", "old", "new", "wide"),
    [
        ("duckdb", "INTEGER", "BIGINT", True),
        ("duckdb", "BIGINT", "INTEGER", False),
        ("duckdb", "UINTEGER", "INTEGER", False),
        ("duckdb", "UINTEGER", "BIGINT", True),
        ("duckdb", "INTEGER", "DECIMAL(12,2)", True),
        ("duckdb", "INTEGER", "DECIMAL(11,2)", False),
        ("duckdb", "DECIMAL(9,0)", "INTEGER", True),
        ("duckdb", "INTEGER", "DOUBLE", True),
        ("duckdb", "BIGINT", "DOUBLE", False),
        ("duckdb", "DECIMAL(10,2)", "DECIMAL(12,3)", True),
        ("duckdb", "DECIMAL(10,2)", "DECIMAL(10,3)", False),
        ("duckdb", "FLOAT", "DOUBLE", True),
        ("duckdb", "DATE", "TIMESTAMP", False),
        ("duckdb", "INTEGER", "VARCHAR", False),
        ("duckdb", "STRUCT(a INTEGER)", "STRUCT(a BIGINT)", False),
        ("duckdb", "INTEGER[]", "BIGINT[]", False),
        ("postgres", "smallint", "integer", True),
        ("postgres", "numeric(18,2)", "numeric", True),
        ("postgres", "numeric", "numeric(18,2)", False),
        ("postgres", "character varying(10)", "character varying(20)", True),
        ("postgres", "character varying(20)", "character varying(10)", False),
        ("postgres", "character varying(20)", "text", True),
        ("postgres", "text", "character varying(20)", False),
        ("postgres", "character(3)", "text", False),
        ("postgres", "real", "double precision", True),
        ("postgres", "timestamp(3) without time zone", "timestamp without time zone", True),
        ("postgres", "timestamp without time zone", "timestamp with time zone", False),
        ("postgres", "interval", "interval", True),
    ],
)
def test_widening_is_certain_or_denied(dialect: str, old: str, new: str, wide: bool) -> None:
    assert widens(old, new, dialect) is wide
