"""`headgate worker`: carries out runs of a queue that others fill."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.errors import DONE
from headgate.cli.hosting import Signals, hosted, talk
from headgate.cli.invocation import current
from headgate.engine.stop import Stop
from headgate.errors import NotFound
from headgate.settings import Settings
from headgate.store.store import STATE_FILE


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
    invocation.refuse_server("headgate worker")
    root = invocation.optional_root()
    settings = invocation.settings(max_running=max_running)
    _require_state(settings)
    talk(debug=settings.debug)
    stop = Stop()
    with hosted(settings, root, label="headgate worker") as server:
        Signals(server.host, stop).install()
        stop.when_requested(lambda: output.say(f"stopping: {stop.reason}"))
        output.say(f"taking runs of {server.context.store.where}, at most {settings.max_running} at once")
        server.host.serve(stop, drain_seconds=settings.drain_seconds)
    return DONE


def _require_state(settings: Settings) -> None:
    """An embedded state is made by whoever starts runs: a worker that made one would wait for ever."""
    if settings.database_url is None and not (settings.state_dir / STATE_FILE).is_file():
        raise NotFound(
            "state_not_found",
            f"there is no state to take runs from: no {settings.state_dir / STATE_FILE}, no HEADGATE_DATABASE_URL",
            hint="export HEADGATE_DATABASE_URL=postgresql://…, or begin in the folder where `headgate serve` runs",
        )
