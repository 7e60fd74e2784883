"""PostgreSQL restarted, in good order and as after a crash, while runs are started and carried out: none is lost, all
end, and what was published was published once."""

from __future__ import annotations

import itertools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from pathlib import Path
from time import monotonic

import psycopg
import pytest
from tests.contract.store.conftest import address
from tests.contract.store.server import Server, own_server
from tests.faults.crashing import Forker, Order
from tests.faults.places import PATIENCE_SECONDS, Place

from headgate.errors import HeadgateError
from headgate.model.project import WarehouseConfig
from headgate.model.runs import RunKind, RunRequest, RunStatus
from headgate.store import Admission, NewRun, Store

STARTERS = 3
AWAY = ("state_unavailable", "state_uncertain")
REQUEST = RunRequest(parallelism=1)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as server:
        yield server


class Load:
    """Threads that start runs, each again with its key until the start is answered."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._numbers = itertools.count(1)
        self._over = threading.Event()
        self.started: set[int] = set()
        self.failures: list[BaseException] = []
        self._threads = [threading.Thread(target=self._work) for _ in range(STARTERS)]
        for thread in self._threads:
            thread.start()

    def stop(self) -> None:
        self._over.set()
        for thread in self._threads:
            thread.join()

    def _work(self) -> None:
        try:
            while not self._over.is_set():
                self.started.add(self._start(f"start {next(self._numbers)}"))
                self._over.wait(0.15)
        except BaseException as error:  # the thread's outermost loop: the test gets it
            self.failures.append(error)

    def _start(self, key: str) -> int:
        new = NewRun(RunKind.REFRESH, 1, request=REQUEST, config_key="all/1")
        while True:
            try:
                return self._store.queue.enter(new, Admission(caller="ada", key=key, digest=key)).id
            except HeadgateError as error:
                if error.code not in AWAY:
                    raise
            self._over.wait(0.05)


def until(condition: Callable[[], bool]) -> None:
    give_up_at = monotonic() + PATIENCE_SECONDS
    pause = threading.Event()
    while True:
        with suppress(HeadgateError):
            if condition():
                return
        assert monotonic() < give_up_at, "it never came to be"
        pause.wait(0.05)


def ended_since(store: Store, before: int) -> bool:
    return ended(store) >= before + 3


def ended(store: Store) -> int:
    return sum(run.status.final for run in store.runs.list(limit=1000))


@pytest.mark.parametrize("mode", ["fast", "immediate"])
def test_runs_outlive_a_restart_of_their_database(
    mode: str, server: Server, tmp_path: Path, forker: Forker
) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {mode}".encode())
    config = WarehouseConfig("postgres", {"url": server.uri, "database": mode})
    place = Place(tmp_path / "place", config, address(server.uri, mode))
    with place.opened():
        orders = [
            Order(("worker",), str(place.root), str(place.root / host), place.environ, host=host)
            for host in ("one", "two")
        ]
        workers = [forker.start(order) for order in orders]
        load = Load(place.store)
        for _ in range(2):
            before = ended(place.store)
            until(partial(ended_since, place.store, before))
            server.restart(mode)
        last = max(load.started)
        until(lambda: max(load.started) > last)  # starts are taken again
        load.stop()
        assert load.failures == []
        until(lambda: not place.store.runs.open())
        for worker in workers:
            worker.send(signal.SIGTERM)
            assert worker.end() == 0
        told = "".join(Path(order.output).read_text() for order in orders)
        assert "Traceback" not in told
        runs = {run.id: run for run in place.store.runs.list(limit=1000)}
        assert load.started <= runs.keys()
        for run in list(runs.values()):
            if run.status is not RunStatus.SUCCEEDED:  # its warehouse was away too
                again = place.rerun(run.id)
                assert again is None or again.status is RunStatus.SUCCEEDED
        for table, column in (("stg.a", "STG.A"), ("stg.b", "STG.B")):
            marked = place.execute(f"SELECT sum(row_count) FROM _headgate.commits WHERE step_id = '{column}'")
            assert place.execute(f"SELECT count(*) FROM {table}") == marked
        place.assert_sound()
