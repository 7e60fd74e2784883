"""Steps of a run: planned as waiting, read back with their statements. The journal moves those that run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import Any

from headgate.errors import Refused
from headgate.model.runs import STEP_MOVES, Run, StepRow
from headgate.model.steps import Counts, Role, StatementRecord, Step, StepError, StepStatus
from headgate.store import claims, events
from headgate.store.codec import (
    from_micros,
    optional_from_json,
    optional_instant,
    strings_from_json,
    to_json,
)
from headgate.store.connection import Conflict, Connection, Database, Row
from headgate.store.statements import chunks, in_list, load, one_of

SQL = load("steps")


class Steps:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def plan(self, run_id: int, fence: int, steps: Sequence[Step], *, reused: Iterable[str] = ()) -> None:
        """Writes the steps of an open run, all waiting but for those `reused` from an earlier run, in the order given.
        Once per run.

        Raises LeaseLost, or Refused `steps_planned` where the run has some of them already.
        """
        now = self._now()
        rows = [
            {
                "run_id": run_id,
                "step_id": step.id,
                "position": position,
                "name": step.name,
                "kind": step.kind,
                "location": step.location,
                "node_type": step.node_type,
            }
            for position, step in enumerate(steps)
        ]
        try:
            with self._database.write() as connection:
                environment_id, _ = claims.require_open(connection, run_id, fence)
                connection.change_many(SQL["plan"], rows)
                data = {"count": len(rows)}
                event = events.values(
                    now, "steps_planned", data, run_id=run_id, environment_id=environment_id
                )
                events.add(connection, event)
                _reuse(connection, run_id, environment_id, list(reused), now)
        except Conflict as error:
            raise Refused("steps_planned", f"run {run_id} has steps of these names already") from error

    def statements(self, run_id: int, step_id: str | None = None) -> dict[str, list[StatementRecord]]:
        """What ran, in order, by step in the order of the plan; of one step where it is named."""
        statement = SQL["statements"].format(only="" if step_id is None else "AND step.step_id = :step_id")
        parameters: dict[str, Any] = {"run_id": run_id}
        if step_id is not None:
            parameters["step_id"] = step_id
        with self._database.read() as connection:
            rows = connection.rows(statement, parameters)
        records: dict[str, list[StatementRecord]] = {}
        for row in rows:
            records.setdefault(row[0], []).append(_statement(row))
        return records

    def usual_durations(self, environment_id: int, step_ids: Iterable[str]) -> dict[str, float]:
        """Seconds that each step usually takes: an average of its good runs in which the last counts for a
        third. Steps that never succeeded are left out."""
        found: dict[str, float] = {}
        with self._database.read() as connection:
            for chunk in chunks(step_ids):
                inside, parameters = in_list(chunk)
                statement = SQL["usual_durations"].format(ids=inside)
                rows = connection.rows(statement, {"environment_id": environment_id, **parameters})
                found.update((step_id, duration / 1e6) for step_id, duration in rows)
        return found

    def list(self, run_id: int) -> list[StepRow]:
        """A run's steps in the order of its plan."""
        with self._database.read() as connection:
            return [_step(row) for row in connection.rows(SQL["list"], {"run_id": run_id})]


def sources(to: StepStatus) -> str:
    """The statuses from which a step may move to `to`, as the inside of an IN list."""
    return one_of(source for source, targets in STEP_MOVES.items() if to in targets)


def move(
    connection: Connection, run_id: int, to: StepStatus, statement: str, rows: Sequence[dict[str, Any]]
) -> None:
    """Moves steps to `to`, each from a status that allows it; all of them or, with Refused
    `step_move_refused` that names the first, none (the caller's transaction rolls back)."""
    text = statement.format(allowed=sources(to))
    if connection.change_many(text, rows) == len(rows):
        return
    seen: dict[str, str] = {}
    for chunk in chunks(row["step_id"] for row in rows):
        inside, parameters = in_list(chunk)
        seen.update(connection.rows(SQL["statuses"].format(ids=inside), {"run_id": run_id, **parameters}))
    for row in rows:
        if row["step_id"] not in seen:
            raise Refused("step_move_refused", f"run {run_id} has no step {row['step_id']}")
    refused = next((step_id for step_id, status in seen.items() if status != to), rows[0]["step_id"])
    raise Refused(
        "step_move_refused",
        f"step {refused} of run {run_id} is {seen[refused]} and cannot become {to}",
    )


