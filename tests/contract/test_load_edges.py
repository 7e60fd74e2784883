"""Loads and tests at their edges, on every engine: odd names and types, queries that read their own table, versions
that come and go, time columns that are cast, tests whose SQL is unusual."""

from __future__ import annotations

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace

import pytest
from tests.contract.loading import NOW, Bench

from headgate.model.bound import BoundNode
from headgate.model.project import (
    DeletePolicy,
    Load,
    LoadStrategy,
    TestKind,
    TestScope,
    TestSpec,
    Threshold,
)
from headgate.model.steps import StepOutcome, StepStatus
from headgate.warehouse.base import Warehouse
from headgate.warehouse.ddl import create_table

RAW = "SELECT id, name, upd FROM a.raw"
ONE, TWO = "(1, 'one', '2024-01-01 10:00')", "(2, 'two', '2024-01-02 10:00')"
FULL = Load(LoadStrategy.FULL)
MERGE = Load(LoadStrategy.MERGE, key=("id",))
DAILY = Load(LoadStrategy.INTERVAL, time_column="upd", interval="1d", start="2024-01-01")
HISTORY = Load(LoadStrategy.SCD2, key=("id",), updated_at="upd", delete=DeletePolicy.CLOSE)


@pytest.fixture
def bench(warehouse: Warehouse) -> Iterator[Bench]:
    bench = Bench(warehouse)
    bench.run("CREATE TABLE a.raw (id integer, name varchar(20), upd timestamp)")
    yield bench
    bench.close()


def fill(bench: Bench, *rows: str) -> None:
    bench.run("DELETE FROM a.raw")
    if rows:
        bench.run(f"INSERT INTO a.raw VALUES {', '.join(rows)}")


def refreshed(bench: Bench, node: BoundNode, **late: object) -> StepOutcome:
    outcome = bench.refreshed(node, **late)
    assert outcome.status is StepStatus.SUCCEEDED, outcome.error
    return outcome


def with_type(bench: Bench, node: BoundNode, column: str, type_: str) -> BoundNode:
    """`node` with the declared type of one column, its table made again for that."""
    assert node.table is not None
    (declared,) = bench.session.describe(f"SELECT CAST(NULL AS {type_}) AS {column}")
    columns = tuple(declared if c.name == column else c for c in node.columns)
    bench.run(f"DROP TABLE {node.relation}")
    bench.run(create_table(node.table, columns, bench.warehouse.dialect))
    return replace(node, columns=columns)


# --- names and types --------------------------------------------------------------------------------


def test_merge_by_columns_with_reserved_and_mixed_case_names(bench: Bench) -> None:
    query = 'SELECT upd AS "Mixed Case", name AS "select", id AS "order" FROM a.raw'
    node = bench.node("t", query, replace(MERGE, key=("order",)))
    fill(bench, ONE)
    refreshed(bench, node)
    fill(bench, "(1, 'uno', NULL)")
    assert refreshed(bench, node).rows_updated == 1
    assert bench.rows('SELECT "order", "select", "Mixed Case" FROM a.t') == [(1, "uno", None)]


def test_merge_compares_nested_and_json_values(bench: Bench) -> None:
    query = {
        "duckdb": "SELECT id, [name, NULL] AS l, {'a': name} AS s, MAP {'k': name} AS m FROM a.raw",
        "postgres": "SELECT id, ARRAY[name, NULL] AS l, json_build_object('a', name) AS j,"
        " jsonb_build_object('a', name) AS b, ARRAY[json_build_object('a', name)] AS js FROM a.raw",
    }[bench.warehouse.dialect]
    node = bench.node("t", query, MERGE)
    fill(bench, ONE)
    refreshed(bench, node)
    assert refreshed(bench, node).rows_updated == 0
    fill(bench, "(1, 'uno', NULL)")
    assert refreshed(bench, node).rows_updated == 1


