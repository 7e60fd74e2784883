"""Projects: those of the state's environments, and the one that the server stands in."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from headgate.api.answers import answer, documented
from headgate.api.caller import Asking
from headgate.api.reading import StrictRoute
from headgate.errors import NotFound, did_you_mean
from headgate.identity.principal import Read
from headgate.service import asking, bodies, jobs, node_bodies, workspace
from headgate.service.bodies import Body
from headgate.service.context import Context
from headgate.service.paging import cut
from headgate.wire.nodes import ProjectBody, ProjectPage, ProjectQuery

router = APIRouter(prefix="/api/v1/projects", tags=["projects"], route_class=StrictRoute)

ProjectName = Annotated[str, Path(alias="projectID", min_length=1, max_length=200)]


@router.get("", responses=documented(ProjectPage))
def list_projects(asked: Annotated[ProjectQuery, Query()], caller: Asking) -> Response:
    """By name."""
    context = caller.require(Read())
    known = {*asking.projects(context), *(tree.name for tree in workspace.list_workspaces(context))}
    names = [name for name in sorted(known) if asked.starting_from is None or name > asked.starting_from]
    page = cut(names[: asked.limit + 1], asked.limit, str)
    made = [_body(context, name, asked) for name in page.items]
    return answer(bodies.page(made, page.limit, page.next))


@router.get("/{projectID}", responses=documented(ProjectBody, 404))
def show_project(name: ProjectName, asked: Annotated[ProjectQuery, Query()], caller: Asking) -> Response:
    context = caller.require(Read())
    known = {*asking.projects(context), *(tree.name for tree in workspace.list_workspaces(context))}
    if name not in known:
        raise NotFound("project_not_found", f"there is no project {name}", hint=did_you_mean(name, known))
    return answer(_body(context, name, asked))


def _body(context: Context, name: str, asked: ProjectQuery) -> Body:
    environments = asking.projects(context).get(name, [])
    trees = [tree for tree in workspace.list_workspaces(context) if tree.name == name]
    found = {placed.job.id: placed.job for row in environments for placed in jobs.list_jobs(context, row)}
    return node_bodies.project_body(
        name,
        [str(row.environment.id) for row in environments],
        trees if asked.include_workspaces else None,
        [found[job_id] for job_id in sorted(found)] if asked.include_jobs else None,
    )
