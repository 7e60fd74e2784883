"""`headgate cancel`: stop a run of another process."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.invocation import current
from headgate.model.runs import RunStatus
from headgate.service import asking, bodies, running


@flags.command()
@click.argument("run_id", metavar="RUN_ID", shell_complete=flags.complete_runs)
@flags.as_json
def cancel(*, run_id: str, as_json: bool) -> None:
    """Stop a run, with its statements in the warehouse.

    A run that waits is canceled at once; one that runs is stopped by its own process, a moment later.

    \b
    Example:
      headgate cancel 12
    """
    number = asking.run_number(run_id)
    with current().open("headgate cancel") as opened:
        run = running.cancel(opened.context, number)
        if as_json:
            name = opened.context.store.environments.get(run.environment_id).environment.name
            output.show_json(bodies.run_body(run, name))
        elif run.status is RunStatus.CANCELED:
            output.show(f"run {run.id} {output.status('canceled')}")
        else:
            output.show(f"run {run.id} is asked to stop; `headgate runs show {run.id}` says when it has")
