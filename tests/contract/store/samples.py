"""Values that the store's tests are about."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from headgate.model.bound import TableName
from headgate.model.project import Environment, Mapping, WarehouseConfig
from headgate.model.runs import Owner, Run, RunKind
from headgate.model.steps import (
    Counts,
    Role,
    StatementRecord,
    Step,
    StepError,
    StepKind,
    StepOutcome,
    StepStatus,
)
from headgate.store import NewRun, Store

START = datetime(2026, 11, 21, 5, 0, tzinfo=UTC)
OWNER = Owner("host-a", 4711, 1000.5, "worker 1")
OTHER = Owner("host-b", 4712, 2000.5)
PROJECT = "tpch"


class Clock:
    """Stands still until it is moved."""

    def __init__(self) -> None:
        self.now = START

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **by: float) -> datetime:
        self.now += timedelta(**by)
        return self.now


def environment(environment_id: int = 1, name: str = "dev", *, max_running: int | None = None) -> Environment:
    return Environment(
        environment_id,
        name,
        WarehouseConfig("duckdb", {"path": "data/dev.duckdb", "password": "${secret:PG}"}),
        {"MART": Mapping("mart"), "STG": Mapping("stg", "lake")},
        {"days": 3, "nested": {"a": [1, 2]}},
        max_running=max_running,
    )


def started(store: Store, **fields: object) -> Run:
    """A run that OWNER carries out."""
    new = NewRun(**{"kind": RunKind.REFRESH, "environment_id": 1, **fields})  # type: ignore[arg-type]
    run = store.queue.claim(store.runs.create(new).id, OWNER, 30)
    assert run is not None
    return run


def waiting(store: Store, **fields: object) -> Run:
    return store.runs.create(NewRun(**{"kind": RunKind.REFRESH, "environment_id": 1, **fields}))  # type: ignore[arg-type]


def step(name: str, depends_on: Sequence[str] = ()) -> Step:
    return Step(
        f"MART.{name}",
        name,
        StepKind.TABLE,
        table=TableName("mart", name.lower()),
        depends_on=tuple(depends_on),
        location="MART",
        node_type="stage",
    )


def record(name: str, sql: str, at: datetime, error: StepError | None = None) -> StatementRecord:
    return StatementRecord(
        name,
        Role.PUBLISH,
        sql,
        StepStatus.FAILED if error else StepStatus.SUCCEEDED,
        at,
        at + timedelta(milliseconds=1),
        rows=5,
        counts=Counts.INSERTED,
        query_id="q1",
        error=error,
        test="unique",
    )


def succeeded(at: datetime, name: str = "T", statements: int = 2) -> StepOutcome:
    return StepOutcome(
        StepStatus.SUCCEEDED,
        tuple(record(f"load {n}", f"insert into mart.{name} select {n}", at) for n in range(statements)),
        rows_inserted=10,
        rows_updated=2,
        rows_deleted=0,
        published=True,
        notes=("first load",),
    )


FAILURE = StepError(
    "duplicate_keys",
    "2 keys are there twice",
    "look at the sample",
    sample=((1, "a", None), (2, "b", 1.5)),
    sample_columns=("id", "name", "x"),
)


def failed(at: datetime) -> StepOutcome:
    return StepOutcome(
        StepStatus.FAILED,
        (record("check", "select 1", at, FAILURE),),
        error=FAILURE,
        attempts=2,
    )
