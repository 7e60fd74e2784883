"""Bodies -> values: nodes, lineage, jobs, selections. The inverse of `service.node_bodies`. Pure; see `reading`."""

from __future__ import annotations

from headgate.client.answers import (
    DeployedNode,
    JobInfo,
    LineageInfo,
    NodeInfo,
    ReachedNode,
    SelectionInfo,
    Term,
)
from headgate.client.reading import Body
from headgate.model.bound import NamedSql, Selectable
from headgate.model.project import (
    Column,
    DeletePolicy,
    Freshness,
    Job,
    Load,
    LoadStrategy,
    Materialization,
    Node,
    OnSchemaChange,
    RefreshWorkload,
    Severity,
    SourceDetails,
    TestKind,
    TestScope,
    TestSpec,
    TestTime,
    Threshold,
)


def selectable(body: Body) -> Selectable:
    """A node as lists show it."""
    return Selectable(
        id=body["id"],
        name=body["name"],
        location=body["locationName"],
        node_type=body["nodeType"],
        path=body["path"],
        tags=tuple(body["tags"]),
        depends_on=tuple(body["dependsOn"]),
        state=body.get("state") or "unchanged",
    )


def listed_node(body: Body) -> NodeInfo:
    return NodeInfo(selectable(body), body["database"], body["schema"])


def node_info(body: Body) -> NodeInfo:
    found = body.get("deployed")
    deployed = None
    if found is not None:
        deployed = DeployedNode(
            table=found["table"],
            sql=found["sql"],
            columns=tuple((column["name"], column["type"]) for column in found["columns"]),
            statements=tuple(NamedSql(one["name"], one["sql"]) for one in found["statements"]),
            roles=tuple(one["role"] for one in found["statements"]),
        )
    return NodeInfo(node(body), body.get("database"), body.get("schema"), deployed)


def node(body: Body) -> Node:
    """A node with its details, `sql` as its query."""
    return Node(
        id=body["id"],
        location=body["locationName"],
        name=body["name"],
        node_type=body["nodeType"],
        materialization=Materialization(body["materialization"]),
        path=body["path"],
        load=_load(body["load"]),
        query=body["sql"],
        columns=tuple(map(_column, body["columns"])),
        depends_on=tuple(body["dependsOn"]),
        reads_parameters=tuple(body["readsParameters"]),
        tags=tuple(body["tags"]),
        description=body["description"],
        tests=tuple(map(_test, body["tests"])),
        pre_sql=tuple(body["preSQL"]),
        post_sql=tuple(body["postSQL"]),
        on_schema_change=OnSchemaChange(body["onSchemaChange"]),
        renamed_from=body["renamedFrom"],
        config=body["config"],
        source=_source(body["source"]),
    )


def _column(body: Body) -> Column:
    declared = body["declared"]
    return Column(
        name=body["name"],
        type=None if declared else body["type"],
        declared_type=body["type"] if declared else None,
        description=body["description"],
        sources=tuple((one["nodeID"], one["column"]) for one in body["sources"]),
    )


def _load(body: Body | None) -> Load | None:
    if body is None:
        return None
    return Load(
        strategy=LoadStrategy(body["strategy"]),
        key=tuple(body.get("key", ())),
        time_column=body.get("timeColumn"),
        interval=body.get("interval"),
        start=body.get("start"),
        lookback=body.get("lookback", 0),
        max_intervals=body.get("maxIntervals"),
        delete=DeletePolicy(body.get("delete", "keep")),
        updated_at=body.get("updatedAt"),
    )


def _test(body: Body) -> TestSpec:
    return TestSpec(
        name=body["name"],
        kind=TestKind(body["kind"]),
        column=body["column"],
        arguments=body["arguments"],
        severity=Severity(body["severity"]),
        threshold=Threshold(body["threshold"]["rows"], body["threshold"]["percent"]),
        where=body["where"],
        scope=TestScope(body["scope"]),
        when=TestTime(body["when"]),
        continue_on_failure=body["continueOnFailure"],
    )


def _source(body: Body | None) -> SourceDetails | None:
    if body is None:
        return None
    fresh = body["freshness"]
    return SourceDetails(
        table=body["table"],
        file=body["file"],
        loaded_by=body["loadedBy"],
        freshness=None
        if fresh is None
        else Freshness(fresh["loadedAt"], fresh["warnAfterSeconds"], fresh["errorAfterSeconds"]),
    )


def job(body: Body) -> Job:
    return Job(
        id=int(body["id"]),
        name=body["name"],
        refresh=RefreshWorkload(body["includeSelector"], body["excludeSelector"], body["parallelism"]),
        path=body["path"],
        description=body["description"],
        parameters=body["parameters"],
        environments=body["environments"],
        overlap=body["overlap"],
        timeout_seconds=body["timeoutSeconds"],
        tags=tuple(body["tags"]),
    )


def job_info(body: Body) -> JobInfo:
    return JobInfo(job(body), body["active"], body["editable"])


def selection(body: Body) -> SelectionInfo:
    return SelectionInfo(
        terms=tuple(
            Term(one["side"], one["text"], one["position"], tuple(one["nodeIDs"])) for one in body["terms"]
        ),
        warnings=tuple(body["warnings"]),
        nodes=tuple(map(selectable, body["nodes"])),
        why={one["id"]: one["why"] for one in body["nodes"]},
    )


def lineage(body: Body) -> LineageInfo:
    def reached(one: Body) -> ReachedNode:
        via = (one["via"], one.get("viaColumn"))
        return ReachedNode(one["nodeID"], one.get("column"), one["depth"], via)

    return LineageInfo(
        body["nodeID"],
        body["column"],
        tuple(map(reached, body["upstream"])),
        tuple(map(reached, body["downstream"])),
    )
