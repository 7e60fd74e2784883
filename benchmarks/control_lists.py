"""Lists of runs over a long history: every filter in every order, at the beginning and deep inside, by the store and
over HTTP."""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from functools import partial
from pathlib import Path
from urllib.parse import quote

import figures
from control_client import Client
from control_parts import add_environments
from control_project import deployed_project
from figures import Figure
from past_runs import generate
from servers import serving

from headgate.model.runs import Run, RunKind, RunStatus
from headgate.store import RunFilter, Store
from headgate.store.run_lists import RunKey, RunOrder

PAGE = 50
FILTERS = {
    "all": RunFilter(),
    "runStatus=failed": RunFilter(status=RunStatus.FAILED),
    "runType=deploy": RunFilter(kind=RunKind.DEPLOY),
    "environmentID=1": RunFilter(environment_id=1),
    "jobID=12": RunFilter(job_id=12),
    "environmentID=1&jobID=12": RunFilter(environment_id=1, job_id=12),
    "environmentID=1&runStatus=failed&runType=refresh": RunFilter(
        environment_id=1, status=RunStatus.FAILED, kind=RunKind.REFRESH
    ),
    "environmentID=1&jobID=12&runStatus=failed": RunFilter(
        environment_id=1, job_id=12, status=RunStatus.FAILED
    ),
    "environmentID=1&jobID=3&runStatus=running": RunFilter(
        environment_id=1, job_id=3, status=RunStatus.RUNNING
    ),
}
WATCHED = {"a token for 40 jobs": RunFilter(job_id=tuple(range(40)))}
ORDERS = {"id": RunKey.ID, "runStartTime": RunKey.STARTED, "runEndTime": RunKey.ENDED}
Times = dict[str, list[float]]
Places = Mapping[str, Run | None]


def lists(
    root: Path, environ: dict[str, str], open_store: Callable[[], Store], past: int
) -> Iterator[Figure]:
    """Two figures for each order: the median of all lists' medians, and the slowest list's."""
    deployed_project(root, environ)
    with open_store() as store:
        add_environments(store, 4, first=2)
        began = time.perf_counter()
        generate(store, past)
        yield Figure(f"made {past:,} past runs", time.perf_counter() - began, "s")
        # The first page, and those that begin after a run in the middle and near each end.
        starts = {"": None, " old": past // 100, " middle": past // 2, " new": past - past // 100}
        places = {place: None if after is None else store.runs.get(after) for place, after in starts.items()}
        for order, key in ORDERS.items():
            yield from _figures(f"list by {order}, store", _by_store(store, key, places))
    with serving(root, environ, "--no-worker") as server:
        client = Client(server.url, server.token)
        for order, key in ORDERS.items():
            yield from _figures(f"list by {order}, HTTP", _by_http(client, order, key, places))


def _by_store(store: Store, key: RunKey, places: Places) -> Times:
    times = {}
    for name, which in {**FILTERS, **WATCHED}.items():
        for descending in (True, False):
            for place, after in places.items():
                at = None if after is None else _instant(after, key)
                order = RunOrder(key, descending, after.id if after else None, at)
                call = partial(store.runs.list, which, limit=PAGE, order=order)
                times[f"{name} {_word(descending)}{place}"] = figures.timed(call)
    return times


def _by_http(client: Client, order: str, key: RunKey, places: Places) -> Times:
    times = {}
    for name in FILTERS:
        for descending in (True, False):
            for place, after in places.items():
                query = f"limit={PAGE}&orderBy={order}&orderByDirection={_word(descending)}"
                query += "" if name == "all" else f"&{name}"
                if after is not None:
                    at = _instant(after, key)
                    start = f"{at.isoformat()}/{after.id}" if at else str(after.id)
                    query += f"&startingFrom={quote(start)}"
                call = partial(client.call, f"/api/v1/runs?{query}")
                times[f"{name} {_word(descending)}{place}"] = figures.timed(call)
    return times


def _word(descending: bool) -> str:
    return "desc" if descending else "asc"


def _instant(run: Run, key: RunKey) -> datetime | None:
    if key is RunKey.ID:
        return None
    return run.started_at if key is RunKey.STARTED else run.ended_at


def _figures(name: str, times: Mapping[str, list[float]]) -> Iterator[Figure]:
    medians = {which: statistics.median(found) for which, found in times.items()}
    yield figures.at_most(f"{name}, median of {len(times)}", list(medians.values()), "ms", 20)
    worst = max(medians, key=lambda which: medians[which])
    yield figures.at_most(f"{name}, slowest: {worst}", times[worst], "ms", 20)
