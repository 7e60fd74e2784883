"""Two runs never write one table at the same time: the second waits for that table alone."""

from __future__ import annotations

import threading
from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from headgate.engine.step import run_step
from headgate.engine.stop import Stop
from headgate.errors import StatementCanceled
from headgate.model.bound import TableName
from headgate.model.steps import Counts, LateValues, Role, Statement, Step, StepKind, StepOutcome, StepStatus
from headgate.warehouse.base import Session, Warehouse
from headgate.warehouse.ddl import lock_table

TABLE = TableName("main", "total")


def now() -> datetime:
    return datetime.now(UTC)


def add_one(dialect: str, schema: str) -> Step:
    """A step that reads its table, then writes what it read and one more: lost where two do so at once."""
    table = TableName(schema, "total")
    lock = lock_table(table, dialect)
    return Step(
        "X.TOTAL",
        "TOTAL",
        StepKind.TABLE,
        table=table,
        statements=(
            *([Statement("lock", Role.STAGE, lock)] if lock else []),
            Statement("stage", Role.STAGE, f"CREATE TEMP TABLE old AS SELECT n FROM {schema}.total"),
            Statement("clear", Role.PUBLISH, f"DELETE FROM {schema}.total", counts=Counts.DELETED),
            Statement(
                "add",
                Role.PUBLISH,
                f"INSERT INTO {schema}.total SELECT n + 1 FROM old",
                counts=Counts.INSERTED,
            ),
            Statement("drop", Role.PUBLISH, "DROP TABLE old"),
        ),
    )


def test_two_runs_that_write_one_table_do_so_one_after_the_other(
    warehouse: Warehouse, open_session: Callable[[], Session]
) -> None:
    schema = "main" if warehouse.dialect == "duckdb" else "public"
    session = open_session()
    session.execute(f"CREATE TABLE {schema}.total (n INTEGER)")
    session.execute(f"INSERT INTO {schema}.total VALUES (0)")
    outcomes: list[StepOutcome] = []
    step = add_one(warehouse.dialect, schema)

    def add(run: int, own: Session) -> None:
        outcomes.extend(
            run_step(step, own, LateValues(f"{run}-{turn}", 1, now()), now, Stop()) for turn in range(10)
        )

    threads = [threading.Thread(target=add, args=(run, open_session())) for run in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {outcome.status for outcome in outcomes} == {StepStatus.SUCCEEDED}
    assert {outcome.attempts for outcome in outcomes} == {1}
    assert session.execute(f"SELECT n FROM {schema}.total").rows == [(40,)]


def test_cancel_ends_the_wait_for_a_table(warehouse: Warehouse, open_session: Callable[[], Session]) -> None:
    if warehouse.dialect != "duckdb":  # elsewhere the wait is a statement like any other
        assert lock_table(TABLE, warehouse.dialect) is not None
        return
    first, second = open_session(), open_session()
    with first.writing(TABLE):
        timer = threading.Timer(0.1, second.cancel)
        timer.start()
        with pytest.raises(StatementCanceled), second.writing(TableName("MAIN", "Total")):
            pass
        timer.join()
    second.rollback()
    with second.writing(TABLE), first.writing(TableName("main", "other")):
        pass
