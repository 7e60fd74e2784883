"""Runs: made waiting, ended once, listed. Every move is compare-and-set. Who carries them out is in `queue`.

`fence` grows at each claim. Whoever writes for a run names the fence of its claim; where that has moved, the
write is refused with LeaseLost. Steps are in `steps`, the writer of a running run's steps in `journal`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta

from headgate.errors import HeadgateError, NotFound, Refused
from headgate.model.project import Retries
from headgate.model.runs import RUN_MOVES, Owner, Run, RunKind, RunRequest, RunStatus
from headgate.model.steps import StepError
from headgate.store import audit, claims, events
from headgate.store.audit import Actor
from headgate.store.codec import (
    from_json,
    from_micros,
    optional_from_json,
    optional_instant,
    optional_json,
    optional_micros,
    strings_from_json,
    to_json,
)
from headgate.store.connection import Conflict, Connection, Database, Row, again
from headgate.store.deployments import NewDeployment, fail_applying, insert_deployment
from headgate.store.run_lists import ANY_RUN, NEWEST_FIRST, RunFilter, RunOrder, list_statement
from headgate.store.statements import load, one_of
from headgate.store.steps import cancel_open, fail_interrupted

SQL = load("runs")
LONGEST_DELAY = timedelta(days=7)
OPEN = (RunStatus.WAITING, RunStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a run is made of. `owner` is the process that the run belongs to already while it waits, where it
    does: when that dies, nobody else may take the run up. `not_before` keeps it waiting until then."""

    kind: RunKind
    environment_id: int
    request: RunRequest = field(default_factory=RunRequest)
    job_id: int | None = None
    job_name: str | None = None
    rerun_of: int | None = None
    config_key: str | None = None
    requested_by: str = ""
    requested_by_user: int | None = None
    deployment_id: int | None = None
    owner: Owner | None = None
    priority: int = 0
    not_before: datetime | None = None


