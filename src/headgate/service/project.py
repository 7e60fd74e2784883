"""The working tree: compile it, and apply its environments to the state."""

from __future__ import annotations

import socket

from headgate.compile import Compiled, compile_project
from headgate.errors import NotFound, did_you_mean
from headgate.model.project import Environment
from headgate.service.context import Context
from headgate.service.planning import Wanted
from headgate.warehouse.open import check_config


def compile_tree(context: Context) -> Compiled:
    """Compile the project folder, with its cache. Raises ProjectError with all errors."""
    root = context.project_root
    return compile_project(root, cache_dir=context.settings.state_dir / "cache")


def wanted_tree(compiled: Compiled, version: str) -> Wanted:
    return Wanted(compiled.manifest, compiled.manifest_digest, compiled.manifest_json, version)


def environment_of(compiled: Compiled, name: str | None) -> Environment:
    """The environment of the project's files, by name or id; the only one where no name is given."""
    environments = compiled.environments
    if name is None and len(environments) == 1:
        return next(iter(environments.values()))
    for environment in environments.values():
        if name is not None and (environment.name == name or str(environment.id) == name):
            return environment
    known = ", ".join(f"{e.name} ({e.id})" for e in environments.values())
    if name is None:
        raise NotFound(
            "environment_needed", f"which environment? There are {known or 'none'}", hint="name it with -e"
        )
    raise NotFound(
        "environment_not_found",
        f"there is no environment {name} in environments/",
        hint=did_you_mean(name, environments, f"there are {known}" if known else "add environments/dev.yml"),
    )


def apply_files(context: Context, compiled: Compiled) -> None:
    """Write into the state what the project's files say of it: environments, and watches over the job log."""
    apply_environments(context, compiled)
    apply_watches(context, compiled)


def apply_watches(context: Context, compiled: Compiled) -> None:
    """Make the watches of the project what its files say. Raises Refused `watch_taken`."""
    from headgate.store.job_watches import Defined

    project = compiled.manifest.name
    wanted = {name: Defined(one.watch, project, one.path) for name, one in compiled.watches.items()}
    context.store.job_watches.apply(project, wanted, by=context.actor)


def apply_environments(context: Context, compiled: Compiled) -> None:
    """Write the project's environments into the state; only what changed is written. A file belongs to this machine:
    no other one takes runs over it."""
    for environment in compiled.environments.values():
        embedded = check_config(environment.warehouse).embedded
        context.store.environments.apply(
            environment,
            compiled.manifest.name,
            host=socket.gethostname() if embedded else None,
            root=str(context.project_root),
            by=context.actor,
        )
