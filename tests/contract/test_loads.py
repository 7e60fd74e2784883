"""What every load strategy must do alike on every engine, with its guarding tests, through the engine itself."""

from __future__ import annotations

import datetime as dt
import threading
from collections.abc import Iterator

import pytest
from tests.contract.loading import NOW, Bench, Recorder

from headgate.engine.step import run_step
from headgate.engine.stop import Stop
from headgate.model.project import (
    DeletePolicy,
    Load,
    LoadStrategy,
    Severity,
    TestKind,
    TestScope,
    TestSpec,
    Threshold,
)
from headgate.model.steps import LateValues, Step, StepStatus
from headgate.plan.steps import refresh_step
from headgate.warehouse.base import Warehouse

SUCCEEDED, FAILED, WARNING = StepStatus.SUCCEEDED, StepStatus.FAILED, StepStatus.WARNING


@pytest.fixture
def bench(warehouse: Warehouse) -> Iterator[Bench]:
    bench = Bench(warehouse)
    bench.run("CREATE TABLE a.raw (id integer, name varchar(20), upd timestamp)")
    yield bench
    bench.close()


def fill(bench: Bench, *rows: str) -> None:
    bench.run("DELETE FROM a.raw")
    bench.run(f"INSERT INTO a.raw VALUES {', '.join(rows)}")


RAW = "SELECT id, name, upd FROM a.raw"
ONE, TWO = "(1, 'one', '2024-01-01 10:00')", "(2, 'two', '2024-01-02 10:00')"


def load(strategy: LoadStrategy, **options: object) -> Load:
    return Load(strategy, **options)  # type: ignore[arg-type]


# --- full -------------------------------------------------------------------------------------------


def test_full_replaces_all_rows_and_counts_them(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.FULL))
    fill(bench, ONE, TWO)
    assert bench.refreshed(node).rows_inserted == 2
    fill(bench, TWO)
    outcome = bench.refreshed(node)
    assert (outcome.status, outcome.rows_inserted, outcome.published) == (SUCCEEDED, 1, True)
    assert bench.rows("SELECT id FROM a.t") == [(2,)]


def test_full_keeps_the_deployed_types(bench: Bench) -> None:
    node = bench.node("t", "SELECT CAST(1 AS bigint) AS n", load(LoadStrategy.FULL))
    bench.refreshed(node)
    (column,) = bench.session.describe("SELECT n FROM a.t")
    assert column.type.lower() == "bigint"


def test_duplicate_and_null_keys_are_refused_with_a_sample_and_nothing_changes(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.FULL, key=("id",)))
    fill(bench, ONE, TWO)
    bench.refreshed(node)
    fill(bench, ONE, ONE, "(NULL, 'x', NULL)")
    outcome = bench.refreshed(node)
    assert outcome.status is FAILED
    assert outcome.error is not None
    assert outcome.error.code == "load_refused"
    assert "2 null or duplicate values of the key (id)" in outcome.error.message
    assert sorted(outcome.error.sample, key=str) == [(1, 2), (None, 1)]
    assert outcome.error.sample_columns == ("id", "row_count")
    assert bench.rows("SELECT count(*) FROM a.t") == [(2,)]


# --- append -----------------------------------------------------------------------------------------


def test_append_inserts_only_rows_newer_than_the_newest(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.APPEND, time_column="upd"))
    fill(bench, ONE, TWO)
    assert bench.refreshed(node).rows_inserted == 2
    fill(bench, ONE, TWO, "(3, 'three', '2024-01-03 10:00')")
    assert bench.refreshed(node).rows_inserted == 1
    assert bench.refreshed(node).rows_inserted == 0
    assert bench.rows("SELECT id FROM a.t ORDER BY id") == [(1,), (2,), (3,)]


def test_append_without_a_time_column_inserts_all(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.APPEND))
    fill(bench, ONE)
    bench.refreshed(node)
    bench.refreshed(node)
    assert bench.rows("SELECT count(*) FROM a.t") == [(2,)]


def test_append_refuses_rows_without_a_time_because_they_would_be_lost(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.APPEND, time_column="upd"))
    fill(bench, ONE, "(9, 'nine', NULL)")
    outcome = bench.refreshed(node)
    assert outcome.status is FAILED
    assert outcome.error is not None
    assert "1 rows have no upd" in outcome.error.message
    assert bench.rows("SELECT count(*) FROM a.t") == [(0,)]


