"""`headgate job-log watch`: what is expected of the jobs of the log, how they stand, what changed, and what hangs."""

from __future__ import annotations

from typing import Any

import click

from headgate.cli import flags, output
from headgate.cli.errors import DONE, FAILED
from headgate.cli.invocation import current
from headgate.cli.target import Body, Target

STATES = ("new", "up", "late", "down", "paused")
STALE = 100
"""How many hanging runs are asked for."""

_LISTED = 10
"""How many of them are shown: an old log has many, of jobs that nobody watches."""

_SPARKS = "▁▂▃▄▅▆▇█"
_SHOWN = 20
"""How many runs a line of sparks has."""


@flags.command("watch", short_help="Say what is expected of a job; see how all stand.")
@click.argument("name", metavar="[NAME]", required=False)
@click.option(
    "--every", metavar="DURATION", help="A success is due so long after the last one ended: 1h, 1d."
)
@click.option("--cron", metavar="EXPRESSION", help="A run that succeeds is due then: '0 6 * * 1-5', @daily.")
@click.option("--timezone", metavar="ZONE", help="Of --cron; by default UTC.")
@click.option(
    "--grace", metavar="DURATION", help="How much later it may come; by default the interval, at most 1h."
)
@click.option("--stale-after", metavar="DURATION", help="A run in progress for longer hangs; by default 1d.")
@click.option("--close-stale/--keep-stale", default=None, help="End such runs, as errors.")
@click.option(
    "--records",
    type=click.Choice(["any", "some", "usual"]),
    help="Which counts of records are well; by default usual: about what it had before.",
)
@click.option(
    "--overlap",
    type=click.Choice(["allow", "refuse", "take_over"]),
    help="What becomes of a run that starts while another one is in progress; by default allow.",
)
@click.option(
    "--pause/--resume", default=None, help="Take it out, or in again: what is due counts from then."
)
@click.option("--remove", is_flag=True, help="Watch it no more.")
@click.option("--state", "states", type=click.Choice(STATES), multiple=True, help="Only jobs that stand so.")
@click.option("--exit-code", is_flag=True, help="Exit 1 where a job is down or its records are unusual.")
@flags.as_json
def watch(
    *,
    name: str | None,
    pause: bool | None,
    remove: bool,
    states: tuple[str, ...],
    exit_code: bool,
    as_json: bool,
    **given: Any,
) -> int:
    """Say what is expected of a job, or see how all of them stand.

    A job that is watched is new, up, late, down or paused. One change is told once: when it is down, and when it has
    recovered (`headgate job-log changes`, and the events of the server).

    \b
    Examples:
      headgate job-log watch orders --every 1d --grace 2h
      headgate job-log watch orders --cron '0 6 * * 1-5' --timezone Europe/Berlin
      headgate job-log watch
      headgate job-log watch orders
    """
    from headgate.joblog.watch import SPELLED

    definition = {SPELLED[key]: value for key, value in given.items() if value is not None}
    _check(name, definition, pause, states, remove=remove)
    with current().target("headgate job-log") as target:
        if name is None:
            body = {
                **target.watches(states, limit=None, starting_from=None),
                "stale": target.stale_runs(limit=STALE)["data"],
            }
        elif remove:
            target.remove_watch(name)
            body = {"removed": name}
        else:
            body = _changed(target, name, definition, pause)
    if as_json:
        output.show_json(body)
    elif name is None:
        _show_all(body, states)
    elif remove:
        output.show(f"{name} is watched no more")
    else:
        _show_one(body)
    watched = body["data"] if name is None else [] if remove else [body]
    wrong = any(one["state"] == "down" or (one["unusual"] and not one["paused"]) for one in watched)
    return FAILED if exit_code and wrong else DONE


@flags.command("changes", short_help="Show how jobs came to stand as they do.")
@click.argument("name", metavar="[NAME]", required=False)
@click.option("--alerts", is_flag=True, help="Only what somebody is to be told of.")
@flags.limit(20)
@flags.starting_from
@flags.as_json
def changes(*, name: str | None, alerts: bool, limit: int, starting_from: str | None, as_json: bool) -> None:
    """Show how jobs came to stand as they do, the newest change first.

    \b
    Examples:
      headgate job-log changes --alerts
      headgate job-log changes orders
    """
    with current().target("headgate job-log") as target:
        body = target.watch_changes(name, alerts=alerts, limit=limit, starting_from=starting_from)
    if as_json:
        output.show_json(body)
    elif body["data"]:
        _show_changes(body["data"])
        if body["next"]:
            output.say(f"more: --startingFrom {body['next']}")
    else:
        output.say("nothing has changed yet")


@flags.command("apply", short_help="Make the project's watches known at once.")
@click.option("--forget", metavar="PROJECT", help="Take away those of a project that is no more, instead.")
@flags.as_json
def apply(*, forget: str | None, as_json: bool) -> None:
    """Make the watches of the project what its files in watches/ say, at once; the start of a server does so too.

    \b
    Examples:
      headgate job-log apply
      headgate job-log apply --forget old_name
    """
    with current().target("headgate job-log") as target:
        body = target.apply_watches() if forget is None else target.send_watches(forget, {})
    if as_json:
        output.show_json(body)
    elif body["data"]:
        _show_watches(body["data"])
    elif forget is not None:
        output.say(f"no job is watched by files of {forget}")
    else:
        output.say("the project watches no jobs: watches/*.yml")