def test_merge_sees_a_box_of_another_shape_and_the_same_area(bench: Bench) -> None:
    if bench.warehouse.dialect == "duckdb":
        query = "SELECT id, CASE name WHEN 'one' THEN [2, 1] ELSE [1, 2] END AS shape FROM a.raw"
    else:
        query = (
            "SELECT id, CAST(CASE name WHEN 'one' THEN '(0,0),(2,1)' ELSE '(0,0),(1,2)' END AS box) AS shape"
        )
        query += " FROM a.raw"
    node = bench.node("t", query, MERGE)
    fill(bench, ONE)
    refreshed(bench, node)
    fill(bench, "(1, 'uno', NULL)")
    assert refreshed(bench, node).rows_updated == 1


def test_merge_refuses_a_composite_key_with_a_null_part(bench: Bench) -> None:
    node = bench.node("t", RAW, replace(MERGE, key=("id", "name")))
    fill(bench, ONE, "(1, NULL, NULL)")
    outcome = bench.refreshed(node)
    assert outcome.error is not None
    assert outcome.error.sample == ((1, None, 1),)


def test_merge_with_an_empty_result_deletes_all_only_when_told(bench: Bench) -> None:
    node = bench.node("t", RAW, replace(MERGE, delete=DeletePolicy.NOT_IN_SOURCE))
    fill(bench, ONE, TWO)
    refreshed(bench, node)
    fill(bench)
    assert refreshed(bench, node).rows_deleted == 2


def test_a_column_that_is_always_null_can_be_loaded(bench: Bench) -> None:
    fill(bench, ONE)
    for name, load in (("f", FULL), ("m", MERGE)):
        node = bench.node(name, "SELECT id, NULL AS nothing FROM a.raw", load)
        assert refreshed(bench, node).rows_inserted == 1


def test_braces_in_names_do_not_break_the_message_of_a_failed_check(bench: Bench) -> None:
    query = 'SELECT id, name AS "a{b}" FROM a.raw'
    fill(bench, "(1, NULL, NULL)")
    tested = bench.node("t", query, FULL, tests=[TestSpec("t", TestKind.NOT_NULL, "a{b}")])
    keyed = bench.node("k", query, replace(FULL, key=("a{b}",)))
    messages = [bench.refreshed(node).error for node in (tested, keyed)]
    assert [error.message for error in messages if error] == [
        "t: 1 rows have no a{b}",
        "key a{b}: 1 null or duplicate values of the key (a{b})",
    ]


# --- time columns -----------------------------------------------------------------------------------


def test_append_compares_the_time_as_the_table_holds_it(bench: Bench) -> None:
    load = Load(LoadStrategy.APPEND, time_column="upd")
    node = with_type(bench, bench.node("t", RAW, load), "upd", "date")
    fill(bench, ONE, TWO)
    refreshed(bench, node)
    assert refreshed(bench, node).rows_inserted == 0


def test_append_leaves_out_a_row_as_old_as_the_newest(bench: Bench) -> None:
    node = bench.node("t", RAW, Load(LoadStrategy.APPEND, time_column="upd"))
    fill(bench, ONE)
    refreshed(bench, node)
    fill(bench, ONE, "(2, 'tie', '2024-01-01 10:00')", "(3, 'newer', '2024-01-01 10:00:00.000001')")
    assert refreshed(bench, node).rows_inserted == 1


def test_interval_filters_the_time_as_the_table_holds_it(bench: Bench) -> None:
    """Else an hour's rows, which a date column holds at midnight, were inserted again by every backfill."""
    load = replace(DAILY, interval="1h")
    node = with_type(bench, bench.node("t", RAW, load), "upd", "date")
    fill(bench, ONE, TWO)
    refreshed(bench, node)
    hour = dt.datetime(2024, 1, 1, 10, tzinfo=dt.UTC)
    refreshed(bench, node, backfill_from=hour, backfill_to=hour + dt.timedelta(hours=1))
    assert bench.rows("SELECT count(*) FROM a.t") == [(2,)]


