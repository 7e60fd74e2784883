"""Flags that several commands share, and the classes of all commands. Spelled as in `coa`, beside short forms."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import click

from headgate.cli.invocation import Invocation

F = TypeVar("F", bound=Callable[..., Any])
Decorator = Callable[[F], F]


# --- flags of every command -----------------------------------------------------------------------------


def _remember(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
    invocation = ctx.find_object(Invocation)
    if value and invocation is not None and param.name:
        setattr(invocation, param.name, value)
        if param.name == "no_color":
            invocation.use_color("never")
    return value


def _everywhere(*names: str, **settings: Any) -> Callable[[F], F]:
    return click.option(*names, expose_value=False, is_eager=True, callback=_remember, **settings)


_PROJECT: dict[str, Any] = {
    "type": click.Path(path_type=Path),
    "metavar": "DIR",
    "help": "The project's folder; by default the nearest one with headgate.yml, from here upwards.",
}
_STATE: dict[str, Any] = {
    "type": click.Path(path_type=Path),
    "metavar": "DIR",
    "help": "The folder of Headgate's own state; by default .headgate in the project.",
}
_SERVER: dict[str, Any] = {
    "metavar": "URL",
    "help": "Ask this server; by default one that runs on this project. `local` asks none.",
}
_PROFILE: dict[str, Any] = {
    "metavar": "NAME",
    "help": "Ask the server of this profile in ~/.config/headgate/config.toml.",
}
_COLOR: dict[str, Any] = {"is_flag": True, "help": "Answer without colours, as with NO_COLOR."}

project = _everywhere("--project", **_PROJECT)
state_dir = _everywhere("--state-dir", **_STATE)
server = _everywhere("--server", **_SERVER)
profile = _everywhere("--profile", **_PROFILE)
no_color = _everywhere("--no-color", **_COLOR)


class Command(click.Command):
    """Takes the flags of `headgate` itself after its own name too."""

    def get_params(self, ctx: click.Context) -> list[click.Parameter]:
        return [*super().get_params(ctx), *_hidden()]


def _hidden() -> list[click.Parameter]:
    common: dict[str, Any] = {"expose_value": False, "is_eager": True, "callback": _remember, "hidden": True}
    return [
        click.Option(["--project"], **common, **_PROJECT),
        click.Option(["--state-dir"], **common, **_STATE),
        click.Option(["--server"], **common, **_SERVER),
        click.Option(["--profile"], **common, **_PROFILE),
        click.Option(["--no-color"], **common, **_COLOR),
    ]


class Group(click.Group):
    """Its commands take the flags of `headgate` too."""

    command_class = Command


class Plural(Group):
    """A group named for a noun: without a word for what to do, it lists."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        first = args[0] if args else ""
        if first not in ctx.help_option_names and (not args or first.startswith("-")):
            args = ["list", *args]
        return super().parse_args(ctx, args)


def command(name: str | None = None, **settings: Any) -> Callable[[Callable[..., Any]], Command]:
    return click.command(name, cls=Command, **settings)


def group(name: str) -> Callable[[Callable[..., Any]], Plural]:
    return click.group(name, cls=Plural)


def plain_group(name: str) -> Callable[[Callable[..., Any]], Group]:
    return click.group(name, cls=Group)


# --- completion of names --------------------------------------------------------------------------------


def _completed(kind: str) -> Callable[[click.Context, click.Parameter, str], list[Any]]:
    def complete(ctx: click.Context, _: click.Parameter, incomplete: str) -> list[Any]:
        from headgate.cli.completing import complete_names

        return complete_names(kind, ctx, incomplete)

    return complete


complete_nodes = _completed("nodes")
complete_jobs = _completed("jobs")
complete_runs = _completed("runs")
complete_environments = _completed("environments")


# --- flags of some commands -----------------------------------------------------------------------------

environment = click.option(
    "-e",
    "--environmentID",
    "--environment",
    "environment",
    metavar="ENV",
    shell_complete=complete_environments,
    help="The environment, by name or id. By default HEADGATE_ENVIRONMENT, or the only one there is.",
)
job = click.option(
    "-j",
    "--jobID",
    "--job",
    "job",
    metavar="JOB",
    shell_complete=complete_jobs,
    help="The job, by id or name.",
)
include = click.option(
    "--include", default="", metavar="SELECTOR", help="Nodes to take, '{ location: STG }+'."
)
exclude = click.option("--exclude", default="", metavar="SELECTOR", help="Nodes to leave out of them.")
as_json = click.option("--json", "as_json", is_flag=True, help="Answer as JSON, the body of the API.")
starting_from = click.option(
    "--startingFrom", "--starting-from", "starting_from", metavar="KEY", help="Go on after this key (`next`)."
)
strict = click.option(
    "--strict",
    is_flag=True,
    help="Exit 3 for `warning` and `skipped`; a selector's block that matches nothing is an error.",
)
out = click.option(
    "--out",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Write the run and its results by node to this file, as JSON.",
)
wait = click.option(
    "--wait",
    type=float,
    metavar="SECONDS",
    help="How long to wait for what another run holds. By default for ever.",
)
detach = click.option(
    "--detach",
    "--no-wait",
    "detached",
    is_flag=True,
    help="Return as soon as the run is started; a server carries it out.",
)
force = click.option(
    "--forceIgnoreEnvironmentStatus",
    "--force",
    "force",
    is_flag=True,
    help="Run although the last deploy failed.",
)


def of_environment(help_: str) -> Callable[[F], F]:
    """An environment that narrows the question; none is meant where none is named."""
    return click.option(
        "-e",
        "--environmentID",
        "--environment",
        "environment",
        metavar="ENV",
        shell_complete=complete_environments,
        help=help_,
    )


deployed_in = of_environment("Ask what is deployed in this environment, not the project's files.")


def limit(default: int | None) -> Callable[[F], F]:
    words = f"by default {default}" if default else "by default all"
    return click.option(
        "--limit",
        type=click.IntRange(1, 100_000),
        default=default,
        metavar="N",
        help=f"How many at most, {words}.",
    )
