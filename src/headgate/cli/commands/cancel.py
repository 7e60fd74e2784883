"""`headgate cancel`: stop a run of another process."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.invocation import current
from headgate.model.runs import RunStatus
from headgate.service.parameters import run_number


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
    number = run_number(run_id)
    with current().target("headgate cancel") as target:
        body = target.cancel(number)
    if as_json:
        output.show_json(body)
    elif body["status"] == RunStatus.CANCELED:
        output.show(f"run {number} {output.status('canceled')}")
    else:
        output.show(f"run {number} is asked to stop; `headgate runs show {number}` says when it has")
