"""`headgate status`: one line for each environment."""

from __future__ import annotations

from headgate.cli import flags, output
from headgate.cli.invocation import current
from headgate.cli.known import known_environments
from headgate.cli.phrases import deployment_text, what
from headgate.model.runs import Run, RunStatus
from headgate.service import asking, bodies
from headgate.service.asking import EnvironmentReport


@flags.command()
@flags.as_json
def status(*, as_json: bool) -> None:
    """Show the environments: what is deployed, the last run, what runs and waits now.

    \b
    Example:
      headgate status
    """
    invocation = current()
    known = known_environments(invocation)
    with invocation.open("headgate status") as opened:
        found = asking.list_environments(opened.context, known)
    if as_json:
        data = [_body(report) for report in found]
        output.show_json(bodies.page(data, max(len(data), 1)))
        return
    if not found:
        output.say("no environments: a file in environments/ makes one")
        return
    head = ("ENV", "NAME", "DEPLOYMENT", "LAST RUN", "STATUS", "WHEN")
    output.show_table(head, [_row(report) for report in found])
    for report in found:
        for run in report.running:
            word = "running" if run.status is RunStatus.RUNNING else "waiting"
            output.show(
                f"{output.status(word)}: {run.kind} {run.id} in {report.environment.name} {_age(run)}"
            )


def _row(report: EnvironmentReport) -> tuple[object, ...]:
    environment = report.environment
    last = report.row.last_run if report.row else None
    if last is None:
        return (environment.id, environment.name, deployment_text(report), "", "", "")
    words = f"{last.kind} {last.id} {what(last)}".strip()
    when = output.at(last.ended_at or last.started_at or last.created_at)
    return (environment.id, environment.name, deployment_text(report), words, last.status, when)


def _age(run: Run) -> str:
    return f"for {output.since(run.started_at or run.created_at, None)}"


def _body(report: EnvironmentReport) -> bodies.Body:
    deployment = bodies.deployment_body(report.deployment, current=True) if report.deployment else None
    return {
        **bodies.environment_body(report.environment, report.row, report.running),
        "deployment": deployment,
    }
