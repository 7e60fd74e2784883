"""`headgate refresh`: run what is deployed. Imports nothing that only authors need."""

from __future__ import annotations

from pathlib import Path

import click

from headgate.cli import flags, output
from headgate.cli.carrying import Carrier, Ending, check_detached
from headgate.cli.invocation import current
from headgate.cli.out_file import OutFile
from headgate.client.asked import RunAsked
from headgate.service.parameters import check_range, read_instant, read_parameters


@flags.command()
@flags.environment
@flags.job
@flags.include
@flags.exclude
@click.option(
    "--parallelism",
    type=click.IntRange(1, 1000),
    metavar="N",
    help="Steps at once, where the warehouse can do them. By default what the job says, else 16.",
)
@click.option(
    "--parameters",
    multiple=True,
    metavar="NAME=VALUE|JSON",
    help="""Values for this run, market_segment=BUILDING or '{"days": 3}'. Repeatable.""",
)
@flags.force
@click.option("--from", "from_", metavar="INSTANT", help="Load intervals again from here, 2026-01-01.")
@click.option("--to", metavar="INSTANT", help="… up to here, not included.")
@flags.out
@flags.as_json
@flags.strict
@flags.wait
@flags.detach
@click.pass_context
def refresh(
    ctx: click.Context,
    *,
    environment: str | None,
    job: str | None,
    include: str,
    exclude: str,
    parallelism: int | None,
    parameters: tuple[str, ...],
    force: bool,
    from_: str | None,
    to: str | None,
    out: Path | None,
    as_json: bool,
    strict: bool,
    wait: float | None,
    detached: bool,
) -> None:
    """Run what is deployed: a job, a selection, or everything.

    Exits 0 when done (also with warnings), 1 when a node failed, 3 with --strict for warnings.

    \b
    Examples:
      headgate refresh -e dev
      headgate refresh --environmentID 1 --jobID 4
      headgate refresh -e dev --include '+{ location: MART }' --exclude '{ tag: slow }'
      headgate refresh -e dev --parameters market_segment=BUILDING --out result.json
      headgate refresh -e prod --profile prod --detach
    """
    invocation = current()
    start, end = read_instant(from_, "--from"), read_instant(to, "--to")
    check_range(start, end)
    values = read_parameters(parameters)
    carrier = Carrier(invocation)
    settings = invocation.settings(wait_seconds=wait)
    with OutFile(out) as out_file, invocation.target("headgate refresh", stop=carrier.stop) as target:
        check_detached(target, detached)
        asked = RunAsked(
            target.the_environment(environment or settings.environment),
            job,
            include,
            exclude,
            parallelism=parallelism,
            parameters=values,
            force=force,
            strict=strict,
            from_=start,
            to=end,
        )
        started = target.start(asked)
        for warning in started["warnings"]:
            output.warn(warning)
        ending = Ending(as_json=as_json, strict=strict, detached=detached, out=out_file)
        ctx.exit(carrier.carry_out(target, started["run"], ending))
