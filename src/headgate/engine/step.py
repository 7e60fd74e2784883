"""One step: its statements and checks, the commit marker and the commit, and retries of conflicts.

The step's SQL is finished; nothing here builds any. A step that writes runs in one transaction of the
warehouse, which also holds its commit marker, so that what happened can be read where it happened.
"""

from __future__ import annotations

import datetime as dt
from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from headgate.engine.stop import Stop
from headgate.errors import HeadgateError, StatementCanceled, StatementFailed
from headgate.interval import Interval, due_ranges
from headgate.model.bound import BoundColumn
from headgate.model.project import LoadStrategy, OnSchemaChange, Severity
from headgate.model.steps import (
    Check,
    Counts,
    LateValues,
    ShapeCheck,
    Shapes,
    Statement,
    StatementRecord,
    Step,
    StepError,
    StepOutcome,
    StepStatus,
)
from headgate.warehouse.base import Answer, Session

Clock = Callable[[], dt.datetime]
Reshape = Callable[[Step, Shapes], Step]
"""Rebuilds a step for the columns that its query and its table have now (`add_columns`, `sync`)."""

CONFLICT_TRIES = 4
"""A conflict with another transaction is no failure of the step: it is tried again at once."""

Range = tuple[dt.datetime, dt.datetime]


def run_step(
    step: Step, session: Session, late: LateValues, clock: Clock, stop: Stop, reshape: Reshape | None = None
) -> StepOutcome:
    """Carry `step` out on `session`, which is outside a transaction before and after. Never raises a
    HeadgateError: what went wrong is in the outcome."""
    for attempt in range(1, CONFLICT_TRIES + 1):
        outcome = replace(Attempt(step, session, late, clock, reshape).run(), attempts=attempt)
        if outcome.error is None or outcome.error.code != "statement_conflict":
            return outcome
        if stop.requested:  # the rollback has made the session forget its cancel
            return replace(outcome, status=StepStatus.CANCELED)
    return outcome


class _Refused(Exception):
    """A check that guards the publication failed, or the query's shape changed."""

    def __init__(self, error: StepError) -> None:
        super().__init__(error.message)
        self.error = error


