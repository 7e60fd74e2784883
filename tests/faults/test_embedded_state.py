"""The embedded state while another process keeps it locked, or its disk is full, over whole runs: they wait or end with
a clear word, and what was published is not published again."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

import pytest
from tests.faults.conftest import NewPlace
from tests.faults.crashing import Forker, Order, Process, Wrapper, wrapped
from tests.faults.places import NODES, PATIENCE_SECONDS, Place

from headgate.errors import StateError
from headgate.model.runs import RunStatus
from headgate.store import sqlite
from headgate.store.sqlite import SqliteConnection
from headgate.store.store import STATE_FILE
from headgate.warehouse.duckdb import DuckDBSession
from headgate.worker.host import Host

PLENTY = 1_000_000

KEEPER = """
import sys
from headgate.store.sqlite import driver
connection = driver.connect(sys.argv[1], isolation_level=None)
connection.execute("BEGIN IMMEDIATE")
print("locked", flush=True)
sys.stdin.read()
"""


@contextmanager
def locked(place: Place) -> Iterator[subprocess.Popen[str]]:
    """Another process, in the middle of a transaction; ends with the end of its input."""
    command = [sys.executable, "-c", KEEPER, str(place.root / ".headgate" / STATE_FILE)]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as keeper:
        assert keeper.stdout is not None
        assert keeper.stdout.readline() == "locked\n"
        yield keeper
        keeper.communicate()


def refresh(place: Place, forker: Forker) -> Process:
    order = Order(("refresh", "-e", "dev"), str(place.root), str(place.root / "output"), place.environ)
    return forker.start(order)


def test_command_waits_for_a_process_that_has_the_state_locked(new_place: NewPlace, forker: Forker) -> None:
    place = new_place("embedded")
    with locked(place) as keeper:
        process = refresh(place, forker)
        with pytest.raises(subprocess.TimeoutExpired):
            keeper.wait(1)
        assert process.alive
    assert process.end() == 0
    assert place.execute("SELECT count(*) FROM stg.b") == [(2,)]


def test_command_that_waited_long_enough_says_who_is_in_the_way(
    new_place: NewPlace, monkeypatch: pytest.MonkeyPatch
) -> None:
    place = new_place("embedded")
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0.3)
    with place.opened():
        with locked(place), pytest.raises(StateError) as caught:
            place.refresh()
        assert caught.value.code == "state_locked"
        assert "another process" in caught.value.message
        assert place.refresh().status is RunStatus.SUCCEEDED
        place.assert_sound()
    assert place.execute("SELECT count(*) FROM stg.b") == [(2,)]


class Disk:
    """Bounds the pages that the state may have, on every connection: SQLite answers as on a disk that is full."""

    def __init__(self) -> None:
        self._pages = PLENTY

    def change(self, call: Any, connection: SqliteConnection, sql: str, *rest: Any) -> Any:
        if sql == "BEGIN IMMEDIATE":
            connection.raw.execute(f"PRAGMA max_page_count={self._pages}")
        return call(connection, sql, *rest)

    def fill(self, place: Place) -> None:
        """Use up what is free in the file, and let it grow no more."""
        with place.store.database.read() as connection:
            ((self._pages,),) = connection.rows("PRAGMA page_count")
        size = 65536
        while size:
            try:
                place.store.blobs.put([os.urandom(size)])
            except StateError:
                size //= 2

    def free(self) -> None:
        self._pages = PLENTY


@pytest.fixture
def disk() -> Iterator[Disk]:
    disk = Disk()
    with wrapped(SqliteConnection, "change", disk.change):
        yield disk


@pytest.fixture
def place(new_place: NewPlace) -> Place:
    """One whose runs have much to write down."""
    place = new_place("embedded")
    place.write("nodes/STG/B.sql", f"{NODES['nodes/STG/B.sql']} where '{'long ' * 20_000}' <> ''")
    with place.opened():
        assert place.deploy().status is RunStatus.SUCCEEDED
    return place


def fill_at(place: Place, disk: Disk, turn: int) -> Wrapper:
    """Fills the disk when so many steps have been committed."""
    numbers = itertools.count(1)

    def commit(call: Any, session: DuckDBSession) -> None:
        call(session)
        if next(numbers) == turn:
            disk.fill(place)

    return commit


def test_run_of_a_worker_goes_on_when_a_full_disk_has_space_again(place: Place, disk: Disk) -> None:
    with place.opened():
        run = place.enter_refresh()
        host = Host(place.state.worker)
        with wrapped(DuckDBSession, "commit", fill_at(place, disk, 1)):
            assert host.turn()
            host.drain(PATIENCE_SECONDS)
        assert not place.store.runs.get(run.id).status.final
        disk.free()
        place.recover(host=host)
        assert place.store.runs.get(run.id).status is RunStatus.SUCCEEDED
        place.assert_sound()
    assert place.execute("SELECT count(*) FROM stg.b") == [(2,)]


def test_command_on_a_full_disk_says_so_and_its_rerun_does_the_rest(
    place: Place, disk: Disk, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("headgate.store.connection.PATIENCE_SECONDS", 0.2)
    with place.opened():
        with (
            wrapped(DuckDBSession, "commit", fill_at(place, disk, 1)),
            suppress(StateError),  # where not even its end can be written down
        ):
            place.refresh()
        disk.free()
        (run,) = place.store.runs.list(limit=1)
        if not run.status.final:
            run = place.store.runs.interrupt(run.id, run.fence)
        assert run.error is not None
        assert run.error.code in ("disk_full", "interrupted")
        again = place.rerun(run.id)
        assert again is not None
        assert again.status is RunStatus.SUCCEEDED
        place.assert_sound()
    assert place.execute("SELECT count(*) FROM stg.b") == [(2,)]
