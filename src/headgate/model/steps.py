"""What the engine carries out, and how it reports back.

A Step holds finished SQL. Only values that are known late (the run's start, an interval's bounds) are named
parameters, written `$hg_<name>` in the text on every engine.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any, Protocol

from headgate.model.bound import BoundColumn, TableName
from headgate.model.project import Load, OnSchemaChange, Severity, Threshold

LATE_PREFIX = "$hg_"
"""How a late value is written in a statement's text: `$hg_run_started_at`, `$hg_from`, `$hg_to`."""


class StepKind(StrEnum):
    SOURCE = "source"
    VIEW = "view"
    TABLE = "table"
    TEST = "test"
    DDL = "ddl"


class Role(StrEnum):
    STAGE = "stage"
    CHECK = "check"
    PUBLISH = "publish"


class Counts(StrEnum):
    """Which of a step's row counts a statement's own count adds to."""

    INSERTED = "inserted"
    UPDATED = "updated"
    DELETED = "deleted"


@dataclass(frozen=True, slots=True)
class Check:
    """How to judge a check's answer: one row `(failures)` or `(failures, total)`, both counts of rows.

    `probe` is run when the check fails and yields a few offending rows. A key check and every error-severity
    test without `continue_on_failure` guards the publication: failing, it rolls the step back.
    """

    severity: Severity = Severity.ERROR
    threshold: Threshold = field(default_factory=Threshold)
    continue_on_failure: bool = False
    probe: str | None = None
    message: str = "{failures} rows fail"
    """Formatted with `failures` and `total`."""
    test: str | None = None
    """The declared test's name; None for a check that Headgate makes itself."""


@dataclass(frozen=True, slots=True)
class Statement:
    """`parameters` names the late values in the text (without the prefix).

    `each_interval` repeats the statement for every range of intervals due, with `from` and `to`.
    """

    name: str
    role: Role
    sql: str
    parameters: tuple[str, ...] = ()
    counts: Counts | None = None
    check: Check | None = None
    each_interval: bool = False


@dataclass(frozen=True, slots=True)
class ShapeCheck:
    """For a query whose columns can change without a deploy: what they were, and what to do about a change.

    `query` is described (not run) before the load, inside its transaction, and so is `table_query`, which yields
    the table's columns: an earlier refresh may have changed them already. `table_columns` are those deployed.
    """

    query: str
    expected: tuple[BoundColumn, ...]
    policy: OnSchemaChange
    table_query: str = ""
    table_columns: tuple[BoundColumn, ...] = ()


@dataclass(frozen=True, slots=True)
class Shapes:
    """What stands in the warehouse at the moment: the columns of a node's query, and those of its table."""

    query: tuple[BoundColumn, ...]
    table: tuple[BoundColumn, ...]


@dataclass(frozen=True, slots=True)
class Step:
    """One unit of a run: a node's refresh, a project test, or one change of a deploy.

    `table` is the table that the step writes (None when it only reads); it is what locks, the commit marker
    and the event of publication name. `depends_on` names step ids; those not in the run count as done.
    """

    id: str
    name: str
    kind: StepKind
    statements: tuple[Statement, ...] = ()
    table: TableName | None = None
    depends_on: tuple[str, ...] = ()
    location: str = ""
    node_type: str = ""
    load: Load | None = None
    shape: ShapeCheck | None = None

    @property
    def publishes(self) -> bool:
        return self.table is not None


class StepStatus(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    WARNING = "warning"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"
    REUSED = "reused"

    @property
    def final(self) -> bool:
        return self not in (StepStatus.WAITING, StepStatus.RUNNING)

    @property
    def good(self) -> bool:
        """What depends on a step in this status may run."""
        return self in (StepStatus.SUCCEEDED, StepStatus.WARNING, StepStatus.REUSED)


@dataclass(frozen=True, slots=True)
class StepError:
    """Why a step or statement failed: a code of docs/errors.md, what happened, what to do, sample rows."""

    code: str
    message: str
    hint: str = ""
    sample: tuple[tuple[Any, ...], ...] = ()
    sample_columns: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class StatementRecord:
    """One statement as it ran. `rows` is its own count, None where the engine gives none."""

    name: str
    role: Role
    sql: str
    status: StepStatus
    started_at: datetime
    ended_at: datetime
    rows: int | None = None
    counts: Counts | None = None
    query_id: str | None = None
    error: StepError | None = None
    test: str | None = None


@dataclass(frozen=True, slots=True)
class StepOutcome:
    """How a step ended. Row counts are totals over its statements, None where nothing was counted.

    `published` says that the step's transaction committed (its marker stands).
    """

    status: StepStatus
    statements: tuple[StatementRecord, ...] = ()
    rows_inserted: int | None = None
    rows_updated: int | None = None
    rows_deleted: int | None = None
    published: bool = False
    error: StepError | None = None
    attempts: int = 1
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class LateValues:
    """Values that only a run knows. All instants are aware and in UTC. `fence` is the claim's number."""

    run_uid: str
    fence: int
    run_started_at: datetime
    backfill_from: datetime | None = None
    backfill_to: datetime | None = None
    extra: dict[str, Any] = field(default_factory=dict)


class StepSink(Protocol):
    """Where the engine journals. Calls come from several threads, in order for any one step."""

    def step_started(self, step: Step, at: datetime) -> None: ...

    def step_finished(self, step: Step, outcome: StepOutcome, at: datetime) -> None: ...
