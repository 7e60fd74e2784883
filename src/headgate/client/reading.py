"""Bodies -> values: runs, environments, deployments and plans. The inverse of `service.bodies`. Pure.

What a body does not tell keeps its default: a run's `uid` is empty, its fence 0. A body may hold more than is read
here, so that a newer server can be asked.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any, TypeVar

from headgate.client.answers import EnvironmentInfo, Page, RunInfo, StepResult, TagInfo
from headgate.model.bound import NamedSql, TableName
from headgate.model.plan import Change, ChangeKind, Plan, Subject
from headgate.model.project import Mapping as Place
from headgate.model.runs import (
    Deployment,
    DeploymentStatus,
    Event,
    Run,
    RunKind,
    RunRequest,
    RunStatus,
    StepRow,
)
from headgate.model.steps import Counts, Role, StatementRecord, StepError, StepStatus

Body = Mapping[str, Any]
T = TypeVar("T")


def page(body: Body, one: Callable[[Body], T]) -> Page[T]:
    return Page(tuple(map(one, body["data"])), body["limit"], body["next"])


def instant(text: str) -> datetime:
    return datetime.fromisoformat(text).astimezone(UTC)


def optional_instant(text: str | None) -> datetime | None:
    return None if text is None else instant(text)


def optional_id(text: str | None) -> int | None:
    return None if text is None else int(text)


def error(body: Body | None) -> StepError | None:
    if body is None:
        return None
    sample = body.get("sample") or {"rows": (), "columns": ()}
    return StepError(
        code=body["code"],
        message=body["errorString"],
        hint=body["errorDetail"],
        sample=tuple(tuple(row) for row in sample["rows"]),
        sample_columns=tuple(sample["columns"]),
    )


# --- runs -----------------------------------------------------------------------------------------------


def run(body: Body) -> Run:
    return Run(
        id=body["id"],
        uid="",
        kind=RunKind(body["kind"]),
        status=RunStatus(body["status"]),
        environment_id=int(body["environmentID"]),
        created_at=instant(body["createdAt"]),
        request=_request(body["runDetails"], body["runTimeParameters"]),
        deployment_id=body["deploymentID"],
        job_id=optional_id(body["jobID"]),
        job_name=body["jobName"],
        rerun_of=body["reRunID"],
        started_at=optional_instant(body["runStartTime"]),
        ended_at=optional_instant(body["runEndTime"]),
        requested_by=body["createdBy"],
        error=error(body["error"]),
        notes=tuple(body["notes"]),
    )


def _request(details: Body, parameters: dict[str, Any]) -> RunRequest:
    return RunRequest(
        include=details["includeNodesSelector"],
        exclude=details["excludeNodesSelector"],
        parallelism=details["parallelism"],
        parameters=parameters,
        force=details["forceIgnoreWorkspaceStatus"],
        backfill_from=optional_instant(details["from"]),
        backfill_to=optional_instant(details["to"]),
    )


def run_info(body: Body) -> RunInfo:
    return RunInfo(
        run=run(body),
        environment_name=body["environmentName"],
        history=tuple(body.get("runHistory", ())),
        counts=body.get("nodeCounts", {}),
    )


def results(body: Body, run_id: int) -> tuple[StepResult, ...]:
    return tuple(_result(one, run_id) for one in body["data"])


def _result(body: Body, run_id: int) -> StepResult:
    step = StepRow(
        run_id=run_id,
        step_id=body["nodeID"],
        name=body["name"],
        kind=body["kind"],
        status=StepStatus(body["status"]),
        location=body["locationName"],
        node_type=body["nodeType"],
        started_at=optional_instant(body["startTime"]),
        ended_at=optional_instant(body["endTime"]),
        rows_inserted=body["rowsInserted"],
        rows_updated=body["rowsUpdated"],
        rows_deleted=body["rowsDeleted"],
        published=body["published"],
        attempts=body["attempts"],
        error=error(body["error"]),
        notes=tuple(body["notes"]),
    )
    return StepResult(step, tuple(map(_statement, body["queryResults"])))


def _statement(body: Body) -> StatementRecord:
    counted = {
        Counts.INSERTED: body["rowsInserted"],
        Counts.UPDATED: body["rowsUpdated"],
        Counts.DELETED: body["rowsDeleted"],
    }
    return StatementRecord(
        name=body["name"],
        role=Role(body["role"]),
        sql=body["sql"],
        status=StepStatus(body["status"]),
        started_at=instant(body["startTime"]),
        ended_at=instant(body["endTime"]),
        rows=body["rows"],
        counts=next((which for which, count in counted.items() if count is not None), None),
        query_id=body["queryID"],
        error=error(body["error"]),
        test=body["test"],
    )


def event(body: Body) -> Event:
    return Event(
        id=body["id"],
        at=instant(body["at"]),
        kind=body["kind"],
        run_id=body["runID"],
        step_id=body["nodeID"],
        environment_id=optional_id(body["environmentID"]),
        data=body["data"],
    )


# --- environments, deployments, tags ----------------------------------------------------------------------


def environment(body: Body) -> EnvironmentInfo:
    """Of a list, or one with its details."""
    environment_id = int(body["id"])

    standing = body["deployment"]
    return EnvironmentInfo(
        id=environment_id,
        name=body["name"],
        project=body["project"],
        status=body["status"],
        description=body["description"],
        warehouse=body["warehouse"],
        deployed=body["deployed"],
        marked=body["marked"],
        created_at=optional_instant(body["createdAt"]),
        created_by=body["createdBy"],
        updated_at=optional_instant(body["updatedAt"]),
        last_run=None if body["lastRun"] is None else run(body["lastRun"]),
        running=tuple(map(run, body["running"])),
        deployment=None if standing is None else deployment(standing, environment_id),
        mappings={
            location: Place(place["schema"], place["database"])
            for location, place in body.get("currentMappings", {}).items()
        },
        parameters=body.get("runTimeParameters", {}),
        require_commit=body.get("requireCommit", False),
        max_running=body.get("maxRunning"),
        warehouse_options=body.get("warehouseOptions", {}),
        deployments=tuple(deployment(one, environment_id) for one in body.get("deployments", ())),
    )


def deployment(body: Body, environment_id: int) -> Deployment:
    return Deployment(
        id=body["id"],
        environment_id=environment_id,
        number=body["number"],
        status=DeploymentStatus(body["status"]),
        manifest_digest=body["manifestDigest"],
        created_at=instant(body["createdAt"]),
        run_id=body["runID"],
        version=body["version"],
    )


def tag(body: Body) -> TagInfo:
    return TagInfo(body["name"], body["project"], body["manifestDigest"], instant(body["createdAt"]))


def plan(body: Body) -> Plan:
    return Plan(
        environment=body["environment"],
        environment_id=int(body["environmentID"]),
        changes=tuple(map(_change, body["changes"])),
        needs_refresh=tuple(body["needsRefresh"]),
        from_version=body["fromVersion"],
        to_version=body["toVersion"],
    )


def _change(body: Body) -> Change:
    return Change(
        kind=ChangeKind(body["kind"]),
        subject=Subject(body["subject"]),
        id=body["id"],
        table=_table(body["table"]),
        statements=tuple(NamedSql(one["name"], one["sql"]) for one in body["statements"]),
        reasons=tuple(body["reasons"]),
        destroys=body["destroys"] or "",
        drift=body["drift"],
    )


def _table(text: str | None) -> TableName | None:
    """Right but for names that hold a dot: a body has the name as people read it."""
    if text is None:
        return None
    *before, name = text.split(".")
    schema = before.pop() if before else ""
    return TableName(schema, name, ".".join(before) or None)
