"""Runs: made waiting, claimed by one process under a fence, ended once. Every move is compare-and-set.

`fence` grows at each claim. Whoever writes for a run names the fence of its claim; where that has moved, the
write is refused with LeaseLost. Steps are in `steps`, the writer of a running run's steps in `journal`.
"""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import timedelta

from headgate.errors import Busy, HeadgateError, NotFound, Refused
from headgate.model.runs import RUN_MOVES, Owner, Run, RunKind, RunRequest, RunStatus
from headgate.model.steps import StepError
from headgate.store import claims, events
from headgate.store.codec import (
    MICROSECOND,
    from_json,
    from_micros,
    optional_from_json,
    optional_instant,
    optional_json,
    strings_from_json,
    to_json,
)
from headgate.store.connection import Conflict, Connection, Database, Row
from headgate.store.deployments import fail_applying
from headgate.store.statements import load, one_of
from headgate.store.steps import cancel_open, fail_interrupted

SQL = load("runs")
OPEN = (RunStatus.WAITING, RunStatus.RUNNING)


@dataclass(frozen=True, slots=True)
class NewRun:
    """What a run is made of. `owner` is the process that the run belongs to already while it waits, where it
    does: when that dies, nobody else may take the run up."""

    kind: RunKind
    environment_id: int
    request: RunRequest = field(default_factory=RunRequest)
    job_id: int | None = None
    job_name: str | None = None
    rerun_of: int | None = None
    config_key: str | None = None
    requested_by: str = ""
    deployment_id: int | None = None
    owner: Owner | None = None


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a list holds; None is any."""

    environment_id: int | None = None
    status: RunStatus | None = None
    kind: RunKind | None = None
    job_id: int | None = None


ANY_RUN = RunFilter()


class Runs:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def create(self, new: NewRun) -> Run:
        """Writes a waiting run. Raises NotFound where its environment or the run it repeats is unknown."""
        now = self._now()
        parameters = {
            "uid": uuid.uuid4().hex,
            "kind": new.kind,
            "environment_id": new.environment_id,
            "now": now,
            "request": to_json(new.request),
            "deployment_id": new.deployment_id,
            "job_id": new.job_id,
            "job_name": new.job_name,
            "rerun_of": new.rerun_of,
            "config_key": new.config_key,
            "requested_by": new.requested_by,
        }
        try:
            with self._database.write() as connection:
                run = _one(connection.rows(SQL["add"], parameters))
                connection.change(SQL["add_work"], {"run_id": run.id, **_owner_parameters(new.owner)})
                _moved(connection, run, now)
        except Conflict as error:
            what = f"environment {new.environment_id}"
            if new.rerun_of is not None:
                what += f" or run {new.rerun_of}"
            raise NotFound("run_subject_not_found", f"cannot start a run: there is no {what}") from error
        return run

    def claim(
        self, run_id: int, owner: Owner, lease_seconds: float, deployment_id: int | None = None
    ) -> Run | None:
        """Moves a waiting run to running for `owner` and returns it with its new fence; None where it does
        not wait any more. A refresh pins `deployment_id`, by default what stands in its environment.

        Raises Busy `configuration_running` while a run of the same configuration runs, or one that came
        earlier still waits.
        """
        now = self._now()
        parameters = {"id": run_id, "now": now, "deployment_id": deployment_id}
        statement = SQL["claim"].format(allowed=_sources(RunStatus.RUNNING))
        try:
            with self._database.write() as connection:
                if ahead := connection.row(SQL["ahead"], {"id": run_id}):
                    if require_run(connection, run_id).status is not RunStatus.WAITING:
                        return None
                    raise _busy(run_id, run_of_row(ahead))
                rows = connection.rows(statement, parameters)
                if not rows:
                    return None
                run = _one(rows)
                lease_until = now + lease_micros(lease_seconds)
                ownership = {"run_id": run_id, "lease_until": lease_until, **_owner_parameters(owner)}
                connection.change(SQL["own"], ownership)
                _moved(connection, run, now)
        except Conflict:  # another database session was faster, between our look and our update
            with self._database.read() as connection:
                ahead = connection.row(SQL["ahead"], {"id": run_id})
            if ahead is None:
                return None
            raise _busy(run_id, run_of_row(ahead)) from None
        return run

    def pin(self, run_id: int, fence: int, deployment_id: int) -> None:
        """Says which deployment a running run makes or carries out."""
        with self._database.write() as connection:
            parameters = {"id": run_id, "fence": fence, "deployment_id": deployment_id}
            if not connection.change(SQL["pin"], parameters):
                raise claims.lost(run_id)

    def heartbeat(self, run_id: int, fence: int, lease_seconds: float) -> bool:
        """Keeps the lease, and says whether the run is asked to stop. Raises LeaseLost."""
        with self._database.write() as connection:
            _, cancel_requested = claims.require_held(connection, run_id, fence)
            lease_until = self._now() + lease_micros(lease_seconds)
            connection.change(SQL["extend"], {"run_id": run_id, "lease_until": lease_until})
        return cancel_requested

    def finish(
        self,
        run_id: int,
        fence: int,
        status: RunStatus,
        error: StepError | None = None,
        notes: Iterable[str] = (),
    ) -> Run:
        """Ends a run, with its work and its locks. Steps still open are canceled, and a deployment still
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
                raise _refusal(connection, run_id, fence, status)
            run = _one(rows)
            left = cancel_open(connection, run, now) + fail_applying(connection, run, now)
            if left and status in (RunStatus.SUCCEEDED, RunStatus.WARNING):
                raise Refused(
                    "run_unfinished", f"run {run_id} cannot be {status}: {left} of its parts are open"
                )
            _release(connection, run_id)
            _moved(connection, run, now)
        return run

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
                raise _refusal(connection, run_id, fence, RunStatus.FAILED)
            run = _one(rows)
            fail_interrupted(connection, run, now, error)
            fail_applying(connection, run, now)
            _release(connection, run_id)
            _moved(connection, run, now)
        return run

    def request_cancel(self, run_id: int) -> Run:
        """Cancels a waiting run at once; asks the process of a running one to stop it. Asking twice is asking
        once. Raises NotFound, or Refused `run_ended`."""
        now = self._now()
        with self._database.write() as connection:
            if rows := connection.rows(SQL["cancel_waiting"], {"id": run_id, "now": now}):
                run = _one(rows)
                cancel_open(connection, run, now)
                fail_applying(connection, run, now)
                _release(connection, run_id)
                _moved(connection, run, now)
                return run
            run = require_run(connection, run_id)
            if run.status.final:
                raise Refused(
                    "run_ended", f"run {run_id} is {run.status} already", hint="nothing is left to stop"
                )
            if connection.change(SQL["request_cancel"], {"id": run_id}):
                events.add(connection, _event(run, "cancel_requested", "{}", now))
        return run

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
    ) -> list[Run]:
        """Runs, newest first, at most `limit`, those below `before_id`."""
        statement, parameters = list_statement(which, before_id)
        with self._database.read() as connection:
            return [run_of_row(row) for row in connection.rows(statement, {**parameters, "limit": limit})]


