"""Start a deploy: write down what will be deployed and the run that does it. A worker carries it out."""

from __future__ import annotations

from headgate.errors import Refused
from headgate.model.runs import Run, RunKind, RunRequest
from headgate.model.steps import Step
from headgate.plan.steps import deploy_steps, project_test_step, refresh_step
from headgate.service.context import Context
from headgate.service.planning import Prepared
from headgate.store.content import CATALOG, DDL, ENVIRONMENT, MANIFEST, encode
from headgate.store.deployments import NewDeployment
from headgate.store.runs import NewRun


def start_deploy(context: Context, prepared: Prepared, *, allow_destructive: bool = False) -> Run:
    """Write down the deployment and a waiting run for it.

    Raises Refused `destructive` where the plan would lose data and that was not allowed, naming what.
    """
    destructive = prepared.plan.destructive
    if destructive and not allow_destructive:
        lost = "; ".join(f"{change.id}: {change.destroys}" for change in destructive[:5])
        more = f" and {len(destructive) - 5} more" if len(destructive) > 5 else ""
        raise Refused(
            "destructive",
            f"this deploy would lose data: {lost}{more}",
            hint="look at the plan, then deploy with --allow-destructive",
        )
    store = context.store
    environment = prepared.environment
    bound = prepared.bound
    steps: dict[str, Step] = {node.id: refresh_step(node, bound.dialect) for node in bound.nodes.values()}
    steps |= {test.id: project_test_step(test) for test in bound.tests.values()}
    values = [*bound.nodes.values(), *bound.tests.values()]
    bound_digests = store.blobs.put(encode(value) for value in values)
    step_digests = store.blobs.put(encode(step) for step in steps.values())
    names = (CATALOG, ENVIRONMENT, DDL)
    blobs = store.blobs.put(
        [
            encode(prepared.catalog),
            encode(environment),
            encode(deploy_steps(prepared.plan)),
            prepared.manifest_json,
        ]
    )
    return store.runs.create_deploy(
        NewRun(
            kind=RunKind.DEPLOY,
            environment_id=environment.id,
            request=RunRequest(based_on=prepared.based_on),
            config_key=f"deploy/{environment.id}",
            requested_by=context.requested_by,
            owner=context.owner,
        ),
        NewDeployment(
            environment_id=environment.id,
            manifest_digest=prepared.manifest_digest,
            version=prepared.version,
            digests=dict(zip((*names, MANIFEST), blobs, strict=True)),
            nodes=zip(steps, bound_digests, step_digests, strict=True),
        ),
        by=context.actor,
    )
