"""Jobs that live in the state, each in one environment, and the one thing about jobs of files that is kept here:
which of them are inactive. Those of files are otherwise part of what is deployed."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from headgate.errors import NotFound, Refused
from headgate.model.project import Job
from headgate.store import audit, events
from headgate.store.audit import Actor
from headgate.store.codec import from_json, from_micros, to_json
from headgate.store.connection import Conflict, Connection, Database, Row
from headgate.store.statements import load

SQL = load("jobs")

FIRST_ID = 100_000
"""Ids below it belong to files."""


@dataclass(frozen=True, slots=True)
class StoredJob:
    environment_id: int
    job: Job
    active: bool
    created_at: datetime
    updated_at: datetime
    updated_by: str


class Jobs:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def create(self, environment_id: int, job: Job, *, active: bool = True, by: Actor) -> StoredJob:
        """Keeps `job` under an id of its own, which is never given to another. Raises NotFound
        `environment_not_found`, Refused `job_exists`."""
        try:
            with self._database.write() as connection:
                (row,) = connection.rows(SQL["next_id"], {"lowest": FIRST_ID})
                made = replace(job, id=row[0])
                return self._write(connection, "add", "job_created", environment_id, made, active, by)
        except Conflict as error:
            raise self._taken(environment_id, job) from error

    def change(self, environment_id: int, job: Job, *, active: bool, by: Actor) -> StoredJob:
        """Gives the job of this id another definition. Raises NotFound `job_not_found`, Refused `job_exists`."""
        try:
            with self._database.write() as connection:
                return self._write(connection, "change", "job_changed", environment_id, job, active, by)
        except Conflict as error:
            raise self._taken(environment_id, job) from error

    def _write(  # noqa: PLR0913, PLR0917 - what is written, where and by whom
        self,
        connection: Connection,
        statement: str,
        action: str,
        environment_id: int,
        job: Job,
        active: bool,
        by: Actor,
    ) -> StoredJob:
        now = self._now()
        parameters = {
            "environment_id": environment_id,
            "id": job.id,
            "name": job.name,
            "definition": to_json(job),
            "active": int(active),
            "now": now,
            "by": by.name,
        }
        rows = connection.rows(SQL[statement], parameters)
        if not rows:
            raise not_found(environment_id, job.id)
        self._note(connection, now, action, environment_id, job.id, by)
        return _stored(rows[0])

    def delete(self, environment_id: int, job_id: int, *, by: Actor) -> None:
        """Its runs stay. Raises NotFound `job_not_found`."""
        with self._database.write() as connection:
            if not connection.change(SQL["delete"], {"environment_id": environment_id, "id": job_id}):
                raise not_found(environment_id, job_id)
            self._note(connection, self._now(), "job_deleted", environment_id, job_id, by)

    def set_file_active(self, environment_id: int, job_id: int, active: bool, *, by: Actor) -> None:
        """Whether a job of a file is triggered in this environment. Doing it again changes nothing."""
        now = self._now()
        parameters = {"environment_id": environment_id, "job_id": job_id, "now": now, "by": by.name}
        with self._database.write() as connection:
            if connection.change(SQL["activate" if active else "deactivate"], parameters):
                action = "job_activated" if active else "job_deactivated"
                self._note(connection, now, action, environment_id, job_id, by)

    def get(self, environment_id: int, job_id: int) -> StoredJob:
        """Raises NotFound `job_not_found`."""
        with self._database.read() as connection:
            row = connection.row(SQL["get"], {"environment_id": environment_id, "id": job_id})
        if row is None:
            raise not_found(environment_id, job_id)
        return _stored(row)

    def list(self, environment_id: int) -> list[StoredJob]:
        """By id."""
        with self._database.read() as connection:
            return [_stored(row) for row in connection.rows(SQL["list"], {"environment_id": environment_id})]

    def inactive(self, environment_id: int) -> frozenset[int]:
        """The ids of jobs of files that are not triggered in this environment."""
        with self._database.read() as connection:
            rows = connection.rows(SQL["inactive"], {"environment_id": environment_id})
        return frozenset(row[0] for row in rows)

    def _note(
        self, connection: Connection, now: int, action: str, environment_id: int, job_id: int, by: Actor
    ) -> None:
        audit.add(connection, now, by, action, f"job/{environment_id}/{job_id}")
        events.add(connection, events.values(now, action, {"job_id": job_id}, environment_id=environment_id))

    def _taken(self, environment_id: int, job: Job) -> NotFound | Refused:
        named = [stored for stored in self.list(environment_id) if stored.job.name == job.name]
        if not named:
            return NotFound("environment_not_found", f"there is no environment {environment_id}")
        return Refused(
            "job_exists",
            f"the job {named[0].job.id} has the name {job.name} already",
            hint="choose another name, or change that job",
        )


def not_found(environment_id: int, job_id: int) -> NotFound:
    return NotFound(
        "job_not_found",
        f"environment {environment_id} has no job {job_id} of its own",
        hint="jobs of files are changed in the project",
    )


def _stored(row: Row) -> StoredJob:
    environment_id, _, definition, active, created_at, updated_at, updated_by = row
    return StoredJob(
        environment_id,
        from_json(definition, Job),
        bool(active),
        from_micros(created_at),
        from_micros(updated_at),
        updated_by,
    )
