"""`headgate secret`: values for `${secret:NAME}`, stored sealed and never shown again."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.errors import usage
from headgate.cli.hidden_input import read_hidden
from headgate.cli.invocation import current
from headgate.service import access_bodies, bodies, secrets


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
    with current().open("headgate secret") as opened:
        row = secrets.set_secret(opened.context, name, value)
    if as_json:
        output.show_json(access_bodies.secret_body(row))
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
    with current().open("headgate secret") as opened:
        page = secrets.list_secrets(opened.context, limit=limit, starting_from=starting_from)
    if as_json:
        data = [access_bodies.secret_body(one) for one in page.items]
        output.show_json(bodies.page(data, page.limit, page.next))
        return
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
    with current().open("headgate secret") as opened:
        secrets.delete_secret(opened.context, name)
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
    with current().open("headgate secret") as opened:
        rotation = secrets.rotate_secrets(opened.context)
    if as_json:
        output.show_json({"count": rotation.count, "source": rotation.source, "newKey": rotation.made})
        return
    which = "a new key in" if rotation.made else "the first key of"
    output.show(f"{output.plural(rotation.count, 'secret')} sealed with {which} {rotation.source}")
