"""`headgate job-log`: what a script that is no Python says to the job log, and learns of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from headgate.cli import flags, output
from headgate.cli.commands.job_log_import import import_
from headgate.cli.commands.job_log_watch import apply, changes, watch
from headgate.cli.errors import DONE, FAILED
from headgate.cli.invocation import current
from headgate.cli.target import Body

if TYPE_CHECKING:
    from pathlib import Path

    from headgate.client.log_address import LogAddress

source = click.option("--source", default="", metavar="TEXT", help="Where the data comes from.")
destination = click.option("--destination", default="", metavar="TEXT", help="Where it goes.")
overlap = click.option(
    "--overlap",
    type=click.Choice(["allow", "refuse", "take_over"]),
    help="What becomes of it while another run of this name is in progress; by default as its watch says, else allow.",
)
records = click.option("--records", type=click.IntRange(0), metavar="N", help="How many were processed.")
watermark = click.option(
    "--watermark",
    metavar="VALUE",
    help="How far the job has come, kept only with a success: text, or JSON such as 42.",
)


@flags.plain_group("job-log")
def job_log() -> None:
    """Log jobs that run elsewhere: what they do, and how far they came.

    \b
    Examples:
      headgate job-log exec orders -- ./load_orders.sh
      headgate job-log last
      headgate job-log watch orders --every 1d
    """


for command in (watch, changes, apply, import_):
    job_log.add_command(command)


@job_log.command("start")
@click.argument("name", metavar="NAME")
@source
@destination
@overlap
@flags.as_json
def start(*, name: str, source: str, destination: str, overlap: str | None, as_json: bool) -> None:
    """Say that a run of a job starts, and print its number.

    \b
    Example:
      RUN=$(headgate job-log start orders --source crm --destination lake)
    """
    asked: Body = {"name": name, "source": source, "destination": destination}
    if overlap is not None:
        asked["overlap"] = overlap
    with current().target("headgate job-log") as target:
        body = target.start_log(asked)
    if as_json:
        output.show_json(body)
    else:
        output.show(str(body["record"]["id"]))


@job_log.command("finish")
@click.argument("record_id", metavar="RUN", type=click.IntRange(1))
@click.option(
    "--status", type=click.Choice(["success", "error"]), default="success", help="How the run ended."
)
@click.option("--message", metavar="TEXT", help="What to say of it.")
@records
@watermark
@flags.as_json
def finish(
    *,
    record_id: int,
    status: str,
    message: str | None,
    records: int | None,
    watermark: str | None,
    as_json: bool,
) -> None:
    """Say how a run ended. It ends once.

    \b
    Examples:
      headgate job-log finish "$RUN" --records 1200 --watermark 2026-01-31
      headgate job-log finish "$RUN" --status error --message "no answer from crm"
    """
    asked = {"status": status, "message": message, "recordsProcessed": records, "watermark": _read(watermark)}
    given = {key: value for key, value in asked.items() if value is not None}
    with current().target("headgate job-log") as target:
        body = target.finish_log(record_id, given)
    if as_json:
        output.show_json(body)
    else:
        output.show(f"run {record_id} of {body['record']['name']}: {status}")


@job_log.command("last", short_help="Show when a job last succeeded; or all jobs.")
@click.argument("name", metavar="[NAME]", required=False)
@flags.limit(100)
@flags.starting_from
@flags.as_json
def last(*, name: str | None, limit: int, starting_from: str | None, as_json: bool) -> None:
    """Show when a job last succeeded, its watermark, and its newest run; without a name, the newest run of each job.

    \b
    Examples:
      headgate job-log last
      headgate job-log last orders --json
    """
    with current().target("headgate job-log") as target:
        body = (
            target.logged_jobs(limit=limit, starting_from=starting_from)
            if name is None
            else target.logged_job(name)
        )
    if as_json:
        output.show_json(body)
    elif name is None:
        _show_jobs(body)
    elif body["record"] is None:
        output.say(f"the job log has no run of {name}")
    else:
        rows = [("last success", _run(body["previous"])), ("newest run", _run(body["record"]))]
        if body["watermark"] is not None:
            rows.insert(1, ("watermark", _written(body["watermark"])))
        for title, text in rows:
            output.show(f"{title:<12}  {text}")


@job_log.command("exec")
@click.argument("name", metavar="NAME")
@click.argument("command", metavar="-- COMMAND...", nargs=-1, required=True, type=click.UNPROCESSED)
@source
@destination
@overlap
@records
@watermark
@flags.as_json
def exec_(
    *,
    name: str,
    command: tuple[str, ...],
    source: str,
    destination: str,
    overlap: str | None,
    records: int | None,
    watermark: str | None,
    as_json: bool,
) -> int:
    """Carry out a command as a run of a job, and exit with its code.

    Its output goes through, and signals reach it. Where it fails, the end of its output is the run's message. It finds
    HEADGATE_JOB_WATERMARK, and HEADGATE_JOB_PREVIOUS, when the last success started. A log that does not answer is told
    later; where no server is named or runs, it is that of the project's own state. With --json, what the log answered
    to the end goes to stdout, and all output of the command to stderr.

    \b
    Examples:
      headgate job-log exec orders --source crm --destination lake -- ./load_orders.sh --all
      headgate job-log exec orders --watermark "$(date -I)" -- ./load_orders.sh
    """
    from headgate.cli.executing import execute
    from headgate.cli.own_log import OwnLogSender
    from headgate.client.log_calls import Finished, Started
    from headgate.client.logged_run import LoggedRun, end_of

    address, folder = _address()
    assert address is not None
    run = LoggedRun(OwnLogSender(address, folder, current()), Started(name, source, destination, overlap))
    known = run.start(strict=False)
    done = execute(command, _variables(known), stdout_to=2 if as_json else 1)
    if done.code == 0:
        finished = Finished("success", None, records, _read(watermark))
    else:
        finished = Finished("error", end_of(done.output, f"exit code {done.code}\n"), records)
    told = run.finish(finished, strict=False)
    if as_json:
        output.show_json(told)
    return done.code


@job_log.command("send", short_help="Tell the log what waits on this machine.")
@flags.as_json
def send(*, as_json: bool) -> int:
    """Tell the job log what waits on this machine, because the log did not answer. Exits 1 where something waits on.

    \b
    Example:
      headgate job-log send
    """
    from headgate.client.log_sender import send_all

    address, folder = _address(optional=True)
    body = send_all(address, folder)
    if as_json:
        output.show_json(body)
    else:
        output.show(f"{output.plural(body['sent'], 'call')} told")
    for one in body["waiting"]:
        output.warn(f"{one['name']} waits on for {one['place']}: {one['error']}")
    for reason in body["refused"]:
        output.warn(f"refused, and put aside: {reason}")
    return FAILED if body["waiting"] else DONE


def _address(*, optional: bool = False) -> tuple[LogAddress | None, Path]:
    from headgate.client.log_address import address_of, own_address, spool_folder
    from headgate.errors import UsageError
    from headgate.settings import NO_SERVER

    invocation = current()
    settings = invocation.settings()
    address = None
    try:
        has_project = invocation.optional_root() is not None
        if settings.server == NO_SERVER and has_project:
            address = own_address(settings)
        else:
            address = address_of(settings, has_project=has_project)
    except UsageError as error:
        if not optional or error.code != "server_needed":
            raise
    return address, spool_folder(settings)


def _variables(known: Body | None) -> dict[str, str]:
    found = {}
    if known is not None and known["watermark"] is not None:
        found["HEADGATE_JOB_WATERMARK"] = _written(known["watermark"])
    if known is not None and known["previous"] is not None:
        found["HEADGATE_JOB_PREVIOUS"] = known["previous"]["startDate"]
    return found


def _read(text: str | None) -> Any:
    """As it would be written in JSON; anything else is text (`007`, `2026-01-31`)."""
    if text is None:
        return None
    from headgate.service.parameters import read_parameters

    return read_parameters([f"watermark={text}"])["watermark"]


def _written(value: Any) -> str:
    """A watermark as `--watermark` reads it."""
    import json

    return value if isinstance(value, str) else json.dumps(value)


def _show_jobs(body: Body) -> None:
    if not body["data"]:
        output.say("the job log has no runs yet")
        return
    rows = [
        (
            one["name"],
            one["record"]["status"],
            output.moment(one["record"]["startDate"]),
            one["record"]["recordsProcessed"],
            one["state"],
        )
        for one in body["data"]
    ]
    shown = [tuple("" if value is None else value for value in row) for row in rows]
    output.show_table(("JOB", "NEWEST RUN", "STARTED", "RECORDS", "WATCHED"), shown, right=[3])
    if body["next"]:
        output.say(f"more: --startingFrom {body['next']}")


def _run(record: Body | None) -> str:
    if record is None:
        return "never"
    count = (
        ""
        if record["recordsProcessed"] is None
        else f", {output.plural(record['recordsProcessed'], 'record')}"
    )
    ended = "" if record["endDate"] is None else f" to {output.moment(record['endDate'])}"
    return f"{output.moment(record['startDate'])}{ended}, {record['status']}{count} (run {record['id']})"
