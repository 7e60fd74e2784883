"""`headgate user`: people and programs that tokens belong to."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.hidden_input import read_hidden
from headgate.cli.invocation import current
from headgate.cli.target import Body
from headgate.client import access_reading, reading
from headgate.client.asked import UserAsked
from headgate.model.secret import Secret

email = click.option("--email", metavar="ADDRESS", help="The e-mail address; '' takes it away.")


@flags.group("user")
def user() -> None:
    """Keep the users that tokens belong to."""


@user.command("create")
@click.argument("name", metavar="NAME")
@email
@click.option("--notify", is_flag=True, help="Read addresses to notify from standard input, one a line.")
@flags.as_json
def create(*, name: str, email: str | None, notify: bool, as_json: bool) -> None:
    """Make a user.

    \b
    Examples:
      headgate user create ann --email ann@example.com
      headgate user create ann --notify < addresses.txt
    """
    asked = UserAsked(name, email, _addresses(notify))
    with current().target("headgate user") as target:
        body = target.create_user(asked)
    _show(body, as_json=as_json)


@user.command("update")
@click.argument("user", metavar="USER")
@click.option("--name", metavar="NAME", help="Another name.")
@email
@click.option(
    "--notify/--no-notify",
    default=None,
    help="Read addresses to notify from standard input, one a line; or notify no more.",
)
@flags.as_json
def update(*, user: str, name: str | None, email: str | None, notify: bool | None, as_json: bool) -> None:
    """Change a user, by name or id: what is named, and nothing else.

    \b
    Example:
      headgate user update ann --email ann@example.com
    """
    asked = UserAsked(name, email, _addresses(notify))
    with current().target("headgate user") as target:
        body = target.change_user(user, asked)
    _show(body, as_json=as_json)


@user.command("list")
@flags.limit(100)
@flags.starting_from
@flags.as_json
def list_(*, limit: int, starting_from: str | None, as_json: bool) -> None:
    """List users by id.

    \b
    Example:
      headgate user list
    """
    with current().target("headgate user") as target:
        body = target.users(limit=limit, starting_from=starting_from)
    if as_json:
        output.show_json(body)
        return
    page = reading.page(body, access_reading.user)
    if not page.items:
        output.say("no users: `headgate user create NAME` makes one")
        return
    rows = [(one.id, one.name, one.email, ", ".join(one.notify)) for one in page.items]
    output.show_table(("USER", "NAME", "EMAIL", "NOTIFIED BY"), rows)
    if page.next:
        output.say(f"more: --startingFrom {page.next}")


@user.command("show")
@click.argument("user", metavar="USER")
@flags.as_json
def show(*, user: str, as_json: bool) -> None:
    """Show a user, by name or id. Of where to notify only the kind: addresses hold passwords.

    \b
    Example:
      headgate user show ann
    """
    with current().target("headgate user") as target:
        body = target.user(user)
    _show(body, as_json=as_json)


def _show(body: Body, *, as_json: bool) -> None:
    if as_json:
        output.show_json(body)
        return
    found = access_reading.user(body)
    output.show(click.style(f"{found.name} ({found.id})", bold=True))
    for name, value in (
        ("email", found.email),
        ("notified by", ", ".join(found.notify)),
        ("created", output.at(found.created_at)),
    ):
        if value:
            output.show(f"  {name:<13}{value}")


def _addresses(notify: bool | None) -> tuple[Secret, ...] | None:
    """What `--notify` reads; nothing for `--no-notify`, None where neither is said."""
    if notify is None or notify is False:
        return None if notify is None else ()
    lines = read_hidden("Address to notify").reveal().splitlines()
    return tuple(Secret(line.strip()) for line in lines if line.strip())
