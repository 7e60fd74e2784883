"""Which steps a run has: its job's selectors or its own, over what is deployed, in dependency order. Pure."""

from __future__ import annotations

from collections.abc import Iterable

from headgate.errors import NotFound, UsageError, did_you_mean
from headgate.graph import order
from headgate.model.bound import Catalog
from headgate.model.project import Job, Parameters
from headgate.model.runs import Run, RunRequest
from headgate.selector import Selection, select


def find_job(catalog: Catalog, job_id: int) -> Job:
    job = catalog.jobs.get(job_id)
    if job is None:
        known = ", ".join(f"{job.id} ({job.name})" for job in catalog.jobs.values())
        raise NotFound(
            "job_not_found",
            f"there is no job {job_id} in what is deployed",
            hint=f"jobs: {known}" if known else "add one to jobs/, then deploy",
        )
    return job


def requested_selection(catalog: Catalog, job_id: int | None, request: RunRequest) -> Selection:
    """What the request selects: its own selectors replace the job's; neither means everything.

    Raises UsageError `nothing_selected` for a run over nothing, and NotFound for an unknown job.
    """
    include, exclude = request.include, request.exclude
    if job_id is not None and not (include or exclude):
        job = find_job(catalog, job_id)
        include, exclude = job.refresh.include, job.refresh.exclude
    selection = select(catalog, include, exclude, strict=request.strict)
    if not selection.ids:
        hint = "; ".join(selection.warnings) or "headgate nodes list shows what a selector matches"
        raise UsageError("nothing_selected", "the selection holds no node", hint=hint)
    return selection


def run_selection(catalog: Catalog, run: Run, only: Iterable[str] | None) -> list[str]:
    """The ids of the run's steps, in dependency order: nodes, and the project tests that read any of them.

    `only` (a rerun) names the ids to run again; those that are no longer deployed are left out.
    """
    known = {node.id: node.depends_on for node in catalog.nodes}
    if only is None:
        chosen = set(requested_selection(catalog, run.job_id, run.request).ids)
        tests = {name for name, reads in catalog.tests.items() if chosen.intersection(reads)}
    else:
        wanted = set(only)
        chosen = wanted & known.keys()
        tests = wanted & catalog.tests.keys()
    ordered = [name for name in order({name: known[name] for name in chosen}) if name in chosen]
    return ordered + sorted(tests)


def run_parameters(catalog: Catalog, run: Run) -> Parameters:
    """Environment < job < run, merged by key. Raises UsageError for a parameter that nothing declares."""
    job = catalog.jobs.get(run.job_id) if run.job_id is not None else None
    parameters = {**catalog.parameters, **(job.parameters if job else {}), **run.request.parameters}
    check_parameters(catalog, run.request.parameters)
    return parameters


def check_parameters(catalog: Catalog, given: Parameters) -> None:
    for name in given:
        if name not in catalog.parameters and name not in catalog.parameter_readers:
            raise UsageError(
                "parameter_unknown",
                f"there is no parameter {name}",
                hint=did_you_mean(name, catalog.parameters, "declare it under parameters in headgate.yml"),
            )
