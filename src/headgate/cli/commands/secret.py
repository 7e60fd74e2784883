"""`headgate secret`: values for `${secret:NAME}`, stored sealed and never shown again."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.errors import usage
from headgate.cli.hidden_input import read_hidden
from headgate.cli.invocation import current
from headgate.client import access_reading, reading


@flags.group("secret")
def secret() -> None:
    """Store passwords and keys for environments."""


@secret.command("set", context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
@click.argument("name", metavar="NAME")
@flags.as_json
@click.pass_context
def set_(ctx: click.Context, *, name: str, as_json: bool) -> None:
    """Store the value that `${secret:NAME}` stands for. It is read from standard input, or asked for.

    \b
    Examples:
      headgate secret set PG_PASSWORD
      pass show warehouse | headgate secret set PG_PASSWORD
    """
    if ctx.args:  # said without the value: this line may be kept
        raise usage(
            "secret_as_argument",
            "the value of a secret is never an argument: others see it in the list of processes",
            hint=f"headgate secret set {name}, and type it; change it, if it was a real one",
        )
    value = read_hidden(f"Value of {name}")
    with current().target("headgate secret") as target:
        body = target.set_secret(name, value)
    if as_json:
        output.show_json(body)
    else:
        output.show(f"{name} is set")


@secret.command("list")
@flags.limit(100)
@flags.starting_from
@flags.as_json
def list_(*, limit: int, starting_from: str | None, as_json: bool) -> None:
    """List the names of secrets, and who set each when. Never their values.

    \b
    Example:
      headgate secret list
    """
    with current().target("headgate secret") as target:
        body = target.secrets(limit=limit, starting_from=starting_from)
    if as_json:
        output.show_json(body)
        return
    page = reading.page(body, access_reading.secret)
    if not page.items:
        output.say("no secrets: `headgate secret set NAME` stores one")
        return
    rows = [(one.name, output.at(one.updated_at), one.updated_by) for one in page.items]
    output.show_table(("SECRET", "SET", "BY"), rows)
    if page.next:
        output.say(f"more: --startingFrom {page.next}")


@secret.command("delete")
@click.argument("name", metavar="NAME")
@flags.as_json
def delete(*, name: str, as_json: bool) -> None:
    """Delete a secret.

    \b
    Example:
      headgate secret delete PG_PASSWORD
    """
    with current().target("headgate secret") as target:
        target.delete_secret(name)
    if as_json:
        output.show_json({"name": name, "deleted": True})
    else:
        output.show(f"{name} is deleted")


@secret.command("rotate")
@flags.as_json
def rotate(*, as_json: bool) -> None:
    """Seal all secrets with another key.

    With HEADGATE_SECRET_KEY, that is its first one: put the new key before the old, rotate, take the old one away.
    Without, a new key takes the place of the one in the state's folder.

    \b
    Example:
      headgate secret rotate
    """
    with current().target("headgate secret") as target:
        body = target.rotate_secrets()
    if as_json:
        output.show_json(body)
        return
    which = "a new key in" if body["newKey"] else "the first key of"
    output.show(f"{output.plural(body['count'], 'secret')} sealed with {which} {body['source']}")
