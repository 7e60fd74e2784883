"""`headgate job-log import`: another job log, taken over into ours."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import click

from headgate.cli import flags, output
from headgate.cli.errors import usage
from headgate.cli.invocation import current

if TYPE_CHECKING:
    from headgate.cli.target import Target
    from headgate.client.log_import import Body, Told
    from headgate.client.other_log import OtherLog
    from headgate.joblog.importing import Origin
    from headgate.model.secret import Secret

EVERY_SECONDS = 2.0
MOST_PAGE = 10_000


@flags.command(
    "import",
    short_help="Take over the records of another job log.",
    context_settings={"allow_extra_args": True, "ignore_unknown_options": False},
)
@click.argument("url", metavar="URL")
@click.option("--name", "names", multiple=True, metavar="NAME", help="Only this job. May be repeated.")
@click.option(
    "--page",
    type=click.IntRange(1, MOST_PAGE),
    default=1_000,
    metavar="N",
    help="Records of one request, by default 1,000.",
)
@click.option(
    "--token",
    "asks_token",
    is_flag=True,
    help="Read the other server's token from standard input, or ask for it; else HEADGATE_IMPORT_TOKEN.",
)
@click.option(
    "--skip",
    "skipped",
    type=int,
    multiple=True,
    metavar="ID",
    help="Leave out this record, which cannot be read. May be repeated.",
)
@click.option(
    "--forget", is_flag=True, help="Only forget how far it came: the next import begins anew. Records stay."
)
@flags.as_json
@click.pass_context
def import_(
    ctx: click.Context,
    *,
    url: str,
    names: tuple[str, ...],
    page: int,
    asks_token: bool,
    skipped: tuple[int, ...],
    forget: bool,
    as_json: bool,
) -> None:
    """Take over the records of another job log: a Jobs-API, or any PostgREST with such a table.

    It goes on from where an earlier import came to, and asks again for the records that were in progress then: run it
    every hour, and this log mirrors the other one. It may be killed at any time.

    \b
    Examples:
      headgate job-log import http://jobs.example.com/jobs
      headgate job-log import http://jobs.example.com/jobs --name orders --name customers
    """
    from headgate.client.other_log import OtherLog
    from headgate.joblog.importing import read_origin

    _refuse_arguments(ctx, asks_token=asks_token)
    origins = [read_origin(url, name) for name in dict.fromkeys(names or (None,))]
    if forget:
        _forget(origins)
        return
    token = _token(asks_token=asks_token)
    done: list[Body] = []
    with current().target("headgate job-log") as target:
        for origin in origins:
            done.append(_imported(target, OtherLog(origin, token, page), skipped))
            if not as_json:
                _show(origin, done[-1])
    if as_json:
        total = {key: sum(body[key] for body in done) for key in ("imported", "updated")}
        output.show_json({**total, "data": done})


def _forget(origins: list[Origin]) -> None:
    with current().target("headgate job-log") as target:
        for origin in origins:
            target.forget_import(origin.url, origin.name)
            output.say(f"forgotten how far {origin.key} was imported; its records stay")


def _show(origin: Origin, body: Body) -> None:
    counts = [f"{output.plural(body['imported'], 'record')} imported"]
    if body["updated"]:
        counts.append(f"{body['updated']:,} updated")
    output.show(f"{', '.join(counts)} from {origin.key} ({body['records']:,} in all)")
    if body["inProgress"]:
        count = output.plural(body["inProgress"], "record")
        output.say(f"{count} in progress there: the next import asks for them again")


def _imported(target: Target, other: OtherLog, skipped: tuple[int, ...]) -> Body:
    from headgate.client.calls import Calls
    from headgate.client.log_import import Import
    from headgate.errors import Forbidden
    from headgate.joblog.importing import same_server

    origin = other.origin
    if isinstance(target, Calls) and same_server(origin.url, target.transport.url):
        raise usage(
            "import_of_itself",
            f"{origin.url} is the log that would be written",
            hint="name the other one's address, or with --server the one that is to be written",
        )
    work = Import(other, target, _Telling(), frozenset(skipped))
    try:
        body = work.run()
    except KeyboardInterrupt:
        output.say(f"{output.plural(work.imported, 'record')} imported; the same command goes on from there")
        raise
    except Forbidden as error:
        if origin.name is not None:
            raise
        hint = f"{error.hint}\nor import with --name the jobs alone that the token is for"
        raise Forbidden(error.code, error.message, hint=hint) from None
    finally:
        other.close()
    if body["lastID"] is not None and (work.newest is None or work.newest < body["lastID"]):
        output.warn(
            f"the newest record there is {work.newest or 'none'}, and {body['lastID']} was taken before: if that log "
            "was made anew, --forget lets the next import begin anew"
        )
    return body


class _Telling:
    """Tells how far it is, now and then."""

    def __init__(self) -> None:
        self._told_at = time.monotonic()

    def __call__(self, told: Told) -> None:
        now = time.monotonic()
        if now - self._told_at >= EVERY_SECONDS:
            self._told_at = now
            output.say(
                f"{output.plural(told.imported, 'record')} imported, up to id {told.last_id} of {told.newest}"
            )


def _refuse_arguments(ctx: click.Context, *, asks_token: bool) -> None:
    if ctx.args and asks_token:  # said without the value: this line may be kept
        raise usage(
            "secret_as_argument",
            "a token is never an argument: others see it in the list of processes",
            hint="set HEADGATE_IMPORT_TOKEN, or give --token alone and type it; change it, if it was a real one",
        )
    if ctx.args:
        raise click.UsageError(f"Got unexpected extra argument ({ctx.args[0]})", ctx)


def _token(*, asks_token: bool) -> Secret | None:
    if not asks_token:
        return current().settings().import_token
    from headgate.cli.hidden_input import read_hidden
    from headgate.model.secret import Secret

    return Secret(read_hidden("Token of the other job log").reveal().strip())