def list_statement(which: RunFilter, before_id: int | None) -> tuple[str, dict[str, object]]:
    """The text and the parameters of a list.

    A list is written as the ranges of one index that it consists of, one for each kind and status that it may
    hold, each read from its newest end. A planner cannot make a page cost more than its ranges times its size.
    """
    parameters: dict[str, object] = {"before_id": before_id} if before_id is not None else {}
    terms = ["id < :before_id"] if before_id is not None else []
    for name in ("environment_id", "job_id"):
        if (value := getattr(which, name)) is not None:
            terms.append(f"{name} = :{name}")
            parameters[name] = value
    if which.job_id is None and which.kind is None and which.status is None:
        return SQL["list"].format(where=" AND ".join(terms) or "1 = 1"), parameters
    statuses = RunStatus if which.status is None else (which.status,)
    kinds = RunKind if which.kind is None else (which.kind,)
    ranges = [[f"kind = '{kind}'", f"status = '{status}'"] for kind in kinds for status in statuses]
    parts = [SQL["list_part"].format(where=" AND ".join(terms + extra)) for extra in ranges]
    return SQL["list_merged"].format(parts=" UNION ALL ".join(parts)), parameters


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


def lease_micros(seconds: float) -> int:
    return timedelta(seconds=seconds) // MICROSECOND


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
    )


def _one(rows: list[Row]) -> Run:
    return run_of_row(rows[0])


def _sources(to: RunStatus) -> str:
    """The statuses from which a run may move to `to`, as the inside of an IN list."""
    return one_of(source for source, targets in RUN_MOVES.items() if to in targets)


def _refusal(connection: Connection, run_id: int, fence: int, to: RunStatus) -> HeadgateError:
    run = require_run(connection, run_id)
    if run.fence != fence:
        return claims.lost(run_id)
    return Refused("run_move_refused", f"run {run_id} is {run.status} and cannot become {to}")


def _release(connection: Connection, run_id: int) -> None:
    for name in ("end_work", "unlock_environment"):
        connection.change(SQL[name], {"run_id": run_id})


def _moved(connection: Connection, run: Run, now: int) -> None:
    data: dict[str, object] = {"status": run.status}
    if run.error:
        data["error"] = {"code": run.error.code, "message": run.error.message}
    events.add(connection, _event(run, "run_status", to_json(data), now))


def _event(run: Run, kind: str, data: str, now: int) -> dict[str, object]:
    return events.values(now, kind, data, run_id=run.id, environment_id=run.environment_id)


def _owner_parameters(owner: Owner | None) -> dict[str, object]:
    return {
        "host": owner.host if owner else None,
        "pid": owner.pid if owner else None,
        "process_started": owner.process_started if owner else None,
        "label": owner.label if owner else None,
    }


def _busy(run_id: int, ahead: Run) -> Busy:
    what = f"job {ahead.job_name or ahead.job_id}" if ahead.job_id is not None else "the same configuration"
    state = "is running" if ahead.status is RunStatus.RUNNING else "came first"
    return Busy(
        "configuration_running",
        f"run {run_id} waits for run {ahead.id} of {what}, which {state}",
        hint=f"wait for it, or stop it: headgate cancel {ahead.id}",
    )
