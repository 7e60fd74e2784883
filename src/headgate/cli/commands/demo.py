"""`headgate demo`: the main job from nothing, in one command."""

from __future__ import annotations

from pathlib import Path

import click

from headgate.cli import flags, output
from headgate.cli.carrying import Carrier, Ending
from headgate.cli.invocation import PROJECT_FILE, current
from headgate.cli.plan_text import headline
from headgate.client import reading
from headgate.client.asked import RunAsked
from headgate.demo import load_data, write_project
from headgate.errors import UsageError

ENVIRONMENT, BESIDE, JOB = "dev", "test", 4
SMALLEST = 0.01
"""Below, the generator yields offers that share a key, and the project's own tests would rightly refuse them."""


@flags.command()
@click.argument("directory", metavar="[DIR]", default="headgate-demo", type=click.Path(path_type=Path))
@click.option(
    "--scale",
    type=click.FloatRange(SMALLEST, 1000),
    default=0.1,
    show_default=True,
    metavar="N",
    help="1 is about 1 GB of text.",
)
@click.pass_context
def demo(ctx: click.Context, *, directory: Path, scale: float) -> None:
    """Make the TPC-H project in DIR, generate and load its data, deploy it to dev and refresh job 4. The
    environment test beside it is deployed, and still empty.

    \b
    Examples:
      headgate demo
      headgate demo /tmp/big --scale 1
    """
    _refuse_existing(directory)
    write_project(directory)
    output.say(f"wrote the project to {directory}")
    load_data(directory, scale, output.say)
    invocation = current()
    invocation.project = directory
    carrier = Carrier(invocation)
    code = _deploy(carrier, ENVIRONMENT)
    if code == 0:
        code = _refresh(carrier)
    if code == 0:
        code = _deploy(carrier, BESIDE)
    if code == 0:
        _what_next(directory)
    ctx.exit(code)


def _refuse_existing(directory: Path) -> None:
    if (directory / PROJECT_FILE).is_file():
        raise UsageError(
            "demo_exists",
            f"there is a project in {directory} already",
            hint=f"cd {directory} && headgate refresh -e {ENVIRONMENT} -j {JOB}; or name another folder:"
            " headgate demo DIR",
        )


def _deploy(carrier: Carrier, environment: str) -> int:
    with current().local("headgate demo", stop=carrier.stop) as target:
        planned = target.prepare(environment, to=None, tag=None, apply=True)
        output.say(headline(reading.plan(planned.plan)))
        return carrier.carry_out(target, planned.start(allow_destructive=False), Ending())


def _refresh(carrier: Carrier) -> int:
    with current().local("headgate demo", stop=carrier.stop) as target:
        started = target.start(RunAsked(ENVIRONMENT, JOB))
        return carrier.carry_out(target, started["run"], Ending())


def _what_next(directory: Path) -> None:
    output.say(f"\nlook around:  cd {directory}")
    for command, meaning in (
        ("headgate status", "what is deployed, what ran"),
        ("headgate runs show 2", "the refresh, step by step"),
        ("headgate jobs show 4", "what the job runs, and why"),
        ("headgate nodes lineage MART.FCT_ORDERS", "what a table is made of"),
        ("headgate plan -e dev", "change a node in nodes/ first, and see what it means"),
        ("headgate refresh -e dev -j 4", "run the job again"),
        ("headgate serve", "the same over HTTP, for others and for scripts"),
    ):
        output.say(f"  {command:<40}{meaning}")
