"""Runs and deployments as the store keeps them, and the one table of allowed moves between statuses."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Any

from headgate.model.project import Parameters, Retries
from headgate.model.steps import StepError, StepStatus


class RunKind(StrEnum):
    REFRESH = "refresh"
    DEPLOY = "deploy"


class RunStatus(StrEnum):
    WAITING = "waiting"
    RUNNING = "running"
    SUCCEEDED = "succeeded"
    WARNING = "warning"
    FAILED = "failed"
    CANCELED = "canceled"
    SKIPPED = "skipped"

    @property
    def final(self) -> bool:
        return self not in (RunStatus.WAITING, RunStatus.RUNNING)


RUN_MOVES: dict[RunStatus, tuple[RunStatus, ...]] = {
    RunStatus.WAITING: (RunStatus.RUNNING, RunStatus.CANCELED, RunStatus.SKIPPED, RunStatus.FAILED),
    RunStatus.RUNNING: (
        RunStatus.SUCCEEDED,
        RunStatus.WARNING,
        RunStatus.FAILED,
        RunStatus.CANCELED,
        RunStatus.WAITING,
    ),
}
"""Allowed moves of a run; a final status never moves. running -> waiting is a hand-back or a lost lease."""


class Overlap(StrEnum):
    """What becomes of a run that is started while another one of its configuration is open.

    `queue`: it waits, first in, first out, up to a cap. `coalesce`: it is the one that waits already, where that was
    asked for alike. `skip`: it is recorded as skipped. `replace`: the open ones are canceled.
    """

    QUEUE = "queue"
    COALESCE = "coalesce"
    SKIP = "skip"
    REPLACE = "replace"


STEP_MOVES: dict[StepStatus, tuple[StepStatus, ...]] = {
    StepStatus.WAITING: (
        StepStatus.RUNNING,
        StepStatus.SUCCEEDED,
        StepStatus.SKIPPED,
        StepStatus.CANCELED,
        StepStatus.REUSED,
        StepStatus.FAILED,
    ),
    StepStatus.RUNNING: (
        StepStatus.SUCCEEDED,
        StepStatus.WARNING,
        StepStatus.FAILED,
        StepStatus.CANCELED,
        StepStatus.SKIPPED,
        StepStatus.REUSED,
        StepStatus.WAITING,
    ),
}
"""Allowed moves of a step. running -> skipped: its transaction was rolled back with a deploy's; running -> waiting:
its run was handed back."""


@dataclass(frozen=True, slots=True)
class RunRequest:
    """What was asked for. Selectors given replace the job's; neither means the whole environment.

    `backfill_from`/`backfill_to` bound the intervals of interval loads. `same_version` belongs to a rerun: it
    is refused once another deployment stands. `timeout_seconds` and `retries` are the job's.
    """

    include: str = ""
    exclude: str = ""
    parallelism: int = 16
    parameters: Parameters = field(default_factory=dict)
    force: bool = False
    strict: bool = False
    backfill_from: datetime | None = None
    backfill_to: datetime | None = None
    same_version: bool = False
    timeout_seconds: float | None = None
    retries: Retries | None = None
    attempt: int = 0
    """How many tries there were before this one."""
    based_on: int | None = None
    """A deploy's: the deployment that stood when it was planned."""


@dataclass(frozen=True, slots=True)
class Run:
    """One execution. `id` is what people see (also as runID and runCounter); `uid` is unique in the world and
    is what the commit marker in the warehouse carries. Instants are aware UTC."""

    id: int
    uid: str
    kind: RunKind
    status: RunStatus
    environment_id: int
    created_at: datetime
    request: RunRequest
    deployment_id: int | None = None
    job_id: int | None = None
    job_name: str | None = None
    rerun_of: int | None = None
    config_key: str | None = None
    started_at: datetime | None = None
    ended_at: datetime | None = None
    fence: int = 0
    requested_by: str = ""
    error: StepError | None = None
    notes: tuple[str, ...] = ()
    priority: int = 0
    not_before: datetime | None = None


@dataclass(frozen=True, slots=True)
class StepRow:
    """A step of a run as journaled."""

    run_id: int
    step_id: str
    name: str
    kind: str
    status: StepStatus
    location: str = ""
    node_type: str = ""
    started_at: datetime | None = None
    ended_at: datetime | None = None
    rows_inserted: int | None = None
    rows_updated: int | None = None
    rows_deleted: int | None = None
    published: bool = False
    attempts: int = 0
    error: StepError | None = None
    notes: tuple[str, ...] = ()


class DeploymentStatus(StrEnum):
    APPLYING = "applying"
    DEPLOYED = "deployed"
    FAILED = "failed"


@dataclass(frozen=True, slots=True)
class Deployment:
    """A manifest put into an environment. `number` counts per environment from 1. `version` is a commit,
    a tag or `dirty`, for people."""

    id: int
    environment_id: int
    number: int
    status: DeploymentStatus
    manifest_digest: str
    created_at: datetime
    run_id: int | None = None
    version: str = ""
    digests: dict[str, str] = field(default_factory=dict)
    """Digests of the blobs that belong to it: `catalog`, `facts`, `environment`."""


@dataclass(frozen=True, slots=True)
class Owner:
    """The process that carries a run out. `process_started` tells a reused pid apart (epoch seconds)."""

    host: str
    pid: int
    process_started: float
    label: str = ""


@dataclass(frozen=True, slots=True)
class Event:
    """An append-only record of a change. `id` names its place in the log, for a reader to go on from; ids of different
    runs need not grow there, because several writers draw them at once."""

    id: int
    at: datetime
    kind: str
    run_id: int | None = None
    step_id: str | None = None
    environment_id: int | None = None
    data: dict[str, Any] = field(default_factory=dict)