def _check(
    name: str | None, definition: Body, pause: bool | None, states: tuple[str, ...], *, remove: bool
) -> None:
    from headgate.errors import UsageError

    wishes = [wish for wish, there in (("--remove", remove), ("--pause", pause is not None)) if there]
    if name is None and (definition or wishes):
        raise UsageError("name_needed", "which job?", hint="name it: headgate job-log watch NAME …")
    if name is not None and states:
        raise UsageError(
            "flags_exclude", "--state belongs to the list of all jobs", hint="leave the name or --state out"
        )
    if len(wishes) > 1 or (remove and definition):
        raise UsageError("flags_exclude", "--remove goes alone", hint="leave the other flags out")


def _changed(target: Target, name: str, definition: Body, pause: bool | None) -> Body:
    """What the flags do not name stays as it is."""
    from headgate.errors import NotFound

    if definition:
        try:
            known = target.watch(name)["watch"]
        except NotFound:
            known = {}
        if "every" in definition:
            known = {**known, "cron": None, "timezone": None}
        if "cron" in definition:
            known = {**known, "every": None}
        target.set_watch(
            name, {key: value for key, value in {**known, **definition}.items() if value is not None}
        )
    if pause is not None:
        target.pause_watch(name, paused=pause)
    return target.watch(name)


def _show_all(body: Body, states: tuple[str, ...]) -> None:
    if body["data"]:
        _show_watches(body["data"])
    elif states:
        output.say(f"no job that is watched is {' or '.join(states)}")
    else:
        output.say("no job is watched: headgate job-log watch NAME --every 1d")
    if body["stale"] and not states:
        more = "" if len(body["stale"]) < STALE else " or more"
        shown = body["stale"][:_LISTED]
        newest = f"; the newest {_LISTED}" if len(body["stale"]) > _LISTED else ""
        output.say(f"{output.plural(len(body['stale']), 'run')}{more} in progress for too long{newest}:")
        rows = [(one["id"], one["name"], output.moment(one["startDate"]), one["source"]) for one in shown]
        output.show_table(("RUN", "JOB", "STARTED", "SOURCE"), rows)


def _show_watches(found: list[Body]) -> None:
    order = {state: place for place, state in enumerate(("down", "late", "new", "up", "paused"))}
    rows = []
    for one in sorted(found, key=lambda one: (not one["unusual"], order[one["state"]], one["name"])):
        reason = one["reason"] if not one["unusual"] or one["state"] == "down" else one["unusualReason"]
        rows.append((one["name"], one["state"], _expected(one["watch"]), output.moment(one["dueAt"]), reason))
    output.show_table(("JOB", "STATE", "EXPECTED", "DUE", "WHY"), rows)


def _show_one(body: Body) -> None:
    lines = [("state", f"{body['state']} since {output.moment(body['stateSince'])}: {body['reason']}")]
    if body["unusual"]:
        lines.append(("records", body["unusualReason"]))
    lines.append(("expected", _expected(body["watch"]) or "nothing but that its runs succeed"))
    if body["dueAt"] is not None:
        lines.append(("due", output.moment(body["dueAt"])))
    if body["path"] is not None:
        lines.append(("file", f"{body['path']} of {body['project']}"))
    record, previous = body["record"], body["previous"]
    if record is not None and record["status"] == "in_progress":
        lines.append(("at work", f"run {record['id']} since {output.moment(record['startDate'])}"))
    if previous is not None:
        lines.append(("succeeded", f"run {previous['id']} at {output.moment(previous['endDate'])}"))
    lines += _trend(body["trend"])
    for title, text in lines:
        output.show(f"{title:<10}  {output.one_line(text)}")
    if body["changes"]:
        output.show()
        _show_changes(body["changes"])


def _trend(trend: Body) -> list[tuple[str, str]]:
    if not trend["runs"]:
        return []
    failed = f", {trend['errors']} failed ({trend['errorRate']:.0%})" if trend["errors"] else ", none failed"
    lines = [("runs", f"the last {trend['runs']}{failed}")]
    if trend["seconds"]:
        shown = (
            f"median {output.seconds(trend['medianSeconds'])}, last {output.seconds(trend['seconds'][-1])}"
        )
        lines.append(("duration", f"{_sparks(trend['seconds'])}  {shown}"))
    if trend["records"]:
        shown = f"median {trend['medianRecords']:,}, last {trend['records'][-1]:,}"
        usual = trend["usualRecords"]
        bounds = f", usual {usual['least']:,} to {usual['most']:,}" if usual else ""
        lines.append(("counts", f"{_sparks(trend['records'])}  {shown}{bounds}"))
    return lines


def _sparks(values: list[float]) -> str:
    shown = values[-_SHOWN:]
    most = max(shown)
    if most <= 0:
        return _SPARKS[0] * len(shown)
    return "".join(_SPARKS[round(max(value, 0) / most * (len(_SPARKS) - 1))] for value in shown)


def _show_changes(found: list[Body]) -> None:
    rows = [
        (
            output.moment(one["at"]),
            one["name"],
            f"{one['before']} -> {one['after']}",
            "alert" if one["alert"] else "",
            one["reason"],
        )
        for one in found
    ]
    output.show_table(("WHEN", "JOB", "CHANGE", "", "WHY"), rows)


def _expected(watch: Body) -> str:
    if watch["cron"] is not None:
        zone = "" if watch["timezone"] in (None, "UTC") else f" {watch['timezone']}"
        text = f"{watch['cron']}{zone}"
    elif watch["every"] is not None:
        text = f"every {watch['every']}"
    else:
        return ""
    return text if watch["grace"] is None else f"{text}, grace {watch['grace']}"
