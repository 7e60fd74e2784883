"""Environments: where things are deployed; deployments, plans and the way to deploy."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field

from headgate.wire.base import Answer, Instant, Name, Number, Parameters, Request
from headgate.wire.paging import CoalescePageQuery, Direction, PageAnswer, PageQuery
from headgate.wire.runs import RunBody, RunDetail

EnvironmentStatus = Literal[
    "Waiting", "Deploying", "Refreshing", "Failed Deploy", "Failed Refresh", "Initializing", "Deleting"
]
Digest = Annotated[str, Field(pattern="^[0-9a-f]{64}$")]


class MappingBody(Answer):
    database: str | None
    schema_: str = Field(alias="schema")


class DeploymentBody(Answer):
    id: int
    number: int
    status: Literal["applying", "deployed", "failed"]
    current: bool
    version: str
    manifest_digest: str
    run_id: int | None
    created_at: Instant


class EnvironmentBody(Answer):
    """`project` and what the state knows are null where an environment of the files was never applied."""

    id: str
    name: str
    project: str | None
    status: EnvironmentStatus
    created_at: Instant | None
    created_by: str | None
    updated_at: Instant | None
    description: str
    warehouse: str
    deployed: bool
    marked: bool
    deployment: DeploymentBody | None
    last_run: RunBody | None
    running: list[RunBody]


class EnvironmentDetail(EnvironmentBody):
    """Of the warehouse only what tells where it is; the other options may be secret."""

    default_storage_mapping: None
    current_mappings: dict[str, MappingBody]
    run_time_parameters: Parameters
    require_commit: bool
    max_running: int | None
    warehouse_options: dict[str, Any]
    deployed_commit: str | None
    deployments: list[DeploymentBody]


class EnvironmentQuery(CoalescePageQuery):
    order_by: Literal["id", "name"] = "id"
    order_by_direction: Direction = "asc"


class EnvironmentPage(PageAnswer):
    data: list[EnvironmentDetail | EnvironmentBody]


class WarehouseRequest(Request):
    """`type` and its options. Secrets stand as `${secret:NAME}` or `${VARIABLE}` here, never in clear."""

    model_config = ConfigDict(extra="allow")

    type: Name


class MappingRequest(Request):
    schema_: Name = Field(alias="schema")
    database: Name | None = None


class ChangeEnvironmentRequest(Request):
    """What is not named stays as it is."""

    name: Name | None = None
    description: Annotated[str, Field(max_length=10_000)] | None = None
    warehouse: WarehouseRequest | None = None
    mappings: dict[Name, MappingRequest] | None = None
    parameters: Parameters | None = None
    require_commit: bool | None = None
    max_running: Annotated[int, Field(ge=1, le=10_000)] | None = None


class NewEnvironmentRequest(Request):
    """`id` is the next free one, `project` the server's own, where they are left out."""

    id: Annotated[int, Field(ge=1, le=10**9)] | None = None
    project: Name | None = None
    name: Name
    description: Annotated[str, Field(max_length=10_000)] = ""
    warehouse: WarehouseRequest
    mappings: dict[Name, MappingRequest] = Field(default_factory=dict)
    parameters: Parameters = Field(default_factory=dict)
    require_commit: bool = False
    max_running: Annotated[int, Field(ge=1, le=10_000)] | None = None


class DeploymentPage(PageAnswer):
    data: list[DeploymentBody]


class DeploymentQuery(PageQuery):
    environment_id: Name


# --- plan and deploy ----------------------------------------------------------------------------------


class PlanRequest(Request):
    """Which version: an uploaded manifest by its digest (`version` labels it for people), what a tag names, or an
    earlier deployment by its number; the server's own working tree where none is named."""

    manifest: Digest | None = None
    version: Annotated[str, Field(max_length=200)] = ""
    tag: Name | None = None
    to: Number | None = None


class DeployRequest(PlanRequest):
    allow_destructive: bool = False


class NamedSql(Answer):
    name: str
    sql: str


class ChangeBody(Answer):
    kind: str
    subject: str
    id: str
    table: str | None
    statements: list[NamedSql]
    reasons: list[str]
    destroys: str | None
    drift: bool


class PlanBody(Answer):
    environment: str
    environment_id: str
    empty: bool
    from_version: str
    to_version: str
    destructive: int
    changes: list[ChangeBody]
    needs_refresh: list[str]


class DeployAnswer(Answer):
    """`run` is null where there was nothing to deploy."""

    run: RunDetail | None
    plan: PlanBody


class ManifestBody(Answer):
    digest: str
    project: str
    node_count: int


class TagBody(Answer):
    name: str
    project: str
    manifest_digest: str
    created_at: Instant


class TagQuery(PageQuery):
    project: Name | None = None


class TagPage(PageAnswer):
    data: list[TagBody]


class NewTagRequest(Request):
    """Names what is deployed in an environment, an uploaded manifest, or the server's working tree where neither is
    given."""

    name: Name
    environment: Name | None = None
    manifest: Digest | None = None
