"""Locks on environments, as rows: shared for a refresh, exclusive for a deploy. Tables are locked by the warehouse.

Take the environment's lock before claiming the run, because a claim pins the deployment that then stands; let
it go where the claim is refused. Locks end with their run, whoever ends it. Nothing here waits: a refusal
names the holder, and the caller asks again.
"""

from __future__ import annotations

from enum import StrEnum

from headgate.errors import Refused
from headgate.model.runs import Run
from headgate.store.connection import Database
from headgate.store.runs import require_run
from headgate.store.statements import load

SQL = load("locks")


class LockMode(StrEnum):
    SHARED = "shared"
    EXCLUSIVE = "exclusive"


class Locks:
    def __init__(self, database: Database) -> None:
        self._database = database

    def try_lock_environment(self, environment_id: int, run_id: int, mode: LockMode | str) -> Run | None:
        """Locks an environment for an open run; None when it is locked, else the run in the way.

        A refused exclusive lock is remembered: until it is granted or let go, no new shared lock is given, so
        that refreshes cannot starve a deploy. Among exclusive ones the older run goes first.
        """
        mode = LockMode(mode)
        parameters = {"environment_id": environment_id, "run_id": run_id, "mode": mode}
        with self._database.write() as connection:
            if require_run(connection, run_id).status.final:
                raise Refused("run_ended", f"run {run_id} is over and cannot lock anything")
            own = connection.row(SQL["own_environment_lock"], parameters)
            if own is not None and own[1] and (own[0] == mode or own[0] == LockMode.EXCLUSIVE):
                return None
            holder = connection.row(SQL["environment_holder"], parameters)
            if holder is None:
                connection.change(SQL["set_environment_lock"], {**parameters, "granted": 1})
                return None
            # A shared lock that is to become exclusive stays granted while it waits.
            if mode is LockMode.EXCLUSIVE and own is None:
                connection.change(SQL["set_environment_lock"], {**parameters, "granted": 0})
            return require_run(connection, holder[0])

    def unlock(self, run_id: int) -> None:
        """Lets every environment lock of a run go, and every one that it waits for."""
        with self._database.write() as connection:
            connection.change(SQL["unlock"], {"run_id": run_id})