# --- merge ------------------------------------------------------------------------------------------


def test_merge_updates_changed_and_inserts_new_rows_only(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.MERGE, key=("id",)))
    fill(bench, ONE, TWO)
    bench.refreshed(node)
    fill(bench, "(1, 'uno', '2024-01-01 10:00')", TWO, "(3, NULL, NULL)")
    outcome = bench.refreshed(node)
    assert (outcome.rows_inserted, outcome.rows_updated, outcome.rows_deleted) == (1, 1, None)
    again = bench.refreshed(node)
    assert (again.rows_inserted, again.rows_updated) == (0, 0)
    assert bench.rows("SELECT id, name FROM a.t ORDER BY id") == [(1, "uno"), (2, "two"), (3, None)]


def test_merge_keeps_rows_that_the_query_no_longer_yields_unless_told(bench: Bench) -> None:
    keeping = bench.node("kept", RAW, load(LoadStrategy.MERGE, key=("id",)))
    deleting = bench.node(
        "deleted", RAW, load(LoadStrategy.MERGE, key=("id",), delete=DeletePolicy.NOT_IN_SOURCE)
    )
    fill(bench, ONE, TWO)
    bench.refresh(keeping, deleting)
    fill(bench, TWO)
    assert bench.refresh(keeping, deleting)["A.DELETED"].rows_deleted == 1
    assert bench.rows("SELECT count(*) FROM a.kept") == [(2,)]
    assert bench.rows("SELECT id FROM a.deleted") == [(2,)]


def test_merge_with_only_key_columns_inserts(bench: Bench) -> None:
    node = bench.node("t", "SELECT id FROM a.raw", load(LoadStrategy.MERGE, key=("id",)))
    fill(bench, ONE)
    assert bench.refreshed(node).rows_inserted == 1
    assert bench.refreshed(node).rows_inserted == 0


# --- interval ---------------------------------------------------------------------------------------

DAILY = {"time_column": "upd", "interval": "1d", "start": "2024-01-01"}


def test_interval_loads_complete_intervals_once_and_records_them(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.INTERVAL, **DAILY))
    fill(bench, ONE, TWO, "(5, 'today', '2024-01-05 05:00')")
    first = bench.refreshed(node)
    assert (first.status, first.rows_inserted) == (SUCCEEDED, 2)
    assert first.notes == ("intervals [2024-01-01, 2024-01-05)",)
    second = bench.refreshed(node)
    assert second.notes == ("no interval is due",)
    third = bench.refreshed(node, at=NOW + dt.timedelta(days=1))
    assert third.rows_inserted == 1


def test_interval_backfill_reloads_a_range_and_touches_nothing_else(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.INTERVAL, **DAILY))
    fill(bench, ONE, TWO)
    bench.refreshed(node)
    fill(bench, "(11, 'late', '2024-01-01 23:59:59')", "(22, 'other', '2024-01-02 00:00')")
    day = dt.datetime(2024, 1, 1, tzinfo=dt.UTC)
    outcome = bench.refreshed(node, backfill_from=day, backfill_to=day + dt.timedelta(days=1))
    assert (outcome.rows_deleted, outcome.rows_inserted) == (1, 1)
    assert bench.rows("SELECT id FROM a.t ORDER BY id") == [(2,), (11,)]


def test_interval_lookback_reloads_the_last_done_ones(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.INTERVAL, **DAILY, lookback=3))
    fill(bench, ONE, TWO)
    bench.refreshed(node)
    fill(bench, "(8, 'early', '2024-01-01 10:00')", "(9, 'late', '2024-01-02 11:00')")
    bench.refreshed(node)
    assert bench.rows("SELECT id FROM a.t ORDER BY id") == [(1,), (9,)]


def test_interval_max_intervals_bounds_a_run_and_gaps_heal(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.INTERVAL, **DAILY, max_intervals=1))
    fill(bench, ONE, TWO)
    assert [bench.refreshed(node).rows_inserted for _ in range(3)] == [1, 1, 0]


