"""Environments as last applied: their definition, what is deployed, and the mark of a failed deploy."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from headgate.errors import NotFound, Refused, did_you_mean
from headgate.model.project import Environment
from headgate.model.runs import Run
from headgate.store import audit, events
from headgate.store.audit import Actor
from headgate.store.codec import from_json, from_micros, optional_instant, to_json
from headgate.store.connection import Conflict, Connection, Database, Row
from headgate.store.runs import last_run
from headgate.store.statements import load

SQL = load("environments")


@dataclass(frozen=True, slots=True)
class EnvironmentRow:
    """`marked` says that the last deploy failed and nothing was deployed since. Relative paths of its warehouse start
    from `root`."""

    project: str
    environment: Environment
    current_deployment_id: int | None
    marked: bool
    last_run: Run | None
    updated_at: datetime
    root: str | None = None
    created_at: datetime | None = None
    created_by: str | None = None


class Environments:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def apply(
        self,
        environment: Environment,
        project: str,
        *,
        host: str | None = None,
        root: str | None = None,
        by: Actor | None = None,
    ) -> None:
        """Writes the environment's definition, by its id. Nothing is written where it stands so already. `host` is the
        machine that alone reaches its warehouse, None where any does; relative paths start from `root`. `by` stands
        in the audit trail.

        Raises Refused `environment_id_taken` (the id is another project's) or `environment_name_taken`.
        """
        now = self._now()
        parameters = {
            "id": environment.id,
            "project": project,
            "name": environment.name,
            "definition": to_json(environment),
            "max_running": environment.max_running,
            "host": host,
            "root": root,
            "by": "" if by is None else by.name,
            "now": now,
        }
        with self._database.read() as connection:
            if connection.row(SQL["unchanged"], parameters):
                return
        try:
            with self._database.write() as connection:
                action = "changed" if connection.row(SQL["get"], {"id": environment.id}) else "created"
                if not connection.change(SQL["apply"], parameters):
                    raise _id_taken(connection, environment, project)
                data = {"project": project, "name": environment.name}
                if by is not None:
                    subject = f"environment/{environment.id}"
                    audit.add(connection, now, by, f"environment_{action}", subject, data)
                applied = events.values(now, "environment_applied", data, environment_id=environment.id)
                events.add(connection, applied)
        except Conflict as error:
            raise Refused(
                "environment_name_taken",
                f"project {project} has another environment named {environment.name}",
                hint="an environment keeps its id: put the old id back, or choose another name",
            ) from error

    def delete(self, environment_id: int, *, by: Actor) -> None:
        """Takes an environment away that was never used, with the jobs that live in it; nothing in its warehouse.

        Raises NotFound `environment_not_found`, Refused `environment_in_use` where it has runs or deployments.
        """
        place = {"id": environment_id}
        now = self._now()
        with self._database.write() as connection:
            if connection.row(SQL["in_use"], place):
                raise Refused(
                    "environment_in_use",
                    f"environment {environment_id} has runs or deployments",
                    hint="its history would go with it; take its file out of the project instead",
                )
            connection.change(SQL["delete_jobs"], place)
            connection.change(SQL["delete_inactive_jobs"], place)
            if not connection.change(SQL["delete"], place):
                raise _not_found(connection, environment_id)
            audit.add(connection, now, by, "environment_deleted", f"environment/{environment_id}")
            events.add(
                connection, events.values(now, "environment_deleted", {}, environment_id=environment_id)
            )

    def get(self, environment: int | str, project: str | None = None) -> EnvironmentRow:
        """By id, or by name (of one project, where it is given).

        Raises NotFound `environment_not_found`, Refused `environment_ambiguous`.
        """
        with self._database.read() as connection:
            if isinstance(environment, int):
                rows = connection.rows(SQL["get"], {"id": environment})
            elif project is None:
                rows = connection.rows(SQL["get_by_name"], {"name": environment})
            else:
                rows = connection.rows(SQL["get_in_project"], {"name": environment, "project": project})
            if not rows:
                raise _not_found(connection, environment)
            if len(rows) > 1:
                raise Refused(
                    "environment_ambiguous",
                    f"{len(rows)} projects have an environment named {environment}",
                    hint=f"name it by its id: {', '.join(str(row[0]) for row in rows)}",
                )
            return _environment(connection, rows[0])

    def list(self, *, after_id: int = -1, limit: int = 100) -> list[EnvironmentRow]:
        """By id, those after `after_id`."""
        with self._database.read() as connection:
            rows = connection.rows(SQL["list"], {"after_id": after_id, "limit": limit})
            return [_environment(connection, row) for row in rows]


def _environment(connection: Connection, row: Row) -> EnvironmentRow:
    environment_id, project, _, definition, current_deployment_id, marked, updated_at = row[:7]
    root, created_at, created_by = row[7:]
    return EnvironmentRow(
        project,
        from_json(definition, Environment),
        current_deployment_id,
        bool(marked),
        last_run(connection, environment_id),
        from_micros(updated_at),
        root,
        optional_instant(created_at),
        created_by,
    )


def _id_taken(connection: Connection, environment: Environment, project: str) -> Refused:
    row = connection.row(SQL["get"], {"id": environment.id})
    other = row[1] if row else "unknown"
    return Refused(
        "environment_id_taken",
        f"environment {environment.name} of project {project} has the id {environment.id}, "
        f"which belongs to project {other}",
        hint="ids of environments are unique in a server: choose another one",
    )


def _not_found(connection: Connection, environment: int | str) -> NotFound:
    names = [row[0] for row in connection.rows(SQL["names"])]
    known = f"there are {', '.join(names[:10])}" if names else "deploy to it first"
    return NotFound(
        "environment_not_found",
        f"there is no environment {environment}",
        hint=did_you_mean(str(environment), names, known),
    )