def test_interval_of_another_length_keeps_what_is_done(bench: Bench) -> None:
    node = bench.node("t", RAW, replace(DAILY, interval="1mo", start="2023-01-31"))
    fill(bench, ONE, "(3, 'in', '2023-12-30 23:59')", "(4, 'before the start', '2023-01-30 23:59')")
    first = refreshed(bench, node)
    assert (first.notes, first.rows_inserted) == (("intervals [2023-01-31, 2023-12-31)",), 1)
    hourly = refreshed(bench, replace(node, load=replace(DAILY, interval="1h", start="2023-01-31")))
    assert (hourly.notes, hourly.rows_inserted) == (("intervals [2023-12-31, 2024-01-05T06:00)",), 1)


def test_interval_with_a_start_in_the_future_has_nothing_to_do(bench: Bench) -> None:
    node = bench.node("t", RAW, replace(DAILY, start="2030-01-01"))
    fill(bench, ONE)
    before = dt.datetime(2020, 1, 1, tzinfo=dt.UTC)
    assert refreshed(bench, node).notes == ("no interval is due",)
    assert refreshed(bench, node, backfill_from=before).notes == ("no interval is due",)


def test_interval_backfill_is_cut_to_what_is_complete(bench: Bench) -> None:
    node = bench.node("t", RAW, DAILY)
    fill(bench, ONE, "(5, 'today', '2024-01-05 05:00')", "(0, 'before', '2023-12-31 05:00')")
    far = {"backfill_from": NOW - dt.timedelta(days=99), "backfill_to": NOW + dt.timedelta(days=99)}
    assert refreshed(bench, node, **far).notes == ("intervals [2024-01-01, 2024-01-05)",)
    assert bench.rows("SELECT id FROM a.t") == [(1,)]


# --- queries that read their own table --------------------------------------------------------------


@pytest.mark.parametrize("load", [FULL, DAILY], ids=["full", "interval"])
def test_a_query_that_reads_its_own_table_sees_it_as_it_was(bench: Bench, load: Load) -> None:
    node = bench.node("t", RAW, load)
    fill(bench, ONE, TWO)
    refreshed(bench, node)
    both = replace(node, query=f"{RAW} UNION ALL SELECT id + 10, name, upd FROM a.t")
    outcome = refreshed(bench, both, backfill_from=dt.datetime(2024, 1, 1, tzinfo=dt.UTC))
    assert outcome.rows_inserted == 4
    assert bench.rows("SELECT id FROM a.t ORDER BY id") == [(1,), (2,), (11,), (12,)]


# --- scd2 -------------------------------------------------------------------------------------------


def versions(bench: Bench) -> list[tuple[object, ...]]:
    return bench.rows("SELECT name, valid_from, valid_to, is_current FROM a.t ORDER BY valid_from, valid_to")


def test_scd2_versions_of_a_key_that_comes_back_do_not_overlap(bench: Bench) -> None:
    node = bench.node("t", RAW, HISTORY)
    closed_at = NOW.replace(tzinfo=None)
    begin = dt.datetime(2024, 1, 1, 10)
    fill(bench, ONE)
    refreshed(bench, node)
    fill(bench)
    assert refreshed(bench, node).rows_updated == 1
    fill(bench, ONE)
    refreshed(bench, node, at=NOW + dt.timedelta(days=1))
    assert versions(bench) == [("one", begin, closed_at, False), ("one", closed_at, None, True)]
    assert refreshed(bench, node, at=NOW + dt.timedelta(days=2)).rows_inserted == 0
    fill(bench, "(1, 'uno', '2024-01-03')")
    refreshed(bench, node, at=NOW + dt.timedelta(days=3))
    assert versions(bench)[-1] == ("uno", closed_at, None, True)


def test_scd2_never_closes_a_version_before_it_began(bench: Bench) -> None:
    node = bench.node("t", RAW, HISTORY)
    fill(bench, "(1, 'one', '2030-01-01')")
    refreshed(bench, node)
    fill(bench)
    refreshed(bench, node)
    later = dt.datetime(2030, 1, 1)
    assert versions(bench) == [("one", later, later, False)]


