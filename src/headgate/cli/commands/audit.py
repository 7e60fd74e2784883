"""`headgate audit`: who did what."""

from __future__ import annotations

from collections.abc import Mapping

import click

from headgate.cli import flags, output
from headgate.cli.invocation import current
from headgate.client import access_reading, reading
from headgate.client.asked import AuditAsked


@flags.command()
@click.option("--actor", default="", metavar="NAME", help="Only what this one did.")
@click.option("--action", default="", metavar="ACTION", help="Only this: token_created, secret_set, …")
@click.option(
    "--subject", default="", metavar="SUBJECT", help="Only what was done to this: token/3, secret/PG."
)
@flags.limit(50)
@flags.starting_from
@flags.as_json
def audit(
    *, actor: str, action: str, subject: str, limit: int, starting_from: str | None, as_json: bool
) -> None:
    """Show who deployed, canceled, and changed environments, jobs, users, tokens and secrets; newest first.

    \b
    Examples:
      headgate audit
      headgate audit --subject secret/PG_PASSWORD
      headgate audit --action deploy_started
    """
    which = AuditAsked(actor, action, subject)
    with current().target("headgate audit") as target:
        body = target.audit(which, limit=limit, starting_from=starting_from)
    if as_json:
        output.show_json(body)
        return
    page = reading.page(body, access_reading.audit_entry)
    rows = [(output.at(one.at), one.actor, one.action, one.subject, _words(one.data)) for one in page.items]
    output.show_table(("AT", "WHO", "ACTION", "SUBJECT", ""), rows)
    if page.next:
        output.say(f"more: --startingFrom {page.next}")


def _words(data: Mapping[str, object]) -> str:
    return ", ".join(f"{name} {value}" for name, value in data.items() if value not in (None, "", []))
