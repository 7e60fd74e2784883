"""`headgate doctor`: one line for everything that Headgate stands on."""

from __future__ import annotations

from pathlib import Path

import click

from headgate.cli import flags, output
from headgate.cli.errors import FAILED
from headgate.cli.invocation import Invocation, current
from headgate.errors import HeadgateError, NotFound
from headgate.service.checking import (
    Finding,
    Verdict,
    check_environment,
    check_host,
    check_project,
    failed_state,
    worst,
)


@flags.command()
@flags.as_json
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Check the installation, the state, the project and whether its environments answer.

    Exits 1 when something fails. Works outside a project too.

    \b
    Example:
      headgate doctor
    """
    findings = _findings(current())
    if as_json:
        data = [
            {"subject": f.subject, "verdict": f.verdict, "message": f.message, "hint": f.hint}
            for f in findings
        ]
        output.show_json({"data": data, "next": None, "limit": len(data)})
    else:
        for finding in findings:
            shown = output.status(f"{finding.verdict.value:<4}".strip())
            output.show(
                f"{shown}{' ' * (6 - len(finding.verdict.value))}{finding.subject}: {finding.message}"
            )
            if finding.hint and finding.verdict is not Verdict.OK:
                output.show(f"      {click.style('hint:', fg='cyan')} {finding.hint}")
    ctx.exit(FAILED if worst(findings) is Verdict.FAIL else 0)


def _findings(invocation: Invocation) -> list[Finding]:
    try:
        root = invocation.root
    except NotFound as error:
        return [*check_host(Path.cwd()), Finding("project", Verdict.WARN, error.message, error.hint)]
    settings = invocation.settings(wait_seconds=0)
    findings = check_host(settings.state_dir)
    project, environments = check_project(root, settings)
    findings.append(project)
    try:
        with invocation.open("headgate doctor") as opened:
            context = opened.context
            runs = context.store.runs.list(limit=1)
            words = f"{context.store.where}, last run {runs[0].id if runs else 'none'}"
            findings.append(Finding("state", Verdict.OK, words))
            findings += [check_environment(context, environment) for environment in environments]
    except HeadgateError as error:
        findings.append(failed_state(error))
    return findings
