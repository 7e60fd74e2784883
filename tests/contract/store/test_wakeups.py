"""Who waits for a change is woken by it, whichever thread or process made it; and only then, where that can be told."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.contract.store.conftest import OpenStore, Target
from tests.contract.store.samples import OWNER, waiting

from headgate.store import Store
from headgate.store.sqlite import SqliteDatabase

LONG = 30.0
"""Longer than any test takes: who waits to its end was not woken."""

OTHER_PROCESS = """
import sys
from headgate.store import Store

with Store.connect(sys.argv[1]) as store, store.database.write() as connection:
    connection.change("UPDATE environment SET updated_at = updated_at + 1")
    connection.notify()
"""


def notify(store: Store) -> None:
    with store.database.write() as connection:
        connection.change("UPDATE environment SET updated_at = updated_at + 1")
        connection.notify()


def settle(store: Store) -> None:
    """Takes what happened before, that of the first look and that of this process's own last change."""
    while store.wakeups.wait(0.2):
        pass


def waits(store: Store) -> tuple[threading.Thread, list[bool]]:
    """A thread that has settled and waits."""
    ready = threading.Event()
    woken: list[bool] = []

    def wait() -> None:
        settle(store)
        ready.set()
        woken.append(store.wakeups.wait(LONG))

    thread = threading.Thread(target=wait)
    thread.start()
    ready.wait()
    return thread, woken


def test_thread_is_woken_by_a_change_of_another_one(store: Store) -> None:
    thread, woken = waits(store)
    notify(store)
    thread.join()
    assert woken == [True]


def test_every_thread_that_waits_is_woken(store: Store) -> None:
    waiting = [waits(store) for _ in range(3)]
    notify(store)
    for thread, woken in waiting:
        thread.join()
        assert woken == [True]


def test_thread_is_woken_by_a_change_through_another_store(store: Store, open_store: OpenStore) -> None:
    other = open_store()
    thread, woken = waits(store)
    notify(other)
    thread.join()
    assert woken == [True]


def test_thread_is_woken_by_another_process(store: Store, state: Target) -> None:
    thread, woken = waits(store)
    root = Path(__file__).parents[3]
    subprocess.run([sys.executable, "-c", OTHER_PROCESS, str(state)], check=True, cwd=root)
    thread.join()
    assert woken == [True]


def test_change_between_a_look_and_the_wait_is_not_missed(store: Store) -> None:
    settle(store)
    notify(store)
    assert store.wakeups.wait(LONG)


def test_wait_ends_after_its_time_where_nothing_happens(store: Store) -> None:
    settle(store)
    began = time.monotonic()
    assert not store.wakeups.wait(0.05)
    assert time.monotonic() - began >= 0.05
    assert not store.wakeups.wait(0)


@pytest.mark.parametrize("end", [Store.close, lambda store: store.wakeups.poke()])
def test_poke_and_the_end_of_the_state_end_the_wait(store: Store, end: Callable[[Store], None]) -> None:
    thread, woken = waits(store)
    end(store)
    thread.join()
    assert woken == [end is not Store.close]


def test_what_a_worker_waits_for_wakes_it(store: Store) -> None:
    run = waiting(store)
    changes: list[Callable[[], object]] = [
        lambda: waiting(store),
        lambda: store.queue.claim(run.id, OWNER, 30),
        lambda: store.runs.request_cancel(run.id),
        lambda: store.queue.hand_back(run.id, 1, "it stops"),
        lambda: store.runs.request_cancel(run.id),
    ]
    for number, change in enumerate(changes):
        settle(store)
        change()
        if isinstance(store.database, SqliteDatabase):
            assert store.wakeups.wait(LONG)  # a commit is all that others can see there
        else:
            assert store.wakeups.wait(0.2 if number == 1 else LONG) == (number != 1)


def test_change_that_was_undone_wakes_nobody(store: Store) -> None:
    settle(store)

    def give_up() -> None:
        with store.database.write() as connection:
            connection.notify()
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        give_up()
    assert not store.wakeups.wait(0.2)
