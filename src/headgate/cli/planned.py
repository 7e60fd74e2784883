"""What `plan` and `deploy` share: which version is meant, and its plan against an environment."""

from __future__ import annotations

from dataclasses import dataclass

from headgate.cli import output
from headgate.cli.embedded import Embedded
from headgate.cli.errors import usage
from headgate.compile import Compiled
from headgate.errors import NotFound
from headgate.model.project import Environment
from headgate.service import project, versions
from headgate.service.context import find_environment
from headgate.service.planning import Prepared, prepare_deploy, prepare_return


@dataclass(frozen=True, slots=True)
class Target:
    """The working tree, unless `to` (a deployment's number) or `tag` names another version."""

    environment: str | None
    to: int | None = None
    tag: str | None = None

    def __post_init__(self) -> None:
        if self.to is not None and self.tag is not None:
            raise usage("flags_exclude", "--to and --tag exclude each other", "give one of them")


def prepare(opened: Embedded, target: Target, *, apply: bool = False) -> Prepared:
    """Plan `target`. With `apply`, the environments of the project's files are written into the state first, as a
    deploy wants them."""
    context = opened.context
    name = target.environment or context.settings.environment
    if target.to is not None:
        # Going back must work while the files are broken: everything comes from the state.
        return prepare_return(context, find_environment(context, name).environment, target.to)
    if target.tag is not None:
        environment, project_name = _environment_of_tag(opened, name, apply=apply)
        return prepare_deploy(context, environment, versions.tagged(context, project_name, target.tag))
    compiled = _compile(opened, apply=apply)
    environment = project.environment_of(compiled, name)
    return prepare_deploy(context, environment, versions.tree_for(context, compiled, environment))


def _environment_of_tag(opened: Embedded, name: str | None, *, apply: bool) -> tuple[Environment, str]:
    if name is not None:
        try:
            row = find_environment(opened.context, name)
        except NotFound:
            pass
        else:
            return row.environment, row.project
    compiled = _compile(opened, apply=apply)
    return project.environment_of(compiled, name), compiled.manifest.name


def _compile(opened: Embedded, *, apply: bool) -> Compiled:
    compiled = project.compile_tree(opened.context)
    output.show_diagnostics(compiled.warnings)
    if apply:
        project.apply_environments(opened.context, compiled)
    return compiled
