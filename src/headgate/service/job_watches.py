"""Watches over jobs of the job log: what is expected of them, how they stand, what changed, and what hangs.

Whoever asks has what is due judged first, so that an answer is not older than its question, also where no worker looks:
that of one job never, a list where thousands are due at once.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from statistics import median
from typing import Any

from headgate.duration import duration_text
from headgate.errors import Busy, StateError, UsageError
from headgate.joblog.trend import Trend
from headgate.joblog.watch import SPELLED, State, Watch, check_name, read_watch
from headgate.service.access import key_of_list
from headgate.service.bodies import Body, page
from headgate.service.context import Context
from headgate.service.job_log_runs import instant_text, record_body, standing_body
from headgate.service.paging import cut
from headgate.store.connection import passes
from headgate.store.job_log_marks import Names
from headgate.store.job_watch_looks import NEWEST, WatchChange
from headgate.store.job_watches import Defined, Watched

log = logging.getLogger("headgate.watch")
CHANGES = 20
"""Of one job, as its detail shows them."""

Definition = Mapping[str, Any]
"""The keys of a watch, as `joblog.watch.read_watch` reads them."""


def list_jobs(context: Context, names: Names, *, limit: int = 100, starting_from: str | None = None) -> Body:
    """The jobs of the log by name: `{name, state, record}`, the newest run and how the job stands, null where nobody
    watches it."""
    _look(context)
    found = context.store.job_log_runs.newest(after=starting_from or "", limit=limit + 1, names=names)
    part = cut(found, limit, lambda one: one[0].name)
    data = [{"name": run.name, "state": state, "record": record_body(run)} for run, state in part.items]
    return page(data, limit, part.next)


def list_watches(
    context: Context,
    names: Names,
    states: Iterable[str] = (),
    *,
    limit: int = 100,
    starting_from: str | None = None,
) -> Body:
    """By name; those that stand in one of `states`, where any is named."""
    _look(context)
    wanted = [State(state) for state in states]
    found = context.store.job_watches.page(
        after=starting_from or "", limit=limit + 1, states=wanted, names=names
    )
    part = cut(found, limit, lambda one: one.name)
    return page([watch_body(one) for one in part.items], limit, part.next)


def show_watch(context: Context, name: str) -> Body:
    """With its trend, its newest run and success, and its last changes. Raises NotFound `watch_not_found`."""
    _look(context, name)
    store = context.store
    body = watch_body(store.job_watches.get(name))
    standing = standing_body(store.job_log_runs.about(name))
    changes = store.job_watch_looks.changes(name, limit=CHANGES)
    trend = trend_body(store.job_watches.trend(name))
    return {**body, **standing, "trend": trend, "changes": [change_body(one) for one in changes]}


def set_watch(context: Context, name: str, definition: Definition) -> Body:
    """Raises UsageError (`watch_invalid`, `cron_invalid`, `timezone_unknown`), Refused `watch_read_only`."""
    check_name(name)
    context.store.job_watches.set(name, read_watch(definition), by=context.actor)
    _look(context, name)
    return watch_body(context.store.job_watches.get(name))


def pause_watch(context: Context, name: str, *, paused: bool) -> Body:
    """Raises NotFound `watch_not_found`."""
    context.store.job_watches.pause(name, paused=paused, by=context.actor)
    _look(context, name)
    return watch_body(context.store.job_watches.get(name))


def remove_watch(context: Context, name: str) -> None:
    """Raises NotFound `watch_not_found`, Refused `watch_read_only`."""
    context.store.job_watches.remove(name, by=context.actor)


def apply_definitions(context: Context, project: str, files: Mapping[str, Mapping[str, Definition]]) -> Body:
    """Makes the watches of a project's files what these say: path -> name -> definition. Answers what is watched then.

    Raises UsageError (`watch_invalid`, `cron_invalid`, `timezone_unknown`), Refused `watch_taken`."""
    wanted: dict[str, Defined] = {}
    for path, watches in sorted(files.items()):
        for name, definition in watches.items():
            check_name(name)
            if name in wanted:
                message = f"what is expected of {name} stands in {wanted[name].path} and in {path}"
                raise UsageError("watch_invalid", message, hint="say it once")
            wanted[name] = Defined(read_watch(definition), project, path)
    context.store.job_watches.apply(project, wanted, by=context.actor)
    return watches_of(context, wanted)


def watches_of(context: Context, names: Iterable[str]) -> Body:
    """Those of these names, whole, on one page. Raises NotFound `watch_not_found`."""
    _look(context)
    found = [watch_body(context.store.job_watches.get(name)) for name in sorted(names)]
    return page(found, max(len(found), 1))


def list_changes(
    context: Context,
    names: Names,
    name: str | None = None,
    *,
    alerts: bool = False,
    limit: int = 100,
    starting_from: str | None = None,
) -> Body:
    """The newest first. `alerts`: only those that somebody is to be told of."""
    before = NEWEST if starting_from is None else key_of_list(starting_from, "change")
    _look(context)
    found = context.store.job_watch_looks.changes(
        name, alerts=alerts, before_id=before, limit=limit + 1, names=names
    )
    part = cut(found, limit, lambda one: str(one.id))
    return page([change_body(one) for one in part.items], limit, part.next)


def list_stale(context: Context, names: Names, *, limit: int = 100) -> Body:
    """Runs in progress for longer than their watch allows, or a day; the newest first."""
    _look(context)
    found = context.store.job_watches.stale(limit, names)
    return page([body for one in found if (body := record_body(one))], limit)


def _look(context: Context, name: str | None = None) -> None:
    """Where the state takes no change just now, what stands there is answered."""
    try:
        changes = context.store.job_watch_looks.look(name)
    except (StateError, Busy) as error:
        if not passes(error):
            raise
        return
    for change in changes:
        if context.owner is None:  # on a server, whose log has all changes
            log.log(logging.WARNING if change.alert else logging.INFO, "%s", change)


def watch_body(watched: Watched) -> Body:
    return {
        "name": watched.name,
        "state": str(watched.state),
        "stateSince": instant_text(watched.state_since),
        "reason": watched.reason,
        "dueAt": None if watched.due_at is None else instant_text(watched.due_at),
        "unusual": watched.unusual,
        "unusualReason": watched.unusual_reason or None,
        "paused": watched.paused,
        "project": watched.project or None,
        "path": watched.path or None,
        "watch": definition_body(watched.watch),
    }


def definition_body(watch: Watch) -> Body:
    """As it may be sent again."""
    return {
        "every": None if watch.every is None else duration_text(watch.every),
        "cron": watch.cron,
        "timezone": watch.timezone if watch.cron is not None else None,
        "grace": None if watch.grace is None else duration_text(watch.grace),
        "staleAfter": duration_text(watch.stale_after),
        "closeStale": watch.close_stale,
        "records": str(watch.records),
        "overlap": str(watch.overlap),
    }


def definition_of(body: Mapping[str, Any]) -> dict[str, Any]:
    """The keys of a body as those of a definition."""
    keys = {spelled: key for key, spelled in SPELLED.items()}
    return {keys.get(spelled, spelled): value for spelled, value in body.items()}


def trend_body(trend: Trend) -> Body:
    usual = trend.usual
    return {
        "runs": trend.runs,
        "errors": trend.errors,
        "errorRate": None if trend.error_rate is None else round(trend.error_rate, 4),
        "medianSeconds": median(trend.durations) if trend.durations else None,
        "seconds": list(trend.durations),
        "medianRecords": round(median(trend.records)) if trend.records else None,
        "records": list(trend.records),
        "usualRecords": None if usual is None else {"least": usual.least, "most": usual.most},
    }


def change_body(change: WatchChange) -> Body:
    return {
        "id": change.id,
        "name": change.name,
        "at": instant_text(change.at),
        "subject": change.subject,
        "before": change.before,
        "after": change.after,
        "alert": change.alert,
        "reason": change.reason,
    }
