"""The guard of every write that a worker makes for a run: the fence of its claim must still stand."""

from __future__ import annotations

from headgate.errors import LeaseLost
from headgate.store.connection import Connection, Row
from headgate.store.statements import load

SQL = load("claims")


def require_held(connection: Connection, run_id: int, fence: int) -> tuple[int, bool]:
    """The run's environment, and whether it shall stop. Raises LeaseLost unless it runs under `fence`."""
    return _found(connection.row(SQL["held"], {"run_id": run_id, "fence": fence}), run_id)


def require_open(connection: Connection, run_id: int, fence: int) -> tuple[int, bool]:
    """The same for a run that waits or runs."""
    return _found(connection.row(SQL["open"], {"run_id": run_id, "fence": fence}), run_id)


def lock_environment(connection: Connection, environment_id: int) -> None:
    """Keeps changes of one environment apart, so that what was looked at still holds when it is written."""
    connection.row(SQL["environment"], {"id": environment_id})


def _found(row: Row | None, run_id: int) -> tuple[int, bool]:
    if row is None:
        raise lost(run_id)
    return row[0], bool(row[1])


def lost(run_id: int) -> LeaseLost:
    return LeaseLost(
        "lease_lost",
        f"run {run_id} no longer belongs to this process",
        hint="another process took it over or ended it; this one writes nothing more",
    )
