"""The command `headgate`: which commands there are, and the outermost function that ends every one of them.

Importing this costs click and nothing else: a command's module is imported when the command is invoked, so its
name, module and short help stand in a table here.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from importlib import import_module

import click

from headgate import __version__
from headgate.cli import flags
from headgate.cli.invocation import Invocation


@dataclass(frozen=True, slots=True)
class Entry:
    """`module` is under `headgate.cli.commands`; the command stands there under `attribute`."""

    name: str
    module: str
    help: str
    attribute: str = ""


SECTIONS: dict[str, tuple[Entry, ...]] = {
    "Begin": (
        Entry("init", "init", "Make a small project that works."),
        Entry("demo", "demo", "Make the TPC-H project, load it, deploy it and refresh it."),
        Entry("doctor", "doctor", "Check the installation, the project and its environments."),
    ),
    "Write": (
        Entry("compile", "compile", "Check the project: all errors at once, with their places.", "compile_"),
        Entry("nodes", "nodes", "List nodes; show one, its columns, tests and lineage."),
        Entry("jobs", "jobs", "List jobs; show what one selects, and why."),
        Entry("sources", "sources", "Write the columns of undeclared sources into sources.yml."),
    ),
    "Operate": (
        Entry("plan", "plan", "Show what a deploy would change, with its DDL."),
        Entry("deploy", "deploy", "Put the project into an environment."),
        Entry("refresh", "refresh", "Run what is deployed: a job, a selection, or all."),
        Entry("rerun", "rerun", "Run again what did not succeed in a run."),
        Entry("cancel", "cancel", "Stop a run, with its statements in the warehouse."),
    ),
    "Look": (
        Entry("status", "status", "Show the environments, what is deployed and what runs."),
        Entry("runs", "runs", "List runs; show one with its steps."),
        Entry("logs", "logs", "Show what a run did: statements, rows, times, errors."),
        Entry("environments", "environments", "List environments; show or apply one."),
        Entry("tag", "tag", "Name versions of the project."),
    ),
    "Log what runs elsewhere": (Entry("job-log", "job_log", "Log ETL jobs, and watch them.", "job_log"),),
    "Serve": (
        Entry("serve", "serve", "Answer the HTTP API and carry out its runs."),
        Entry("worker", "worker", "Carry out runs of a server's queue."),
        Entry("backup", "backup", "Write the embedded state into a file, while it is in use."),
        Entry("restore", "restore", "Put a backup in place of the embedded state."),
    ),
    "Give access": (
        Entry("token", "token", "Make, list and revoke tokens for the API."),
        Entry("user", "user", "Keep the users that tokens belong to."),
        Entry("secret", "secret", "Store passwords and keys for environments."),
        Entry("audit", "audit", "Show who did what."),
    ),
    "Set up": (Entry("completion", "completion", "Print the script for completion in your shell."),),
}

COMMANDS = {entry.name: entry for entries in SECTIONS.values() for entry in entries}


class Main(click.Group):
    """Knows its commands by the table alone."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002
        entry = COMMANDS.get(cmd_name)
        if entry is None:
            return None
        module = import_module(f"headgate.cli.commands.{entry.module}")
        command = getattr(module, entry.attribute or entry.name)
        assert isinstance(command, click.Command)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        name = args[0]
        if name not in COMMANDS and not name.startswith("-") and not ctx.resilient_parsing:
            raise click.exceptions.NoSuchCommand(name, possibilities=COMMANDS, ctx=ctx)
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:  # noqa: ARG002
        for title, entries in SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(entry.name.ljust(12), entry.help) for entry in entries])

    def shell_complete(
        self, ctx: click.Context, incomplete: str
    ) -> list[click.shell_completion.CompletionItem]:
        if incomplete.startswith("-"):
            return super().shell_complete(ctx, incomplete)
        return [
            click.shell_completion.CompletionItem(entry.name, help=entry.help)
            for entry in COMMANDS.values()
            if entry.name.startswith(incomplete)
        ]


@click.group(
    cls=Main,
    name="headgate",
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    invoke_without_command=True,
)
@flags.project
@flags.state_dir
@flags.server
@flags.profile
@flags.no_color
@click.version_option(__version__, message="%(prog)s %(version)s", prog_name="headgate")
@click.pass_context
def main(ctx: click.Context) -> None:
    """SQL nodes in git: planned, deployed, refreshed by job, and explained.

    \b
    Try it:
      headgate demo                      a project with data, deployed and refreshed
      headgate init shop && cd shop      an own project, to grow
      headgate plan -e dev
      headgate deploy -e dev
      headgate refresh -e dev
    """
    if ctx.invoked_subcommand is None:
        click.echo(ctx.get_help())


def run(arguments: Sequence[str] | None = None) -> int:
    """Carry out one command and say how it ended: 0 done, 1 the work failed, 2 wrong usage or configuration,
    3 `warning` or `skipped` under `--strict`. Never raises, and never shows a traceback unless asked to."""
    _open_closed_streams()
    for stream in (sys.stdout, sys.stderr):
        reconfigure = getattr(stream, "reconfigure", None)
        if reconfigure is not None:  # a terminal that cannot show a letter gets its code, not an error
            reconfigure(errors="backslashreplace")
    invocation = Invocation()
    try:
        code = main.main(arguments, prog_name="headgate", standalone_mode=False, obj=invocation)
        sys.stdout.flush()
        return code if isinstance(code, int) else 0
    except BaseException as error:
        from headgate.cli.errors import end

        return end(error, color=invocation.color)


def _open_closed_streams() -> None:
    """A stream that the caller has closed (`>&-`) leads nowhere. Left as it is, the first file to be opened
    would get the stream's number, and what is meant for the stream would be written into it."""
    if sys.stdin is not None and sys.stdout is not None and sys.stderr is not None:
        return
    while (spare := os.open(os.devnull, os.O_RDWR)) <= 2:
        os.set_inheritable(spare, True)
    os.close(spare)
    sys.stdin = sys.stdin or os.fdopen(0, closefd=False)
    sys.stdout = sys.stdout or os.fdopen(1, "w", closefd=False)
    sys.stderr = sys.stderr or os.fdopen(2, "w", closefd=False)
