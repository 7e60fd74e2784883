"""Nodes, their lineage, jobs and what they select -> the bodies that programs read. Pure; spelled as in `bodies`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

from headgate.model.bound import BoundNode, Catalog, Selectable
from headgate.model.project import Column, Freshness, Job, Load, Mapping, Node, TestSpec
from headgate.model.steps import Step
from headgate.service.asking import Explanation
from headgate.service.bodies import Body, diagnostic_body
from headgate.service.jobs import PlacedJob
from headgate.service.lineage import Lineage, Reached

if TYPE_CHECKING:
    from headgate.service.workspace import Workspace, Written

WORKSPACE_ID = "1"


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
        **located_body(node, None),
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
        "overlap": job.overlap,
        "timeoutSeconds": job.timeout_seconds,
        "tags": list(job.tags),
        "environments": job.environments,
    }


def placed_job_body(placed: PlacedJob) -> Body:
    """A job as it stands in one environment. `editable`: it can be changed here; others are changed in files."""
    return {**job_body(placed.job), "active": placed.active, "editable": placed.editable}


def located_body(node: Selectable | Node, mapping: Mapping | None) -> Body:
    """A node as lists of an environment show it: with where its location is mapped to."""
    return {
        **node_body(node),
        "database": mapping.database if mapping else None,
        "schema": mapping.schema if mapping else None,
    }


def deployed_detail(node: Node, bound: BoundNode, step: Step) -> Body:
    """A node of an environment, whole: as written, and as it stands there."""
    table = bound.table
    return {
        **node_detail(node),
        "database": table.database if table else None,
        "schema": table.schema if table else None,
        "deployed": {
            "table": table.name if table else None,
            "sql": bound.query,
            "columns": [{"name": column.name, "type": column.type} for column in bound.columns],
            "statements": [{"name": s.name, "role": s.role.value, "sql": s.sql} for s in step.statements],
        },
    }


def subgraph_body(name: str, nodes: Iterable[str], path: str | None = None) -> Body:
    return {"name": name, "steps": list(nodes), "path": path}


def file_body(written: Written) -> Body:
    return {
        "id": written.id,
        "path": written.path,
        "text": written.text,
        "diagnostics": [diagnostic_body(found) for found in written.diagnostics],
    }


def workspace_body(workspace: Workspace) -> Body:
    return {
        "id": WORKSPACE_ID,
        "name": workspace.name,
        "project": workspace.name,
        "version": workspace.version,
    }


def project_body(
    name: str,
    environments: Iterable[str],
    workspaces: Iterable[Workspace] | None,
    jobs: Iterable[Job] | None,
) -> Body:
    """`workspaces` and `jobs` are there where they were asked for."""
    body: Body = {"id": name, "name": name, "environments": list(environments)}
    if workspaces is not None:
        body["workspaces"] = [workspace_body(one) for one in workspaces]
    if jobs is not None:
        body["jobs"] = [job_body(job) for job in jobs]
    return body


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
