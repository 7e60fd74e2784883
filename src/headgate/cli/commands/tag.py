"""`headgate tag`: names for versions of the project, which deploys and model jobs can name."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.invocation import current
from headgate.client import reading


@flags.group("tag")
def tag() -> None:
    """Name versions of the project."""


@tag.command("create")
@click.argument("name", metavar="NAME")
@flags.of_environment("Name what is deployed there, not the project's files.")
@flags.as_json
def create(*, name: str, environment: str | None, as_json: bool) -> None:
    """Name this version of the project. A tag never moves.

    \b
    Examples:
      headgate tag create v3
      headgate tag create v3 -e prod
    """
    with current().target("headgate tag") as target:
        body = target.create_tag(name, environment=environment)
    if as_json:
        output.show_json(body)
    else:
        output.show(f"{body['name']} names the manifest {body['manifestDigest'][:12]}")


@tag.command("list")
@flags.limit(100)
@flags.starting_from
@flags.as_json
def list_(*, limit: int, starting_from: str | None, as_json: bool) -> None:
    """List version tags by name.

    \b
    Example:
      headgate tag list
    """
    with current().target("headgate tag") as target:
        body = target.tags(limit=limit, starting_from=starting_from)
    if as_json:
        output.show_json(body)
        return
    page = reading.page(body, reading.tag)
    if not page.items:
        output.say("no tags: `headgate tag create v1` names this version")
        return
    rows = [(one.name, one.manifest_digest[:12], output.at(one.created_at)) for one in page.items]
    output.show_table(("TAG", "MANIFEST", "CREATED"), rows)
    if page.next:
        output.say(f"more: --startingFrom {page.next}")
