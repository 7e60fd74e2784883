"""Values -> the bodies that programs read: what `--json` prints and what the API answers, in one spelling.

Pure. camelCase; instants are ISO 8601 in UTC; lists are `{data, next, limit}`. Where Coalesce has a word of its
own, both stand there: `runStatus` (theirs) beside `status` (ours).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from headgate.errors import Diagnostic
from headgate.model.bound import BoundNode, Catalog, Selectable
from headgate.model.plan import Change, Plan
from headgate.model.project import Column, Environment, Freshness, Job, Load, Node, TestSpec
from headgate.model.runs import Deployment, Run, RunKind, StepRow
from headgate.model.steps import Counts, StatementRecord, Step, StepError, StepStatus
from headgate.service.asking import Explanation
from headgate.service.lineage import Lineage, Reached
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
        "runType": "deploy" if run.kind is RunKind.DEPLOY else "refresh",
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


def run_detail(run: Run, environment_name: str, history: Sequence[Run], steps: Sequence[StepRow]) -> Body:
    return {
        **run_body(run, environment_name),
        "runHistory": [other.id for other in history],
        "nodeCounts": status_counts(steps),
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


# --- nodes ------------------------------------------------------------------------------------------


def node_body(node: Selectable | Node) -> Body:
    """A node as lists show it."""
    body: Body = {
        "id": node.id,
        "nodeID": node.id,
        "name": node.name,
        "locationName": node.location,
        "nodeType": node.node_type,
        "tags": list(node.tags),
        "path": node.path,
        "dependsOn": list(node.depends_on),
    }
    if isinstance(node, Selectable):
        body["state"] = node.state
    return body


def node_detail(node: Node) -> Body:
    source = node.source
    return {
        **node_body(node),
        "description": node.description,
        "materialization": node.materialization.value,
        "load": load_body(node.load),
        "onSchemaChange": node.on_schema_change.value,
        "sql": node.template or node.query,
        "columns": [column_body(column) for column in node.columns],
        "tests": [test_body(test) for test in node.tests],
        "readsParameters": list(node.reads_parameters),
        "preSQL": list(node.pre_sql),
        "postSQL": list(node.post_sql),
        "renamedFrom": node.renamed_from,
        "config": node.config,
        "source": None
        if source is None
        else {
            "table": source.table,
            "file": source.file,
            "loadedBy": source.loaded_by,
            "freshness": _freshness(source.freshness),
        },
    }


def column_body(column: Column) -> Body:
    return {
        "name": column.name,
        "type": column.declared_type or column.type,
        "declared": column.declared_type is not None,
        "description": column.description,
        "sources": [{"nodeID": node, "column": name} for node, name in column.sources],
    }


def load_body(load: Load | None) -> Body | None:
    """Only what the strategy uses: fields at their default are left out."""
    if load is None:
        return None
    body: Body = {"strategy": load.strategy.value}
    plain = Load(load.strategy)
    for name, spelled in (
        ("key", "key"),
        ("time_column", "timeColumn"),
        ("interval", "interval"),
        ("start", "start"),
        ("lookback", "lookback"),
        ("max_intervals", "maxIntervals"),
        ("delete", "delete"),
        ("updated_at", "updatedAt"),
    ):
        value = getattr(load, name)
        if value != getattr(plain, name):
            body[spelled] = list(value) if isinstance(value, tuple) else value
    return body


def test_body(test: TestSpec) -> Body:
    return {
        "name": test.name,
        "kind": test.kind.value,
        "column": test.column,
        "arguments": test.arguments,
        "severity": test.severity.value,
        "threshold": {"rows": test.threshold.rows, "percent": test.threshold.percent},
        "where": test.where,
        "scope": test.scope.value,
        "when": test.when.value,
        "continueOnFailure": test.continue_on_failure,
    }


def _freshness(freshness: Freshness | None) -> Body | None:
    if freshness is None:
        return None
    return {
        "loadedAt": freshness.loaded_at,
        "warnAfterSeconds": freshness.warn_after_seconds,
        "errorAfterSeconds": freshness.error_after_seconds,
    }


# --- environments, deployments, jobs, tags ------------------------------------------------------------


def environment_body(
    environment: Environment, row: EnvironmentRow | None, running: Sequence[Run] = ()
) -> Body:
    """`GET /api/v1/environments`; `row` is None where it has never been applied."""
    last = row.last_run if row else None
    return {
        "id": str(environment.id),
        "name": environment.name,
        "project": row.project if row else None,
        "status": _environment_status(row, running),
        "createdAt": None,
        "createdBy": None,
        "updatedAt": instant(row.updated_at) if row else None,
        "description": environment.description,
        "warehouse": environment.warehouse.type,
        "deployed": bool(row and row.current_deployment_id is not None),
        "marked": bool(row and row.marked),
        "lastRun": run_body(last, environment.name) if last else None,
        "running": [run_body(run, environment.name) for run in running],
    }


def environment_detail(
    environment: Environment, row: EnvironmentRow | None, deployments: Sequence[Deployment]
) -> Body:
    current = row.current_deployment_id if row else None
    standing = next((d for d in deployments if d.id == current), None)
    options = environment.warehouse.options
    return {
        **environment_body(environment, row),
        "defaultStorageMapping": None,
        "currentMappings": {
            location: {"database": mapping.database, "schema": mapping.schema}
            for location, mapping in environment.mappings.items()
        },
        "runTimeParameters": environment.parameters,
        "requireCommit": environment.require_commit,
        "warehouseOptions": {name: options[name] for name in SHOWN_OPTIONS if name in options},
        "deployedCommit": standing.version if standing else None,
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


def job_body(job: Job) -> Body:
    return {
        "id": str(job.id),
        "name": job.name,
        "includeSelector": job.refresh.include,
        "excludeSelector": job.refresh.exclude,
        "parallelism": job.refresh.parallelism,
        "description": job.description,
        "parameters": job.parameters,
        "path": job.path,
        "tags": list(job.tags),
        "environments": job.environments,
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


# --- a node as deployed, lineage, what a job selects --------------------------------------------------------


def bound_body(node: BoundNode, step: Step) -> Body:
    return {
        "id": node.id,
        "nodeID": node.id,
        "name": node.name,
        "locationName": node.location,
        "nodeType": node.node_type,
        "database": node.table.database if node.table else None,
        "schema": node.table.schema if node.table else None,
        "table": node.table.name if node.table else None,
        "sql": node.query,
        "columns": [{"name": column.name, "type": column.type} for column in node.columns],
        "statements": [{"name": s.name, "role": s.role.value, "sql": s.sql} for s in step.statements],
    }


def lineage_body(lineage: Lineage) -> Body:
    def reached(found: Reached) -> Body:
        body: Body = {"nodeID": found.node_id, "depth": found.depth, "via": found.via[0]}
        if found.column is not None:
            body |= {"column": found.column, "viaColumn": found.via[1]}
        return body

    return {
        "nodeID": lineage.node_id,
        "column": lineage.column,
        "upstream": [reached(one) for one in lineage.upstream],
        "downstream": [reached(one) for one in lineage.downstream],
    }


def explanation_body(catalog: Catalog, explanation: Explanation) -> Body:
    """What a job selects: each block's own match, and every node with the reason why it is in."""
    selection = explanation.selection
    chosen = set(selection.ids)
    return {
        "terms": [
            {"side": term.side, "text": term.text, "position": term.position, "nodeIDs": list(term.ids)}
            for term in selection.terms
        ],
        "warnings": list(selection.warnings),
        "nodes": [
            {**node_body(node), "why": explanation.why[node.id]}
            for node in catalog.nodes
            if node.id in chosen
        ],
    }