class Runs:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def create(self, new: NewRun) -> Run:
        """Writes a waiting run. Raises NotFound where its environment or the run it repeats is unknown."""
        try:
            with self._database.write() as connection:
                return insert_run(connection, new, self._now())
        except Conflict as error:
            raise unknown_subject(new) from error

    def create_deploy(self, new: NewRun, deployment: NewDeployment, *, by: Actor | None = None) -> Run:
        """Writes a waiting deploy with the deployment that it applies: whoever finds the one finds the other. `by`
        stands in the audit trail. Raises NotFound for an unknown environment, or `blob_not_found`."""
        try:
            with self._database.write() as connection:
                now = self._now()
                run = insert_run(connection, new, now)
                made = insert_deployment(connection, deployment, run.id, now)
                if by is not None:
                    subject = f"environment/{new.environment_id}"
                    data = {"run": run.id, "deployment": made.number, "version": made.version}
                    audit.add(connection, now, by, "deploy_started", subject, data)
        except Conflict as error:
            raise unknown_subject(new) from error
        return run

    def pin(self, run_id: int, fence: int, deployment_id: int) -> None:
        """Says which deployment a running run makes or carries out."""
        with self._database.write() as connection:
            parameters = {"id": run_id, "fence": fence, "deployment_id": deployment_id}
            if not connection.change(SQL["pin"], parameters):
                raise claims.lost(run_id)

    @again
    def finish(
        self,
        run_id: int,
        fence: int,
        status: RunStatus,
        error: StepError | None = None,
        notes: Sequence[str] = (),
    ) -> Run:
        """Ends a run, with its work. A failed one whose job has tries left is followed by the next one, in the same
        transaction. Steps still open are canceled, and a deployment still
        applying fails; neither may be there where the run succeeds (Refused `run_unfinished`).

        Raises LeaseLost, or Refused `run_move_refused` where the run is over already.
        """
        now = self._now()
        parameters = {
            "id": run_id,
            "fence": fence,
            "status": status,
            "now": now,
            "error": optional_json(error),
            "notes": optional_json(tuple(notes)),
        }
        with self._database.write() as connection:
            rows = connection.rows(SQL["finish"].format(allowed=_sources(status)), parameters)
            if not rows:
                raise refusal(connection, run_id, fence, status)
            run = one_run(rows)
            left = cancel_open(connection, run, now) + fail_applying(connection, run, now)
            if left and status in (RunStatus.SUCCEEDED, RunStatus.WARNING):
                raise Refused(
                    "run_unfinished", f"run {run_id} cannot be {status}: {left} of its parts are open"
                )
            if run.status is RunStatus.FAILED and run.request.retries is not None:
                _try_again(connection, run, run.request.retries, now)
            release(connection, run_id)
            record_move(connection, run, now)
        return run

    @again
    def interrupt(self, run_id: int, fence: int, error: StepError | None = None) -> Run:
        """Marks an open run as failed whose process died: its running steps fail, its waiting ones are
        canceled, a deployment still applying fails and marks its environment. Raises as `finish` does."""
        now = self._now()
        error = error or StepError(
            "interrupted",
            "the process that carried the run out ended without finishing it",
            f"headgate rerun {run_id}",
        )
        parameters = {"id": run_id, "fence": fence, "now": now, "error": to_json(error)}
        with self._database.write() as connection:
            statement = SQL["interrupt"].format(allowed=_sources(RunStatus.FAILED))
            rows = connection.rows(statement, parameters)
            if not rows:
                raise refusal(connection, run_id, fence, RunStatus.FAILED)
            run = one_run(rows)
            fail_interrupted(connection, run, now, error)
            fail_applying(connection, run, now)
            release(connection, run_id)
            record_move(connection, run, now)
        return run

    @again
    def request_cancel(self, run_id: int, *, by: Actor | None = None) -> Run:
        """Cancels a waiting run at once; asks the process of a running one to stop it. Asking twice is asking
        once. `by` is who asks, None where it is the run's own process. Raises NotFound, or Refused `run_ended`."""
        with self._database.write() as connection:
            run = require_run(connection, run_id)
            if run.status.final:
                raise Refused(
                    "run_ended", f"run {run_id} is {run.status} already", hint="nothing is left to stop"
                )
            if by is not None:
                audit.add(connection, self._now(), by, "run_canceled", f"run/{run_id}")
            return cancel(connection, run, self._now())

    def cancel_requested(self, run_id: int) -> bool:
        """Whether somebody asked a run to stop. One indexed read: cheap to poll."""
        with self._database.read() as connection:
            row = connection.row(SQL["cancel_requested"], {"id": run_id})
        return bool(row and row[0])

    def get(self, run_id: int) -> Run:
        """Raises NotFound `run_not_found`."""
        with self._database.read() as connection:
            return require_run(connection, run_id)

    def running(self) -> list[tuple[Run, Owner]]:
        """Runs that a process carries out, with that process, oldest first."""
        return [(run, owner) for run, owner in self._open(RunStatus.RUNNING) if owner is not None]

    def open(self) -> list[tuple[Run, Owner | None]]:
        """Runs that wait or run, with the process each belongs to, oldest first."""
        return self._open(*OPEN)

    def open_counts(self) -> list[tuple[RunKind, RunStatus, int, datetime]]:
        """How many runs wait and run, by kind, and since when the oldest of each does."""
        with self._database.read() as connection:
            rows = connection.rows(SQL["open_counts"])
        return [
            (RunKind(kind), RunStatus(status), count, from_micros(at)) for kind, status, count, at in rows
        ]

    def history_chain(self, run_id: int) -> list[Run]:
        """The run that all began with, and every rerun of it or of its reruns, oldest first."""
        with self._database.read() as connection:
            require_run(connection, run_id)
            return [run_of_row(row) for row in connection.rows(SQL["family"], {"id": run_id})]

    def _open(self, *statuses: RunStatus) -> list[tuple[Run, Owner | None]]:
        with self._database.read() as connection:
            rows = connection.rows(SQL["open"].format(statuses=one_of(statuses)))
        return [(run_of_row(row[:-4]), Owner(*row[-4:]) if row[-4] is not None else None) for row in rows]

    def list(
        self,
        which: RunFilter = ANY_RUN,
        *,
        limit: int = 50,
        before_id: int | None = None,
        order: RunOrder = NEWEST_FIRST,
    ) -> list[Run]:
        """Runs in the order asked for, at most `limit`; by default newest first, those below `before_id`."""
        if before_id is not None:
            order = replace(order, after_id=before_id)
        statement, parameters = list_statement(which, order, limit)
        with self._database.read() as connection:
            return [run_of_row(row) for row in connection.rows(statement, parameters)]


def last_run(connection: Connection, environment_id: int) -> Run | None:
    row = connection.row(SQL["last_of_environment"], {"environment_id": environment_id})
    return run_of_row(row) if row else None


def require_run(connection: Connection, run_id: int) -> Run:
    """One run, read in the caller's transaction. Raises NotFound `run_not_found`."""
    row = connection.row(SQL["get"], {"id": run_id})
    if row is None:
        newest = connection.row(SQL["newest"])
        known = f"the newest run is {newest[0]}" if newest and newest[0] else "nothing has run yet"
        raise NotFound("run_not_found", f"there is no run {run_id}", hint=known)
    return run_of_row(row)


def run_of_row(row: Row) -> Run:
    return Run(
        id=row[0],
        uid=row[1],
        kind=RunKind(row[2]),
        status=RunStatus(row[3]),
        environment_id=row[4],
        created_at=from_micros(row[5]),
        request=from_json(row[6], RunRequest),
        deployment_id=row[7],
        job_id=row[8],
        job_name=row[9],
        rerun_of=row[10],
        config_key=row[11],
        started_at=optional_instant(row[12]),
        ended_at=optional_instant(row[13]),
        fence=row[14],
        requested_by=row[15],
        error=optional_from_json(row[16], StepError),
        notes=strings_from_json(row[17]),
        priority=row[18],
        not_before=optional_instant(row[19]),
    )


