"""The queue: runs enter it, a process claims one under a lease and a fence, and a run whose process left goes back.

The row of a run is its lock: it holds its configuration while it runs, and its environment from its first claim to
its end (a deploy alone, everything else beside others). Nothing here waits: a refusal names the run in the way.
"""

from __future__ import annotations

from collections.abc import Callable, Container
from dataclasses import dataclass
from datetime import timedelta

from headgate.errors import Busy, LeaseLost, Refused
from headgate.model.runs import Overlap, Owner, Run, RunKind, RunStatus
from headgate.model.steps import StepError
from headgate.store import claims, events, runs
from headgate.store.codec import MICROSECOND, to_json
from headgate.store.connection import Conflict, Connection, Database, Row, again
from headgate.store.runs import NewRun, insert_run, one_run, owner_parameters, record_move, run_of_row
from headgate.store.statements import load
from headgate.store.steps import reopen

SQL = {
    name: text.replace("{returned}", runs.SQL["returned"]).replace("{columns}", runs.SQL["columns"])
    for name, text in load("queue").items()
}
CANDIDATE = SQL["candidate"]
RUN_COLUMNS = runs.SQL["columns"].count(",") + 1
FRESH, RESUMED = "run.started_at IS NULL", "run.started_at IS NOT NULL"
DEFAULT_CAP = 100
"""How many runs of one configuration may wait: more of them are a mistake somewhere, not work."""

MOST_FENCES = 12
"""A run that has lost six workers (a claim and a hand-back each move the fence) is what kills them."""

_WORKERS_LOST = StepError(
    "worker_lost",
    "every worker that took this run up died",
    "look whether it needs more memory than they have, then rerun it",
)


@dataclass(frozen=True, slots=True)
class Admission:
    """How a run enters. `key` makes the start idempotent: the same `caller` gets the same run for it again, where it
    asks for the same (`digest`). `cap` bounds the waiting runs of one configuration."""

    overlap: Overlap = Overlap.QUEUE
    cap: int = DEFAULT_CAP
    caller: str = ""
    key: str | None = None
    digest: str = ""


@dataclass(frozen=True, slots=True)
class Held:
    """An open run and the process that has it. `attached`: it belongs to that process and fails with it."""

    run: Run
    owner: Owner
    attached: bool


