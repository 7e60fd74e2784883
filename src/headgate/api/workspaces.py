"""The working tree that the server stands in: its nodes, jobs and subgraphs, and changes to their files. Nothing of it
runs before it is deployed."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from headgate.api.answers import answer, documented, nothing
from headgate.api.caller import Asking
from headgate.api.jobs import JobName
from headgate.api.nodes import NodeName, SubgraphName
from headgate.api.reading import StrictRoute
from headgate.identity.principal import Deploy, Read
from headgate.service import asking, bodies, node_bodies, workspace
from headgate.service.jobs import JobDefinition
from headgate.service.lineage import find_node
from headgate.service.paging import cut
from headgate.service.parameters import job_number
from headgate.service.workspace import find_workspace
from headgate.wire.nodes import (
    FileBody,
    JobBody,
    JobPage,
    NewNodeFileRequest,
    NewWorkspaceJobRequest,
    NodeDetail,
    NodeFileRequest,
    NodePage,
    NodeQuery,
    SelectionBody,
    SelectionRequest,
    SubgraphBody,
    SubgraphPage,
    SubgraphRequest,
    WorkspaceBody,
    WorkspaceJobRequest,
    WorkspacePage,
)
from headgate.wire.paging import CoalescePageQuery

router = APIRouter(prefix="/api/v1/workspaces", tags=["workspaces"], route_class=StrictRoute)

WorkspaceName = Annotated[
    str, Path(alias="workspaceID", min_length=1, max_length=200, description="Its id, or its project's name.")
]
READING = (404, 422)
WRITING = (404, 409, 422)


@router.get("", responses=documented(WorkspacePage))
def list_workspaces(asked: Annotated[CoalescePageQuery, Query()], caller: Asking) -> Response:
    """One, or none where the server was not started in a project's folder."""
    found = workspace.list_workspaces(caller.require(Read())) if asked.starting_from is None else []
    made = [node_bodies.workspace_body(one) for one in found[: asked.limit]]
    return answer(bodies.page(made, asked.limit))


@router.get("/{workspaceID}", responses=documented(WorkspaceBody, 404))
def show_workspace(name: WorkspaceName, caller: Asking) -> Response:
    return answer(node_bodies.workspace_body(find_workspace(caller.require(Read()), name)))


@router.post("/{workspaceID}/selection", responses=documented(SelectionBody, *WRITING, body=True))
def evaluate(name: WorkspaceName, asked: SelectionRequest, caller: Asking) -> Response:
    """What two selectors select of the files: each block's own match, and every node with the reason."""
    context = caller.require(Read())
    catalog = workspace.catalog(context, find_workspace(context, name))
    explanation = asking.explain_selection(catalog, asked.include, asked.exclude, strict=asked.strict)
    return answer(node_bodies.explanation_body(catalog, explanation))


# --- nodes --------------------------------------------------------------------------------------------


@router.get("/{workspaceID}/nodes", responses=documented(NodePage, *READING))
def list_nodes(name: WorkspaceName, asked: Annotated[NodeQuery, Query()], caller: Asking) -> Response:
    context = caller.require(Read())
    tree = find_workspace(context, name)
    page = asking.list_nodes(
        workspace.catalog(context, tree),
        asked.include,
        asked.exclude,
        limit=asked.limit,
        starting_from=asked.starting_from,
    )
    if asked.detail:
        nodes = workspace.compiled(context, tree).manifest.nodes
        made = [node_bodies.node_detail(nodes[node.id]) for node in page.items]
    else:
        made = [node_bodies.located_body(node, None) for node in page.items]
    return answer(bodies.page(made, page.limit, page.next))


@router.get("/{workspaceID}/nodes/{nodeID}", responses=documented(NodeDetail, *READING))
def show_node(name: WorkspaceName, node: NodeName, caller: Asking) -> Response:
    context = caller.require(Read())
    nodes = workspace.compiled(context, find_workspace(context, name)).manifest.nodes
    return answer(node_bodies.node_detail(find_node(nodes, node)))


@router.get("/{workspaceID}/nodes/{nodeID}/file", responses=documented(FileBody, 404, 409, 422))
def read_node(name: WorkspaceName, node: NodeName, caller: Asking) -> Response:
    """The text of the node's file. Its diagnostics are left to a change of it, or a plan."""
    context = caller.require(Read())
    return answer(node_bodies.file_body(workspace.read_node(context, find_workspace(context, name), node)))


@router.post(
    "/{workspaceID}/nodes", status_code=201, responses=documented(FileBody, *WRITING, status=201, body=True)
)
def create_node(name: WorkspaceName, asked: NewNodeFileRequest, caller: Asking) -> Response:
    """Write the file `nodes/<location>/<name>.sql`."""
    context = caller.require(Deploy())
    tree = find_workspace(context, name)
    written = workspace.create_node(context, tree, asked.location, asked.name, asked.text)
    return answer(node_bodies.file_body(written), 201)


@router.put("/{workspaceID}/nodes/{nodeID}", responses=documented(FileBody, *WRITING, body=True))
def change_node(name: WorkspaceName, node: NodeName, asked: NodeFileRequest, caller: Asking) -> Response:
    context = caller.require(Deploy())
    tree = find_workspace(context, name)
    return answer(node_bodies.file_body(workspace.change_node(context, tree, node, asked.text)))


