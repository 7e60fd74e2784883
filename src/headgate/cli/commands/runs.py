"""`headgate runs`: what ran, newest first; one run with its steps."""

from __future__ import annotations

from datetime import datetime

import click

from headgate.cli import flags, output
from headgate.cli.carrying import tell_error
from headgate.cli.invocation import current
from headgate.cli.phrases import what
from headgate.client import reading
from headgate.client.asked import RunsAsked
from headgate.model.runs import Run, RunKind, RunStatus
from headgate.service.parameters import run_number


@flags.group("runs")
def runs() -> None:
    """List runs, newest first; show one with its steps."""


@runs.command("list")
@flags.of_environment("Only runs in this environment.")
@click.option(
    "-j",
    "--jobID",
    "--job",
    "job",
    metavar="JOB",
    shell_complete=flags.complete_jobs,
    help="Only runs of this job.",
)
@click.option("--status", type=click.Choice([s.value for s in RunStatus]), help="Only runs of this status.")
@click.option("--kind", type=click.Choice([k.value for k in RunKind]), help="Only runs of this kind.")
@flags.limit(20)
@flags.starting_from
@flags.as_json
def list_(
    *,
    environment: str | None,
    job: str | None,
    status: str | None,
    kind: str | None,
    limit: int,
    starting_from: str | None,
    as_json: bool,
) -> None:
    """List runs, newest first.

    \b
    Examples:
      headgate runs -e dev --status failed
      headgate runs list --limit 5 --json
    """
    which = RunsAsked(environment, job, status, kind)
    with current().target("headgate runs") as target:
        body = target.runs(which, limit=limit, starting_from=starting_from)
    if as_json:
        output.show_json(body)
        return
    page = reading.page(body, reading.run_info)
    if not page.items:
        output.say("no runs" if which != RunsAsked() or starting_from else "nothing has run yet")
        return
    head = ("RUN", "KIND", "STATUS", "ENV", "WHAT", "STARTED", "TOOK", "BY")
    output.show_table(head, [_row(info.run, info.environment_name) for info in page.items])
    if page.next:
        output.say(f"more: headgate runs list --startingFrom {page.next}")


def _row(run: Run, environment: str) -> tuple[object, ...]:
    began: datetime = run.started_at or run.created_at
    took = output.since(run.started_at, run.ended_at)
    return (run.id, run.kind, run.status, environment, what(run), output.at(began), took, run.requested_by)


@runs.command("show")
@click.argument("run_id", metavar="RUN_ID", shell_complete=flags.complete_runs)
@flags.as_json
def show(*, run_id: str, as_json: bool) -> None:
    """Show a run with its steps.

    \b
    Example:
      headgate runs show 12
    """
    number = run_number(run_id)
    with current().target("headgate runs") as target:
        body = target.run(number)
        if as_json:
            output.show_json(body)
            return
        found = reading.run_info(body)
        steps = [result.step for result in reading.results(target.logs(number), number)]
        related = [reading.run(target.run(other)) for other in found.history]
    run = found.run
    lines = [
        ("status", output.status(run.status.value) + (f": {run.error.message}" if run.error else "")),
        ("environment", f"{found.environment_name} ({run.environment_id})"),
        ("what", what(run)),
        ("parameters", ", ".join(f"{k}={v}" for k, v in run.request.parameters.items())),
        ("started", output.at(run.started_at)),
        ("took", output.since(run.started_at, run.ended_at) if run.started_at else ""),
        ("by", run.requested_by),
        ("related", ", ".join(f"run {other.id} {other.status}" for other in related)),
        *(("note", note) for note in run.notes),
    ]
    output.show(click.style(f"{run.kind} {run.id}", bold=True))
    for name, value in lines:
        if value:
            output.show(f"  {name:<12}{value}")
    if run.error is not None and run.error.code != "steps_failed":
        tell_error(run.error, indent="  ", write=output.show)
    if not steps:
        return
    output.show()
    head = ("NODE", "TYPE", "STATUS", "INSERTED", "UPDATED", "DELETED", "TOOK", "")
    rows = [
        (
            step.step_id,
            step.node_type or step.kind,
            step.status,
            step.rows_inserted,
            step.rows_updated,
            step.rows_deleted,
            output.since(step.started_at, step.ended_at) if step.ended_at else "",
            step.error.message if step.error else "; ".join(step.notes),
        )
        for step in steps
    ]
    output.show_table(head, rows, right=(3, 4, 5, 6))
