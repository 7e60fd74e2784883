"""The working tree that a server stands in: what its files say, and changes to them. There is one, numbered 1."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from headgate.compile import Compiled
from headgate.compile.source import PROJECT_FILE
from headgate.errors import Diagnostic, NotFound, ProjectError, Refused, UsageError
from headgate.model.bound import Catalog
from headgate.service import project, tree_files
from headgate.service.context import Context
from headgate.service.jobs import JobDefinition
from headgate.service.lineage import find_node
from headgate.service.node_bodies import WORKSPACE_ID
from headgate.service.versions import tree_version
from headgate.service.working_tree import tree_catalog

MOST_ID = 99_999
"""Of jobs in files; those made by the API have higher ones."""


@dataclass(frozen=True, slots=True)
class Workspace:
    root: Path
    name: str
    version: str


@dataclass(frozen=True, slots=True)
class Written:
    """A file as it stands now, and what the compile of the whole project says."""

    id: str
    path: str
    text: str
    diagnostics: tuple[Diagnostic, ...]


def find_workspace(context: Context, workspace_id: str) -> Workspace:
    """By id, or by the project's name. Raises NotFound `workspace_not_found`."""
    found = list_workspaces(context)
    if found and workspace_id in (WORKSPACE_ID, found[0].name):
        return found[0]
    raise NotFound(
        "workspace_not_found",
        f"there is no workspace {workspace_id}",
        hint=f"there is {WORKSPACE_ID}" if found else "the server was not started in a project's folder",
    )


def list_workspaces(context: Context) -> list[Workspace]:
    if context.root is None or not (context.root / PROJECT_FILE).is_file():
        return []
    return [Workspace(context.root, _project_name(context.root), tree_version(context.root))]


def compiled(context: Context, workspace: Workspace) -> Compiled:
    """Raises ProjectError with all errors."""
    assert context.root == workspace.root
    return project.compile_tree(context)


def catalog(context: Context, workspace: Workspace) -> Catalog:
    return tree_catalog(compiled(context, workspace))


# --- nodes --------------------------------------------------------------------------------------------


def read_node(context: Context, workspace: Workspace, node_id: str) -> Written:
    """The text of a node's file. Raises NotFound `node_not_found`, Refused `node_in_sources`."""
    path = _node_path(context, workspace, node_id)
    return Written(node_id, tree_files.relative(workspace.root, path), tree_files.read(path), ())


def create_node(context: Context, workspace: Workspace, location: str, name: str, text: str) -> Written:
    """Raises UsageError `file_name_invalid`, Refused `file_exists`."""
    path = tree_files.place(workspace.root, "nodes", location, name, suffix=".sql")
    tree_files.write(path, text, new=True)
    return _written(context, workspace, f"{location}.{name}", path, "node_created")


def change_node(context: Context, workspace: Workspace, node_id: str, text: str) -> Written:
    path = _node_path(context, workspace, node_id)
    tree_files.write(path, text)
    return _written(context, workspace, node_id, path, "node_changed")


def delete_node(context: Context, workspace: Workspace, node_id: str) -> None:
    path = _node_path(context, workspace, node_id)
    tree_files.delete(path)
    _note(context, "node_deleted", tree_files.relative(workspace.root, path))


def _node_path(context: Context, workspace: Workspace, node_id: str) -> Path:
    """By the file's own name where there is such a file, so that a project which does not compile can be mended."""
    location, dot, name = node_id.partition(".")
    if dot:
        try:
            path = tree_files.place(workspace.root, "nodes", location, name, suffix=".sql")
        except UsageError:
            pass
        else:
            if path.is_file():
                return path
    node = find_node(compiled(context, workspace).manifest.nodes, node_id)
    if not node.path.endswith(".sql"):
        raise Refused(
            "node_in_sources",
            f"{node.id} is declared in {node.path}",
            hint="edit that file: it holds every source of its location",
        )
    return workspace.root.resolve() / node.path


# --- jobs ---------------------------------------------------------------------------------------------


def create_job(
    context: Context, workspace: Workspace, job: JobDefinition, job_id: int | None = None
) -> Written:
    """A file `jobs/<name>.yml`; its id is the next free one where none is given. Raises Refused (`job_exists`,
    `file_exists`)."""
    known = dict(_jobs(workspace))
    if job_id is None:
        job_id = max((number for number in known if number <= MOST_ID), default=0) + 1
    if job_id in known or not 1 <= job_id <= MOST_ID:
        raise Refused("job_exists", f"a job's file cannot take the id {job_id}", hint="leave the id out")
    path = tree_files.place(workspace.root, "jobs", job.name, suffix=".yml")
    values = {"id": job_id, **_job_values(job)}
    values["refresh"] = {key: value for key, value in values["refresh"].items() if value is not None}
    tree_files.create(path, {key: value for key, value in values.items() if value is not None})
    return _written(context, workspace, str(job_id), path, "job_file_created")