class Attempt:
    """The state of one try: what has been recorded, counted and found wanting so far."""

    def __init__(
        self, step: Step, session: Session, late: LateValues, clock: Clock, reshape: Reshape | None
    ) -> None:
        self.step = step
        self.session = session
        self.late = late
        self.clock = clock
        self.reshape = reshape
        self.records: list[StatementRecord] = []
        self.counted: dict[Counts, int] = {}
        self.guard: StepError | None = None
        self.warned = False
        self.notes: list[str] = []

    def run(self) -> StepOutcome:
        try:
            if self.step.publishes and self.step.table is not None:
                with self.session.writing(self.step.table):
                    return self.transact()
            return self.transact()
        except StatementCanceled as canceled:  # while another run wrote the table
            return self.outcome(StepStatus.CANCELED, step_error(canceled))

    def transact(self) -> StepOutcome:
        try:
            if self.step.publishes:
                self.session.begin()
                self.load()
                self.session.commit()
            else:
                self.statements(())
        except _Refused as refused:
            self.session.rollback()
            return self.outcome(StepStatus.FAILED, refused.error)
        except StatementCanceled as canceled:
            self.session.rollback()
            return self.outcome(StepStatus.CANCELED, step_error(canceled))
        except HeadgateError as error:
            self.session.rollback()
            return self.outcome(StepStatus.FAILED, step_error(error))
        return self.outcome(StepStatus.WARNING if self.warned else StepStatus.SUCCEEDED)

    def outcome(self, status: StepStatus, error: StepError | None = None) -> StepOutcome:
        published = self.step.publishes and status.good
        counts = self.counted if published else {}
        return StepOutcome(
            status=status,
            statements=tuple(self.records),
            rows_inserted=counts.get(Counts.INSERTED),
            rows_updated=counts.get(Counts.UPDATED),
            rows_deleted=counts.get(Counts.DELETED),
            published=published,
            error=error,
            notes=tuple(self.notes),
        )

    def load(self) -> None:
        """Everything between BEGIN and COMMIT of a step that writes, the marker last."""
        if self.step.shape is not None:
            self.check_shape(self.step.shape)
        ranges = self.due_ranges()
        self.statements(ranges)
        table = self.step.table
        assert table is not None
        if ranges:
            self.session.record_intervals(table, ranges, self.late.run_uid)
        self.session.write_marker(
            run_uid=self.late.run_uid,
            step_id=self.step.id,
            fence=self.late.fence,
            rows=self.counted.get(Counts.INSERTED),
            table=table,
        )

    def statements(self, ranges: tuple[Range, ...] | tuple[()]) -> None:
        """Run the statements in order. Checks that stand together all run, so that a person sees every failing
        test at once; the first statement after a failed guard does not."""
        for statement in self.step.statements:
            if statement.check is None and self.guard is not None:
                break
            if not statement.each_interval:
                self.execute(statement, {})
                continue
            for start, end in ranges:
                self.execute(statement, {"from": start, "to": end})
        if self.guard is not None:
            raise _Refused(self.guard)

    def execute(self, statement: Statement, bounds: Mapping[str, Any]) -> None:
        parameters = {name: self.late_value(name, bounds) for name in statement.parameters}
        started = self.clock()
        try:
            answer = self.session.execute(statement.sql, parameters or None)
        except HeadgateError as error:
            status = StepStatus.CANCELED if isinstance(error, StatementCanceled) else StepStatus.FAILED
            if statement.check is not None and statement.check.test is not None:
                error.message = f"the test {statement.name} cannot be run: {error.message}"
            self.record(statement, started, status, error=step_error(error))
            raise
        if statement.check is not None:
            self.judge(statement, statement.check, answer, started, parameters)
            return
        if statement.counts is not None and answer.row_count is not None:
            self.counted[statement.counts] = self.counted.get(statement.counts, 0) + answer.row_count
        self.record(statement, started, StepStatus.SUCCEEDED, rows=answer.row_count, query_id=answer.query_id)

    def judge(
        self,
        statement: Statement,
        check: Check,
        answer: Answer,
        started: dt.datetime,
        parameters: Mapping[str, Any],
    ) -> None:
        failures, total = _counts(answer)
        if not exceeds(check, failures, total):
            self.record(statement, started, StepStatus.SUCCEEDED, rows=failures, query_id=answer.query_id)
            return
        sample = self.session.execute(check.probe, parameters or None) if check.probe else None
        error = StepError(
            code="test_failed" if check.test else "load_refused",
            message=f"{statement.name}: {check.message.format(failures=failures, total=total)}",
            hint="" if check.test else "mend the query, or the rows it reads; nothing was published",
            sample=tuple(tuple(_plain(value) for value in row) for row in sample.rows) if sample else (),
            sample_columns=sample.columns if sample else (),
        )
        guards = check.severity is Severity.ERROR and not check.continue_on_failure
        if guards:
            self.guard = self.guard or error
        self.warned = True
        status = StepStatus.WARNING if check.severity is Severity.WARN else StepStatus.FAILED
        self.record(statement, started, status, rows=failures, query_id=answer.query_id, error=error)

    def record(
        self,
        statement: Statement,
        started: dt.datetime,
        status: StepStatus,
        *,
        rows: int | None = None,
        query_id: str | None = None,
        error: StepError | None = None,
    ) -> None:
        self.records.append(
            StatementRecord(
                name=statement.name,
                role=statement.role,
                sql=statement.sql,
                status=status,
                started_at=started,
                ended_at=self.clock(),
                rows=rows,
                counts=statement.counts,
                query_id=query_id,
                error=error,
                test=statement.check.test if statement.check else None,
            )
        )

    def late_value(self, name: str, bounds: Mapping[str, Any]) -> Any:
        return self.late.run_started_at if name == "run_started_at" else bounds[name]

    def due_ranges(self) -> tuple[Range, ...]:
        load, table = self.step.load, self.step.table
        if load is None or load.strategy is not LoadStrategy.INTERVAL:
            return ()
        assert load.interval is not None
        assert load.start is not None
        assert table is not None
        ranges = due_ranges(
            start=parse_instant(load.start),
            now=self.late.run_started_at,
            interval=Interval.parse(load.interval),
            done=self.session.done_intervals(table),
            lookback=load.lookback,
            max_intervals=load.max_intervals,
            backfill_from=self.late.backfill_from,
            backfill_to=self.late.backfill_to,
        )
        spans = ", ".join(f"[{_short(start)}, {_short(end)})" for start, end in ranges[:3])
        more = f" and {len(ranges) - 3} more" if len(ranges) > 3 else ""
        self.notes.append(f"intervals {spans}{more}" if ranges else "no interval is due")
        return tuple(ranges)

    def check_shape(self, shape: ShapeCheck) -> None:
        now = self.session.describe(shape.query)
        difference = shape_difference(shape.expected, now)
        table = shape.table_columns
        if shape.table_query and self.reshape is not None:
            table = self.session.describe(shape.table_query)
        if not difference and not shape_difference(shape.table_columns, table):
            return
        if shape.policy is OnSchemaChange.FAIL or self.reshape is None:
            raise _Refused(
                StepError(
                    code="schema_changed",
                    message=f"the query of {self.step.id} no longer yields what was deployed: {difference}",
                    hint="plan and deploy the change, or set on_schema_change: add_columns, sync or ignore",
                )
            )
        self.step = self.reshape(self.step, Shapes(now, table))
        if difference:
            self.notes.append(f"columns differ from those deployed: {difference}")


