"""`headgate token`: what scripts and people show to a server, and what each may do."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.invocation import current
from headgate.client import access_reading, reading
from headgate.client.asked import TokenAsked
from headgate.service import access


@flags.group("token")
def token() -> None:
    """Make, list and revoke tokens for the API."""


@token.command("create")
@click.option("--name", required=True, metavar="NAME", help="What it is for, as lists show it.")
@click.option(
    "--scope",
    "scopes",
    multiple=True,
    required=True,
    metavar="SCOPE",
    help="What it may do: admin, deploy, run, run:4,nightly, read, joblog, joblog:read. Several times for several.",
)
@click.option("--user", metavar="USER", help="The user it belongs to, by name or id.")
@click.option(
    "--job", "--jobID", "job_id", type=click.IntRange(0), metavar="ID", help="The job it belongs to."
)
@click.option("--expires", metavar="WHEN", help="When it ends: 90d, 12h, 4w, or a date. By default never.")
@flags.as_json
def create(
    *,
    name: str,
    scopes: tuple[str, ...],
    user: str | None,
    job_id: int | None,
    expires: str | None,
    as_json: bool,
) -> None:
    """Make a token, and print it: this once, and never again.

    \b
    Examples:
      headgate token create --name airflow --scope run:4,nightly --expires 90d
      headgate token create --name grafana --scope read --scope joblog:read
    """
    with current().target("headgate token") as target:
        body = target.create_token(
            TokenAsked(
                name,
                " ".join(scopes),
                None if user is None else access.name_or_id(user),
                job_id,
                None if expires is None else access.read_expiry(expires, target.now()),
            )
        )
    if as_json:
        output.show_json(body)
        return
    made = access_reading.new_token(body)
    known = made.token
    ends = f", until {output.at(known.expires_at)}" if known.expires_at else ""
    output.say(f"token {known.id}, {known.name}, may {known.scopes}{ends}; it is shown this once:")
    output.show(made.text.reveal())


@token.command("list")
@click.option("--all", "all_", is_flag=True, help="Also those that are expired or revoked.")
@flags.limit(100)
@flags.starting_from
@flags.as_json
def list_(*, all_: bool, limit: int, starting_from: str | None, as_json: bool) -> None:
    """List tokens: whose they are, what they may do and when each was used last. Never their texts.

    \b
    Example:
      headgate token list
    """
    with current().target("headgate token") as target:
        body = target.tokens(valid=not all_, limit=limit, starting_from=starting_from)
    if as_json:
        output.show_json(body)
        return
    page = reading.page(body, access_reading.token)
    if not page.items:
        output.say("no tokens: `headgate token create --name NAME --scope SCOPE` makes one")
        return
    rows = [
        (
            one.id,
            one.name,
            one.user_name or (f"job {one.job_id}" if one.job_id is not None else ""),
            one.scopes,
            one.status,
            output.at(one.expires_at),
            output.at(one.last_used_at) or "never",
        )
        for one in page.items
    ]
    output.show_table(("TOKEN", "NAME", "OWNER", "SCOPES", "STATUS", "EXPIRES", "LAST USED"), rows)
    if page.next:
        output.say(f"more: --startingFrom {page.next}")


@token.command("revoke")
@click.argument("token", metavar="TOKEN")
@flags.as_json
def revoke(*, token: str, as_json: bool) -> None:
    """Revoke a token, by id or name. Servers take it for at most five seconds more.

    \b
    Examples:
      headgate token revoke 3
      headgate token revoke airflow
    """
    with current().target("headgate token") as target:
        body = target.revoke_token(access.name_or_id(token))
    if as_json:
        output.show_json(body)
    else:
        output.show(f"token {body['id']}, {body['name']}, does not hold any more")
