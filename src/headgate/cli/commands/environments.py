"""`headgate environments`: those of the state and of the project's files."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.invocation import current
from headgate.cli.phrases import deployment_text
from headgate.client import reading


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
    with current().target("headgate environments") as target:
        body = target.environments(limit=limit, starting_from=starting_from)
    if as_json:
        output.show_json(body)
        return
    page = reading.page(body, reading.environment)
    if not page.items:
        output.say("no environments: a file in environments/ makes one")
        return
    head = ("ENV", "NAME", "WAREHOUSE", "DEPLOYMENT", "APPLIED")
    rows = [
        (one.id, one.name, one.warehouse, deployment_text(one), output.at(one.updated_at))
        for one in page.items
    ]
    output.show_table(head, rows)
    if page.next:
        output.say(f"more: --startingFrom {page.next}")


@environments.command("show", short_help="Show mappings, parameters, deployments.")
@click.argument("environment", metavar="ENV", shell_complete=flags.complete_environments)
@flags.as_json
def show(*, environment: str, as_json: bool) -> None:
    """Show an environment: its mappings, parameters and deployments. Never its secrets.

    \b
    Example:
      headgate environments show dev
    """
    with current().target("headgate environments") as target:
        body = target.environment(environment)
    if as_json:
        output.show_json(body)
        return
    shown = reading.environment(body)
    where = ", ".join(f"{name} {value}" for name, value in shown.warehouse_options.items())
    output.show(click.style(f"{shown.name} ({shown.id})", bold=True))
    for name, value in (
        ("description", shown.description),
        ("warehouse", f"{shown.warehouse}{f' ({where})' if where else ''}"),
        ("deployed", deployment_text(shown)),
        ("parameters", ", ".join(f"{name}={value}" for name, value in shown.parameters.items())),
        ("requires", "a commit" if shown.require_commit else ""),
    ):
        if value:
            output.show(f"  {name:<13}{value}")
    output.show()
    rows = [(location, m.database or "", m.schema) for location, m in shown.mappings.items()]
    output.show_table(("LOCATION", "DATABASE", "SCHEMA"), rows)
    if shown.deployments:
        output.show()
        current_id = shown.deployment.id if shown.deployment else None
        output.show_table(
            ("DEPLOYMENT", "STATUS", "VERSION", "AT", "RUN", ""),
            [
                (d.number, d.status, d.version, output.at(d.created_at), d.run_id, _stands(d.id, current_id))
                for d in shown.deployments
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
    with current().target("headgate environments") as target:
        body = target.apply_environments(environment)
    if as_json:
        output.show_json(body)
        return
    output.show(f"applied: {', '.join(one['name'] for one in body['data']) or 'no environments'}")
