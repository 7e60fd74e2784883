"""The values that only a client has: what a server tells beside the values of `headgate.model`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Generic, TypeVar

from headgate.model.bound import NamedSql, Selectable
from headgate.model.project import Job, Node, Parameters
from headgate.model.project import Mapping as Place
from headgate.model.runs import Deployment, Run, StepRow
from headgate.model.secret import Secret
from headgate.model.steps import StatementRecord

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Page(Generic[T]):
    """Part of a list. `next` is what `starting_from` goes on with, None at the end."""

    items: tuple[T, ...]
    limit: int
    next: str | None = None


@dataclass(frozen=True, slots=True)
class RunInfo:
    """`history` are the runs that it repeats and its reruns, oldest first; `counts` its steps by status. Both are
    empty in lists."""

    run: Run
    environment_name: str
    history: tuple[int, ...] = ()
    counts: Mapping[str, int] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepResult:
    step: StepRow
    statements: tuple[StatementRecord, ...] = ()


@dataclass(frozen=True, slots=True)
class EnvironmentInfo:
    """`project` and instants are None where an environment of the files was never applied. From `mappings` on, only
    what is asked for alone has it. `deployments`: newest first; `current_id` is of the one that stands."""

    id: int
    name: str
    project: str | None
    status: str
    description: str
    warehouse: str
    deployed: bool
    marked: bool
    created_at: datetime | None
    created_by: str | None
    updated_at: datetime | None
    last_run: Run | None
    running: tuple[Run, ...]
    deployment: Deployment | None = None
    mappings: Mapping[str, Place] = field(default_factory=dict)
    parameters: Parameters = field(default_factory=dict)
    require_commit: bool = False
    max_running: int | None = None
    warehouse_options: Mapping[str, Any] = field(default_factory=dict)
    deployments: tuple[Deployment, ...] = ()


@dataclass(frozen=True, slots=True)
class TagInfo:
    name: str
    project: str
    manifest_digest: str
    created_at: datetime


@dataclass(frozen=True, slots=True)
class JobInfo:
    """`editable`: it lives in the server's state; others are files of the project."""

    job: Job
    active: bool
    editable: bool


@dataclass(frozen=True, slots=True)
class DeployedNode:
    """What of a node is an environment's own: its physical columns, and the SQL that a refresh sends."""

    table: str | None
    sql: str | None
    columns: tuple[tuple[str, str], ...]
    statements: tuple[NamedSql, ...]
    roles: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NodeInfo:
    """A node of an environment. Of `node` a list has only what lists show."""

    node: Node | Selectable
    database: str | None
    schema: str | None
    deployed: DeployedNode | None = None


@dataclass(frozen=True, slots=True)
class Term:
    """What one block of a selector matched by itself."""

    side: str
    text: str
    position: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class SelectionInfo:
    """`why` says for each node of `nodes` why it is in."""

    terms: tuple[Term, ...]
    warnings: tuple[str, ...]
    nodes: tuple[Selectable, ...]
    why: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class ReachedNode:
    """`depth` edges away; `via` is the step before it on the shortest way."""

    node_id: str
    column: str | None
    depth: int
    via: tuple[str, str | None]


@dataclass(frozen=True, slots=True)
class LineageInfo:
    node_id: str
    column: str | None
    upstream: tuple[ReachedNode, ...]
    downstream: tuple[ReachedNode, ...]


# --- access -------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokenInfo:
    """`status`: valid, expired or revoked."""

    id: int
    name: str
    status: str
    scopes: str
    user_id: int | None
    user_name: str | None
    job_id: int | None
    created_at: datetime
    created_by: str
    expires_at: datetime | None
    revoked_at: datetime | None
    last_used_at: datetime | None


@dataclass(frozen=True, slots=True)
class NewTokenInfo:
    """`text` is told this once."""

    token: TokenInfo
    text: Secret


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Of the addresses in `notify` only the kind is told."""

    id: int
    name: str
    email: str | None
    notify: tuple[str, ...]
    created_at: datetime


@dataclass(frozen=True, slots=True)
class SecretInfo:
    name: str
    updated_at: datetime
    updated_by: str


@dataclass(frozen=True, slots=True)
class AuditInfo:
    id: int
    at: datetime
    actor: str
    action: str
    subject: str
    request_id: str | None
    data: Mapping[str, Any]