def test_interval_time_columns_of_other_types_bound_alike(bench: Bench) -> None:
    for name, kind in (("d", "date"), ("z", "timestamptz")):
        query = f"SELECT id, CAST(upd AS {kind}) AS upd FROM a.raw"
        node = bench.node(name, query, load(LoadStrategy.INTERVAL, **DAILY))
        fill(bench, ONE, "(4, 'four', '2024-01-04 23:00')", "(5, 'five', '2024-01-05 00:00')")
        assert bench.refreshed(node).rows_inserted == 2


# --- scd2 -------------------------------------------------------------------------------------------

HISTORY = "SELECT id, name, valid_from, valid_to, is_current FROM a.t ORDER BY id, valid_from"


def test_scd2_keeps_a_version_for_every_change(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.SCD2, key=("id",), updated_at="upd"))
    fill(bench, ONE, TWO)
    assert bench.refreshed(node).rows_inserted == 2
    fill(bench, "(1, 'uno', '2024-01-03 00:00')", TWO)
    outcome = bench.refreshed(node)
    assert (outcome.rows_inserted, outcome.rows_updated) == (1, 1)
    d1, d2, d3 = (dt.datetime(2024, 1, 1, 10), dt.datetime(2024, 1, 2, 10), dt.datetime(2024, 1, 3))
    assert bench.rows(HISTORY) == [
        (1, "one", d1, d3, False),
        (1, "uno", d3, None, True),
        (2, "two", d2, None, True),
    ]
    assert bench.refreshed(node).rows_inserted == 0


def test_scd2_without_updated_at_starts_versions_at_the_runs_start(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.SCD2, key=("id",)))
    fill(bench, ONE)
    bench.refreshed(node)
    (row,) = bench.rows("SELECT CAST(valid_from AS timestamp) FROM a.t")
    assert row[0] == NOW.replace(tzinfo=None)


def test_scd2_closes_missing_keys_only_when_told_and_opens_them_again(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.SCD2, key=("id",), delete=DeletePolicy.CLOSE))
    fill(bench, ONE, TWO)
    bench.refreshed(node)
    fill(bench, TWO)
    assert bench.refreshed(node, at=NOW + dt.timedelta(days=1)).rows_updated == 1
    fill(bench, ONE, TWO)
    assert bench.refreshed(node, at=NOW + dt.timedelta(days=2)).rows_inserted == 1
    assert bench.rows("SELECT count(*) FROM a.t WHERE is_current") == [(2,)]


def test_scd2_refuses_an_older_update(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.SCD2, key=("id",), updated_at="upd"))
    fill(bench, TWO)
    bench.refreshed(node)
    fill(bench, "(2, 'older', '2024-01-01 00:00')")
    outcome = bench.refreshed(node)
    assert outcome.status is FAILED
    assert outcome.error is not None
    assert "older than their current version's" in outcome.error.message


# --- tests ------------------------------------------------------------------------------------------


def check(kind: TestKind, column: str | None = None, **options: object) -> TestSpec:
    name = f"{kind}_{column}" if column else str(kind)
    return TestSpec(name, kind, column, **options)  # type: ignore[arg-type]


FAILING = [
    check(TestKind.NOT_NULL, "name"),
    check(TestKind.UNIQUE, "id"),
    check(TestKind.ACCEPTED_VALUES, "name", arguments={"values": ["one", "it's"]}),
    check(TestKind.RELATIONSHIPS, "id", arguments={"to": "a.other", "field": "id"}),
    check(TestKind.ROW_COUNT, arguments={"min": 1, "max": 3}),
    check(TestKind.EXPRESSION, arguments={"sql": "id < 2"}),
    check(TestKind.SQL, arguments={"sql": "SELECT * FROM $hg_this WHERE id = 2"}),
]


@pytest.mark.parametrize("test", FAILING, ids=lambda test: test.name)
def test_a_failing_error_test_keeps_the_load_from_being_published(bench: Bench, test: TestSpec) -> None:
    bench.run("CREATE TABLE a.other (id integer)")
    bench.run("INSERT INTO a.other VALUES (1)")
    node = bench.node("t", RAW, load(LoadStrategy.FULL), tests=[test])
    fill(bench, ONE)
    assert bench.refreshed(node).status is SUCCEEDED
    fill(bench, ONE, TWO, TWO, "(3, NULL, NULL)")
    outcome = bench.refreshed(node)
    assert outcome.status is FAILED
    assert outcome.error is not None
    assert (outcome.error.code, outcome.error.message.split(":")[0]) == ("test_failed", test.name)
    assert bench.rows("SELECT id FROM a.t") == [(1,)]


