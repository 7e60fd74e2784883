"""Plans against the project's own state: which version is meant, and what a deploy of it would change."""

from __future__ import annotations

from dataclasses import dataclass

from headgate.cli import output
from headgate.cli.target import Body
from headgate.compile import Compiled
from headgate.errors import NotFound
from headgate.model.project import Environment
from headgate.service import asking, bodies, project, versions
from headgate.service.context import Context, find_environment
from headgate.service.deploying import start_deploy
from headgate.service.planning import Prepared, prepare_deploy, prepare_return


@dataclass(frozen=True, slots=True)
class Wanted:
    """The working tree, unless `to` (a deployment's number) or `tag` names another version."""

    environment: str | None
    to: int | None = None
    tag: str | None = None


@dataclass(frozen=True, slots=True)
class LocalPlanned:
    context: Context
    prepared: Prepared

    @property
    def plan(self) -> Body:
        return bodies.plan_body(self.prepared.plan)

    def start(self, *, allow_destructive: bool) -> Body:
        run = start_deploy(self.context, self.prepared, allow_destructive=allow_destructive)
        report = asking.report_run(self.context, run.id)
        return bodies.run_detail(report.run, report.environment.name, report.history, report.steps)


def prepare(context: Context, wanted: Wanted, *, apply: bool = False) -> LocalPlanned:
    """Plan `wanted`. With `apply`, the environments of the project's files are written into the state first, as a
    deploy wants them."""
    return LocalPlanned(context, _prepare(context, wanted, apply=apply))


def _prepare(context: Context, wanted: Wanted, *, apply: bool) -> Prepared:
    name = wanted.environment
    if wanted.to is not None:
        # Going back must work while the files are broken: everything comes from the state.
        return prepare_return(context, find_environment(context, name).environment, wanted.to)
    if wanted.tag is not None:
        environment, project_name = _environment_of_tag(context, name, apply=apply)
        return prepare_deploy(context, environment, versions.tagged(context, project_name, wanted.tag))
    compiled = _compile(context, apply=apply)
    environment = project.environment_of(compiled, name)
    return prepare_deploy(context, environment, versions.tree_for(context, compiled, environment))


def _environment_of_tag(context: Context, name: str | None, *, apply: bool) -> tuple[Environment, str]:
    if name is not None:
        try:
            row = find_environment(context, name)
        except NotFound:
            pass
        else:
            return row.environment, row.project
    compiled = _compile(context, apply=apply)
    return project.environment_of(compiled, name), compiled.manifest.name


def _compile(context: Context, *, apply: bool) -> Compiled:
    compiled = project.compile_tree(context)
    output.show_diagnostics(compiled.warnings)
    if apply:
        project.apply_environments(context, compiled)
    return compiled
