"""Environments that are written by the API, not by files: made, changed, taken away."""

from __future__ import annotations

import re
import socket
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from headgate.errors import Refused, UsageError
from headgate.model import project as model
from headgate.model.project import Environment, Parameters, WarehouseConfig
from headgate.service.access import checked_name
from headgate.service.context import Context
from headgate.store.environments import EnvironmentRow
from headgate.warehouse.open import check_config

_SECRET = re.compile(r"password|passphrase|secret|token|private_key|\bkey\b", re.IGNORECASE)
_URL_PASSWORD = re.compile(r"://[^/@\s]*:(?!\$\{)[^@/\s]+@")


@dataclass(frozen=True, slots=True)
class EnvironmentRequest:
    """What is to be set; None leaves it as it is."""

    name: str | None = None
    description: str | None = None
    warehouse: Mapping[str, Any] | None = None
    mappings: Mapping[str, model.Mapping] | None = None
    parameters: Parameters | None = None
    require_commit: bool | None = None
    max_running: int | None = None


@dataclass(frozen=True, slots=True)
class NewEnvironment:
    request: EnvironmentRequest
    project: str | None = None
    id: int | None = field(default=None)


def create_environment(context: Context, new: NewEnvironment) -> EnvironmentRow:
    """Raises UsageError (`name_invalid`, `secret_in_clear`, `project_needed`, what a warehouse's options are checked
    for), Refused (`environment_id_taken`, `environment_name_taken`)."""
    store = context.store
    rows = _all(context)
    environment_id = (
        new.id if new.id is not None else max((row.environment.id for row in rows), default=0) + 1
    )
    if any(row.environment.id == environment_id for row in rows):
        raise Refused(
            "environment_id_taken",
            f"there is an environment {environment_id} already",
            hint="leave the id out, or change that one",
        )
    empty = Environment(environment_id, "", WarehouseConfig(""), {})
    environment = _changed(empty, new.request)
    project = new.project or _only_project(context, rows)
    _apply(context, environment, project)
    return store.environments.get(environment_id)


def change_environment(context: Context, row: EnvironmentRow, request: EnvironmentRequest) -> EnvironmentRow:
    """Runs use a changed connection from then on. Raises as `create_environment`."""
    environment = _changed(row.environment, request)
    _apply(context, environment, row.project)
    return context.store.environments.get(environment.id)


def delete_environment(context: Context, row: EnvironmentRow) -> None:
    """Of an environment that was never used. Raises Refused `environment_in_use`."""
    context.store.environments.delete(row.environment.id, by=context.actor)


def _changed(old: Environment, request: EnvironmentRequest) -> Environment:
    changes: dict[str, Any] = {
        name: value
        for name in ("description", "parameters", "require_commit", "max_running")
        if (value := getattr(request, name)) is not None
    }
    if request.name is not None:
        changes["name"] = checked_name(request.name, "environment")
        if changes["name"].isdigit():
            raise UsageError("name_invalid", f"{request.name} is no name: digits alone are an id")
    if request.mappings is not None:
        changes["mappings"] = dict(sorted(request.mappings.items()))
    if request.warehouse is not None:
        options = dict(request.warehouse)
        changes["warehouse"] = WarehouseConfig(options.pop("type"), options)
        _refuse_secrets(options)
        check_config(changes["warehouse"])
    return replace(old, **changes)


def _refuse_secrets(options: Mapping[str, Any], at: str = "") -> None:
    for name, value in options.items():
        if isinstance(value, Mapping):
            _refuse_secrets(value, f"{at}{name}.")
        elif isinstance(value, str):
            clear = _SECRET.search(name) is not None and "${" not in value
            if clear or _URL_PASSWORD.search(value):
                raise UsageError(
                    "secret_in_clear",
                    f"the option {at}{name} of the warehouse holds a secret in clear",
                    hint="store it with PUT /api/v1/secrets/NAME, and write ${secret:NAME} here",
                )


def _apply(context: Context, environment: Environment, project: str) -> None:
    embedded = check_config(environment.warehouse).embedded
    context.store.environments.apply(
        environment,
        project,
        host=socket.gethostname() if embedded else None,
        root=None if context.root is None else str(context.root),
        by=context.actor,
    )


def _all(context: Context) -> list[EnvironmentRow]:
    rows: list[EnvironmentRow] = []
    while more := context.store.environments.list(after_id=rows[-1].environment.id if rows else -1):
        rows += more
    return rows


def _only_project(context: Context, rows: list[EnvironmentRow]) -> str:
    projects = {row.project for row in rows}
    if context.root is not None and not projects:
        from headgate.service.project import compile_tree  # loads the parsers

        return compile_tree(context).manifest.name
    if len(projects) == 1:
        return projects.pop()
    raise UsageError(
        "project_needed",
        "which project does the environment belong to?",
        hint=f"there are {', '.join(sorted(projects))}" if projects else "name one",
    )