def cancel(connection: Connection, run: Run, now: int) -> Run:
    """Cancels an open run inside the caller's transaction: at once where it waits, else by asking its process."""
    if rows := connection.rows(SQL["cancel_waiting"], {"id": run.id, "now": now}):
        canceled = one_run(rows)
        cancel_open(connection, canceled, now)
        fail_applying(connection, canceled, now)
        release(connection, run.id)
        record_move(connection, canceled, now)
        return canceled
    if connection.change(SQL["request_cancel"], {"id": run.id}):
        events.add(connection, run_event(run, "cancel_requested", "{}", now))
        connection.notify()
    return run


def insert_run(connection: Connection, new: NewRun, now: int, *, skipped_because: str = "") -> Run:
    """Writes a run inside the caller's transaction: waiting, or skipped for a reason. Raises Conflict where its
    environment or the run it repeats is unknown."""
    skipped = bool(skipped_because)
    parameters = {
        "uid": uuid.uuid4().hex,
        "kind": new.kind,
        "status": RunStatus.SKIPPED if skipped else RunStatus.WAITING,
        "environment_id": new.environment_id,
        "now": now,
        "ended_at": now if skipped else None,
        "request": to_json(new.request),
        "deployment_id": new.deployment_id,
        "job_id": new.job_id,
        "job_name": new.job_name,
        "rerun_of": new.rerun_of,
        "config_key": new.config_key,
        "requested_by": new.requested_by,
        "requested_by_user": new.requested_by_user,
        "priority": new.priority,
        "not_before": optional_micros(new.not_before),
        "notes": to_json((skipped_because,)) if skipped else None,
    }
    run = one_run(connection.rows(SQL["add"], parameters))
    if not skipped:
        work = {"run_id": run.id, "attached": int(new.owner is not None), **owner_parameters(new.owner)}
        connection.change(SQL["add_work"], work)
    record_move(connection, run, now)
    return run


def _try_again(connection: Connection, run: Run, retries: Retries, now: int) -> None:
    """Writes the next try down. A run that is attached to a process has none: that process tells a person instead."""
    attached = connection.row(SQL["attached"], {"run_id": run.id})
    if run.request.attempt >= retries.max or attached is None or attached[0]:
        return
    delay = timedelta(seconds=retries.delay_seconds * retries.backoff**run.request.attempt)
    again = NewRun(
        kind=run.kind,
        environment_id=run.environment_id,
        request=replace(run.request, attempt=run.request.attempt + 1),
        job_id=run.job_id,
        job_name=run.job_name,
        rerun_of=None if retries.from_start else run.id,
        config_key=run.config_key,
        requested_by=run.requested_by,
        not_before=from_micros(now) + min(delay, LONGEST_DELAY),
        priority=run.priority,
    )
    insert_run(connection, again, now)


def unknown_subject(new: NewRun) -> NotFound:
    what = f"environment {new.environment_id}"
    if new.rerun_of is not None:
        what += f" or run {new.rerun_of}"
    return NotFound("run_subject_not_found", f"cannot start a run: there is no {what}")


def one_run(rows: list[Row]) -> Run:
    return run_of_row(rows[0])


def _sources(to: RunStatus) -> str:
    """The statuses from which a run may move to `to`, as the inside of an IN list."""
    return one_of(source for source, targets in RUN_MOVES.items() if to in targets)


def refusal(connection: Connection, run_id: int, fence: int, to: RunStatus) -> HeadgateError:
    run = require_run(connection, run_id)
    if run.fence != fence:
        return claims.lost(run_id)
    return Refused("run_move_refused", f"run {run_id} is {run.status} and cannot become {to}")


def release(connection: Connection, run_id: int) -> None:
    connection.change(SQL["end_work"], {"run_id": run_id})


def record_move(connection: Connection, run: Run, now: int) -> None:
    data: dict[str, object] = {"status": run.status}
    if run.error:
        data["error"] = {"code": run.error.code, "message": run.error.message}
    events.add(connection, run_event(run, "run_status", to_json(data), now))
    if run.status is not RunStatus.RUNNING:  # one more waits, or one less is in the way
        connection.notify()


def run_event(run: Run, kind: str, data: str, now: int) -> dict[str, object]:
    return events.values(now, kind, data, run_id=run.id, environment_id=run.environment_id)


def owner_parameters(owner: Owner | None) -> dict[str, object]:
    return {
        "host": owner.host if owner else None,
        "pid": owner.pid if owner else None,
        "process_started": owner.process_started if owner else None,
        "label": owner.label if owner else None,
    }
