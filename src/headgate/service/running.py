"""Start, rerun and cancel runs: decide, write the waiting run down, return. A worker carries it out."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from hashlib import sha256

import msgspec

from headgate.errors import Refused, UsageError
from headgate.model.runs import Overlap, Run, RunKind, RunRequest, RunStatus
from headgate.recovery import require_markers, settle_deployment
from headgate.selection import check_parameters, find_job, requested_selection
from headgate.service.context import Context
from headgate.store.content import Content
from headgate.store.environments import EnvironmentRow
from headgate.store.queue import Admission
from headgate.store.runs import NewRun


@dataclass(frozen=True, slots=True)
class Entry:
    """How a run enters the queue, beside what its job says. A `caller` that sends one `idempotency_key` again gets the
    run that it started first."""

    priority: int = 0
    caller: str = ""
    idempotency_key: str | None = None


PLAIN = Entry()


def start_refresh(
    context: Context,
    environment: EnvironmentRow,
    request: RunRequest,
    *,
    job_id: int | None = None,
    entry: Entry = PLAIN,
) -> tuple[Run, tuple[str, ...]]:
    """Write down a waiting refresh of what is deployed in `environment`: a job's selection, the request's own
    (which replaces both of the job's selectors), or all. Returns the run and warnings about its selectors. By the
    job's overlap policy it may also be one that waits already, or one that is skipped.

    Raises Refused (`not_deployed`, `deploy_failed`, `queue_full`, `idempotency_key_reused`), NotFound
    `job_not_found`, UsageError (`nothing_selected`, `selector_syntax`, `parameter_unknown`): nothing is written
    down then.
    """
    environment = _settled(context, environment, request)
    name = environment.environment.name
    if environment.current_deployment_id is None:
        raise Refused("not_deployed", f"nothing is deployed in {name}", hint=f"headgate deploy -e {name}")
    deployment = context.store.deployments.get(environment.current_deployment_id)
    catalog = Content(context.store, deployment).runnable()
    job = find_job(catalog, job_id) if job_id is not None else None
    if request.parallelism < 1:
        raise UsageError("parallelism_invalid", "parallelism must be at least 1")
    check_parameters(catalog, request.parameters)
    selection = requested_selection(catalog, job_id, request)
    own = bool(request.include or request.exclude)
    key = None
    if job is not None:
        key = f"job/{environment.environment.id}/{job.id}"
    elif not own:
        key = f"all/{environment.environment.id}"
    if job is not None:
        retries = job.retries if job.retries.max else None
        request = replace(request, timeout_seconds=job.timeout_seconds, retries=retries)
    new = NewRun(
        kind=RunKind.REFRESH,
        environment_id=environment.environment.id,
        request=request,
        job_id=job.id if job else None,
        job_name=job.name if job else None,
        config_key=key,
        requested_by=context.requested_by,
        owner=context.owner,
        priority=entry.priority,
    )
    overlap = Overlap(job.overlap) if job is not None and job.overlap else Overlap.QUEUE
    if overlap is Overlap.COALESCE and context.owner is not None:
        overlap = Overlap.QUEUE  # a run that belongs to a process is carried out by that one alone
    admission = Admission(
        overlap=overlap,
        caller=entry.caller,
        key=entry.idempotency_key,
        digest=_digest(new) if entry.idempotency_key is not None else "",
    )
    return context.store.queue.enter(new, admission), selection.warnings


def _digest(new: NewRun) -> str:
    """What a start asks for, so that a key that comes again with something else is noticed."""
    asked = (new.kind, new.environment_id, new.job_id, new.priority, new.request)
    return sha256(msgspec.json.encode(asked)).hexdigest()


def rerun(context: Context, run_id: int, *, same_version: bool = False, force: bool = False) -> Run | None:
    """Write down a new run over what did not succeed in `run_id` and its reruns until now, with its selectors and
    parameters; None where there is nothing to rerun.

    Raises NotFound, or Refused (`run_not_ended`, `not_a_refresh`, `nothing_left`, `run_too_old`, `version_changed`
    with `same_version`).
    """
    store = context.store
    family = store.runs.history_chain(run_id)
    old = next(run for run in family if run.id == run_id)
    if old.kind is not RunKind.REFRESH:
        raise Refused("not_a_refresh", f"run {run_id} is a {old.kind}", hint="deploy again instead")
    for run in family:
        if not run.status.final:
            raise Refused(
                "run_not_ended",
                f"run {run.id} is still {run.status}",
                hint=f"wait for it, or headgate cancel {run.id}",
            )
    if any(run.status in (RunStatus.SUCCEEDED, RunStatus.WARNING) for run in family if _covers(run, old)):
        return None
    require_markers(store, family)
    request = replace(old.request, force=force or old.request.force, same_version=same_version, attempt=0)
    environment = _settled(context, store.environments.get(old.environment_id), request)
    pinned = next((run.deployment_id for run in reversed(family) if run.deployment_id), None)
    if same_version and pinned != environment.current_deployment_id:
        raise Refused(
            "version_changed",
            f"another version is deployed in {environment.environment.name} since run {run_id}",
            hint="rerun without --same-version, or deploy that version again",
        )
    _require_something_left(context, family, environment)
    return store.runs.create(
        NewRun(
            kind=RunKind.REFRESH,
            environment_id=old.environment_id,
            request=request,
            job_id=old.job_id,
            job_name=old.job_name,
            rerun_of=run_id,
            config_key=old.config_key,
            requested_by=context.requested_by,
            owner=context.owner,
        )
    )


def cancel(context: Context, run_id: int) -> Run:
    """Ask a run to stop: a waiting one is canceled at once, a running one by its own process, which stops its
    statements in the warehouse. Raises NotFound, or Refused `run_ended`."""
    return context.store.runs.request_cancel(run_id, by=context.actor)


def _require_something_left(context: Context, family: Sequence[Run], environment: EnvironmentRow) -> None:
    """Raises Refused `nothing_left` where all that did not succeed is no longer deployed: a run over nothing would say
    that it succeeded."""
    good: dict[str, bool] = {}
    for run in family:
        for row in context.store.steps.list(run.id):
            good[row.step_id] = good.get(row.step_id, False) or row.status.good
    left = [step_id for step_id, ended_well in good.items() if not ended_well]
    if not left or environment.current_deployment_id is None:
        return
    deployed = context.store.deployments.step_digests(environment.current_deployment_id, left)
    if not deployed:
        names = ", ".join(left[:3]) + (f" and {len(left) - 3} more" if len(left) > 3 else "")
        raise Refused(
            "nothing_left",
            f"what did not succeed is no longer deployed in {environment.environment.name}: {names}",
            hint="start a new run",
        )


def _covers(run: Run, old: Run) -> bool:
    """Whether the success of `run` leaves nothing of `old` to do: it is the same run, or came after it."""
    return run.id >= old.id


def _settled(context: Context, environment: EnvironmentRow, request: RunRequest) -> EnvironmentRow:
    """The environment, once it is known what became of its last deploy. Where the deploy's process died, only
    the commit marker in the warehouse can tell.

    Raises Refused `deploy_failed` where it failed and the request does not force the run.
    """
    latest = context.store.deployments.unsettled(environment.environment.id)
    if environment.marked and latest is not None:
        name = environment.environment.name
        warehouse = context.open_warehouse(environment.environment, f"headgate refresh -e {name}")
        try:
            settle_deployment(context.store, warehouse, environment.environment.id)
        finally:
            warehouse.close()
        environment = context.store.environments.get(environment.environment.id)
    if environment.marked and not request.force:
        name = environment.environment.name
        raise Refused(
            "deploy_failed",
            f"the last deploy of {name} failed",
            hint=f"headgate deploy -e {name}, or refresh what stands there with --forceIgnoreEnvironmentStatus",
        )
    return environment
