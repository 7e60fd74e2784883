"""Coalesce's four calls, for scripts and clients that were written for it: start, rerun, status, cancel."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from headgate.api.answers import answer, documented, nothing
from headgate.api.caller import Asking
from headgate.api.reading import StrictRoute
from headgate.api.starting import IdempotencyKey, cancel, rerun, run_number, start
from headgate.errors import Refused, UsageError
from headgate.identity.principal import to_watch
from headgate.model.project import Parameters
from headgate.model.runs import RunRequest
from headgate.service import asking, bodies
from headgate.service.parameters import read_parameters
from headgate.wire.base import MOST_ID
from headgate.wire.runs import CancelRunRequest, RerunRequest, RunStatusAnswer, Started, StartRunRequest

router = APIRouter(prefix="/scheduler", tags=["scheduler"], route_class=StrictRoute)

RunCounter = Annotated[int | None, Query(alias="runCounter", ge=0, le=MOST_ID)]
RunId = Annotated[int | None, Query(alias="runID", ge=0, le=MOST_ID, description="The same as runCounter.")]


@router.post(
    "/startRun",
    responses=documented(Started, 404, 409, 429, 502, body=True),
)
def start_run(asked: StartRunRequest, caller: Asking, key: IdempotencyKey = None) -> Response:
    """Run a job, a selection or everything that is deployed in an environment.

    `userCredentials` are accepted and not kept: an environment has its own connection.
    """
    details = asked.run_details
    request = RunRequest(
        include=details.include_nodes_selector or "",
        exclude=details.exclude_nodes_selector or "",
        parameters=_parameters(asked.parameters),
        force=details.force_ignore_workspace_status or details.force_ignore_environment_status,
    )
    run, warnings = start(caller, details.environment_id, details.job_id, request, details.parallelism, key)
    return answer({"runCounter": run.id, **({"warnings": list(warnings)} if warnings else {})})


@router.post("/rerun", responses=documented(Started, 404, 409, 429, 502, body=True))
def rerun_run(asked: RerunRequest, caller: Asking) -> Response:
    """Run again what did not succeed in a run, as a new one with its selectors and parameters."""
    details = asked.run_details or asked
    if details.run_id is None:
        raise UsageError("request_invalid", "runID is missing", hint='{"runDetails": {"runID": "12"}}')
    number = run_number(details.run_id)
    given = _parameters(asked.parameters)
    if given and given != asking.find_run(caller.context, number).request.parameters:
        raise UsageError(
            "parameters_kept",
            f"a rerun keeps the parameters of run {number}",
            hint="leave them out, or start a new run with others",
        )
    force = details.force_ignore_workspace_status or details.force_ignore_environment_status
    run = rerun(caller, number, force=force)
    if run is None:
        raise nothing_to_rerun(number)
    return answer({"runCounter": run.id})


@router.get("/runStatus", responses=documented(RunStatusAnswer, 404))
def run_status(caller: Asking, run_counter: RunCounter = None, run_id: RunId = None) -> Response:
    """How a run stands, in Coalesce's words and in Headgate's."""
    number = run_counter if run_counter is not None else run_id
    if number is None:
        raise UsageError(
            "request_invalid", "runCounter is missing", hint="/scheduler/runStatus?runCounter=12"
        )
    run = asking.find_run(caller.context, number)
    caller.require(to_watch(run))
    return answer(bodies.run_status_body(run, caller.address(f"/app/runs/{run.id}")))


@router.post("/cancelRun", status_code=204, responses=documented(None, 404, 409, body=True))
def cancel_run(asked: CancelRunRequest, caller: Asking) -> Response:
    """Stop a run, with its statements in the warehouse. A run that waits is canceled at once."""
    cancel(caller, run_number(asked.run_id))
    return nothing()


def nothing_to_rerun(run_id: int) -> Refused:
    return Refused(
        "nothing_to_rerun", f"run {run_id} left nothing undone", hint="start a new run to do it all again"
    )


def _parameters(given: Parameters | str | None) -> Parameters:
    if isinstance(given, str):
        return read_parameters([given]) if given.strip() else {}
    return given or {}
