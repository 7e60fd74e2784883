"""`headgate status`: one line for each environment."""

from __future__ import annotations

from headgate.cli import flags, output
from headgate.cli.invocation import current
from headgate.cli.phrases import deployment_text, what
from headgate.client import reading
from headgate.client.answers import EnvironmentInfo
from headgate.model.runs import Run, RunStatus


@flags.command()
@flags.as_json
def status(*, as_json: bool) -> None:
    """Show the environments: what is deployed, the last run, what runs and waits now.

    \b
    Example:
      headgate status
    """
    with current().target("headgate status") as target:
        body = target.environments(limit=None)
    if as_json:
        output.show_json(body)
        return
    found = reading.page(body, reading.environment).items
    if not found:
        output.say("no environments: a file in environments/ makes one")
        return
    head = ("ENV", "NAME", "DEPLOYMENT", "LAST RUN", "STATUS", "WHEN")
    output.show_table(head, [_row(environment) for environment in found])
    for environment in found:
        for run in environment.running:
            word = "running" if run.status is RunStatus.RUNNING else "waiting"
            output.show(f"{output.status(word)}: {run.kind} {run.id} in {environment.name} {_age(run)}")


def _row(environment: EnvironmentInfo) -> tuple[object, ...]:
    last = environment.last_run
    if last is None:
        return (environment.id, environment.name, deployment_text(environment), "", "", "")
    words = f"{last.kind} {last.id} {what(last)}".strip()
    when = output.at(last.ended_at or last.started_at or last.created_at)
    return (environment.id, environment.name, deployment_text(environment), words, last.status, when)


def _age(run: Run) -> str:
    return f"for {output.since(run.started_at or run.created_at, None)}"
