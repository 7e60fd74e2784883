"""Runs: how they are started, repeated, canceled, listed and told."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from headgate.wire.base import Answer, CoalesceRequest, Id, Instant, Name, Parameters, Request, Selector
from headgate.wire.paging import CoalescePageQuery, Direction, PageAnswer

RunStatusWord = Literal["waitingToRun", "running", "completed", "failed", "canceled"]
OwnStatus = Literal["waiting", "running", "succeeded", "warning", "failed", "canceled", "skipped"]
StepStatusWord = Literal[
    "waiting", "running", "succeeded", "warning", "failed", "canceled", "skipped", "reused"
]
Kind = Literal["refresh", "deploy"]
Parallelism = Annotated[int, Field(ge=1, le=10_000)]

# --- Coalesce's calls ---------------------------------------------------------------------------------


class UserCredentials(CoalesceRequest):
    """Accepted, never stored: an environment keeps its own connection. Whatever else stands here is passed over."""

    snowflake_auth_type: Literal["Basic", "KeyPair", "OAuth"] | None = None


class CoalesceRunDetails(CoalesceRequest):
    environment_id: Id
    job_id: Id | None = None
    include_nodes_selector: Selector | None = None
    exclude_nodes_selector: Selector | None = None
    parallelism: Parallelism | None = None
    force_ignore_workspace_status: bool = False
    force_ignore_environment_status: bool = False


class StartRunRequest(CoalesceRequest):
    run_details: CoalesceRunDetails
    user_credentials: UserCredentials | None = None
    parameters: Parameters | str | None = None


class RerunDetails(CoalesceRequest):
    run_id: Id
    force_ignore_workspace_status: bool = False
    force_ignore_environment_status: bool = False


class RerunRequest(CoalesceRequest):
    """`runDetails`, or flat."""

    run_details: RerunDetails | None = None
    run_id: Id | None = None
    force_ignore_workspace_status: bool = False
    force_ignore_environment_status: bool = False
    user_credentials: UserCredentials | None = None
    parameters: Parameters | str | None = None


class CancelRunRequest(CoalesceRequest):
    run_id: Id
    org_id: Id | None = Field(default=None, alias="orgID")
    environment_id: Id | None = None


class Started(Answer):
    run_counter: int
    warnings: list[str] | None = None


class RunStatusAnswer(Answer):
    """`runStatus` and `runType` are Coalesce's words, `status` and `kind` Headgate's."""

    run_status: RunStatusWord
    run_type: Kind
    run_link: str
    status: OwnStatus
    kind: Kind
    run_counter: int


# --- Headgate's own -----------------------------------------------------------------------------------


class NewRunRequest(Request):
    """A job by id or name; selectors beside it replace both of its own. Neither refreshes the whole environment."""

    environment: Id
    job: Id | None = None
    include: Selector = ""
    exclude: Selector = ""
    parallelism: Parallelism | None = None
    parameters: Parameters = Field(default_factory=dict)
    force: bool = False
    strict: bool = False
    from_: Name | None = None
    to: Name | None = None


class RepeatRequest(Request):
    same_version: bool = False
    force: bool = False


class RunError(Answer):
    error_string: str
    error_detail: str
    code: str
    sample: dict[str, Any] | None = None


class RunDetails(Answer):
    include_nodes_selector: str
    exclude_nodes_selector: str
    parallelism: int
    force_ignore_workspace_status: bool
    from_: Instant | None
    to: Instant | None


class RunBody(Answer):
    """`id`, `runID` and `runCounter` are one number. `environmentID` and `jobID` are text, as Coalesce has them."""

    id: int
    run_id: int
    run_counter: int
    re_run_id: int | None
    kind: Kind
    run_type: Kind
    status: OwnStatus
    run_status: RunStatusWord
    environment_id: str
    environment_name: str
    job_id: str | None
    job_name: str | None
    deployment_id: int | None
    created_at: Instant
    created_by: str
    run_start_time: Instant | None
    run_end_time: Instant | None
    duration_seconds: float | None
    run_details: RunDetails
    run_time_parameters: Parameters
    run_failure_reason: str | None
    error: RunError | None
    notes: list[str]


class RunDetail(RunBody):
    run_history: list[int]
    node_counts: dict[str, int]


class RunQuery(CoalescePageQuery):
    """`runType` and `runStatus` are Coalesce's words, `kind` and `status` Headgate's. Environment and job by id or
    name."""

    order_by: Literal["id", "runStartTime", "runEndTime"] = "id"
    order_by_direction: Direction = "desc"
    run_type: Kind | None = None
    run_status: RunStatusWord | None = None
    kind: Kind | None = None
    status: OwnStatus | None = None
    environment_id: Name | None = None
    job_id: Name | None = None


class LogQuery(CoalesceRequest):
    """A node by its id or name; only what failed."""

    node_id: Name | None = None
    failed: bool = False


class RunPage(PageAnswer):
    data: list[RunDetail | RunBody]


class StartedRun(Answer):
    run: RunDetail
    warnings: list[str]


class QueryResult(Answer):
    name: str
    role: str
    sql: str
    status: StepStatusWord
    success: bool
    is_running: bool
    query_id: str | None
    start_time: Instant
    end_time: Instant
    warehouse: str
    rows: int | None
    rows_inserted: int | None
    rows_updated: int | None
    rows_deleted: int | None
    test: str | None
    error: RunError | None


class NodeResult(Answer):
    node_id: str
    name: str
    location_name: str
    node_type: str
    kind: str
    is_running: bool
    status: StepStatusWord
    run_state: RunStatusWord
    start_time: Instant | None
    end_time: Instant | None
    duration_seconds: float | None
    rows_inserted: int | None
    rows_updated: int | None
    rows_deleted: int | None
    published: bool
    attempts: int
    error: RunError | None
    notes: list[str]
    has_test_failures: bool | None = None
    query_results: list[QueryResult]


class EventBody(Answer):
    """One event of a run. `kind` says what `data` holds: docs/reference/http.md."""

    id: int
    at: Instant
    kind: str
    run_id: int | None
    node_id: str | None
    environment_id: str | None
    data: dict[str, Any]


class Results(Answer):
    data: list[NodeResult]
