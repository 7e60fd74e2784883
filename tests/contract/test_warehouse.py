"""What every engine must do alike: transactions, row counts, late values, descriptions, sessions."""

from __future__ import annotations

import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime

import pytest

from headgate.errors import StatementFailed
from headgate.model.bound import BoundColumn
from headgate.warehouse.base import Session, Warehouse

OpenSession = Callable[[], Session]
NOON = datetime(2024, 3, 31, 12, 0, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Spelling:
    """Where the engines may differ, in one place."""

    integer: str
    decimal: str
    text: str
    short_text: str
    instant: str
    date: str
    double: str
    folded: str
    """What the unquoted name `MixedCase` becomes."""


SPELLINGS = {
    "duckdb": Spelling(
        integer="INTEGER",
        decimal="DECIMAL(18,2)",
        text="VARCHAR",
        short_text="VARCHAR",
        instant="TIMESTAMP WITH TIME ZONE",
        date="DATE",
        double="DOUBLE",
        folded="MixedCase",
    ),
    "postgres": Spelling(
        integer="integer",
        decimal="numeric(18,2)",
        text="text",
        short_text="character varying(10)",
        instant="timestamp with time zone",
        date="date",
        double="double precision",
        folded="mixedcase",
    ),
}


@pytest.fixture
def spelling(warehouse: Warehouse) -> Spelling:
    return SPELLINGS[warehouse.type]


def value(session: Session, sql: str) -> object:
    return session.execute(sql).rows[0][0]


def test_uncommitted_rows_are_seen_by_nobody_else(open_session: OpenSession) -> None:
    writer, reader = open_session(), open_session()
    writer.execute("CREATE TABLE t AS SELECT 1 AS i")
    writer.begin()
    writer.execute("DELETE FROM t")
    writer.execute("INSERT INTO t VALUES (2), (3)")
    assert reader.execute("SELECT i FROM t").rows == [(1,)]
    assert writer.execute("SELECT count(*) FROM t").rows == [(2,)]
    writer.commit()
    assert reader.execute("SELECT i FROM t ORDER BY i").rows == [(2,), (3,)]


def test_rollback_undoes_rows(session: Session) -> None:
    session.execute("CREATE TABLE t AS SELECT 1 AS i")
    session.begin()
    session.execute("DELETE FROM t")
    session.rollback()
    assert value(session, "SELECT count(*) FROM t") == 1


def test_rollback_undoes_ddl(open_session: OpenSession, warehouse: Warehouse) -> None:
    assert warehouse.capabilities.transactional_ddl
    session, reader = open_session(), open_session()
    session.execute("CREATE TABLE t AS SELECT 1 AS i")
    session.begin()
    session.execute("CREATE SCHEMA s")
    session.execute("CREATE TABLE s.u (i integer)")
    session.execute("ALTER TABLE t ADD COLUMN j integer")
    session.execute("DROP TABLE t")
    session.rollback()
    assert session.execute("SELECT * FROM t").columns == ("i",)
    assert reader.execute("SELECT * FROM t").rows == [(1,)]
    with pytest.raises(StatementFailed):
        session.execute("SELECT * FROM s.u")


def test_rollback_never_raises(session: Session) -> None:
    session.rollback()
    session.begin()
    with pytest.raises(StatementFailed):
        session.execute("SELECT nothing FROM nowhere")
    session.rollback()
    session.rollback()
    assert value(session, "SELECT 1") == 1
    session.close()
    session.rollback()


def test_commit_after_a_failed_statement_says_that_nothing_was_committed(open_session: OpenSession) -> None:
    session, reader = open_session(), open_session()
    session.execute("CREATE TABLE t (i integer NOT NULL)")
    session.begin()
    session.execute("INSERT INTO t VALUES (1)")
    with pytest.raises(StatementFailed):
        session.execute("INSERT INTO t VALUES (NULL)")
    with pytest.raises(StatementFailed, match="nothing was committed"):
        session.commit()
    session.rollback()
    assert reader.execute("SELECT * FROM t").rows == []


def test_statements_count_the_rows_they_change(session: Session) -> None:
    created = session.execute("CREATE TABLE t AS SELECT * FROM generate_series(1, 10) AS g(i)")
    assert created.row_count == 10
    assert session.execute("INSERT INTO t VALUES (11), (12)").row_count == 2
    assert session.execute("INSERT INTO t SELECT i FROM t WHERE i > 100").row_count == 0
    assert session.execute("UPDATE t SET i = 0 WHERE i > 8").row_count == 4
    assert session.execute("DELETE FROM t WHERE i = 0").row_count == 4
    merged = session.execute(
        "MERGE INTO t USING (SELECT 8 AS k UNION ALL SELECT 99) AS s ON t.i = s.k "
        "WHEN MATCHED THEN UPDATE SET i = 80 WHEN NOT MATCHED THEN INSERT VALUES (s.k)"
    )
    assert merged.row_count == 2


def test_queries_and_ddl_count_nothing(session: Session) -> None:
    assert session.execute("CREATE TABLE t (i integer)").row_count is None
    assert session.execute("SELECT 1 AS one, 'b' AS two").row_count is None
    assert session.execute("DROP TABLE t").row_count is None


def test_query_gives_columns_and_rows(session: Session) -> None:
    answer = session.execute("SELECT 1 AS one, 'b' AS \"Two B\" UNION ALL SELECT 2, 'c' ORDER BY 1")
    assert answer.columns == ("one", "Two B")
    assert answer.rows == [(1, "b"), (2, "c")]


def test_instants_come_back_aware(session: Session) -> None:
    sql = "SELECT TIMESTAMPTZ '2024-03-31 14:00:00+02:00' AS at, 1 AS one, 2 AS one, DATE '2024-03-31' AS day"
    answer = session.execute(sql)
    assert answer.rows == [(NOON, 1, 2, NOON.date())]
    assert answer.rows[0][0].tzinfo is not None
    assert answer.columns[0] == "at"


def test_sessions_run_in_utc(session: Session) -> None:
    sql = "SELECT CAST(TIMESTAMPTZ '2024-03-31 00:30:00+02:00' AS varchar)"
    assert str(value(session, sql)).startswith("2024-03-30 22:30:00")


def test_submitted_statement_runs_when_waited_for(session: Session) -> None:
    handle = session.submit("SELECT $hg_n + 1", {"n": 41})
    assert session.wait(handle).rows == [(42,)]


def test_late_values_reach_queries_and_ddl(session: Session) -> None:
    late = {"from": NOON, "to": None, "name": "O'Brien %", "unused": 1}
    session.execute(
        "CREATE TABLE t AS SELECT CAST($hg_from AS timestamptz) AS seen, CAST($hg_name AS varchar) AS name, "
        "CAST($hg_to AS timestamptz) AS until",
        late,
    )
    assert session.execute("SELECT seen, name, until FROM t").rows == [(NOON, "O'Brien %", None)]
    assert session.execute("DELETE FROM t WHERE seen >= $hg_from", late).row_count == 1


def test_late_values_leave_strings_names_and_comments_alone(session: Session) -> None:
    sql = """SELECT '$hg_n %s 100%' AS a, $hg_n % 4 AS "$hg_n", $$ $hg_n $$ AS c /* $hg_n */ -- $hg_n %"""
    answer = session.execute(sql, {"n": 7})
    assert answer.rows == [("$hg_n %s 100%", 3, " $hg_n ")]
    assert answer.columns == ("a", "$hg_n", "c")


def test_percent_without_late_values_is_itself(session: Session) -> None:
    assert session.execute("SELECT 7 % 4, '%s %(a)s %%'").rows == [(3, "%s %(a)s %%")]


def test_missing_late_value_is_named(session: Session) -> None:
    with pytest.raises(StatementFailed, match=r"reads \$hg_to"):
        session.execute("SELECT $hg_from, $hg_to", {"from": NOON})


def test_describe_names_and_types_without_running(session: Session, spelling: Spelling) -> None:
    session.execute(
        'CREATE TABLE t ("Order" decimal(18, 2), b varchar(10), c timestamptz, d double precision)'
    )
    query = "SELECT *, 1 AS i, 'x' AS x, DATE '2024-01-01' AS day, b AS b FROM t -- ends in a comment"
    assert session.describe(query) == (
        BoundColumn("Order", spelling.decimal),
        BoundColumn("b", spelling.short_text),
        BoundColumn("c", spelling.instant),
        BoundColumn("d", spelling.double),
        BoundColumn("i", spelling.integer),
        BoundColumn("x", spelling.text),
        BoundColumn("day", spelling.date),
        BoundColumn("b", spelling.short_text),
    )


def test_describe_reads_ctes_unions_and_values(session: Session, spelling: Spelling) -> None:
    integer = (BoundColumn("i", spelling.integer),)
    assert session.describe("WITH c AS (SELECT 1 AS i) SELECT * FROM c") == integer
    assert session.describe("(SELECT 1 AS i) UNION ALL SELECT 2") == integer
    assert session.describe("SELECT * FROM (VALUES (1)) AS v(i)") == integer


def test_describe_of_a_wrong_query_points_into_the_query(session: Session) -> None:
    with pytest.raises(StatementFailed, match=r"nosuch.*\(line 2, column 3\)"):
        session.describe("SELECT 1 AS a,\n  nosuch\nFROM (SELECT 1 AS i) AS t")


def test_describe_sees_the_open_transaction(session: Session, spelling: Spelling) -> None:
    session.begin()
    session.execute("CREATE TABLE t (i integer)")
    assert session.describe("SELECT i FROM t") == (BoundColumn("i", spelling.integer),)
    session.rollback()


def test_names_keep_quoted_case_and_fold_the_rest(session: Session, spelling: Spelling) -> None:
    session.execute('CREATE TABLE MixedCase ("Quoted Name" integer, "select" integer, Plain integer)')
    columns = session.execute("SELECT * FROM mixedcase").columns
    assert columns[:2] == ("Quoted Name", "select")
    assert columns[2].lower() == "plain"
    found = session.execute(
        "SELECT table_name FROM information_schema.tables WHERE lower(table_name) = 'mixedcase'"
    )
    assert found.rows == [(spelling.folded,)]


def test_sessions_write_different_tables_at_once(open_session: OpenSession) -> None:
    sessions = [open_session() for _ in range(4)]
    all_begun = threading.Barrier(len(sessions))
    failures: list[BaseException] = []

    def load(session: Session, number: int) -> None:
        try:
            session.begin()
            all_begun.wait()
            session.execute(f"CREATE TABLE t{number} AS SELECT * FROM generate_series(1, 1000) AS g(i)")
            session.write_marker(run_uid="r", step_id=f"s{number}", fence=1, rows=1000, table=None)
            all_begun.wait()
            session.commit()
        except BaseException as error:
            failures.append(error)
            all_begun.abort()

    threads = [threading.Thread(target=load, args=(one, n)) for n, one in enumerate(sessions)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    counts = " UNION ALL ".join(f"SELECT count(*) FROM t{number}" for number in range(4))
    assert sessions[0].execute(counts).rows == [(1000,)] * 4
    assert len(sessions[0].committed("r")) == 4