def test_scd2_with_equal_updated_at_replaces_the_version(bench: Bench) -> None:
    node = bench.node("t", RAW, HISTORY)
    fill(bench, ONE)
    refreshed(bench, node)
    fill(bench, "(1, 'uno', '2024-01-01 10:00')")
    refreshed(bench, node)
    at = dt.datetime(2024, 1, 1, 10)
    assert sorted(versions(bench), key=lambda row: str(row[0])) == [
        ("one", at, at, False),
        ("uno", at, None, True),
    ]


@pytest.mark.parametrize("kind", ["date", "timestamp with time zone"])
def test_scd2_takes_the_type_of_updated_at(bench: Bench, kind: str) -> None:
    node = bench.node("t", f"SELECT id, name, CAST(upd AS {kind}) AS upd FROM a.raw", HISTORY)
    fill(bench, ONE, TWO)
    refreshed(bench, node)
    fill(bench, "(1, 'uno', '2024-01-03')")
    outcome = refreshed(bench, node)
    assert (outcome.rows_inserted, outcome.rows_updated) == (1, 2)
    assert refreshed(bench, node).rows_inserted == 0


def test_scd2_refuses_times_before_a_history_that_began_without_them(bench: Bench) -> None:
    fill(bench, ONE)
    plain = Load(LoadStrategy.SCD2, key=("id",))
    node = bench.node("t", RAW, plain)
    refreshed(bench, node)
    kind = node.columns[2].type
    for column in ("valid_from", "valid_to"):
        bench.run(f"ALTER TABLE a.t ALTER COLUMN {column} TYPE {kind}")
    columns = (*node.columns[:3], *bench.history(node.columns, replace(plain, updated_at="upd")))
    timed = replace(node, load=replace(plain, updated_at="upd"), columns=columns)
    fill(bench, "(1, 'other', '2024-01-01 10:00')")
    outcome = bench.refreshed(timed)
    assert outcome.error is not None
    assert (outcome.error.code, outcome.published) == ("load_refused", False)
    fill(bench, "(1, 'other', '2024-01-06 10:00')")
    refreshed(bench, timed)
    assert bench.rows("SELECT count(*) FROM a.t WHERE valid_to < valid_from") == [(0,)]


def test_scd2_of_keys_alone_opens_and_closes(bench: Bench) -> None:
    load = Load(LoadStrategy.SCD2, key=("id", "name"), delete=DeletePolicy.CLOSE)
    node = bench.node("t", "SELECT id, name FROM a.raw", load)
    fill(bench, ONE, TWO)
    refreshed(bench, node)
    fill(bench, TWO)
    assert refreshed(bench, node, at=NOW + dt.timedelta(days=1)).rows_updated == 1
    fill(bench, ONE, TWO)
    assert refreshed(bench, node, at=NOW + dt.timedelta(days=2)).rows_inserted == 1


def test_scd2_sees_no_change_in_nulls(bench: Bench) -> None:
    node = bench.node("t", RAW, Load(LoadStrategy.SCD2, key=("id",)))
    fill(bench, "(1, NULL, NULL)")
    refreshed(bench, node)
    assert refreshed(bench, node).rows_inserted == 0


# --- tests ------------------------------------------------------------------------------------------

UNUSUAL = [
    TestSpec("relationships", TestKind.RELATIONSHIPS, "id", {"to": "a.raw", "field": "id"}),
    TestSpec("aliased", TestKind.SQL, None, {"sql": "SELECT t.* FROM $hg_this AS t WHERE t.id = 2 -- two"}),
    TestSpec("cte", TestKind.SQL, None, {"sql": "WITH x AS (SELECT * FROM $hg_this) SELECT 1 FROM x WHERE id % 7 = 2"}),
    TestSpec("commented", TestKind.ROW_COUNT, None, {"min": 1, "max": None}, where="id > 0 -- all"),
    TestSpec("percent", TestKind.EXPRESSION, None, {"sql": "name NOT LIKE '%x%' -- no x"}),
    TestSpec("pair", TestKind.UNIQUE, None, {"columns": ["id", "name"]}, threshold=Threshold(percent=1.0)),
]  # fmt: skip


