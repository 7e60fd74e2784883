"""Manifests, plans, deploys and deployments."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query, Request
from starlette.concurrency import run_in_threadpool
from starlette.responses import Response

from headgate.api.answers import answer, documented
from headgate.api.caller import Asking, Caller
from headgate.api.environments import EnvironmentName
from headgate.api.reading import StrictRoute
from headgate.identity.principal import Deploy, Read
from headgate.service import asking, bodies, targets
from headgate.service.bodies import Body
from headgate.service.context import find_environment
from headgate.service.deploying import start_deploy
from headgate.service.targets import Target
from headgate.wire.base import MOST_ID
from headgate.wire.environments import (
    DeployAnswer,
    DeploymentBody,
    DeploymentPage,
    DeployRequest,
    ManifestBody,
    PlanBody,
    PlanRequest,
)
from headgate.wire.paging import PageQuery

router = APIRouter(prefix="/api/v1", tags=["deployments"], route_class=StrictRoute)

Digest = Annotated[str, Path(pattern="^[0-9a-f]{64}$", description="SHA-256 of the manifest's bytes.")]
DeploymentNumber = Annotated[
    int, Path(alias="number", ge=0, le=MOST_ID, description="It counts from 1 in each environment.")
]
PLANNING = (404, 409, 422, 429, 502)


@router.put(
    "/manifests/{digest}",
    status_code=201,
    responses=documented(ManifestBody, body=True, status=201),
    openapi_extra={
        "requestBody": {
            "required": True,
            "content": {"application/json": {"schema": {"type": "object", "description": "A manifest."}}},
        }
    },
)
async def upload_manifest(digest: Digest, request: Request, caller: Asking) -> Response:
    """Keep a compiled project for a day, so that it can be planned, deployed or tagged by its digest."""
    context = caller.require(Deploy())
    content = await request.body()
    manifest = await run_in_threadpool(targets.upload, context, digest, content)
    return answer(bodies.manifest_body(digest, manifest.name, len(manifest.nodes)), 201)


@router.get("/manifests/{digest}", responses=documented(ManifestBody, 404))
def show_manifest(digest: Digest, caller: Asking) -> Response:
    """Whether a manifest is here already, so that it need not be uploaded."""
    manifest = targets.uploaded(caller.require(Read()), digest).manifest
    return answer(bodies.manifest_body(digest, manifest.name, len(manifest.nodes)))


@router.post("/environments/{environmentID}/plan", responses=documented(PlanBody, *PLANNING, body=True))
def plan(environment: EnvironmentName, caller: Asking, asked: PlanRequest | None = None) -> Response:
    """What a deploy would change, with its DDL. Changes nothing."""
    context = caller.require(Deploy())
    prepared = targets.prepare(context, _target(environment, asked or PlanRequest()))
    return answer(bodies.plan_body(prepared.plan))


@router.post(
    "/environments/{environmentID}/deploy",
    status_code=202,
    responses=documented(DeployAnswer, *PLANNING, status=202, body=True),
)
def deploy(environment: EnvironmentName, caller: Asking, asked: DeployRequest | None = None) -> Response:
    """Plan, and write down the run that applies it. Where there is nothing to deploy, no run is made."""
    context = caller.require(Deploy())
    wanted = asked or DeployRequest()
    prepared = targets.prepare(context, _target(environment, wanted), apply=True)
    if prepared.plan.empty:
        return answer(bodies.deploy_body(prepared.plan, None), 202)
    run = start_deploy(context, prepared, allow_destructive=wanted.allow_destructive)
    return answer(bodies.deploy_body(prepared.plan, _run(caller, run.id)), 202)


@router.get("/environments/{environmentID}/deployments", responses=documented(DeploymentPage, 404))
def list_deployments(
    environment: EnvironmentName, asked: Annotated[PageQuery, Query()], caller: Asking
) -> Response:
    """Newest first."""
    context = caller.require(Read())
    row = find_environment(context, environment)
    page = asking.list_deployments(context, row, limit=asked.limit, starting_from=asked.starting_from)
    current = row.current_deployment_id
    return answer(bodies.deployments_page(page.items, page.limit, current, page.next))


@router.get(
    "/environments/{environmentID}/deployments/{number}",
    responses=documented(DeploymentBody, 404),
)
def show_deployment(environment: EnvironmentName, number: DeploymentNumber, caller: Asking) -> Response:
    context = caller.require(Read())
    row = find_environment(context, environment)
    found = asking.find_deployment(context, row, number)
    return answer(bodies.deployment_body(found, current=found.id == row.current_deployment_id))


def _target(environment: str, asked: PlanRequest) -> Target:
    return Target(environment, asked.manifest, asked.version, asked.tag, asked.to)


def _run(caller: Caller, run_id: int) -> Body:
    report = asking.report_run(caller.context, run_id)
    return bodies.run_detail(report.run, report.environment.name, report.history, report.steps)
