"""Runs: started, listed, told with what they did, repeated, canceled."""

from __future__ import annotations

from typing import Annotated, TypeVar

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from headgate.api.answers import answer, documented
from headgate.api.caller import Asking, Caller
from headgate.api.reading import StrictRoute
from headgate.api.scheduler import nothing_to_rerun
from headgate.api.starting import IdempotencyKey, cancel, rerun, start
from headgate.identity.principal import Watch, to_watch
from headgate.model.runs import Run, RunKind, RunRequest, RunStatus
from headgate.model.steps import StepStatus
from headgate.service import asking, bodies
from headgate.service.bodies import Body
from headgate.service.context import find_environment
from headgate.service.paging import Page
from headgate.service.parameters import check_range, read_instant
from headgate.store.run_lists import RunFilter, RunKey, RunOrder
from headgate.wire.base import MOST_ID
from headgate.wire.runs import (
    LogQuery,
    NewRunRequest,
    RepeatRequest,
    Results,
    RunDetail,
    RunPage,
    RunQuery,
    StartedRun,
)

T = TypeVar("T")

router = APIRouter(prefix="/api/v1/runs", tags=["runs"], route_class=StrictRoute)

_KEYS = {"id": RunKey.ID, "runStartTime": RunKey.STARTED, "runEndTime": RunKey.ENDED}
_STATUSES = {
    word: tuple(status for status in RunStatus if bodies.RUN_STATUS[status] == word)
    for word in set(bodies.RUN_STATUS.values())
}
_KINDS = {
    "deploy": (RunKind.DEPLOY,),
    "refresh": tuple(kind for kind in RunKind if kind is not RunKind.DEPLOY),
}


STARTING = (404, 409, 429, 502)
RunId = Annotated[int, Path(alias="runID", ge=0, le=MOST_ID)]


@router.post("", status_code=201, responses=documented(StartedRun, 404, 409, 429, 502, status=201, body=True))
def start_run(asked: NewRunRequest, caller: Asking, key: IdempotencyKey = None) -> Response:
    """Run a job, a selection or everything that is deployed in an environment."""
    begin, end = read_instant(asked.from_, "from"), read_instant(asked.to, "to")
    check_range(begin, end)
    request = RunRequest(
        include=asked.include,
        exclude=asked.exclude,
        parameters=asked.parameters,
        force=asked.force,
        strict=asked.strict,
        backfill_from=begin,
        backfill_to=end,
    )
    run, warnings = start(caller, asked.environment, asked.job, request, asked.parallelism, key)
    return answer({"run": _detail(caller, run.id), "warnings": list(warnings)}, 201)


@router.get("", responses=documented(RunPage, 404))
def list_runs(asked: Annotated[RunQuery, Query()], caller: Asking) -> Response:
    """Runs, newest first. `startingFrom` is the `next` of the page before, a run's id, or an instant."""
    context = caller.context
    which = _filter(caller, asked)
    order = RunOrder(_KEYS[asked.order_by], descending=asked.order_by_direction == "desc")
    page: Page[Run] = Page((), asked.limit)
    if asked.limit and which is not None:
        page = asking.list_runs(
            context, which, limit=asked.limit, starting_from=asked.starting_from, order=order
        )
    names = asking.environment_names(context)
    made = [
        _detail(caller, run.id) if asked.detail else bodies.run_body(run, names.get(run.environment_id, ""))
        for run in page.items
    ]
    words = {"orderBy": asked.order_by, "orderByDirection": asked.order_by_direction}
    return answer({**bodies.page(made, asked.limit, page.next), **words})


def _filter(caller: Caller, asked: RunQuery) -> RunFilter | None:
    """None where nothing can match. A token for some jobs sees those jobs' runs only."""
    context = caller.context
    row = find_environment(context, asked.environment_id) if asked.environment_id is not None else None
    jobs: tuple[int, ...] | None = None
    if asked.job_id is not None:
        jobs = (asking.job_id_of_runs(context, row, asked.job_id),)
    watched = caller.principal.watched_jobs
    if watched is not None:
        if not watched:
            caller.require(Watch())
        seen = asking.job_ids(context, row, watched)
        jobs = seen if jobs is None else tuple(set(jobs) & set(seen))
    statuses = _narrowed(
        tuple(RunStatus),
        _STATUSES[asked.run_status] if asked.run_status else None,
        (RunStatus(asked.status),) if asked.status else None,
    )
    kinds = _narrowed(
        tuple(RunKind),
        _KINDS[asked.run_type] if asked.run_type else None,
        (RunKind(asked.kind),) if asked.kind else None,
    )
    if jobs == () or statuses == () or kinds == ():
        return None
    return RunFilter(row.environment.id if row else None, statuses, kinds, jobs)


def _narrowed(every: tuple[T, ...], *wanted: tuple[T, ...] | None) -> tuple[T, ...] | None:
    """What all of `wanted` allow; None where that is everything."""
    left = tuple(one for one in every if all(some is None or one in some for some in wanted))
    return None if left == every else left


@router.get("/{runID}", responses=documented(RunDetail, 404))
def show_run(run_id: RunId, caller: Asking) -> Response:
    caller.require(to_watch(asking.find_run(caller.context, run_id)))
    return answer(_detail(caller, run_id))


@router.get("/{runID}/results", responses=documented(Results, 404))
def show_results(run_id: RunId, caller: Asking) -> Response:
    """What each node of a run did: every statement with its rows, times and errors."""
    context = caller.require(to_watch(asking.find_run(caller.context, run_id)))
    report = asking.report_run(context, run_id, statements=True)
    return answer(bodies.results_body(report.steps, report.statements, report.environment.warehouse.type))


@router.get("/{runID}/logs", responses=documented(Results, 404))
def show_logs(run_id: RunId, asked: Annotated[LogQuery, Query()], caller: Asking) -> Response:
    """The results of one node, or of what failed."""
    context = caller.require(to_watch(asking.find_run(caller.context, run_id)))
    report = asking.report_run(context, run_id, statements=True)
    steps = report.steps if asked.node_id is None else (asking.find_step(report, asked.node_id),)
    if asked.failed:
        steps = tuple(step for step in steps if step.status is StepStatus.FAILED)
    return answer(bodies.results_body(steps, report.statements, report.environment.warehouse.type))


@router.post(
    "/{runID}/rerun",
    status_code=201,
    responses=documented(StartedRun, 404, 409, 429, 502, status=201, body=True),
)
def rerun_run(run_id: RunId, caller: Asking, asked: RepeatRequest | None = None) -> Response:
    """Run again what did not succeed in a run, as a new one with its selectors and parameters."""
    wanted = asked or RepeatRequest()
    run = rerun(caller, run_id, same_version=wanted.same_version, force=wanted.force)
    if run is None:
        raise nothing_to_rerun(run_id)
    return answer({"run": _detail(caller, run.id), "warnings": []}, 201)


@router.post("/{runID}/cancel", responses=documented(RunDetail, 404, 409, body=True))
def cancel_run(run_id: RunId, caller: Asking) -> Response:
    """Stop a run, with its statements in the warehouse. A run that waits is canceled at once."""
    cancel(caller, run_id)
    return answer(_detail(caller, run_id))


def _detail(caller: Caller, run_id: int) -> Body:
    report = asking.report_run(caller.context, run_id)
    return bodies.run_detail(report.run, report.environment.name, report.history, report.steps)