@pytest.mark.parametrize(
    "options",
    [{"severity": Severity.WARN}, {"continue_on_failure": True}],
    ids=["severity warn", "continue_on_failure"],
)
def test_a_failing_test_that_does_not_guard_publishes_with_a_warning(
    bench: Bench, options: dict[str, object]
) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.FULL), tests=[check(TestKind.NOT_NULL, "name", **options)])
    fill(bench, ONE, "(3, NULL, NULL)")
    outcome = bench.refreshed(node)
    assert (outcome.status, outcome.published) == (WARNING, True)
    assert bench.rows("SELECT count(*) FROM a.t") == [(2,)]


@pytest.mark.parametrize(
    ("threshold", "status"),
    [
        (Threshold(rows=1), SUCCEEDED),
        (Threshold(rows=0), FAILED),
        (Threshold(percent=50.0), SUCCEEDED),
        (Threshold(percent=49.9), FAILED),
    ],
    ids=str,
)
def test_a_threshold_bears_so_many_failing_rows(
    bench: Bench, threshold: Threshold, status: StepStatus
) -> None:
    node = bench.node(
        "t", RAW, load(LoadStrategy.FULL), tests=[check(TestKind.NOT_NULL, "name", threshold=threshold)]
    )
    fill(bench, ONE, "(3, NULL, NULL)")
    assert bench.refreshed(node).status is status


def test_where_and_scope_narrow_what_a_test_looks_at(bench: Bench) -> None:
    new_only = check(TestKind.NOT_NULL, "name", scope=TestScope.NEW)
    narrowed = check(TestKind.UNIQUE, "id", where="id < 100")
    for name, strategy in (
        ("m", load(LoadStrategy.MERGE, key=("id",))),
        ("p", load(LoadStrategy.APPEND, time_column="upd")),
        ("i", load(LoadStrategy.INTERVAL, **DAILY)),
    ):
        node = bench.node(name, RAW, strategy, tests=[new_only, narrowed])
        bench.run(f"INSERT INTO a.{name} VALUES (100, NULL, '2023-01-01'), (100, NULL, '2023-01-01')")
        fill(bench, ONE)
        assert bench.refreshed(node).status is SUCCEEDED, name
        fill(bench, "(7, NULL, '2024-01-05 01:00')")
        later = bench.refreshed(node, at=NOW + dt.timedelta(days=2))
        assert later.status is FAILED, name


def test_all_failing_tests_are_reported_at_once(bench: Bench) -> None:
    node = bench.node(
        "t",
        RAW,
        load(LoadStrategy.FULL),
        tests=[check(TestKind.NOT_NULL, "name"), check(TestKind.UNIQUE, "id")],
    )
    fill(bench, "(3, NULL, NULL)", "(3, NULL, NULL)")
    outcome = bench.refreshed(node)
    failed = [record.name for record in outcome.statements if record.status is FAILED]
    assert failed == ["not_null_name", "unique_id"]


def test_hooks_run_inside_the_transaction(bench: Bench) -> None:
    bench.run("CREATE TABLE a.audit (n integer)")
    node = bench.node(
        "t",
        RAW,
        load(LoadStrategy.FULL),
        tests=[check(TestKind.NOT_NULL, "name")],
        pre_sql=("INSERT INTO a.audit VALUES (1)",),
        post_sql=("INSERT INTO a.audit VALUES (2)",),
    )
    fill(bench, "(3, NULL, NULL)")
    assert bench.refreshed(node).status is FAILED
    assert bench.rows("SELECT count(*) FROM a.audit") == [(0,)]
    fill(bench, ONE)
    assert bench.refreshed(node).status is SUCCEEDED
    assert bench.rows("SELECT n FROM a.audit ORDER BY n") == [(1,), (2,)]


# --- the run ----------------------------------------------------------------------------------------