def change_job(context: Context, workspace: Workspace, name: str, job: JobDefinition) -> Written:
    """Comments, order and what the request knows nothing of stay in the file. Raises NotFound `job_not_found`."""
    job_id, path = _find_job(workspace, name)

    def change(data: Any) -> None:
        if not isinstance(data.get("refresh"), Mapping):
            data["refresh"] = {}
        tree_files.set_keys(data, _job_values(job))

    tree_files.edit(path, change)
    return _written(context, workspace, str(job_id), path, "job_file_changed")


def delete_job(context: Context, workspace: Workspace, name: str) -> None:
    _, path = _find_job(workspace, name)
    tree_files.delete(path)
    _note(context, "job_file_deleted", tree_files.relative(workspace.root, path))


def _job_values(job: JobDefinition) -> dict[str, Any]:
    return {
        "name": job.name,
        "description": job.description or None,
        "refresh": {
            "include": job.include or None,
            "exclude": job.exclude or None,
            "parallelism": job.parallelism,
        },
        "parameters": job.parameters or None,
        "overlap": job.overlap,
        "timeout": job.timeout_seconds,
        "tags": list(job.tags) or None,
    }


def _jobs(workspace: Workspace) -> list[tuple[int, tuple[str, Path]]]:
    return [
        (data["id"], (str(data.get("name")), path))
        for path, data in tree_files.documents(workspace.root, "jobs")
        if isinstance(data.get("id"), int)
    ]


def _find_job(workspace: Workspace, name: str) -> tuple[int, Path]:
    for job_id, (job_name, path) in _jobs(workspace):
        if name in (str(job_id), job_name):
            return job_id, path
    raise NotFound("job_not_found", f"no file has the job {name}", hint="jobs/*.yml")


# --- subgraphs ----------------------------------------------------------------------------------------


def create_subgraph(context: Context, workspace: Workspace, name: str, nodes: list[str]) -> Written:
    """A file `subgraphs/<name>.yml`. Raises Refused (`subgraph_exists`, `file_exists`)."""
    if any(data.get("name") == name for _, data in tree_files.documents(workspace.root, "subgraphs")):
        raise Refused("subgraph_exists", f"there is a subgraph {name} already", hint="change it instead")
    path = tree_files.place(workspace.root, "subgraphs", name, suffix=".yml")
    tree_files.create(path, {"name": name, "nodes": nodes})
    return _written(context, workspace, name, path, "subgraph_created")


def change_subgraph(
    context: Context, workspace: Workspace, name: str, new_name: str, nodes: list[str]
) -> Written:
    path = _find_subgraph(workspace, name)
    tree_files.edit(path, lambda data: tree_files.set_keys(data, {"name": new_name, "nodes": nodes}))
    return _written(context, workspace, new_name, path, "subgraph_changed")


def delete_subgraph(context: Context, workspace: Workspace, name: str) -> None:
    path = _find_subgraph(workspace, name)
    tree_files.delete(path)
    _note(context, "subgraph_deleted", tree_files.relative(workspace.root, path))


def _find_subgraph(workspace: Workspace, name: str) -> Path:
    for path, data in tree_files.documents(workspace.root, "subgraphs"):
        if data.get("name") == name:
            return path
    raise NotFound("subgraph_not_found", f"there is no subgraph {name}", hint="subgraphs/*.yml")


# --- shared -------------------------------------------------------------------------------------------


def _written(context: Context, workspace: Workspace, subject: str, path: Path, action: str) -> Written:
    shown = tree_files.relative(workspace.root, path)
    _note(context, action, shown)
    try:
        found = compiled(context, workspace).warnings
    except ProjectError as error:
        found = error.diagnostics
    return Written(subject, shown, tree_files.read(path), tuple(found))


def _note(context: Context, action: str, path: str) -> None:
    context.store.audit.record(context.actor, action, f"file/{path}")


def _project_name(root: Path) -> str:
    """Also of a project that does not compile."""
    import yaml

    try:
        data = yaml.safe_load((root / PROJECT_FILE).read_text(encoding="utf-8"))
    except (OSError, yaml.YAMLError, UnicodeDecodeError):
        data = None
    return str(data["name"]) if isinstance(data, dict) and data.get("name") else root.name
