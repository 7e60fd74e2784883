"""`headgate doctor`: one line for everything that Headgate stands on."""

from __future__ import annotations

from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

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
from headgate.settings import NO_SERVER
from headgate.store.store import Store, open_store

if TYPE_CHECKING:
    from headgate.settings import Settings


@flags.command()
@flags.as_json
@click.pass_context
def doctor(ctx: click.Context, *, as_json: bool) -> None:
    """Check the installation, the state, the project and whether its environments answer;
    the server too, where commands ask one.

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
    settings = invocation.settings(wait_seconds=0)
    try:
        root = invocation.root
    except NotFound as error:
        missing = Finding("project", Verdict.WARN, error.message, error.hint)
        return [*check_host(Path.cwd()), missing, *_shared_state(settings), *_server(invocation)]
    findings = check_host(settings.state_dir)
    project, environments = check_project(root, settings)
    findings.append(project)
    if settings.server not in (None, NO_SERVER):
        return [*findings, *_server(invocation)]  # state and environments are looked at where the server is
    try:
        with invocation.open("headgate doctor") as opened:
            findings.append(_state(opened.context.store))
            findings += [check_environment(opened.context, environment) for environment in environments]
    except HeadgateError as error:
        findings.append(failed_state(error))
    return [*findings, *_server(invocation)]


def _shared_state(settings: Settings) -> list[Finding]:
    """Where there is no project, as on a machine for workers."""
    if settings.database_url is None:
        return []
    try:
        with open_store(settings) as store:
            return [_state(store)]
    except HeadgateError as error:
        return [failed_state(error)]


def _state(store: Store) -> Finding:
    runs = store.runs.list(limit=1)
    return Finding("state", Verdict.OK, f"{store.where}, last run {runs[0].id if runs else 'none'}")


def _server(invocation: Invocation) -> list[Finding]:
    """The server that commands ask, where there is one: whether it answers, and takes the token."""
    found = invocation.server_asked()
    if found is None:
        return []
    from headgate.client.transport import Transport

    try:
        with closing(Transport(*found)) as transport:
            version = transport.call("GET", "/healthz")["version"]
            transport.call("GET", "/api/v1/runs", query={"limit": 1})
    except HeadgateError as error:
        return [Finding("server", Verdict.FAIL, error.message, error.hint)]
    return [Finding("server", Verdict.OK, f"{transport.url} answers, headgate {version}")]