def cancel_open(connection: Connection, run: Run, now: int) -> int:
    """Cancels the steps of a run that is over which the engine left open, which is rare. Returns how many."""
    found = {StepStatus(row[0]) for row in connection.rows(SQL["open_statuses"], {"run_id": run.id})}
    return sum(
        _close(connection, run, now, (source, StepStatus.CANCELED), None)
        for source in (StepStatus.RUNNING, StepStatus.WAITING)
        if source in found
    )


def fail_interrupted(connection: Connection, run: Run, now: int, error: StepError) -> None:
    """Closes the steps of a run whose process died: what ran failed, what waited is canceled."""
    _close(connection, run, now, (StepStatus.RUNNING, StepStatus.FAILED), error)
    _close(connection, run, now, (StepStatus.WAITING, StepStatus.CANCELED), None)


def _reuse(connection: Connection, run_id: int, environment_id: int, ids: list[str], now: int) -> None:
    """With the plan, or a worker that dies between the two would leave them to be done a second time."""
    if not ids:
        return
    rows: list[dict[str, object]] = [{"run_id": run_id, "step_id": step_id, "at": now} for step_id in ids]
    move(connection, run_id, StepStatus.REUSED, SQL["reuse"], rows)
    data = to_json({"status": StepStatus.REUSED})
    of_run = {"run_id": run_id, "environment_id": environment_id}
    told = (events.values(now, "step_status", data, step_id=step_id, **of_run) for step_id in ids)
    events.add(connection, *told)


def reopen(connection: Connection, run: Run, now: int) -> None:
    """Lets the steps that ran wait again: their run was handed back."""
    parameters = {
        "run_id": run.id,
        "environment_id": run.environment_id,
        "at": now,
        "from_status": StepStatus.RUNNING,
        "data": to_json({"status": StepStatus.WAITING}),
    }
    connection.change(SQL["close_events"], parameters)
    connection.change(SQL["reopen"], parameters)


def _close(
    connection: Connection,
    run: Run,
    now: int,
    change: tuple[StepStatus, StepStatus],
    error: StepError | None,
) -> int:
    source, target = change
    assert target in STEP_MOVES[source]
    data: dict[str, Any] = {"status": target}
    if error:
        data["error"] = {"code": error.code, "message": error.message}
    parameters = {
        "run_id": run.id,
        "environment_id": run.environment_id,
        "at": now,
        "from_status": source,
        "to_status": target,
        "error": to_json(error) if error else None,
        "data": to_json(data),
    }
    connection.change(SQL["close_events"], parameters)
    return connection.change(SQL["close"], parameters)


def _step(row: Row) -> StepRow:
    return StepRow(
        run_id=row[0],
        step_id=row[1],
        name=row[2],
        kind=row[3],
        status=StepStatus(row[4]),
        location=row[5],
        node_type=row[6],
        started_at=optional_instant(row[7]),
        ended_at=optional_instant(row[8]),
        rows_inserted=row[9],
        rows_updated=row[10],
        rows_deleted=row[11],
        published=bool(row[12]),
        attempts=row[13],
        error=optional_from_json(row[14], StepError),
        notes=strings_from_json(row[15]),
    )


def _statement(row: Row) -> StatementRecord:
    return StatementRecord(
        name=row[1],
        role=Role(row[2]),
        sql=row[3],
        status=StepStatus(row[4]),
        started_at=from_micros(row[5]),
        ended_at=from_micros(row[6]),
        rows=row[7],
        counts=Counts(row[8]) if row[8] else None,
        query_id=row[9],
        error=optional_from_json(row[10], StepError),
        test=row[11],
    )
