"""`headgate plan`: what a deploy would change. Changes nothing."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.errors import WRONG
from headgate.cli.invocation import current
from headgate.cli.plan_text import check_version, plan_lines
from headgate.client import reading


@flags.command()
@flags.environment
@click.option(
    "--to", type=click.IntRange(1), metavar="DEPLOYMENT", help="Plan going back to this deployment."
)
@click.option("--tag", metavar="TAG", help="Plan what this version tag names, not the working tree.")
@click.option("--exit-code", is_flag=True, help="Exit 2 when there are changes.")
@flags.as_json
@flags.wait
@click.pass_context
def plan(
    ctx: click.Context,
    *,
    environment: str | None,
    to: int | None,
    tag: str | None,
    exit_code: bool,
    as_json: bool,
    wait: float | None,
) -> None:
    """Show what a deploy would change, with its DDL. Changes nothing.

    Compares the project with what is deployed and with what really stands in the warehouse.

    \b
    Examples:
      headgate plan -e dev
      headgate plan -e dev --exit-code --json
      headgate plan -e dev --to 3
    """
    check_version(to, tag)
    invocation = current()
    settings = invocation.settings(wait_seconds=wait)
    with invocation.target("headgate plan") as target:
        body = target.prepare(environment or settings.environment, to=to, tag=tag, apply=False).plan
    if as_json:
        output.show_json(body)
    else:
        output.show_lines(plan_lines(reading.plan(body), ddl=True))
    ctx.exit(WRONG if exit_code and not body["empty"] else 0)
