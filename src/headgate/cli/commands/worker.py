"""`headgate worker`: carries out runs of a queue that others fill."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.errors import DONE
from headgate.cli.hosting import Signals, hosted, talk
from headgate.cli.invocation import current
from headgate.engine.stop import Stop


@flags.command()
@click.option("--max-running", metavar="N", help="How many runs are carried out at once; by default 4.")
def worker(*, max_running: str | None) -> int:
    """Carry out runs of a queue, beside a server, until it is stopped.

    Any machine that reaches the PostgreSQL of the state may have as many as it likes; they need no project. Data in
    a DuckDB file are left to workers on the machine that has the file.

    \b
    Example:
      headgate worker --max-running 8       (the state named by HEADGATE_DATABASE_URL)
    """
    invocation = current()
    root = invocation.optional_root()
    settings = invocation.settings(max_running=max_running)
    talk(debug=settings.debug)
    stop = Stop()
    with hosted(settings, root, label="headgate worker") as server:
        Signals(server.host, stop).install()
        stop.when_requested(lambda: output.say(f"stopping: {stop.reason}"))
        output.say(f"taking runs, at most {settings.max_running} at once")
        server.host.serve(stop, drain_seconds=settings.drain_seconds)
    return DONE
