"""Jobs of an environment: those of files, which are deployed and read-only but for being active, and those that live
in the state, made by the API or in the app."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace

from headgate.errors import Refused, UsageError
from headgate.model.bound import Catalog
from headgate.model.project import Job, Parameters, RefreshWorkload
from headgate.selection import check_parameters
from headgate.selector import select
from headgate.service import asking
from headgate.service.access import checked_name
from headgate.service.context import Context
from headgate.store.content import Content
from headgate.store.environments import EnvironmentRow
from headgate.store.jobs import FIRST_ID

_NO_ID = FIRST_ID - 1
"""Stands for the id that a new job is given when it is written."""


@dataclass(frozen=True, slots=True)
class PlacedJob:
    """A job in one environment. `editable`: it lives in the state."""

    job: Job
    active: bool
    editable: bool


@dataclass(frozen=True, slots=True)
class JobDefinition:
    """What a job shall be, wherever it is kept. In a file, what that says beside (triggers, retries) stays."""

    name: str
    include: str = ""
    exclude: str = ""
    parallelism: int | None = None
    description: str = ""
    parameters: Parameters = field(default_factory=dict)
    overlap: str | None = None
    timeout_seconds: float | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class JobRequest(JobDefinition):
    """Of a job in the state. Its selectors are held against what is deployed, where anything is."""

    active: bool = True


def list_jobs(context: Context, row: EnvironmentRow) -> list[PlacedJob]:
    """All jobs of an environment, by id."""
    environment_id = row.environment.id
    inactive = context.store.jobs.inactive(environment_id)
    found = [
        PlacedJob(job, job.id not in inactive, editable=False) for job in _of_files(context, row).values()
    ]
    found += [
        PlacedJob(one.job, one.active, editable=True) for one in context.store.jobs.list(environment_id)
    ]
    return sorted(found, key=lambda placed: placed.job.id)


def find_job(context: Context, row: EnvironmentRow, name: str) -> PlacedJob:
    """By id or name. Raises NotFound `job_not_found`."""
    placed = {one.job.id: one for one in list_jobs(context, row)}
    return placed[asking.find_job({job_id: one.job for job_id, one in placed.items()}, name).id]


def create_job(context: Context, row: EnvironmentRow, request: JobRequest) -> PlacedJob:
    """Raises UsageError (`name_invalid`, `selector_syntax`, `selector_no_match`, `parameter_unknown`), Refused
    `job_exists`."""
    job = _checked(context, row, request, _NO_ID)
    stored = context.store.jobs.create(row.environment.id, job, active=request.active, by=context.actor)
    return PlacedJob(stored.job, stored.active, editable=True)


def change_job(context: Context, row: EnvironmentRow, name: str, request: JobRequest) -> PlacedJob:
    """Makes a job that lives in the state what the request says. Raises as `create_job`, and Refused
    `job_read_only` for one of a file."""
    old = _editable(find_job(context, row, name))
    job = _checked(context, row, request, old.job.id)
    stored = context.store.jobs.change(row.environment.id, job, active=request.active, by=context.actor)
    return PlacedJob(stored.job, stored.active, editable=True)


def set_active(context: Context, row: EnvironmentRow, name: str, active: bool) -> PlacedJob:
    """Whether a job is triggered; it can be started by hand all the same. Of every job."""
    placed = find_job(context, row, name)
    by, environment_id = context.actor, row.environment.id
    if placed.editable:
        context.store.jobs.change(environment_id, placed.job, active=active, by=by)
    else:
        context.store.jobs.set_file_active(environment_id, placed.job.id, active, by=by)
    return replace(placed, active=active)


def delete_job(context: Context, row: EnvironmentRow, name: str) -> None:
    """Its runs stay. Raises NotFound `job_not_found`, Refused `job_read_only`."""
    job = _editable(find_job(context, row, name)).job
    context.store.jobs.delete(row.environment.id, job.id, by=context.actor)


def _editable(placed: PlacedJob) -> PlacedJob:
    if placed.editable:
        return placed
    raise Refused(
        "job_read_only",
        f"the job {placed.job.id} is that of the file {placed.job.path}",
        hint="change the file and deploy; here it can only be made active or inactive",
    )


def _of_files(context: Context, row: EnvironmentRow) -> Mapping[int, Job]:
    catalog = _catalog(context, row)
    return {} if catalog is None else catalog.jobs


def _catalog(context: Context, row: EnvironmentRow) -> Catalog | None:
    deployment = context.store.deployments.current(row.environment.id)
    return None if deployment is None else Content(context.store, deployment).catalog()


def _checked(context: Context, row: EnvironmentRow, request: JobRequest, job_id: int) -> Job:
    name = checked_name(request.name, "job")
    if name.isdigit():
        raise UsageError("name_invalid", f"{name} cannot be the name of a job", hint="digits alone are an id")
    job = Job(
        job_id,
        name,
        RefreshWorkload(request.include.strip(), request.exclude.strip(), request.parallelism),
        "",
        request.description,
        request.parameters,
        overlap=request.overlap,
        timeout_seconds=request.timeout_seconds,
        tags=request.tags,
    )
    catalog = _catalog(context, row)
    if catalog is None:
        select(Catalog(nodes=()), job.refresh.include, job.refresh.exclude)  # its grammar at least
        return job
    for other in catalog.jobs.values():
        if other.name == name:
            raise Refused(
                "job_exists", f"the job {other.id} has the name {name} already", hint="choose another name"
            )
    check_parameters(catalog, job.parameters)
    stored = {one.job.id: one.job for one in context.store.jobs.list(row.environment.id)}
    jobs = {**catalog.jobs, **stored, job_id: job}
    select(replace(catalog, jobs=jobs), job.refresh.include, job.refresh.exclude)
    return job
