"""Which runs a list holds, in which order, and the statement that reads one page of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import TypeVar

from headgate.model.runs import RunKind, RunStatus
from headgate.store.codec import to_micros
from headgate.store.statements import load

SQL = load("runs")
T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class RunFilter:
    """Which runs a list holds; each is one, or several of which any will do; None is any."""

    environment_id: int | None = None
    status: RunStatus | tuple[RunStatus, ...] | None = None
    kind: RunKind | tuple[RunKind, ...] | None = None
    job_id: int | tuple[int, ...] | None = None


class RunKey(StrEnum):
    ID = "id"
    STARTED = "started_at"
    ENDED = "ended_at"


@dataclass(frozen=True, slots=True)
class RunOrder:
    """By an instant, only the runs that have it. A page starts after the run `after_id`; in an order by an instant,
    after that run's own (`after_at`), or after any instant where no run is named."""

    key: RunKey = RunKey.ID
    descending: bool = True
    after_id: int | None = None
    after_at: datetime | None = None


ANY_RUN = RunFilter()
NEWEST_FIRST = RunOrder()
MOST_RANGES = 70
"""SQLite takes 500 in a statement, and PostgreSQL a tenth of a millisecond or more to plan each."""

_STATUSES = {
    RunKey.ID: tuple(RunStatus),
    RunKey.STARTED: tuple(RunStatus),
    RunKey.ENDED: tuple(status for status in RunStatus if status.final),
}


def list_statement(which: RunFilter, order: RunOrder, limit: int) -> tuple[str, dict[str, object]]:
    """The text and the parameters of a list.

    It is written as the ranges of one index that it consists of, one for each kind, status and job that it may hold,
    each read from its end. A planner cannot make a page cost more than its ranges times its size. Jobs that would make
    too many ranges are passed over one by one instead: so many of them together are not rare.

    The limit stands in the text, because a planner that does not know it takes a tenth of the table for it.
    """
    parameters: dict[str, object] = {}
    terms = _beginning(order, parameters)
    ranges = list(_ranges(which, order.key))
    if len(ranges) > MOST_RANGES:
        terms.append(f"run.job_id + 0 IN ({', '.join(_job_names(which))})")
        ranges = list(_ranges(replace(which, job_id=None), order.key))
    if which.environment_id is not None:
        parameters["environment_id"] = which.environment_id
    if which.job_id is not None:
        names = (name.removeprefix(":") for name in _job_names(which))
        parameters |= dict(zip(names, _each(which.job_id), strict=True))
    direction = "DESC" if order.descending else "ASC"
    keys = ("id",) if order.key is RunKey.ID else (order.key.value, "id")
    words = {"order": ", ".join(f"run.{key} {direction}" for key in keys), "limit": f"{limit:d}"}
    parts = [" AND ".join([*terms, *extra]) or "1 = 1" for extra in ranges]
    if len(parts) == 1:
        return SQL["list"].format(where=parts[0], **words), parameters
    merged = " UNION ALL ".join(SQL["list_part"].format(where=part, **words) for part in parts)
    return SQL["list_merged"].format(parts=merged, **words), parameters


def _beginning(order: RunOrder, parameters: dict[str, object]) -> list[str]:
    """Where a page starts."""
    beyond = "<" if order.descending else ">"
    if order.after_id is not None:
        parameters["after_id"] = order.after_id
    if order.key is RunKey.ID:
        return [] if order.after_id is None else [f"run.id {beyond} :after_id"]
    terms = [f"run.{order.key} IS NOT NULL"]
    if order.after_at is not None:
        parameters["after_at"] = to_micros(order.after_at)
        terms.append(
            f"run.{order.key} {beyond} :after_at"
            if order.after_id is None
            else f"(run.{order.key}, run.id) {beyond} (:after_at, :after_id)"
        )
    return terms


def _ranges(which: RunFilter, key: RunKey) -> Iterator[list[str]]:
    environment = [] if which.environment_id is None else ["run.environment_id = :environment_id"]
    whole = which.job_id is None and which.kind is None and which.status is None
    if whole and (key is RunKey.ID or not environment):
        yield environment
        return
    jobs = [[f"run.job_id = {name}"] for name in _job_names(which)] or [[]]
    statuses = _STATUSES[key] if which.status is None else _each(which.status)
    for kind in tuple(RunKind) if which.kind is None else _each(which.kind):
        for status in statuses:
            for job in jobs:
                yield [
                    *environment,
                    f"run.kind = '{RunKind(kind)}'",
                    f"run.status = '{RunStatus(status)}'",
                    *job,
                ]


def _job_names(which: RunFilter) -> list[str]:
    """The parameters that stand for the jobs."""
    return [] if which.job_id is None else [f":job_{n}" for n in range(len(_each(which.job_id)))]


def _each(wanted: T | tuple[T, ...]) -> tuple[T, ...]:
    return wanted if isinstance(wanted, tuple) else (wanted,)