def test_a_reader_never_sees_a_table_empty_or_half_loaded(bench: Bench) -> None:
    plain = bench.node("t", RAW, load(LoadStrategy.FULL))
    fill(bench, ONE, TWO)
    bench.refreshed(plain)
    seen = set()
    stop = False

    def read() -> None:
        session = bench.warehouse.session()
        while not stop:
            seen.add(session.execute("SELECT count(*) FROM a.t").rows[0][0])
        session.close()

    reader = threading.Thread(target=read)
    reader.start()
    for _ in range(20):
        assert bench.refreshed(plain).status is SUCCEEDED
    stop = True
    reader.join()
    assert seen == {2}


def test_a_failed_step_skips_what_needs_it_and_nothing_else(bench: Bench) -> None:
    fill(bench, ONE)
    failing = check(TestKind.EXPRESSION, arguments={"sql": "id > 5"})
    bad = bench.node("bad", RAW, load(LoadStrategy.FULL), tests=[failing])
    child = bench.node("child", RAW, load(LoadStrategy.FULL), depends_on=("A.BAD",))
    grandchild = bench.node("grandchild", RAW, load(LoadStrategy.FULL), depends_on=("A.CHILD",))
    other = bench.node("other", RAW, load(LoadStrategy.FULL))
    outcomes = bench.refresh(grandchild, child, other, bad)
    assert {name: str(outcome.status) for name, outcome in outcomes.items()} == {
        "A.GRANDCHILD": "skipped",
        "A.CHILD": "skipped",
        "A.OTHER": "succeeded",
        "A.BAD": "failed",
    }


def test_a_step_that_was_published_once_is_not_published_again(bench: Bench) -> None:
    node = bench.node("t", RAW, load(LoadStrategy.APPEND))
    fill(bench, ONE)
    step = refresh_step(node, bench.warehouse.dialect)
    late = LateValues(run_uid="same", fence=1, run_started_at=NOW)
    first = run_step(step, bench.session, late, lambda: NOW, Stop())
    again = run_step(step, bench.session, late, lambda: NOW, Stop())
    assert (first.status, again.status) == (SUCCEEDED, FAILED)
    assert again.error is not None
    assert again.error.code == "already_published"
    assert bench.rows("SELECT count(*) FROM a.t") == [(1,)]


def test_a_stop_cancels_the_running_statement_and_reports_every_step(bench: Bench) -> None:
    endless = "SELECT count(*) AS n FROM generate_series(1, 1000000) a, generate_series(1, 1000000) b"
    slow = bench.node("slow", endless, load(LoadStrategy.FULL))
    after = bench.node("after", RAW, load(LoadStrategy.FULL), depends_on=("A.SLOW",))
    stop = Stop()

    class StopWhenStarted(Recorder):
        def step_started(self, step: Step, at: dt.datetime) -> None:
            super().step_started(step, at)
            threading.Timer(0.2, stop.request, ["canceled by a test"]).start()

    sink = StopWhenStarted()
    steps = [refresh_step(node, bench.warehouse.dialect) for node in (slow, after)]
    outcomes = bench.execute(steps, sink=sink, stop=stop)
    assert {name: str(outcome.status) for name, outcome in outcomes.items()} == {
        "A.SLOW": "canceled",
        "A.AFTER": "canceled",
    }
    assert sink.events == [("started", "A.SLOW"), ("canceled", "A.SLOW"), ("canceled", "A.AFTER")]


def test_a_stop_during_a_conflict_is_not_forgotten_by_the_next_try(bench: Bench) -> None:
    conflict = "DO $$ BEGIN RAISE EXCEPTION 'in the way' USING ERRCODE = '40001'; END $$"
    if bench.warehouse.dialect == "duckdb":
        fill(bench, ONE)
        other = bench.warehouse.session()
        other.begin()
        other.execute("UPDATE a.raw SET name = 'theirs'")
        conflict = "UPDATE a.raw SET name = 'ours'"
    node = bench.node("t", RAW, load(LoadStrategy.FULL), pre_sql=(conflict,))
    step = refresh_step(node, bench.warehouse.dialect)
    stop = Stop()
    stop.when_requested(bench.session.cancel)
    asked: list[dt.datetime] = []

    def clock() -> dt.datetime:
        asked.append(NOW)
        if len(asked) == 2:  # the statement has failed, and its transaction still stands
            stop.request("canceled by a test")
        return NOW

    outcome = run_step(step, bench.session, LateValues("run", 1, NOW), clock, stop)
    assert (outcome.status, outcome.attempts) == (StepStatus.CANCELED, 1)
