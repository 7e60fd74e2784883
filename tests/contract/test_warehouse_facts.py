"""What the catalogue says of tables, views and columns, on every engine."""

from __future__ import annotations

import pytest

from headgate.errors import UsageError
from headgate.model.bound import ColumnFacts, TableName
from headgate.warehouse.base import Session, Warehouse


def test_facts_name_tables_views_and_columns_in_order(warehouse: Warehouse, session: Session) -> None:
    session.execute("CREATE SCHEMA stg")
    session.execute('CREATE TABLE stg.orders (z integer NOT NULL, a decimal(18, 2), "Mixed Case" varchar)')
    session.execute("CREATE VIEW stg.big_orders AS SELECT z, a FROM stg.orders WHERE a > 10")
    facts = warehouse.facts([(None, "stg")])
    assert facts.schemas == ("stg",)
    assert list(facts.tables) == ["stg.big_orders", "stg.orders"]
    orders = facts.tables["stg.orders"]
    assert orders.table == TableName("stg", "orders")
    assert orders.kind == "table"
    assert orders.definition is None
    described = session.describe("SELECT * FROM stg.orders")
    expected = [ColumnFacts(column.name, column.type, column.name != "z") for column in described]
    assert list(orders.columns) == expected
    view = facts.tables["stg.big_orders"]
    assert view.kind == "view"
    assert [column.name for column in view.columns] == ["z", "a"]
    assert "10" in str(view.definition)


def test_facts_are_of_the_asked_schemas_only(warehouse: Warehouse, session: Session) -> None:
    for schema in ("one", "two", "three"):
        session.execute(f"CREATE SCHEMA {schema}")
        session.execute(f"CREATE TABLE {schema}.t (i integer)")
    session.execute("CREATE SCHEMA empty_one")
    facts = warehouse.facts([(None, "one"), (None, "three"), (None, "empty_one"), (None, "absent")])
    assert sorted(facts.tables) == ["one.t", "three.t"]
    assert facts.schemas == ("empty_one", "one", "three")
    assert warehouse.facts([]).tables == {}


def test_facts_with_a_database_carry_it(warehouse: Warehouse, session: Session) -> None:
    session.execute("CREATE SCHEMA stg")
    session.execute("CREATE TABLE stg.t (i integer)")
    database = session.execute("SELECT current_database()").rows[0][0]
    facts = warehouse.facts([(database, "stg")])
    assert [facts.table for facts in facts.tables.values()] == [TableName("stg", "t", database)]
    assert facts.schemas == (f"{database}.stg",)


def test_facts_of_another_database_are_refused_or_empty(warehouse: Warehouse) -> None:
    """A PostgreSQL connection sees one database; a DuckDB one may have attached others."""
    if warehouse.type == "duckdb":
        assert warehouse.facts([("elsewhere", "stg")]).tables == {}
        return
    with pytest.raises(UsageError, match="mapped to database elsewhere"):
        warehouse.facts([("elsewhere", "stg")])


def test_facts_name_tables_as_the_engine_folds_them(warehouse: Warehouse, session: Session) -> None:
    session.execute("CREATE SCHEMA Stg")
    session.execute("CREATE TABLE Stg.Orders (Id integer)")
    (facts,) = warehouse.facts([(None, "stg")]).tables.values()
    assert facts.table == TableName("stg", "orders")


def test_facts_do_not_see_temporary_or_uncommitted_tables(warehouse: Warehouse, session: Session) -> None:
    session.execute("CREATE SCHEMA stg")
    session.execute("CREATE TEMPORARY TABLE t (i integer)")
    session.begin()
    session.execute("CREATE TABLE stg.u (i integer)")
    assert warehouse.facts([(None, "stg"), (None, "main"), (None, "public")]).tables == {}
    session.rollback()


def test_facts_equal_themselves_until_something_changes(warehouse: Warehouse, session: Session) -> None:
    session.execute("CREATE SCHEMA stg")
    session.execute("CREATE TABLE stg.t (i integer)")
    session.execute("CREATE VIEW stg.v AS SELECT i FROM stg.t")
    before = warehouse.facts([(None, "stg")])
    session.execute("INSERT INTO stg.t VALUES (1)")
    assert warehouse.facts([(None, "stg")]) == before
    session.execute("CREATE OR REPLACE VIEW stg.v AS SELECT i FROM stg.t WHERE i > 1")
    assert warehouse.facts([(None, "stg")]) != before
