"""Which runs a list holds, in which order, and the statement that reads one page of it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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


def list_statement(which: RunFilter, order: RunOrder) -> tuple[str, dict[str, object]]:
    """The text and the parameters of a list.

    A list by id is written as the ranges of one index that it consists of, one for each kind, status and job that it
    may hold, each read from its end. A planner cannot make a page cost more than its ranges times its size. A list by
    an instant walks that instant's index, and passes over what is not wanted.
    """
    direction, beyond = ("DESC", "<") if order.descending else ("ASC", ">")
    words = {"direction": direction, "key": order.key.value}
    parameters: dict[str, object] = {}
    terms = []
    if order.after_id is not None:
        parameters["after_id"] = order.after_id
    if order.key is not RunKey.ID:
        terms.append(f"{order.key} IS NOT NULL")
        if order.after_at is not None:
            parameters["after_at"] = to_micros(order.after_at)
            named = order.after_id is not None
            terms.append(
                f"({order.key}, id) {beyond} (:after_at, :after_id)"
                if named
                else f"{order.key} {beyond} :after_at"
            )
        terms += _residual(which, parameters)
        return SQL["list_by_instant"].format(where=" AND ".join(terms), **words), parameters
    if order.after_id is not None:
        terms.append(f"id {beyond} :after_id")
    if which.environment_id is not None:
        terms.append("environment_id = :environment_id")
        parameters["environment_id"] = which.environment_id
    if which.job_id is None and which.kind is None and which.status is None:
        return SQL["list"].format(where=" AND ".join(terms) or "1 = 1", **words), parameters
    parts = [
        SQL["list_part"].format(where=" AND ".join([*terms, *extra]), **words)
        for extra in _ranges(which, parameters)
    ]
    return SQL["list_merged"].format(parts=" UNION ALL ".join(parts), **words), parameters


def _ranges(which: RunFilter, parameters: dict[str, object]) -> Iterator[list[str]]:
    jobs = [[]] if which.job_id is None else [[f"job_id = :job_{n}"] for n in range(len(_each(which.job_id)))]
    if which.job_id is not None:
        parameters |= {f"job_{n}": job_id for n, job_id in enumerate(_each(which.job_id))}
    for kind in tuple(RunKind) if which.kind is None else _each(which.kind):
        for status in tuple(RunStatus) if which.status is None else _each(which.status):
            for job in jobs:
                yield [f"kind = '{RunKind(kind)}'", f"status = '{RunStatus(status)}'", *job]


def _residual(which: RunFilter, parameters: dict[str, object]) -> list[str]:
    """Conditions that no index but the order's may serve: each is on an expression."""
    terms = []
    if which.environment_id is not None:
        terms.append("environment_id + 0 = :environment_id")
        parameters["environment_id"] = which.environment_id
    if which.job_id is not None:
        names = [f"job_{n}" for n in range(len(_each(which.job_id)))]
        parameters |= dict(zip(names, _each(which.job_id), strict=True))
        terms.append(f"job_id + 0 IN ({', '.join(f':{name}' for name in names)})")
    for column, wanted in (("kind", which.kind), ("status", which.status)):
        if wanted is not None:
            inside = ", ".join(f"'{value}'" for value in _each(wanted))
            terms.append(f"{column} || '' IN ({inside})")
    return terms


def _each(wanted: T | tuple[T, ...]) -> tuple[T, ...]:
    return wanted if isinstance(wanted, tuple) else (wanted,)