def exceeds(check: Check, failures: int, total: int | None) -> bool:
    """Whether so many failing rows are more than the check's threshold bears."""
    if check.threshold.percent is not None:
        return failures * 100 > check.threshold.percent * (total or 0)
    return failures > (check.threshold.rows or 0)


def shape_difference(expected: tuple[BoundColumn, ...], now: tuple[BoundColumn, ...]) -> str:
    """What differs between two lists of columns, as one sentence part; empty where they agree. Order is free."""
    old = {column.name.lower(): column.type for column in expected}
    new = {column.name.lower(): column.type for column in now}
    parts = [f"{name} {new[name]} is new" for name in new if name not in old]
    parts += [f"{name} is gone" for name in old if name not in new]
    parts += [
        f"{name} was {old[name]} and is {new[name]}" for name in new if name in old and old[name] != new[name]
    ]
    return ", ".join(parts)


def step_error(error: HeadgateError) -> StepError:
    return StepError(code=error.code, message=error.message, hint=error.hint)


def parse_instant(text: str) -> dt.datetime:
    """An ISO 8601 date or time; without a zone it is UTC."""
    instant = dt.datetime.fromisoformat(text)
    return instant.replace(tzinfo=dt.UTC) if instant.tzinfo is None else instant.astimezone(dt.UTC)


def _counts(answer: Answer) -> tuple[int, int | None]:
    if len(answer.rows) != 1:
        raise StatementFailed(
            "check_malformed", f"a check must answer one row, this one gave {len(answer.rows)}"
        )
    row = answer.rows[0]
    return int(row[0] or 0), int(row[1]) if len(row) > 1 and row[1] is not None else None


def _plain(value: Any) -> Any:
    return value if value is None or isinstance(value, bool | int | float | str) else str(value)


def _short(instant: dt.datetime) -> str:
    return instant.strftime("%Y-%m-%d" if instant.time() == dt.time() else "%Y-%m-%dT%H:%M")