@router.delete("/{workspaceID}/nodes/{nodeID}", status_code=204, responses=documented(None, 404, 409, 422))
def delete_node(name: WorkspaceName, node: NodeName, caller: Asking) -> Response:
    context = caller.require(Deploy())
    workspace.delete_node(context, find_workspace(context, name), node)
    return nothing()


# --- jobs ---------------------------------------------------------------------------------------------


@router.get("/{workspaceID}/jobs", responses=documented(JobPage, *READING))
def list_jobs(name: WorkspaceName, asked: Annotated[CoalescePageQuery, Query()], caller: Asking) -> Response:
    context = caller.require(Read())
    found = list(workspace.compiled(context, find_workspace(context, name)).manifest.jobs.values())
    if asked.starting_from is not None:
        after = job_number(asked.starting_from)
        found = [job for job in found if job.id > after]
    page = cut(found[: asked.limit + 1], asked.limit, lambda job: str(job.id))
    return answer(bodies.page([node_bodies.job_body(job) for job in page.items], page.limit, page.next))


@router.get("/{workspaceID}/jobs/{jobID}", responses=documented(JobBody, *READING))
def show_job(name: WorkspaceName, job: JobName, caller: Asking) -> Response:
    context = caller.require(Read())
    jobs = workspace.compiled(context, find_workspace(context, name)).manifest.jobs
    return answer(node_bodies.job_body(asking.find_job(jobs, job)))


@router.post(
    "/{workspaceID}/jobs", status_code=201, responses=documented(FileBody, *WRITING, status=201, body=True)
)
def create_job(name: WorkspaceName, asked: NewWorkspaceJobRequest, caller: Asking) -> Response:
    """Write the file `jobs/<name>.yml`."""
    context = caller.require(Deploy())
    written = workspace.create_job(context, find_workspace(context, name), _job(asked), asked.id)
    return answer(node_bodies.file_body(written), 201)


@router.put("/{workspaceID}/jobs/{jobID}", responses=documented(FileBody, *WRITING, body=True))
def change_job(name: WorkspaceName, job: JobName, asked: WorkspaceJobRequest, caller: Asking) -> Response:
    context = caller.require(Deploy())
    written = workspace.change_job(context, find_workspace(context, name), job, _job(asked))
    return answer(node_bodies.file_body(written))


@router.delete("/{workspaceID}/jobs/{jobID}", status_code=204, responses=documented(None, 404))
def delete_job(name: WorkspaceName, job: JobName, caller: Asking) -> Response:
    context = caller.require(Deploy())
    workspace.delete_job(context, find_workspace(context, name), job)
    return nothing()


def _job(asked: WorkspaceJobRequest) -> JobDefinition:
    return JobDefinition(
        name=asked.name,
        include=asked.include_selector,
        exclude=asked.exclude_selector,
        parallelism=asked.parallelism,
        description=asked.description,
        parameters=asked.parameters,
        overlap=asked.overlap,
        timeout_seconds=asked.timeout_seconds,
        tags=tuple(asked.tags),
    )


# --- subgraphs ----------------------------------------------------------------------------------------


@router.get("/{workspaceID}/subgraphs", responses=documented(SubgraphPage, *READING))
def list_subgraphs(
    name: WorkspaceName, asked: Annotated[CoalescePageQuery, Query()], caller: Asking
) -> Response:
    context = caller.require(Read())
    subgraphs = workspace.compiled(context, find_workspace(context, name)).manifest.subgraphs
    names = [one for one in sorted(subgraphs) if asked.starting_from is None or one > asked.starting_from]
    page = cut(names[: asked.limit + 1], asked.limit, str)
    made = [node_bodies.subgraph_body(one, subgraphs[one].nodes, subgraphs[one].path) for one in page.items]
    return answer(bodies.page(made, page.limit, page.next))


@router.get("/{workspaceID}/subgraphs/{name}", responses=documented(SubgraphBody, *READING))
def show_subgraph(name: WorkspaceName, subgraph: SubgraphName, caller: Asking) -> Response:
    context = caller.require(Read())
    subgraphs = workspace.compiled(context, find_workspace(context, name)).manifest.subgraphs
    found = asking.find_subgraph(subgraphs, subgraph)
    return answer(node_bodies.subgraph_body(found.name, found.nodes, found.path))


@router.post(
    "/{workspaceID}/subgraphs",
    status_code=201,
    responses=documented(FileBody, *WRITING, status=201, body=True),
)
def create_subgraph(name: WorkspaceName, asked: SubgraphRequest, caller: Asking) -> Response:
    """Write the file `subgraphs/<name>.yml`."""
    context = caller.require(Deploy())
    tree = find_workspace(context, name)
    written = workspace.create_subgraph(context, tree, asked.name, asked.steps)
    return answer(node_bodies.file_body(written), 201)


@router.put("/{workspaceID}/subgraphs/{name}", responses=documented(FileBody, *WRITING, body=True))
def change_subgraph(
    name: WorkspaceName, subgraph: SubgraphName, asked: SubgraphRequest, caller: Asking
) -> Response:
    context = caller.require(Deploy())
    tree = find_workspace(context, name)
    written = workspace.change_subgraph(context, tree, subgraph, asked.name, asked.steps)
    return answer(node_bodies.file_body(written))


@router.delete("/{workspaceID}/subgraphs/{name}", status_code=204, responses=documented(None, 404))
def delete_subgraph(name: WorkspaceName, subgraph: SubgraphName, caller: Asking) -> Response:
    context = caller.require(Deploy())
    workspace.delete_subgraph(context, find_workspace(context, name), subgraph)
    return nothing()
