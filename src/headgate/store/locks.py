"""Locks as rows: environments (shared for a refresh, exclusive for a deploy) and tables (one step each).

Take the environment's lock before claiming the run, because a claim pins the deployment that then stands; let
it go where the claim is refused. Locks end with their run, whoever ends it. Nothing here waits: a refusal
names the holder, and the caller asks again.
"""

from __future__ import annotations

from enum import StrEnum

from headgate.errors import Refused
from headgate.model.runs import Run
from headgate.store import claims
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

    def try_lock_table(self, key: str, run_id: int, fence: int, step_id: str) -> Run | None:
        """Locks a table for one step of a running run; None when it is locked, else the run in the way (which
        may be the same run, in another step). `key` names the table across environments. Raises LeaseLost."""
        parameters = {"table_key": key, "run_id": run_id, "fence": fence, "step_id": step_id}
        with self._database.write() as connection:
            claims.require_held(connection, run_id, fence)
            holder = connection.row(SQL["table_holder"], parameters)
            if holder is not None:
                same_run, same_step, same_claim = (
                    holder[0] == run_id,
                    holder[1] == step_id,
                    holder[2] == fence,
                )
                # What an earlier claim of this run held does not count: its process is gone.
                if not same_run or (same_claim and not same_step):
                    return require_run(connection, holder[0])
            connection.change(SQL["set_table_lock"], parameters)
        return None

    def unlock_table(self, key: str, run_id: int, fence: int) -> None:
        """Lets a table go. Nothing happens where it is not held under this claim."""
        with self._database.write() as connection:
            connection.change(SQL["unlock_table"], {"table_key": key, "run_id": run_id, "fence": fence})
