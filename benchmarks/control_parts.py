"""What the control plane is measured by, each part over one state that was empty; see `control_bench`."""

from __future__ import annotations

import multiprocessing
import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import figures
from control_client import Client
from control_project import deployed_project
from figures import Figure
from servers import Server, serving, working

from headgate.model.project import Environment, WarehouseConfig
from headgate.model.runs import Owner, RunKind, RunStatus
from headgate.store import NewRun, Store

SPAWN = multiprocessing.get_context("spawn")
ONE = "{ ONE }"
WARM_UP = 5
BATCH = 250
IDLE_WAREHOUSE_SECONDS = 12.0
"""A server closes a warehouse that nobody used for 10 seconds."""


def server_start(root: Path, environ: dict[str, str], rounds: int) -> Iterator[Figure]:
    """From the start of the process to its first answer; its memory then, and when it rests after a first run."""
    deployed_project(root, environ)
    first, worked, fresh = [], [], []
    for _ in range(rounds):
        with serving(root, environ) as server:
            first.append(server.first_answer_seconds)
            worked.append(server.cpu_seconds())
            time.sleep(1)
            fresh.append(server.resident_mb())
    yield figures.at_most("server start to first answer", first, "s", 1.5)
    yield figures.median("processor time until then", worked, "s")
    yield figures.at_most("memory at rest, fresh", fresh, "MB", 150)
    with serving(root, environ) as server:
        client = Client(server.url, server.token)
        client.wait(client.start(jobID="4"))
        time.sleep(IDLE_WAREHOUSE_SECONDS)
        yield figures.at_most("memory at rest after a run", [server.resident_mb()], "MB", 150)


def start_to_statement(root: Path, environ: dict[str, str], runs: int) -> Iterator[Figure]:
    """One run after another on an idle server, by its own worker, and where processes share the state also by a
    worker of its own: from the request, and from the run's creation, to the instant its first statement began."""
    deployed_project(root, environ)
    for separate in (False, True) if environ else (False,):
        with ExitStack() as stack:
            server = stack.enter_context(serving(root, environ, *(["--no-worker"] if separate else [])))
            if separate:
                stack.enter_context(working(root, environ))
            times = [_one_start(server, first=number == 0) for number in range(runs + WARM_UP)][WARM_UP:]
        answered, from_request, from_creation = zip(*times, strict=True)
        who = " by a worker process" if separate else ""
        yield figures.at_most(f"start request to first statement{who}", from_request, "ms", 30)
        yield figures.p95(f"start request to first statement{who}, p95", from_request, "ms")
        yield figures.median(f"start request to its answer{who}", answered, "ms")
        yield figures.median(f"creation to first statement{who}", from_creation, "ms")


def _one_start(server: Server, *, first: bool) -> tuple[float, float, float]:
    """Milliseconds of one start: to its answer, to its first statement, and from its creation to that."""
    client = Client(server.url, server.token)
    time.sleep(1 if first else 0.1)
    sent = time.time()
    run = client.start(jobID="4")
    answer = time.time() - sent
    time.sleep(0.15)  # asking meanwhile would be load
    client.wait(run)
    created, began = client.first_statement(run)
    return answer * 1000, (began - sent) * 1000, (began - created) * 1000


def accepted_starts(root: Path, environ: dict[str, str], seconds: float, clients: int) -> Iterator[Figure]:
    """Starts that a server accepts from several processes, each on one connection, while the runs wait."""
    deployed_project(root, environ)
    with serving(root, environ, "--no-worker") as server:
        Client(server.url, server.token).start(includeNodesSelector=ONE)
        cpu = server.cpu_seconds()
        with SPAWN.Pool(clients) as pool:
            found = pool.map(start_many, [(server.url, server.token, seconds)] * clients, chunksize=1)
        cpu = server.cpu_seconds() - cpu
    waits = [wait * 1000 for waited in found for wait in waited]
    yield figures.at_least(f"starts accepted from {clients} clients", len(waits) / seconds, "/s", 200)
    yield Figure("processor time of the server for one", cpu / len(waits) * 1000, "ms")
    yield figures.median("start answered under that load", waits, "ms")
    yield figures.p95("start answered under that load, p95", waits, "ms")


