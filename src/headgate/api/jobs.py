"""Jobs of an environment: listed, told with what they select, made, changed, switched off and on, deleted."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from headgate.api.answers import answer, documented, nothing
from headgate.api.caller import Asking, Caller
from headgate.api.environments import EnvironmentName
from headgate.api.reading import StrictRoute
from headgate.identity.principal import Deploy, Read, Watch
from headgate.service import asking, bodies, jobs, node_bodies
from headgate.service.context import Context, find_environment
from headgate.service.jobs import PlacedJob
from headgate.service.paging import cut
from headgate.service.parameters import job_number
from headgate.store.environments import EnvironmentRow
from headgate.wire.nodes import ActiveRequest, JobBody, JobPage, JobRequest, SelectionBody
from headgate.wire.paging import CoalescePageQuery

router = APIRouter(prefix="/api/v1/environments/{environmentID}/jobs", tags=["jobs"], route_class=StrictRoute)

JobName = Annotated[
    str, Path(alias="jobID", min_length=1, max_length=200, description="Its id, or its name.")
]


@router.get("", responses=documented(JobPage, 404))
def list_jobs(
    environment: EnvironmentName, asked: Annotated[CoalescePageQuery, Query()], caller: Asking
) -> Response:
    """Those of files as deployed, and those made here; by id."""
    context = caller.require(Read())
    found = jobs.list_jobs(context, find_environment(context, environment))
    if asked.starting_from is not None:
        after = job_number(asked.starting_from)
        found = [placed for placed in found if placed.job.id > after]
    page = cut(found[: asked.limit + 1], asked.limit, lambda placed: str(placed.job.id))
    made = [node_bodies.placed_job_body(placed) for placed in page.items]
    return answer(bodies.page(made, page.limit, page.next))


@router.get("/{jobID}", responses=documented(JobBody, 404))
def show_job(environment: EnvironmentName, job: JobName, caller: Asking) -> Response:
    _, _, placed = _watched(caller, environment, job)
    return answer(node_bodies.placed_job_body(placed))


@router.get("/{jobID}/selection", responses=documented(SelectionBody, 404, 409))
def show_selection(environment: EnvironmentName, job: JobName, caller: Asking) -> Response:
    """What the job would run now, and why each of it."""
    context, row, placed = _watched(caller, environment, job)
    catalog = asking.deployed_content(context, row).runnable()
    workload = placed.job.refresh
    explanation = asking.explain_selection(catalog, workload.include, workload.exclude)
    return answer(node_bodies.explanation_body(catalog, explanation))


@router.post("", status_code=201, responses=documented(JobBody, 404, 409, status=201, body=True))
def create_job(environment: EnvironmentName, asked: JobRequest, caller: Asking) -> Response:
    """Make a job that lives in the state. Its id is above those of files, and never given to another."""
    context = caller.require(Deploy())
    row = find_environment(context, environment)
    return answer(node_bodies.placed_job_body(jobs.create_job(context, row, _request(asked))), 201)


@router.put("/{jobID}", responses=documented(JobBody, 404, 409, body=True))
def change_job(environment: EnvironmentName, job: JobName, asked: JobRequest, caller: Asking) -> Response:
    """Make a job that lives in the state what the body says. Jobs of files are changed in the project."""
    context = caller.require(Deploy())
    row = find_environment(context, environment)
    return answer(node_bodies.placed_job_body(jobs.change_job(context, row, job, _request(asked))))


@router.patch("/{jobID}", responses=documented(JobBody, 404, 409, body=True))
def set_active(environment: EnvironmentName, job: JobName, asked: ActiveRequest, caller: Asking) -> Response:
    """Whether the job is triggered; of every job. It can be started by hand all the same."""
    context = caller.require(Deploy())
    row = find_environment(context, environment)
    return answer(node_bodies.placed_job_body(jobs.set_active(context, row, job, asked.active)))


@router.delete("/{jobID}", status_code=204, responses=documented(None, 404, 409))
def delete_job(environment: EnvironmentName, job: JobName, caller: Asking) -> Response:
    """Its runs stay."""
    context = caller.require(Deploy())
    jobs.delete_job(context, find_environment(context, environment), job)
    return nothing()


def _watched(caller: Caller, environment: str, name: str) -> tuple[Context, EnvironmentRow, PlacedJob]:
    row = find_environment(caller.context, environment)
    placed = jobs.find_job(caller.context, row, name)
    return caller.require(Watch(placed.job.id, placed.job.name)), row, placed


def _request(asked: JobRequest) -> jobs.JobRequest:
    return jobs.JobRequest(
        name=asked.name,
        include=asked.include_selector,
        exclude=asked.exclude_selector,
        parallelism=asked.parallelism,
        description=asked.description,
        parameters=asked.parameters,
        overlap=asked.overlap,
        timeout_seconds=asked.timeout_seconds,
        tags=tuple(asked.tags),
        active=asked.active,
    )