@pytest.mark.parametrize("scope", TestScope)
@pytest.mark.parametrize("load", [FULL, MERGE, DAILY], ids=lambda load: str(load.strategy))
def test_tests_with_unusual_sql_run_over_all_and_over_new_rows(
    bench: Bench, load: Load, scope: TestScope
) -> None:
    node = bench.node("t", RAW, load, tests=[replace(test, scope=scope) for test in UNUSUAL])
    fill(bench, ONE)
    refreshed(bench, node)
    fill(bench, ONE, "(2, 'x', '2024-01-02')")
    outcome = bench.refreshed(node, backfill_from=NOW - dt.timedelta(days=9))
    failed = {r.name for r in outcome.statements if r.status is StepStatus.FAILED}
    assert failed == {"aliased", "cte", "percent"}


def test_accepted_values_of_every_kind(bench: Bench) -> None:
    numbers = "CAST(id AS double precision) AS f, CAST(id AS decimal(9, 2)) AS d"
    query = f"SELECT id, name, id > 0 AS yes, {numbers} FROM a.raw"
    accepted: Sequence[tuple[str, list[object]]] = [
        ("id", [1, 2]),
        ("name", ["it's 100%", "a\\b", "$hg_from"]),
        ("yes", [True]),
        ("f", [1.0, 2]),
        ("d", [1.0, 2]),
    ]
    tests = [TestSpec(name, TestKind.ACCEPTED_VALUES, name, {"values": values}) for name, values in accepted]
    node = bench.node("t", query, FULL, tests=tests)
    fill(bench, "(1, 'it''s 100%', NULL)", "(2, 'a\\b', NULL)", "(2, '$hg_from', NULL)")
    refreshed(bench, node)


def test_a_percentage_of_no_rows_bears_nothing(bench: Bench) -> None:
    half = Threshold(percent=50.0)
    empty = TestSpec("empty", TestKind.NOT_NULL, "id", threshold=half)
    found = TestSpec("found", TestKind.SQL, None, {"sql": "SELECT 1 AS one"}, threshold=half)
    fill(bench)
    refreshed(bench, bench.node("t", RAW, FULL, tests=[empty]))
    assert bench.refreshed(bench.node("u", RAW, FULL, tests=[found])).status is StepStatus.FAILED


def test_an_expression_that_is_null_is_not_broken(bench: Bench) -> None:
    node = bench.node(
        "t", RAW, FULL, tests=[TestSpec("e", TestKind.EXPRESSION, None, {"sql": "name <> 'x'"})]
    )
    fill(bench, "(1, NULL, NULL)")
    refreshed(bench, node)


def test_a_test_whose_sql_is_broken_fails_its_step_and_publishes_nothing(bench: Bench) -> None:
    node = bench.node("t", RAW, FULL, tests=[TestSpec("e", TestKind.EXPRESSION, None, {"sql": "none > 1"})])
    fill(bench, ONE)
    outcome = bench.refreshed(node)
    assert outcome.error is not None
    assert outcome.error.code == "statement_failed"
    assert outcome.error.message.startswith("the test e cannot be run: ")
    assert bench.rows("SELECT count(*) FROM a.t") == [(0,)]


# --- readers ----------------------------------------------------------------------------------------


def test_an_older_snapshot_never_sees_a_full_table_empty(bench: Bench) -> None:
    node = bench.node("t", RAW, FULL)
    fill(bench, ONE, TWO)
    refreshed(bench, node)
    reader = bench.warehouse.session()
    reader.begin()
    if bench.warehouse.dialect == "postgres":
        reader.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ")
    reader.execute("SELECT count(*) FROM a.raw")
    fill_session = bench.session
    fill_session.execute("INSERT INTO a.raw VALUES (3, 'three', NULL)")
    refreshed(bench, node)
    assert reader.execute("SELECT count(*) FROM a.t").rows == [(2,)]
    reader.rollback()
    assert reader.execute("SELECT count(*) FROM a.t").rows == [(3,)]
    reader.close()
