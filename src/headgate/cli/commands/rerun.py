"""`headgate rerun`: what did not succeed in a run, over what is deployed now."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from headgate.cli import flags, output
from headgate.cli.carrying import Carrier, Ending, check_detached, report
from headgate.cli.invocation import current
from headgate.cli.out_file import OutFile
from headgate.cli.target import Body, Target
from headgate.errors import Refused
from headgate.service.parameters import run_number


@flags.command()
@click.argument("run_id", metavar="RUN_ID", shell_complete=flags.complete_runs)
@click.option("--same-version", is_flag=True, help="Refuse where another version is deployed since.")
@flags.force
@flags.out
@flags.as_json
@flags.strict
@flags.wait
@flags.detach
@click.pass_context
def rerun(
    ctx: click.Context,
    *,
    run_id: str,
    same_version: bool,
    force: bool,
    out: Path | None,
    as_json: bool,
    strict: bool,
    wait: float | None,
    detached: bool,
) -> None:
    """Run again what did not succeed in a run, with its selectors and parameters.

    Runs the version that is deployed now, and leaves alone what the run had published. Where nothing is left it
    says so and exits 0.

    \b
    Examples:
      headgate rerun 12
      headgate rerun 12 --same-version
    """
    invocation = current()
    number = run_number(run_id)
    carrier = Carrier(invocation)
    invocation.settings(wait_seconds=wait)
    with OutFile(out) as out_file, invocation.target("headgate rerun", stop=carrier.stop) as target:
        check_detached(target, detached)
        ending = Ending(as_json=as_json, strict=strict, detached=detached, out=out_file)
        try:
            started = target.rerun(number, same_version=same_version, force=force)
        except Refused as refused:
            if refused.code != "nothing_to_rerun":
                raise
            done = _completing(target, number)
            output.say(f"nothing to rerun: run {done['id']} left nothing undone")
            ctx.exit(report(target, done, replace(ending, strict=False)))
        ctx.exit(carrier.carry_out(target, started["run"], ending))


def _completing(target: Target, number: int) -> Body:
    """The newest run of `number` and its reruns that ended well."""
    run = target.run(number)
    for other in sorted((*run["runHistory"], number), reverse=True):
        found = run if other == number else target.run(other)
        if found["status"] in ("succeeded", "warning"):
            return found
    return run
