"""Environments, jobs, subgraphs, watches -> model values, and what only the whole project tells of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from headgate.compile.declared_load import as_list
from headgate.compile.manifest_file import sorted_data
from headgate.compile.names import NameProblem, Names
from headgate.compile.summary import FileSummary, Finding
from headgate.duration import duration_seconds
from headgate.errors import did_you_mean
from headgate.joblog.watch import FileWatch, read_watch
from headgate.model import project as model
from headgate.model.project import (
    Environment,
    Job,
    Node,
    ProjectTest,
    RefreshWorkload,
    Retries,
    Subgraph,
    WarehouseConfig,
)


@dataclass(frozen=True, slots=True)
class Shared:
    names: Names
    get: Callable[[str], FileSummary]
    report: Callable[..., None]

    def complain(  # noqa: PLR0913 (a finding has this many parts)
        self,
        path: str,
        code: str,
        message: str,
        at: str,
        hint: str,
        *,
        value: bool = True,
        severity: str = "error",
    ) -> None:
        marks = self.get(path).marks
        while at not in marks and at:
            at = at.rpartition("/")[0]
        mark = marks.get(at) or (1, 1, 1, 1)
        self.report(path, Finding(code, message, *(mark[2:] if value else mark[:2]), hint, severity))


def environments(paths: Iterable[str], nodes: Iterable[Node], shared: Shared) -> dict[str, Environment]:
    used: dict[str, str] = {}
    for node in nodes:
        used.setdefault(node.location, node.id)
    found: dict[str, Environment] = {}
    ids: dict[int, Environment] = {}
    for path in paths:
        summary = shared.get(path)
        data = summary.data
        if summary.broken and not _usable_environment(data):
            continue
        mappings = _mappings(path, data, used, shared)
        warehouse = dict(data["warehouse"])
        environment = Environment(
            data["id"],
            data["name"],
            WarehouseConfig(warehouse.pop("type"), warehouse),
            mappings,
            data.get("parameters") or {},
            bool(data.get("require_commit")),
            data.get("description") or "",
            path,
            data.get("max_running"),
        )
        if environment.id in ids:
            message = f"the environment id {environment.id} is also that of {ids[environment.id].path}"
            shared.complain(path, "duplicate_environment_id", message, "id", "give each its own id")
        if environment.name in found:
            message = f"the environment {environment.name} stands in {found[environment.name].path} too"
            shared.complain(path, "duplicate_environment", message, "name", "give each its own name")
        ids.setdefault(environment.id, environment)
        found.setdefault(environment.name, environment)
    return found


def _usable_environment(data: Mapping[str, Any]) -> bool:
    whole = isinstance(data.get("warehouse"), dict) and isinstance(data.get("mappings"), dict)
    return (
        whole
        and isinstance(data.get("id"), int)
        and isinstance(data.get("name"), str)
        and (
            "type" in data["warehouse"]
            and all(isinstance(m, dict) and "schema" in m for m in data["mappings"].values())
        )
    )


def _mappings(
    path: str, data: Mapping[str, Any], used: Mapping[str, str], shared: Shared
) -> dict[str, model.Mapping]:
    mappings: dict[str, model.Mapping] = {}
    known = shared.names.locations
    for name, entry in data["mappings"].items():
        location = known.get(name.lower())
        if location is None:
            hint = did_you_mean(name, known.values(), f"the locations are {', '.join(known.values())}")
            message = f"there is no location {name}"
            shared.complain(path, "unknown_location", message, f"mappings/{name}", hint, value=False)
            continue
        mappings[location] = model.Mapping(entry["schema"], entry.get("database"))
    for location, node_id in sorted(used.items()):
        if location not in mappings:
            message = f"the environment {data['name']} has no mapping for {location}, where {node_id} stands"
            hint = f"add `{location}: {{schema: {location.lower()}}}` to its mappings"
            shared.complain(path, "missing_mapping", message, "mappings", hint, value=False)
    return dict(sorted(mappings.items()))


def parameters(
    readers: Iterable[Node | ProjectTest],
    defined: Mapping[str, Any],
    found: Mapping[str, Environment],
    shared: Shared,
) -> None:
    """A parameter that the project does not define must be given by each environment, or by the run."""
    read: dict[str, str] = {}
    for reader in readers:
        for name in reader.reads_parameters:
            read.setdefault(name, reader.id)
    for name, reader_id in sorted(read.items()):
        if name in defined:
            continue
        for environment in found.values():
            if name not in environment.parameters and any(name in e.parameters for e in found.values()):
                message = f"{reader_id} reads the parameter {name}, which {environment.name} does not define"
                hint = "define it in this environment, or give it a value in headgate.yml"
                at = "parameters"
                shared.complain(
                    environment.path,
                    "parameter_without_value",
                    message,
                    at,
                    hint,
                    value=False,
                    severity="warning",
                )


def jobs(paths: Iterable[str], environments: Mapping[str, Environment], shared: Shared) -> dict[int, Job]:
    found: dict[int, Job] = {}
    names: dict[str, Job] = {}
    for path in paths:
        summary = shared.get(path)
        data = summary.data
        if not isinstance(data.get("id"), int) or not isinstance(data.get("name"), str):
            continue
        for name in data.get("environments") or {}:
            if environments and name not in environments:
                hint = did_you_mean(name, environments, f"the environments are {', '.join(environments)}")
                message = f"there is no environment {name}"
                shared.complain(
                    path, "unknown_environment", message, f"environments/{name}", hint, value=False
                )
        job_id, name = data["id"], data["name"]
        if job_id in found:
            message = f"the job id {job_id} is also that of {found[job_id].path}"
            shared.complain(path, "duplicate_job_id", message, "id", "give each its own id")
        if name.lower() in names:
            message = f"the job {name} stands in {names[name.lower()].path} too"
            shared.complain(path, "duplicate_job_name", message, "name", "give each its own name")
        if not summary.broken:
            job = _job(data, path)
            found.setdefault(job_id, job)
            names.setdefault(name.lower(), job)
    return dict(sorted(found.items()))


def _job(data: Mapping[str, Any], path: str) -> Job:
    refresh = data.get("refresh") or {}
    retries = data.get("retries") or {}
    timeout = data.get("timeout")
    return Job(
        data["id"],
        data["name"],
        RefreshWorkload(
            (refresh.get("include") or "").strip(),
            (refresh.get("exclude") or "").strip(),
            refresh.get("parallelism"),
        ),
        path,
        data.get("description") or "",
        sorted_data(data.get("parameters") or {}),
        sorted_data({name: entry or {} for name, entry in (data.get("environments") or {}).items()}),
        data.get("overlap"),
        Retries(
            retries.get("max", 0),
            duration_seconds(retries.get("delay", 0)) or 0.0,
            float(retries.get("backoff", 1)),
            retries.get("from") == "start",
        ),
        duration_seconds(timeout) if timeout is not None else None,
        tuple(as_list(data.get("tags"))),
    )


def subgraphs(paths: Iterable[str], shared: Shared) -> dict[str, Subgraph]:
    found: dict[str, Subgraph] = {}
    folded: dict[str, Subgraph] = {}
    for path in paths:
        summary = shared.get(path)
        if summary.broken:
            continue
        nodes: list[str] = []
        for index, text in enumerate(summary.data["nodes"]):
            target = shared.names.find_declared(text)
            if isinstance(target, NameProblem):
                shared.complain(path, target.code, target.message, f"nodes/{index}", target.hint)
            elif target.id not in nodes:
                nodes.append(target.id)
        subgraph = Subgraph(summary.data["name"], tuple(sorted(nodes)), path)
        other = folded.get(subgraph.name.lower())
        if other is not None:
            message = f"the subgraph {subgraph.name} stands in {other.path} too"
            shared.complain(path, "duplicate_subgraph", message, "name", "give each its own name")
            continue
        folded[subgraph.name.lower()] = subgraph
        found[subgraph.name] = subgraph
    return dict(sorted(found.items()))


def watches(paths: Iterable[str], shared: Shared) -> dict[str, FileWatch]:
    found: dict[str, FileWatch] = {}
    for path in paths:
        summary = shared.get(path)
        if summary.broken:
            continue
        for name, entry in summary.data.items():
            other = found.get(name)
            if other is not None:
                message = f"what is expected of {name} stands in {other.path} too"
                shared.complain(path, "duplicate_watch", message, name, "say it once", value=False)
                continue
            found[name] = FileWatch(read_watch(entry or {}), path)
    return dict(sorted(found.items()))