class Queue:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros
        self._runs = runs.Runs(database, now_micros)

    # --- entering -----------------------------------------------------------------------------------

    @again
    def enter(self, new: NewRun, admission: Admission = Admission()) -> Run:
        """Writes a run down by its overlap policy, and returns it: a new one that waits or was skipped, or the one
        that a waiting run or an idempotency key stands for already.

        Raises NotFound for an unknown environment, Refused (`queue_full`, `idempotency_key_reused`).
        """
        try:
            with self._database.write() as connection:
                return self._answered(connection, admission) or self._enter(connection, new, admission)
        except Conflict as error:
            with self._database.read() as connection:  # the same key at the same instant, or no such subject
                if run := self._answered(connection, admission):
                    return run
            raise runs.unknown_subject(new) from error

    def _answered(self, connection: Connection, admission: Admission) -> Run | None:
        if admission.key is None:
            return None
        row = connection.row(SQL["answered"], {"caller": admission.caller, "key": admission.key})
        if row is None:
            return None
        if row[0] != admission.digest:
            raise Refused(
                "idempotency_key_reused",
                f"the idempotency key {admission.key} was sent before with another request (run {row[1]})",
                hint="send a new key with a new request",
            )
        return runs.require_run(connection, row[1])

    def _enter(self, connection: Connection, new: NewRun, admission: Admission) -> Run:
        now = self._now()
        because = ""
        if new.config_key is not None:
            if admission.overlap is not Overlap.QUEUE:  # two at once would not see each other
                claims.lock_environment(connection, new.environment_id)
            alike = [
                run_of_row(row) for row in connection.rows(SQL["open_alike"], {"config_key": new.config_key})
            ]
            waiting = [run for run in alike if run.status is RunStatus.WAITING]
            match admission.overlap:
                case Overlap.COALESCE:
                    if same := [
                        run for run in waiting if run.request == new.request and run.started_at is None
                    ]:
                        return self._remember(connection, same[0], admission, now)
                case Overlap.SKIP if alike:
                    because = (
                        f"run {alike[0].id} of the same configuration is {alike[0].status} (overlap: skip)"
                    )
                case Overlap.REPLACE:
                    for run in alike:
                        runs.cancel(connection, run, now)
                    waiting = []
                case _:
                    pass
            if len(waiting) >= admission.cap and not because:
                raise Refused(
                    "queue_full",
                    f"{len(waiting)} runs of {new.config_key} wait already",
                    hint="wait for some of them, cancel them, or give the job another overlap policy",
                )
        run = insert_run(connection, new, now, skipped_because=because)
        return self._remember(connection, run, admission, now)

    def _remember(self, connection: Connection, run: Run, admission: Admission, now: int) -> Run:
        if admission.key is not None:
            values = {"caller": admission.caller, "key": admission.key, "request_digest": admission.digest}
            connection.change(SQL["remember"], {**values, "run_id": run.id, "now": now})
        return run

    # --- claims -------------------------------------------------------------------------------------

    @again
    def claim(self, run_id: int, owner: Owner, lease_seconds: float) -> Run | None:
        """Moves a waiting run to running for `owner` and returns it with its new fence; None where it does not wait
        (any more). A refresh pins the deployment that stands in its environment.

        Raises Busy `configuration_running` or `environment_busy`, naming the run in the way.
        """
        try:
            with self._database.write() as connection:
                row = connection.row(SQL["environment_of"], {"id": run_id})
                if row is None or row[1] != RunStatus.WAITING:
                    return None
                claims.lock_environment(connection, row[0])
                if busy := self._in_the_way(connection, run_id, row[0]):
                    raise busy
                return self._take(connection, run_id, owner, lease_seconds)
        except Conflict:  # another database session was faster, between our look and our update
            with self._database.read() as connection:
                ahead = connection.row(SQL["ahead"], {"id": run_id})
            if ahead is None:
                return None
            raise _busy_configuration(run_id, run_of_row(ahead)) from None

    @again
    def claim_next(self, owner: Owner, lease_seconds: float) -> Run | None:
        """Claims the run whose turn it is: handed back ones first, then by priority and age. None where nothing is
        due that this host may carry out."""
        for which in (RESUMED, FRESH):
            while True:
                parameters = {"now": self._now(), "host": owner.host}
                with self._database.read() as connection:  # looking keeps nobody from writing
                    row = connection.row(CANDIDATE.format(which=which), parameters)
                if row is None:
                    break
                parameters["environment_id"] = row[1]
                try:
                    with self._database.write() as connection:
                        claims.lock_environment(connection, row[1])
                        # Others may have claimed in this environment before we had its lock.
                        here = f"{which} AND run.environment_id = :environment_id"
                        row = connection.row(CANDIDATE.format(which=here), parameters)
                        if row and (run := self._take(connection, row[0], owner, lease_seconds)):
                            return run
                except Conflict:
                    continue
        return None

    def _take(self, connection: Connection, run_id: int, owner: Owner, lease_seconds: float) -> Run | None:
        now = self._now()
        rows = connection.rows(SQL["claim"], {"id": run_id, "now": now})
        if not rows:
            return None
        run = one_run(rows)
        lease_until = now + lease_micros(lease_seconds)
        connection.change(
            SQL["own"], {"run_id": run_id, "lease_until": lease_until, **owner_parameters(owner)}
        )
        record_move(connection, run, now)
        return run

    def _in_the_way(self, connection: Connection, run_id: int, environment_id: int) -> Busy | None:
        if row := connection.row(SQL["ahead"], {"id": run_id}):
            ahead = run_of_row(row)
            if ahead.status is RunStatus.RUNNING or not _overtakes(connection, run_id, ahead):
                return _busy_configuration(run_id, ahead)
        parameters = {"id": run_id, "now": self._now()}
        for name in ("in_environment", "deploy_waiting"):
            if row := connection.row(SQL[name], parameters):
                return _busy_environment(run_id, run_of_row(row))
        crowd = connection.row(SQL["crowd"], {"id": run_id, "environment_id": environment_id})
        if crowd is not None and crowd[0] is not None and crowd[1] >= crowd[0]:
            return Busy(
                "environment_busy",
                f"run {run_id} waits: {crowd[1]} runs are at work in its environment, which takes no more",
                hint="wait for one of them, or raise max_running of the environment",
            )
        return None

    # --- leases -------------------------------------------------------------------------------------

    @again
    def heartbeat(self, run_id: int, fence: int, lease_seconds: float) -> bool:
        """Keeps the lease, and says whether the run is asked to stop. Raises LeaseLost."""
        with self._database.write() as connection:
            _, cancel_requested = claims.require_held(connection, run_id, fence)
            self._extend(connection, run_id, lease_seconds)
        return cancel_requested

    def keep_waiting(self, run_id: int, lease_seconds: float) -> None:
        """The heartbeat of a process whose run waits for its turn."""
        with self._database.write() as connection:
            self._extend(connection, run_id, lease_seconds)

    def _extend(self, connection: Connection, run_id: int, lease_seconds: float) -> None:
        lease_until = self._now() + lease_micros(lease_seconds)
        connection.change(SQL["extend"], {"run_id": run_id, "lease_until": lease_until})

    @again
    def hand_back(self, run_id: int, fence: int, reason: str) -> Run:
        """Moves a running run back to waiting, for another process to go on with; its steps that ran wait again.
        The fence moves, so that whoever had it writes nothing more. Raises LeaseLost."""
        now = self._now()
        with self._database.write() as connection:
            rows = connection.rows(SQL["hand_back"], {"id": run_id, "fence": fence})
            if not rows:
                raise claims.lost(run_id)
            run = one_run(rows)
            connection.change(SQL["disown"], {"run_id": run_id})
            reopen(connection, run, now)
            data = to_json({"status": run.status, "reason": reason})
            events.add(connection, runs.run_event(run, "run_status", data, now))
            connection.notify()
        return run

    def release_expired(self, *, but: Container[int] = ()) -> list[Run]:
        """Hands back the runs whose process was not heard of for a whole lease; those attached to that process fail
        (`interrupted`). Returns them. Those of `but` are at work in the caller's process."""
        with self._database.read() as connection:
            rows = connection.rows(SQL["expired"], {"now": self._now()})
        expired = [(run_of_row(row[:-1]), bool(row[-1])) for row in rows]
        released = (self.release(run, attached=attached) for run, attached in expired if run.id not in but)
        return [run for run in released if run is not None]

    def release(self, run: Run, *, attached: bool, reason: str = "its worker was not heard of") -> Run | None:
        """Ends or hands back a run whose process is gone; None where somebody was faster."""
        try:
            if attached:
                return self._runs.interrupt(run.id, run.fence)
            if run.fence >= MOST_FENCES:
                return self._runs.interrupt(run.id, run.fence, _WORKERS_LOST)
            return self.hand_back(run.id, run.fence, reason)
        except (LeaseLost, Refused):
            return None

    def held_by(self, host: str) -> list[Held]:
        """Open runs that processes of `host` have."""
        with self._database.read() as connection:
            rows = connection.rows(SQL["unfinished_of"], {"host": host})
        return [Held(run_of_row(row[:RUN_COLUMNS]), Owner(*row[-4:]), bool(row[RUN_COLUMNS])) for row in rows]

    def lengths(self) -> dict[tuple[RunKind, RunStatus], int]:
        """How many runs wait and run, for each kind."""
        with self._database.read() as connection:
            rows: list[Row] = connection.rows(SQL["lengths"])
        return {(RunKind(kind), RunStatus(status)): count for kind, status, count in rows}


def lease_micros(seconds: float) -> int:
    return timedelta(seconds=seconds) // MICROSECOND


def _overtakes(connection: Connection, run_id: int, ahead: Run) -> bool:
    """Whether a run goes before one of its configuration that waits and is older: it is more urgent, was begun
    already, or the other is not due."""
    run = runs.require_run(connection, run_id)
    if ahead.started_at is not None:
        return False
    return run.started_at is not None or run.priority > ahead.priority or ahead.not_before is not None


def _busy_configuration(run_id: int, ahead: Run) -> Busy:
    what = f"job {ahead.job_name or ahead.job_id}" if ahead.job_id is not None else "the same configuration"
    state = "is running" if ahead.status is RunStatus.RUNNING else "came first"
    return Busy(
        "configuration_running",
        f"run {run_id} waits for run {ahead.id} of {what}, which {state}",
        hint=f"wait for it, or stop it: headgate cancel {ahead.id}",
    )


def _busy_environment(run_id: int, holder: Run) -> Busy:
    return Busy(
        "environment_busy",
        f"run {run_id} waits for run {holder.id}, a {holder.kind} of the same environment",
        hint=f"wait for it, or stop it: headgate cancel {holder.id}",
    )
