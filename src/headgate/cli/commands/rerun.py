"""`headgate rerun`: what did not succeed in a run, over what is deployed now."""

from __future__ import annotations

from pathlib import Path

import click

from headgate.cli import flags, output
from headgate.cli.carrying import Carrier, Ending, report
from headgate.cli.invocation import current
from headgate.cli.out_file import OutFile
from headgate.service import asking, running


@flags.command()
@click.argument("run_id", metavar="RUN_ID", shell_complete=flags.complete_runs)
@click.option("--same-version", is_flag=True, help="Refuse where another version is deployed since.")
@flags.force
@flags.out
@flags.as_json
@flags.strict
@flags.wait
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
    number = asking.run_number(run_id)
    carrier = Carrier(invocation)
    invocation.settings(wait_seconds=wait)
    with OutFile(out) as out_file, invocation.open("headgate rerun", stop=carrier.stop) as opened:
        run = running.rerun(opened.context, number, same_version=same_version, force=force)
        if run is None:
            done = asking.completing_run(opened.context, number)
            output.say(f"nothing to rerun: run {done.id} left nothing undone")
            ctx.exit(report(opened, done, Ending(as_json=as_json, out=out_file)))
        ctx.exit(carrier.carry_out(opened, run, Ending(as_json=as_json, strict=strict, out=out_file)))
