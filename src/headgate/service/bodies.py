"""Values -> the bodies that programs read: what `--json` prints and what the API answers, in one spelling.

Pure. camelCase; instants are ISO 8601 in UTC; lists are `{data, next, limit}`. Where Coalesce has a word of its
own, both stand there: `runStatus` (theirs) beside `status` (ours).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from headgate.errors import Diagnostic
from headgate.model.plan import Change, Plan
from headgate.model.project import Environment
from headgate.model.runs import Deployment, Event, Run, RunKind, StepRow
from headgate.model.steps import Counts, StatementRecord, StepError, StepStatus
from headgate.store.environments import EnvironmentRow
from headgate.store.tags import Tag

Body = dict[str, Any]

RUN_STATUS = {
    "waiting": "waitingToRun",
    "running": "running",
    "succeeded": "completed",
    "warning": "completed",
    "skipped": "completed",
    "reused": "completed",
    "failed": "failed",
    "canceled": "canceled",
}
"""Ours -> Coalesce's, whose clients reject any other word."""

SHOWN_OPTIONS = ("path", "host", "port", "database")
"""Options of a warehouse that tell where it is. The others may hold secrets and are never shown."""


def page(data: Iterable[Body], limit: int, next_: str | int | None = None) -> Body:
    """`next` is what `startingFrom` continues with, null at the end."""
    return {"data": list(data), "next": None if next_ is None else str(next_), "limit": limit}


def instant(at: datetime | None) -> str | None:
    return None if at is None else at.astimezone(UTC).isoformat().replace("+00:00", "Z")


def seconds(start: datetime | None, end: datetime | None) -> float | None:
    return None if start is None or end is None else round((end - start).total_seconds(), 6)


def error_body(error: StepError | None) -> Body | None:
    """Coalesce's two keys first; a sample of offending rows where there is one."""
    if error is None:
        return None
    body: Body = {"errorString": error.message, "errorDetail": error.hint, "code": error.code}
    if error.sample:
        body["sample"] = {"columns": list(error.sample_columns), "rows": [list(row) for row in error.sample]}
    return body


def run_body(run: Run, environment_name: str = "") -> Body:
    """`GET /api/v1/runs/{id}`; `id`, `runID` and `runCounter` are one number."""
    request = run.request
    return {
        "id": run.id,
        "runID": run.id,
        "runCounter": run.id,
        "reRunID": run.rerun_of,
        "kind": run.kind.value,
        "runType": _run_type(run),
        "status": run.status.value,
        "runStatus": RUN_STATUS[run.status],
        "environmentID": str(run.environment_id),
        "environmentName": environment_name,
        "jobID": None if run.job_id is None else str(run.job_id),
        "jobName": run.job_name,
        "deploymentID": run.deployment_id,
        "createdAt": instant(run.created_at),
        "createdBy": run.requested_by,
        "runStartTime": instant(run.started_at),
        "runEndTime": instant(run.ended_at),
        "durationSeconds": seconds(run.started_at, run.ended_at),
        "runDetails": {
            "includeNodesSelector": request.include,
            "excludeNodesSelector": request.exclude,
            "parallelism": request.parallelism,
            "forceIgnoreWorkspaceStatus": request.force,
            "from": instant(request.backfill_from),
            "to": instant(request.backfill_to),
        },
        "runTimeParameters": request.parameters,
        "runFailureReason": run.error.message if run.error else None,
        "error": error_body(run.error),
        "notes": list(run.notes),
    }


def _run_type(run: Run) -> str:
    return "deploy" if run.kind is RunKind.DEPLOY else "refresh"


def run_status_body(run: Run, link: str) -> Body:
    """`GET /scheduler/runStatus`."""
    return {
        "runStatus": RUN_STATUS[run.status],
        "runType": _run_type(run),
        "runLink": link,
        "status": run.status.value,
        "kind": run.kind.value,
        "runCounter": run.id,
    }


