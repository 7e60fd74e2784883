"""`headgate deploy`: put a version of the project into an environment."""

from __future__ import annotations

import sys

import click

from headgate.cli import flags, output
from headgate.cli.carrying import Carrier, Ending, check_detached
from headgate.cli.errors import FAILED
from headgate.cli.invocation import current
from headgate.cli.plan_text import check_version, plan_lines
from headgate.client import reading
from headgate.model.plan import Plan


@flags.command()
@flags.environment
@click.option("--allow-destructive", is_flag=True, help="Also do what loses data. See the plan first.")
@click.option("--to", type=click.IntRange(1), metavar="DEPLOYMENT", help="Go back to this deployment.")
@click.option("--tag", metavar="TAG", help="Deploy what this version tag names, not the working tree.")
@click.option(
    "-y", "--yes", is_flag=True, help="Do not ask before data is lost. Without a terminal nothing is asked."
)
@flags.as_json
@flags.wait
@flags.detach
@click.pass_context
def deploy(
    ctx: click.Context,
    *,
    environment: str | None,
    allow_destructive: bool,
    to: int | None,
    tag: str | None,
    yes: bool,
    as_json: bool,
    wait: float | None,
    detached: bool,
) -> None:
    """Put the project into an environment: make and alter its tables, keep their rows.

    In one transaction where the warehouse can do that. Loads no data: refresh does.

    \b
    Examples:
      headgate deploy -e dev
      headgate deploy -e dev --allow-destructive
      headgate deploy -e dev --to 3
    """
    check_version(to, tag)
    invocation = current()
    settings = invocation.settings(wait_seconds=wait)
    carrier = Carrier(invocation)
    with invocation.target("headgate deploy", stop=carrier.stop) as target:
        check_detached(target, detached)
        planned = target.prepare(environment or settings.environment, to=to, tag=tag, apply=True)
        body = planned.plan
        plan = reading.plan(body)
        if plan.empty:
            if as_json:
                output.show_json({"run": None, "plan": body})
            else:
                output.show(f"nothing to deploy: {plan.environment} is as planned")
            return
        for line in plan_lines(plan, ddl=False):
            output.say(line)
        if allow_destructive and plan.destructive and not yes and not _agreed(plan):
            output.say("nothing was deployed")
            ctx.exit(FAILED)
        run = planned.start(allow_destructive=allow_destructive)
        ending = Ending(as_json=as_json, detached=detached, body=lambda ran: {"run": ran, "plan": body})
        code = carrier.carry_out(target, run, ending)
    if code == 0 and plan.needs_refresh:
        count = output.plural(len(plan.needs_refresh), "node")
        output.say(f"{count} to refresh now: headgate refresh -e {plan.environment}")
    ctx.exit(code)


def _agreed(plan: Plan) -> bool:
    """Asks only who can answer."""
    if not (sys.stdin.isatty() and sys.stderr.isatty()):
        return True
    count = output.plural(len(plan.destructive), "change destroys", "changes destroy")
    return click.confirm(f"{count} data in {plan.environment}. Go on?", err=True)
