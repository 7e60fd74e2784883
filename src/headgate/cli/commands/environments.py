"""`headgate environments`: those of the state and of the project's files."""

from __future__ import annotations

from dataclasses import replace

import click

from headgate.cli import flags, output
from headgate.cli.invocation import current
from headgate.cli.known import known_environments
from headgate.cli.phrases import deployment_text
from headgate.service import asking, bodies


@flags.group("environments")
def environments() -> None:
    """List environments; show or apply one."""


@environments.command("list", short_help="List environments.")
@flags.limit(100)
@flags.starting_from
@flags.as_json
def list_(*, limit: int, starting_from: str | None, as_json: bool) -> None:
    """List environments, also those of the files where nothing is deployed yet.

    \b
    Example:
      headgate environments
    """
    invocation = current()
    known = known_environments(invocation)
    with invocation.open("headgate environments") as opened:
        found = asking.list_environments(opened.context, known)
    if starting_from is not None:
        after = asking.environment_number(starting_from)
        found = [report for report in found if report.environment.id > after]
    page, following = found[:limit], found[limit:]
    if as_json:
        data = [bodies.environment_body(r.environment, r.row, r.running) for r in page]
        output.show_json(bodies.page(data, limit, page[-1].environment.id if following else None))
        return
    if not page:
        output.say("no environments: a file in environments/ makes one")
        return
    head = ("ENV", "NAME", "WAREHOUSE", "DEPLOYMENT", "APPLIED")
    rows = [
        (
            report.environment.id,
            report.environment.name,
            report.environment.warehouse.type,
            deployment_text(report),
            output.at(report.row.updated_at) if report.row else "",
        )
        for report in page
    ]
    output.show_table(head, rows)


@environments.command("show", short_help="Show mappings, parameters, deployments.")
@click.argument("environment", metavar="ENV", shell_complete=flags.complete_environments)
@flags.as_json
def show(*, environment: str, as_json: bool) -> None:
    """Show an environment: its mappings, parameters and deployments. Never its secrets.

    \b
    Example:
      headgate environments show dev
    """
    invocation = current()
    known = known_environments(invocation)
    with invocation.open("headgate environments") as opened:
        found = asking.show_environment(opened.context, environment, known)
    body = bodies.environment_detail(found.environment, found.row, found.deployments, found.running)
    if as_json:
        output.show_json(body)
        return
    shown = found.environment
    where = ", ".join(f"{name} {value}" for name, value in body["warehouseOptions"].items())
    output.show(click.style(f"{shown.name} ({shown.id})", bold=True))
    for name, value in (
        ("description", shown.description),
        ("warehouse", f"{shown.warehouse.type}{f' ({where})' if where else ''}"),
        ("deployed", deployment_text(found)),
        ("parameters", ", ".join(f"{name}={value}" for name, value in shown.parameters.items())),
        ("requires", "a commit" if shown.require_commit else ""),
    ):
        if value:
            output.show(f"  {name:<13}{value}")
    output.show()
    rows = [(location, m.database or "", m.schema) for location, m in shown.mappings.items()]
    output.show_table(("LOCATION", "DATABASE", "SCHEMA"), rows)
    if found.deployments:
        output.show()
        current_id = found.row.current_deployment_id if found.row else None
        output.show_table(
            ("DEPLOYMENT", "STATUS", "VERSION", "AT", "RUN", ""),
            [
                (d.number, d.status, d.version, output.at(d.created_at), d.run_id, _stands(d.id, current_id))
                for d in found.deployments
            ],
        )


def _stands(deployment_id: int, current_id: int | None) -> str:
    return "stands now" if deployment_id == current_id else ""


@environments.command("apply", short_help="Write connections into the state.")
@click.argument("environment", metavar="[ENV]", required=False, shell_complete=flags.complete_environments)
@flags.as_json
def apply(*, environment: str | None, as_json: bool) -> None:
    """Write the connections of environments/*.yml into the state. A deploy does that by itself.

    Runs use a changed connection from then on.

    \b
    Example:
      headgate environments apply
    """
    from headgate.service.project import apply_environments, compile_tree, environment_of  # loads the parsers

    invocation = current()
    with invocation.open("headgate environments") as opened:
        compiled = compile_tree(opened.context)
        named = [environment_of(compiled, environment)] if environment else [*compiled.environments.values()]
        kept = {one.name: one for one in named}
        apply_environments(opened.context, replace(compiled, environments=kept))
        reports = {r.environment.id: r for r in asking.list_environments(opened.context)}
    if as_json:
        data = [bodies.environment_body(one, reports[one.id].row) for one in named]
        output.show_json(bodies.page(data, max(len(data), 1)))
        return
    output.show(f"applied: {', '.join(one.name for one in named) or 'no environments'}")
