"""Errors of engines as Headgate's: codes, one line with its position, hints, and no secrets."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import psycopg
import pytest

from headgate.errors import HeadgateError, StatementFailed, UsageError, WarehouseUnavailable
from headgate.model.project import WarehouseConfig
from headgate.warehouse import duckdb_errors
from headgate.warehouse.base import Session, Warehouse
from headgate.warehouse.open import open_warehouse


def failure(session: Session, sql: str) -> StatementFailed:
    with pytest.raises(StatementFailed) as caught:
        session.execute(sql)
    assert "\n" not in caught.value.message
    assert "\n" not in caught.value.hint
    return caught.value


def refusal(config: WarehouseConfig, root: Path, **keywords: Any) -> HeadgateError:
    with pytest.raises(HeadgateError) as caught:
        open_warehouse(config, root=root, label="tests", **keywords)
    return caught.value


@pytest.mark.parametrize(
    ("sql", "position"),
    [
        ("SELECT nosuch", "(line 1, column 8)"),
        ("SELECT 1 AS a,\n       'é' || nosuch\n", "(line 2, column 15)"),
        ("SELECT *\nFROM nosuch.t", "(line 2, column 6)"),
        ("SELECT 1 +\nFROM", "(line 2, column 1)"),
    ],
)
def test_failed_statement_says_where(session: Session, sql: str, position: str) -> None:
    error = failure(session, sql)
    assert error.code == "statement_failed"
    assert error.message.endswith(position)


def test_failed_statement_with_late_values_says_where(session: Session) -> None:
    with pytest.raises(StatementFailed, match=r"nosuch.*\(line 2, column 8\)"):
        session.execute("SELECT $hg_a AS a,\n       nosuch", {"a": "x"})


def test_unique_violation_keeps_its_class(session: Session) -> None:
    session.execute("CREATE TABLE t (i integer PRIMARY KEY)")
    session.execute("INSERT INTO t VALUES (1)")
    assert failure(session, "INSERT INTO t VALUES (1)").sqlstate == "23505"


def test_write_conflict_may_be_tried_again(warehouse: Warehouse, open_session: Callable[[], Session]) -> None:
    first, second = open_session(), open_session()
    first.execute("CREATE TABLE t AS SELECT 1 AS i")
    level = " ISOLATION LEVEL REPEATABLE READ" if warehouse.type == "postgres" else ""
    second.begin()
    if level:
        second.execute(f"SET TRANSACTION{level}")
    assert second.execute("SELECT i FROM t").rows == [(1,)]
    first.execute("UPDATE t SET i = 2")
    assert failure(second, "UPDATE t SET i = 3").code == "statement_conflict"
    second.rollback()
    assert second.execute("UPDATE t SET i = 3").row_count == 1


def test_session_whose_server_process_ended_is_unavailable(
    warehouse: Warehouse, open_session: Callable[[], Session]
) -> None:
    if warehouse.type != "postgres":
        return
    session, administrator = open_session(), open_session()
    backend = session.execute("SELECT pg_backend_pid()").rows[0][0]
    session.begin()
    administrator.execute(f"SELECT pg_terminate_backend({backend}, 10000)")
    for use in (
        lambda: session.execute("SELECT 1"),
        lambda: session.describe("SELECT 1"),
        session.commit,
        session.begin,
    ):
        with pytest.raises(WarehouseUnavailable) as caught:
            use()
        assert caught.value.code == "warehouse_unavailable"
    session.rollback()
    session.cancel()
    session.rollback()
    assert open_session().execute("SELECT 1").rows == [(1,)]


def test_closed_session_is_unavailable(session: Session) -> None:
    session.close()
    session.close()
    with pytest.raises(WarehouseUnavailable):
        session.execute("SELECT 1")


def test_missing_right_is_named(warehouse: Warehouse, session: Session) -> None:
    if warehouse.type != "postgres":
        return
    session.execute("CREATE TABLE t (i integer)")
    session.execute("CREATE ROLE nobody_special")
    session.execute("SET ROLE nobody_special")
    error = failure(session, "SELECT * FROM t")
    session.execute("RESET ROLE")
    session.execute("DROP ROLE nobody_special")
    assert error.code == "permission_denied"
    assert "table t" in error.message


def test_statement_timeout_of_the_server_is_not_a_cancel(warehouse: Warehouse, session: Session) -> None:
    if warehouse.type != "postgres":
        return
    session.execute("SET statement_timeout = '10ms'")
    assert failure(session, "SELECT pg_sleep(30)").code == "statement_timeout"


def test_deadlock_is_a_conflict(warehouse: Warehouse) -> None:
    from headgate.warehouse.postgres_errors import statement_error

    assert warehouse.type in ("duckdb", "postgres")
    error = statement_error(psycopg.errors.DeadlockDetected("deadlock detected"), "UPDATE t SET i = 1")
    assert error.code == "statement_conflict"


def test_connection_refused_names_the_server_and_no_password(tmp_path: Path) -> None:
    for options in (
        {"url": "postgresql://someone:hunter2@127.0.0.1:1/dw"},
        {"host": "127.0.0.1", "port": 1, "user": "someone", "password": "hunter2", "database": "dw"},
    ):
        error = refusal(WarehouseConfig("postgres", options), tmp_path)
        assert isinstance(error, WarehouseUnavailable)
        assert error.code == "warehouse_unavailable"
        assert "127.0.0.1:1" in error.message
        assert "hunter2" not in error.message + error.hint
        assert error.__cause__ is None


@pytest.mark.parametrize(
    "url", ["postgresql://u:hunter2%zz@h/x", "postgresql://u@h/x?hunter2=1", "dbname='hunter2"]
)
def test_unreadable_url_is_not_quoted(tmp_path: Path, url: str) -> None:
    error = refusal(WarehouseConfig("postgres", {"url": url}), tmp_path)
    assert isinstance(error, UsageError)
    assert "hunter2" not in error.message + error.hint


def test_missing_database_is_named(postgres_url: str, tmp_path: Path) -> None:
    error = refusal(WarehouseConfig("postgres", {"url": postgres_url, "database": "nosuch"}), tmp_path)
    assert isinstance(error, WarehouseUnavailable)
    assert 'database "nosuch" does not exist' in error.message


@pytest.mark.parametrize(
    ("config", "code", "hint"),
    [
        (WarehouseConfig("postgresql"), "warehouse_type_unknown", "did you mean postgres?"),
        (WarehouseConfig("oracle"), "warehouse_type_unknown", "known are duckdb, postgres"),
        (WarehouseConfig("duckdb", {"pth": "x"}), "warehouse_option_unknown", "did you mean path?"),
        (WarehouseConfig("postgres", {"hots": "x"}), "warehouse_option_unknown", "did you mean host"),
        (WarehouseConfig("duckdb"), "warehouse_option_missing", "environment's file"),
        (WarehouseConfig("duckdb", {"path": 3}), "warehouse_option_invalid", ""),
        (WarehouseConfig("duckdb", {"path": ":memory:", "threads": True}), "warehouse_option_invalid", ""),
        (WarehouseConfig("postgres", {"port": "abc"}), "warehouse_option_invalid", ""),
        (WarehouseConfig("postgres", {"password": "${secret:PW}"}), "placeholder_unresolved", ""),
        (WarehouseConfig("duckdb", {"path": ":memory:", "settings": {"nosuch": 1}}), "setting_unknown", ""),
    ],
)
def test_wrong_configuration_is_a_usage_error(
    tmp_path: Path, config: WarehouseConfig, code: str, hint: str
) -> None:
    error = refusal(config, tmp_path)
    assert isinstance(error, UsageError)
    assert error.code == code
    assert hint in error.hint


def test_placeholders_are_resolved_by_the_caller(tmp_path: Path) -> None:
    values = {"${FILE}": ":memory:", "${THREADS}": "1", "${UNIT}GB": "1GB"}
    options = {"path": "${FILE}", "threads": "${THREADS}", "settings": {"memory_limit": "${UNIT}GB"}}
    warehouse = open_warehouse(
        WarehouseConfig("duckdb", options), root=tmp_path, label="tests", resolve=values.__getitem__
    )
    assert warehouse.max_statements == 1
    warehouse.close()


@pytest.mark.parametrize(
    ("text", "code"),
    [
        (
            "IO Error: Trying to read a database file with version number 99, but we can only read versions "
            "between 64 and 67.\nThe database file was created with a newer version of DuckDB.",
            "warehouse_version",
        ),
        ('IO Error: Cannot open file "/x/a.duckdb": Permission denied', "permission_denied"),
        ('IO Error: Could not write file "/x/a.duckdb": No space left on device', "disk_full"),
        ("Corrupt database file: computed checksum 1 does not match stored checksum 2", "warehouse_corrupt"),
    ],
)
def test_unusable_duckdb_file_says_why(text: str, code: str) -> None:
    error = duckdb_errors.open_error(duckdb.IOException(text), "data/dev.duckdb")
    assert error.code == code
    assert error.message.startswith("data/dev.duckdb")
    assert error.hint


def test_full_disk_while_a_statement_runs_says_so() -> None:
    text = 'IO Error: Could not write file "/x/a.duckdb.wal": No space left on device'
    assert duckdb_errors.statement_error(duckdb.IOException(text)).code == "disk_full"


def test_duckdb_out_of_memory_hints_at_its_limit(tmp_path: Path) -> None:
    options = {"path": ":memory:", "memory_limit": "10MB", "settings": {"temp_directory": ""}}
    warehouse = open_warehouse(WarehouseConfig("duckdb", options), root=tmp_path, label="tests")
    session = warehouse.session()
    error = failure(
        session, "CREATE TABLE t AS SELECT i, md5(CAST(i AS varchar)) FROM range(10000000) AS g(i)"
    )
    warehouse.close()
    assert error.code == "out_of_memory"
    assert "memory_limit" in error.hint
