"""Nodes with columns and lineage, jobs and what they select, subgraphs, projects and workspaces."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field

from headgate.wire.base import Answer, CoalesceRequest, Name, Parameters, QuerySelector, Request, Selector
from headgate.wire.errors import DiagnosticBody
from headgate.wire.paging import CoalescePageQuery, PageAnswer

Text = Annotated[str, Field(max_length=1_000_000)]


class NodeBody(Answer):
    id: str
    node_id: str
    name: str
    location_name: str
    node_type: str
    tags: list[str]
    path: str
    depends_on: list[str]
    database: str | None
    schema_: str | None = Field(alias="schema")
    state: str | None = None


class ColumnSource(Answer):
    node_id: str
    column: str


class ColumnBody(Answer):
    name: str
    type: str | None
    declared: bool
    description: str
    sources: list[ColumnSource]


class ThresholdBody(Answer):
    rows: int | None
    percent: float | None


class TestBody(Answer):
    __test__ = False

    name: str
    kind: str
    column: str | None
    arguments: dict[str, Any]
    severity: str
    threshold: ThresholdBody
    where: str | None
    scope: str
    when: str
    continue_on_failure: bool


class FreshnessBody(Answer):
    loaded_at: str
    warn_after_seconds: int | None
    error_after_seconds: int | None


class SourceBody(Answer):
    table: str | None
    file: str | None
    loaded_by: str | None
    freshness: FreshnessBody | None


class StatementBody(Answer):
    name: str
    role: str
    sql: str


class PhysicalColumn(Answer):
    name: str
    type: str


class DeployedBody(Answer):
    """As it stands in the warehouse: the physical table, the SQL that a refresh sends, the columns' real types."""

    table: str | None
    sql: str | None
    columns: list[PhysicalColumn]
    statements: list[StatementBody]


class NodeDetail(NodeBody):
    """`deployed` is there for nodes of an environment, not for those of a workspace."""

    description: str
    materialization: str
    load: dict[str, Any] | None
    on_schema_change: str
    sql: str | None
    columns: list[ColumnBody]
    tests: list[TestBody]
    reads_parameters: list[str]
    pre_sql: list[str]
    post_sql: list[str]
    renamed_from: str | None
    config: dict[str, Any]
    source: SourceBody | None
    deployed: DeployedBody | None = None


class NodeQuery(CoalescePageQuery):
    """Only the nodes that the selectors select."""

    include: QuerySelector = ""
    exclude: QuerySelector = ""


class NodePage(PageAnswer):
    data: list[NodeDetail | NodeBody]


class LineageQuery(CoalesceRequest):
    column: Name | None = None
    depth: Annotated[int, Field(ge=1, le=10_000)] | None = None


class ReachedBody(Answer):
    node_id: str
    depth: int
    via: str
    column: str | None = None
    via_column: str | None = None


class LineageBody(Answer):
    node_id: str
    column: str | None
    upstream: list[ReachedBody]
    downstream: list[ReachedBody]


# --- jobs, selections, subgraphs ----------------------------------------------------------------------


class JobBody(Answer):
    """`editable`: made by the API, and changed there; others are files of the project. Of a job in a workspace,
    `active` and `editable` are left out."""

    id: str
    name: str
    include_selector: str
    exclude_selector: str
    parallelism: int | None
    description: str
    parameters: Parameters
    path: str
    overlap: str | None
    timeout_seconds: float | None
    tags: list[str]
    environments: dict[str, Any]
    active: bool | None = None
    editable: bool | None = None


class JobPage(PageAnswer):
    data: list[JobBody]


class JobDefinition(Request):
    """What a job is, wherever it is kept."""

    name: Annotated[str, Field(min_length=1, max_length=100)]
    include_selector: Selector = ""
    exclude_selector: Selector = ""
    parallelism: Annotated[int, Field(ge=1, le=10_000)] | None = None
    description: Annotated[str, Field(max_length=10_000)] = ""
    parameters: Parameters = Field(default_factory=dict)
    overlap: Literal["queue", "coalesce", "skip", "replace"] | None = None
    timeout_seconds: Annotated[float, Field(gt=0, le=10**8)] | None = None
    tags: list[Name] = Field(default_factory=list)


class JobRequest(JobDefinition):
    active: bool = True


class ActiveRequest(Request):
    active: bool


class SelectionRequest(Request):
    include: Selector = ""
    exclude: Selector = ""
    strict: bool = False


class TermBody(Answer):
    side: Literal["include", "exclude"]
    text: str
    position: int
    node_ids: list[str] = Field(alias="nodeIDs")


class SelectedNode(Answer):
    id: str
    node_id: str
    name: str
    location_name: str
    node_type: str
    tags: list[str]
    path: str
    depends_on: list[str]
    state: str
    why: str


class SelectionBody(Answer):
    """What each block of the selectors matches by itself, and every selected node with the reason why it is in."""

    terms: list[TermBody]
    warnings: list[str]
    nodes: list[SelectedNode]


class SubgraphBody(Answer):
    name: str
    steps: list[str]
    path: str | None = None


class SubgraphPage(PageAnswer):
    data: list[SubgraphBody]


class SubgraphRequest(Request):
    name: Annotated[str, Field(min_length=1, max_length=100)]
    steps: list[Name] = Field(max_length=20_000)


# --- projects and workspaces --------------------------------------------------------------------------


class WorkspaceBody(Answer):
    """A working tree that the server can see. `version` is its commit, or `dirty`."""

    id: str
    name: str
    project: str
    version: str


class WorkspacePage(PageAnswer):
    data: list[WorkspaceBody]


class ProjectBody(Answer):
    id: str
    name: str
    environments: list[str]
    workspaces: list[WorkspaceBody] | None = None
    jobs: list[JobBody] | None = None


class ProjectQuery(CoalescePageQuery):
    include_workspaces: bool = False
    include_jobs: bool = False


class ProjectPage(PageAnswer):
    data: list[ProjectBody]


class WorkspaceJobRequest(JobDefinition):
    """What is left out is taken out of the file; triggers, retries and comments in it stay."""


class NewWorkspaceJobRequest(WorkspaceJobRequest):
    """`id` is the next free one where it is left out."""

    id: Annotated[int, Field(ge=1, le=99_999)] | None = None


class NodeFileRequest(Request):
    """The text of the node's file: a SELECT, with its YAML header in the leading comment."""

    text: Text


class NewNodeFileRequest(NodeFileRequest):
    location: Name
    name: Name


class FileBody(Answer):
    """A file as it stands now. `diagnostics` are what the compile of the whole project says: a file is written also
    where the project is broken by it, so that several can be changed one after another."""

    id: str
    path: str
    text: str
    diagnostics: list[DiagnosticBody]
