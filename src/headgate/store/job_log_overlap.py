"""Runs of one name beside each other: whoever starts one waits for others of that name, and meets the job's rule."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import UTC

from headgate.errors import Refused
from headgate.joblog.instants import write_instant
from headgate.joblog.runs import Overlap
from headgate.store.connection import Connection, Row
from headgate.store.job_log_marks import overlaps
from headgate.store.statements import load

SQL = load("job_log_overlap")


def hold(connection: Connection, name: str) -> None:
    """Until the transaction ends, nobody else starts or finishes a run of this name by our own client."""
    connection.change(SQL["know"], {"name": name})
    connection.row(SQL["hold"], {"name": name})


def admit(connection: Connection, starts: Mapping[str, int]) -> dict[str, Overlap]:
    """Starts by their names and how many they are, before they are written: the rules that a watch has for them. Raises
    Refused `job_in_progress`."""
    rules = overlaps(connection, starts) if starts else {}
    for name, overlap in sorted(rules.items()):
        hold(connection, name)
        if overlap is Overlap.REFUSE:
            refuse_second(connection, name)
            if starts[name] > 1:
                raise Refused(
                    "job_in_progress",
                    f"{starts[name]} runs of {name} start at once, and one may be in progress",
                    hint="start one, or set the overlap of its watch to allow",
                )
    return rules


def refuse_second(connection: Connection, name: str) -> None:
    row = connection.row(SQL["in_progress"], {"name": name})
    if row is not None:
        raise Refused(
            "job_in_progress",
            f"{name} is in progress since {write_instant(row[1], UTC)} (record {row[0]})",
            hint="wait for its end; where nobody works on it any more, start with the overlap take_over",
        )


def take_over(connection: Connection, started: Iterable[Row], now: int) -> list[Row]:
    """Ends what else is in progress of the names of runs that have just started; returns what it ended."""
    ended: list[Row] = []
    for name, record_id in sorted({row[1]: row[0] for row in started}.items()):
        message = f"taken over by record {record_id}, which began while this one was in progress"
        values = {"name": name, "id": record_id, "now": now, "message": message}
        ended += connection.rows(SQL["take_over"], values)
    return ended