def start_many(asked: tuple[str, str, float]) -> list[float]:
    url, token, seconds = asked
    client = Client(url, token)
    waits = []
    over = time.perf_counter() + seconds
    while (began := time.perf_counter()) < over:
        client.start(includeNodesSelector=ONE)
        waits.append(time.perf_counter() - began)
    return waits


def claims(open_store: Callable[[], Store], target: str, runs: int, workers: int) -> Iterator[Figure]:
    """Processes that claim runs and end them, until the queue is empty."""
    with open_store() as store:
        add_environments(store, 4)
        for number in range(runs):
            store.runs.create(NewRun(RunKind.REFRESH, 1 + number % 4))
        with SPAWN.Pool(workers) as pool:
            found = pool.map(claim_all, [(target, number) for number in range(workers)], chunksize=1)
        claimed = [run for ids, _, _ in found for run in ids]
        lasted = max(end for _, _, end in found) - min(begin for _, begin, _ in found)
        ended = store.runs.list(limit=runs + 1)
    doubles = len(claimed) - len(set(claimed)) + sum(run.fence != 1 for run in ended)
    lost = len(ended) - len(set(claimed)) + sum(not run.status.final for run in ended)
    yield Figure(f"runs claimed twice, of {runs:,} by {workers}", doubles, "", limit="= 0", met=doubles == 0)
    yield Figure(f"runs lost, of {runs:,}", lost, "", limit="= 0", met=lost == 0)
    yield Figure(f"runs claimed and ended by {workers} processes", runs / lasted, "/s")


def claim_all(asked: tuple[str, int]) -> tuple[list[int], float, float]:
    target, number = asked
    owner = Owner("bench", number, float(number))
    taken = []
    with Store.connect(target) as store:
        began = time.time()
        while (run := store.queue.claim_next(owner, 30)) is not None:
            store.runs.finish(run.id, run.fence, RunStatus.SUCCEEDED)
            taken.append(run.id)
        return taken, began, time.time()


def memory(root: Path, environ: dict[str, str], runs: int, seconds: float) -> Iterator[Figure]:
    """What a server holds as it carries out many tiny runs, and by how much that grows once it is warm; fewer where
    they do not fit into the time."""
    deployed_project(root, environ)
    sizes: list[tuple[int, float]] = []
    with serving(root, environ) as server:
        client = Client(server.url, server.token)
        client.wait(client.start(jobID="4"))
        yield Figure("memory after 1 run", server.resident_mb(), "MB")
        began, cpu = time.perf_counter(), server.cpu_seconds()
        done = 0
        while done < runs and time.perf_counter() - began < seconds:
            _carry_out(client, BATCH)
            done += BATCH
            sizes.append((done, server.resident_mb()))
        lasted, cpu = time.perf_counter() - began, server.cpu_seconds() - cpu
        time.sleep(IDLE_WAREHOUSE_SECONDS)
        rest = server.resident_mb()
    yield Figure("tiny runs started and carried out", done / lasted, "/s")
    yield Figure("processor time of one", cpu / done * 1000, "ms")
    yield figures.at_most(f"memory after {done:,} runs", [sizes[-1][1]], "MB", 150)
    yield figures.at_most("memory at rest again", [rest], "MB", 150)
    later = [(count / 1000, size) for count, size in sizes if count >= done / 2]
    if len(later) > 2:
        slope = statistics.linear_regression(*zip(*later, strict=True)).slope
        yield figures.at_most(f"growth per 1,000 runs from the {later[0][0]:g},000th on", [slope], "MB", 1)


def _carry_out(client: Client, runs: int) -> None:
    """Never more than a hundred wait."""
    started: list[int] = []
    for number in range(runs):
        started.append(client.start(includeNodesSelector=ONE))
        if number >= 100 and number % 50 == 0:
            client.wait(started[number - 100])
    for run in started[-8:]:
        client.wait(run)


def add_environments(store: Store, count: int, *, first: int = 1) -> None:
    for number in range(first, count + 1):
        warehouse = WarehouseConfig("duckdb", {"path": f"data/{number}.duckdb"})
        store.environments.apply(Environment(number, f"env{number}", warehouse, {}, {}), "bench")
