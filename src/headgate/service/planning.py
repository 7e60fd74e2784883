"""What a deploy would change: the wanted manifest bound to an environment, against what is deployed there and what
really stands in its warehouse."""

from __future__ import annotations

from dataclasses import dataclass, field, replace

import msgspec

from headgate.bind.catalog import catalog_of
from headgate.bind.manifest import Binding, bind_manifest, table_places
from headgate.errors import ProjectError
from headgate.model.bound import BoundManifest, Catalog, WarehouseFacts
from headgate.model.plan import Change, Plan
from headgate.model.project import Environment, Manifest
from headgate.model.runs import Deployment, DeploymentStatus
from headgate.plan.diff import Standing, clashes, difference
from headgate.plan.labels import label_changes, remaining_changes
from headgate.recovery import settle_deployment
from headgate.service.context import Context
from headgate.store.content import Content


@dataclass(frozen=True, slots=True)
class Wanted:
    """A manifest to deploy. `version` names it for people: a commit, a tag, or `dirty`."""

    manifest: Manifest
    digest: str
    json: bytes
    version: str = ""


@dataclass(frozen=True, slots=True)
class Prepared:
    """A plan and everything that deploying it writes down."""

    plan: Plan
    environment: Environment
    manifest_digest: str
    manifest_json: bytes
    bound: BoundManifest
    catalog: Catalog
    places: tuple[tuple[str | None, str], ...]
    version: str = ""
    based_on: int | None = None
    """The deployment that stood when this was planned."""


@dataclass(frozen=True, slots=True)
class Deployed:
    """What is deployed in an environment now; empty before the first deploy."""

    deployment: Deployment | None = None
    bound: BoundManifest = field(default_factory=lambda: BoundManifest(0, "", {}))
    catalog: Catalog | None = None
    facts: WarehouseFacts = field(default_factory=WarehouseFacts)


def prepare_deploy(context: Context, environment: Environment, wanted: Wanted) -> Prepared:
    """Plan the deploy of `wanted` to `environment`. Changes nothing, neither there nor here, but that a deploy
    whose process died is first settled by its commit marker.

    Raises ProjectError with all that does not bind (a missing mapping, a query that the warehouse refuses).
    """
    warehouse = context.open_warehouse(environment, f"headgate plan -e {environment.name}")
    try:
        settle_deployment(context.store, warehouse, environment.id)
        deployed = read_deployed(context, environment.id, warehouse.dialect)
        places = table_places(wanted.manifest, environment, warehouse.dialect)
        now = warehouse.facts({*places, *_deployed_places(deployed.bound)})
        session = warehouse.session()
        try:
            bound = bind_manifest(
                wanted.manifest,
                Binding(
                    environment=environment,
                    dialect=warehouse.dialect,
                    describe=session.describe,
                    root=str(context.root or ""),
                    facts=now,
                    previous=deployed.bound.nodes,
                ),
            )
        finally:
            session.close()
    finally:
        warehouse.close()
    catalog = catalog_of(wanted.manifest, environment, bound=bound.manifest)
    prepared = Prepared(
        plan=Plan(environment=environment.name, environment_id=environment.id, described=bound.described),
        environment=environment,
        manifest_digest=wanted.digest,
        manifest_json=wanted.json,
        bound=bound.manifest,
        catalog=catalog,
        places=tuple(sorted(places, key=str)),
        version=wanted.version,
    )
    return _with_changes(context, prepared, deployed, now)


def prepare_return(context: Context, environment: Environment, number: int) -> Prepared:
    """Plan going back to an earlier deployment: what was bound then, against what stands now."""
    target = context.store.deployments.by_number(environment.id, number)
    content = Content(context.store, target)
    warehouse = context.open_warehouse(environment, f"headgate plan -e {environment.name}")
    try:
        settle_deployment(context.store, warehouse, environment.id)
        deployed = read_deployed(context, environment.id, warehouse.dialect)
        bound = content.bound(warehouse.dialect)
        places = set(_deployed_places(bound))
        now = warehouse.facts(places | set(_deployed_places(deployed.bound)))
    finally:
        warehouse.close()
    prepared = Prepared(
        plan=Plan(environment=environment.name, environment_id=environment.id),
        environment=replace(environment, parameters=content.environment().parameters),
        manifest_digest=target.manifest_digest,
        manifest_json=content.manifest_json(),
        bound=bound,
        catalog=content.catalog(),
        places=tuple(sorted(places, key=str)),
        version=target.version,
    )
    return _with_changes(context, prepared, deployed, now)


def read_deployed(context: Context, environment_id: int, dialect: str) -> Deployed:
    deployment = context.store.deployments.current(environment_id)
    if deployment is None:
        return Deployed()
    assert deployment.status is DeploymentStatus.DEPLOYED
    content = Content(context.store, deployment)
    return Deployed(deployment, content.bound(dialect), content.catalog(), content.facts())


def _with_changes(context: Context, prepared: Prepared, deployed: Deployed, now: WarehouseFacts) -> Prepared:
    problems = clashes(prepared.bound)
    if problems:
        raise ProjectError(problems)
    standing = Standing(deployed.bound.nodes, deployed.facts, now)
    found = difference(standing, prepared.bound)
    labels: list[Change] = label_changes(
        deployed.catalog, prepared.catalog, deployed.bound.tests, prepared.bound.tests
    )
    changes = [*found.changes, *labels]
    if not changes and deployed.deployment is not None:
        changes = remaining_changes(
            prepared.environment.name,
            marked=context.store.environments.get(prepared.environment.id).marked,
            other_manifest=deployed.deployment.manifest_digest != prepared.manifest_digest,
        )
    plan = replace(
        prepared.plan,
        changes=tuple(changes),
        needs_refresh=found.needs_refresh,
        from_version=deployed.deployment.version if deployed.deployment else "",
        to_version=prepared.version,
    )
    based_on = deployed.deployment.id if deployed.deployment else None
    return replace(prepared, plan=plan, based_on=based_on)


def _deployed_places(bound: BoundManifest) -> set[tuple[str | None, str]]:
    return {(n.table.database, n.table.schema) for n in bound.nodes.values() if n.table is not None}


def read_manifest(content: Content) -> Manifest:
    return msgspec.json.decode(content.manifest_json(), type=Manifest)