def run_detail(run: Run, environment_name: str, history: Sequence[Run], steps: Sequence[StepRow]) -> Body:
    return {
        **run_body(run, environment_name),
        "runHistory": [other.id for other in history],
        "nodeCounts": status_counts(steps),
    }


def event_body(event: Event) -> Body:
    """One event of a run's stream."""
    return {
        "id": event.id,
        "at": instant(event.at),
        "kind": event.kind,
        "runID": event.run_id,
        "nodeID": event.step_id,
        "environmentID": None if event.environment_id is None else str(event.environment_id),
        "data": event.data,
    }


def status_counts(steps: Iterable[StepRow]) -> dict[str, int]:
    """How many steps ended in which status, in the order of the statuses; only those that occur."""
    found = [step.status for step in steps]
    return {status.value: found.count(status) for status in StepStatus if status in found}


def results_body(
    steps: Iterable[StepRow], statements: Mapping[str, Sequence[StatementRecord]], warehouse: str = ""
) -> Body:
    """`GET /api/v1/runs/{id}/results`: one entry per step, one query result per statement."""
    return {"data": [_result(step, statements.get(step.step_id, ()), warehouse) for step in steps]}


def _result(step: StepRow, statements: Sequence[StatementRecord], warehouse: str) -> Body:
    tests = [s for s in statements if s.test is not None]
    body: Body = {
        "nodeID": step.step_id,
        "name": step.name,
        "locationName": step.location,
        "nodeType": step.node_type,
        "kind": step.kind,
        "isRunning": step.status is StepStatus.RUNNING,
        "status": step.status.value,
        # A node that was skipped did not complete, whatever a skipped run shows as.
        "runState": "canceled" if step.status is StepStatus.SKIPPED else RUN_STATUS[step.status],
        "startTime": instant(step.started_at),
        "endTime": instant(step.ended_at),
        "durationSeconds": seconds(step.started_at, step.ended_at),
        "rowsInserted": step.rows_inserted,
        "rowsUpdated": step.rows_updated,
        "rowsDeleted": step.rows_deleted,
        "published": step.published,
        "attempts": step.attempts,
        "error": error_body(step.error),
        "notes": list(step.notes),
    }
    if tests:
        body["hasTestFailures"] = any(not s.status.good or s.error is not None for s in tests)
    body["queryResults"] = [_query_result(statement, warehouse) for statement in statements]
    return body


def _query_result(statement: StatementRecord, warehouse: str) -> Body:
    def counted(which: Counts) -> int | None:
        return statement.rows if statement.counts is which else None

    return {
        "name": statement.name,
        "role": statement.role.value,
        "sql": statement.sql,
        "status": statement.status.value,
        "success": statement.status.good,
        "isRunning": False,
        "queryID": statement.query_id,
        "startTime": instant(statement.started_at),
        "endTime": instant(statement.ended_at),
        "warehouse": warehouse,
        "rows": statement.rows,
        "rowsInserted": counted(Counts.INSERTED),
        "rowsUpdated": counted(Counts.UPDATED),
        "rowsDeleted": counted(Counts.DELETED),
        "test": statement.test,
        "error": error_body(statement.error),
    }


# --- environments, deployments, tags ------------------------------------------------------------------


def environment_body(
    environment: Environment,
    row: EnvironmentRow | None,
    running: Sequence[Run] = (),
    deployment: Deployment | None = None,
) -> Body:
    """`GET /api/v1/environments`; `row` is None where it has never been applied. `deployment` is what stands."""
    last = row.last_run if row else None
    return {
        "id": str(environment.id),
        "name": environment.name,
        "project": row.project if row else None,
        "status": _environment_status(row, running),
        "createdAt": instant(row.created_at) if row else None,
        "createdBy": row.created_by if row else None,
        "updatedAt": instant(row.updated_at) if row else None,
        "description": environment.description,
        "warehouse": environment.warehouse.type,
        "deployed": bool(row and row.current_deployment_id is not None),
        "marked": bool(row and row.marked),
        "deployment": deployment_body(deployment, current=True) if deployment else None,
        "lastRun": run_body(last, environment.name) if last else None,
        "running": [run_body(run, environment.name) for run in running],
    }


