"""What the two ways to start a run share: Coalesce's calls and Headgate's own."""

from __future__ import annotations

from dataclasses import replace
from typing import Annotated

from fastapi import Header

from headgate.api.caller import Caller
from headgate.identity.principal import RunJob, to_steer
from headgate.model.runs import Run, RunRequest
from headgate.service import asking, parameters, running
from headgate.service.context import find_environment
from headgate.service.running import Entry
from headgate.wire.base import MOST_ID

Named = int | str
IdempotencyKey = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=200,
        description="Sent again with the same request, it gets the run that it started first.",
    ),
]


def start(
    caller: Caller,
    environment: Named,
    job: Named | None,
    request: RunRequest,
    parallelism: int | None,
    idempotency_key: str | None,
) -> tuple[Run, tuple[str, ...]]:
    """Write a waiting run down, for whoever may start it. Returns it and warnings about its selectors."""
    context = caller.context
    if job is None:
        caller.require(RunJob())
    row = find_environment(context, str(environment))
    found = None if job is None else asking.find_deployed_job(context, row, str(job))
    if found is not None:
        own = bool(request.include or request.exclude)
        caller.require(RunJob() if own else RunJob(found.id, found.name))
    usual = (found and found.refresh.parallelism) or context.settings.parallelism
    request = replace(request, parallelism=parallelism or usual)
    entry = Entry(caller=f"token/{caller.principal.token_id}", idempotency_key=idempotency_key)
    return running.start_refresh(context, row, request, job_id=found.id if found else None, entry=entry)


def rerun(caller: Caller, run_id: int, *, same_version: bool = False, force: bool = False) -> Run | None:
    """The new run; None where there is nothing to rerun."""
    context = caller.require(to_steer(asking.find_run(caller.context, run_id)))
    return running.rerun(context, run_id, same_version=same_version, force=force)


def cancel(caller: Caller, run_id: int) -> Run:
    context = caller.require(to_steer(asking.find_run(caller.context, run_id)))
    return running.cancel(context, run_id)


def run_number(given: Named) -> int:
    """Raises UsageError `run_id_invalid`."""
    return given if isinstance(given, int) and given <= MOST_ID else parameters.run_number(str(given))