def environment_detail(
    environment: Environment,
    row: EnvironmentRow | None,
    deployments: Sequence[Deployment],
    running: Sequence[Run] = (),
    deployment: Deployment | None = None,
) -> Body:
    current = row.current_deployment_id if row else None
    options = environment.warehouse.options
    return {
        **environment_body(environment, row, running, deployment),
        "defaultStorageMapping": None,
        "currentMappings": {
            location: {"database": mapping.database, "schema": mapping.schema}
            for location, mapping in environment.mappings.items()
        },
        "runTimeParameters": environment.parameters,
        "requireCommit": environment.require_commit,
        "maxRunning": environment.max_running,
        "warehouseOptions": {name: options[name] for name in SHOWN_OPTIONS if name in options},
        "deployedCommit": deployment.version if deployment else None,
        "deployments": [deployment_body(d, current=d.id == current) for d in deployments],
    }


def _environment_status(row: EnvironmentRow | None, running: Sequence[Run]) -> str:
    if any(run.kind is RunKind.DEPLOY for run in running):
        return "Deploying"
    if running:
        return "Refreshing"
    if row is not None and row.marked:
        return "Failed Deploy"
    last = row.last_run if row else None
    if last is not None and last.kind is RunKind.REFRESH and last.status in ("failed", "canceled"):
        return "Failed Refresh"
    return "Waiting"


def deployments_page(
    deployments: Sequence[Deployment], limit: int, current_id: int | None, next_: str | None
) -> Body:
    return page([deployment_body(d, current=d.id == current_id) for d in deployments], limit, next_)


def manifest_body(digest: str, project: str, node_count: int) -> Body:
    return {"digest": digest, "project": project, "nodeCount": node_count}


def deployment_body(deployment: Deployment, *, current: bool = False) -> Body:
    return {
        "id": deployment.id,
        "number": deployment.number,
        "status": deployment.status.value,
        "current": current,
        "version": deployment.version,
        "manifestDigest": deployment.manifest_digest,
        "runID": deployment.run_id,
        "createdAt": instant(deployment.created_at),
    }


def tag_body(tag: Tag) -> Body:
    return {
        "name": tag.name,
        "project": tag.project,
        "manifestDigest": tag.manifest_digest,
        "createdAt": instant(tag.created_at),
    }


# --- compile and plan -----------------------------------------------------------------------------------


def diagnostic_body(found: Diagnostic) -> Body:
    return {
        "code": found.code,
        "severity": found.severity,
        "message": found.message,
        "hint": found.hint,
        "file": found.location.file,
        "line": found.location.line,
        "column": found.location.column,
    }


def plan_body(plan: Plan) -> Body:
    return {
        "environment": plan.environment,
        "environmentID": str(plan.environment_id),
        "empty": plan.empty,
        "fromVersion": plan.from_version,
        "toVersion": plan.to_version,
        "destructive": len(plan.destructive),
        "changes": [_change(change) for change in plan.changes],
        "needsRefresh": list(plan.needs_refresh),
    }


def deploy_body(plan: Plan, run: Body | None) -> Body:
    """`run` is null where there was nothing to deploy."""
    return {"run": run, "plan": plan_body(plan)}


def _change(change: Change) -> Body:
    return {
        "kind": change.kind.value,
        "subject": change.subject.value,
        "id": change.id,
        "table": str(change.table) if change.table else None,
        "statements": [{"name": s.name, "sql": s.sql} for s in change.statements],
        "reasons": list(change.reasons),
        "destroys": change.destroys or None,
        "drift": change.drift,
    }
