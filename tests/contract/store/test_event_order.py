"""The log where many write at once: a reader that goes on after the last event it saw misses none, and sees none twice.

Ids are drawn in one order and committed in another. Each of these tests makes that happen.
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import cast

import psycopg
import pytest
from tests.contract.store.conftest import emptied
from tests.contract.store.samples import OWNER, PROJECT, environment, waiting

from headgate.model.runs import Event, RunStatus
from headgate.store import Store
from headgate.store.connection import Connection
from headgate.store.events import add, values
from headgate.store.postgres import SQL, PostgresConnection


def write(connection: Connection, name: str) -> None:
    add(connection, values(0, "tag_set", {"name": name}))


def take_number(connection: Connection) -> None:
    """What the first change of a transaction does."""
    connection.row("SELECT pg_current_xact_id()")


class Reader:
    """Reads on from where it stopped, a few events at a time."""

    def __init__(self, store: Store, page: int = 3) -> None:
        self._store = store
        self._page = page
        self._after = store.events.last_id()
        self.seen: list[Event] = []

    def read(self) -> list[str]:
        found: list[str] = []
        while page := self._store.events.read(self._after, limit=self._page):
            self._after = page[-1].id
            self.seen += page
            found += [str(event.data.get("name")) for event in page]
        return found

    def follow(self, writers: list[Future[None]]) -> None:
        while not all(writer.done() for writer in writers):
            self.read()
        self.read()


@pytest.fixture
def store(state_url: str) -> Iterator[Store]:
    with Store.open_url(emptied(state_url)) as store:
        yield store


def test_event_drawn_first_and_committed_last_is_read_once(store: Store) -> None:
    reader = Reader(store)
    with store.database.write() as slow:
        write(slow, "slow")
        in_thread(lambda: one(store, "quick"))
        assert reader.read() == []  # it waits behind the slow one
    assert reader.read() == ["slow", "quick"]
    assert reader.read() == []


def test_event_drawn_first_by_the_transaction_that_began_last_is_read_once(store: Store) -> None:
    # The number of the transaction says one order, the id of the event the other.
    reader = Reader(store)
    begun, drawn = threading.Event(), threading.Event()

    def younger() -> None:
        with store.database.write() as connection:
            write(connection, "younger")
            drawn.set()
            begun.wait()

    with store.database.write() as older:
        take_number(older)
        thread = threading.Thread(target=younger)
        thread.start()
        drawn.wait()
        write(older, "older")
    assert reader.read() == ["older"]
    begun.set()
    thread.join()
    assert reader.read() == ["younger"]
    assert [event.id for event in reader.seen] == sorted((e.id for e in reader.seen), reverse=True)


def test_writer_that_has_not_written_yet_holds_nobody_up_and_comes_later(store: Store) -> None:
    reader = Reader(store)
    with store.database.write() as slow:
        in_thread(lambda: one(store, "quick"))
        assert reader.read() == ["quick"]
        write(slow, "slow")
        in_thread(lambda: one(store, "quicker"))
        assert reader.read() == []
    assert reader.read() == ["slow", "quicker"]


def test_writer_that_has_written_something_else_is_waited_for(store: Store) -> None:
    reader = Reader(store)
    with store.database.write() as slow:
        take_number(slow)
        in_thread(lambda: one(store, "quick"))
        assert reader.read() == []
        write(slow, "slow")
    assert sorted(reader.read()) == ["quick", "slow"]


def test_event_of_a_writer_that_gave_up_is_never_read(store: Store) -> None:
    reader = Reader(store)

    def give_up() -> None:
        with store.database.write() as connection:
            write(connection, "gone")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        give_up()
    one(store, "there")
    assert reader.read() == ["there"]


@pytest.mark.parametrize("statement", ["CREATE TABLE loaded (n int)", "SELECT pg_current_xact_id()"])
def test_long_load_on_the_same_server_holds_nobody_up(store: Store, state_url: str, statement: str) -> None:
    reader = Reader(store)
    with psycopg.connect(state_url) as load:
        load.execute(statement.encode())
        one(store, "first")
        assert reader.read() == ["first"]
        with store.database.write() as slow:
            take_number(slow)
            in_thread(lambda: one(store, "second"))
            assert reader.read() == []
            write(slow, "slow")
        assert sorted(reader.read()) == ["second", "slow"]
        load.rollback()


def test_reader_goes_on_where_its_last_event_was_pruned(store: Store) -> None:
    reader = Reader(store)
    for name in ("a", "b", "c"):
        one(store, name)
    assert reader.read() == ["a", "b", "c"]
    with store.database.write() as connection:
        connection.change("DELETE FROM event")
    one(store, "d")
    assert reader.read() == ["d"]


def write_some(store: Store, number: int, turn: int) -> None:
    """One to three events of a writer; now and then it takes its number early, or takes its time."""
    with store.database.write() as connection:
        if (number + turn) % 2:
            take_number(connection)
        for part in range(1 + (number + turn) % 3):
            write(connection, f"{number}/{turn}/{part}")
        if turn % 7 == number:
            connection.row("SELECT pg_sleep(0.003)")


def test_many_writers_and_readers_deliver_every_event_once(store: Store) -> None:
    writers, rounds = 6, 40
    readers = [Reader(store) for _ in range(2)]

    def work(number: int) -> None:
        for turn in range(rounds):
            write_some(store, number, turn)

    at_once([partial(work, number) for number in range(writers)], readers)
    wanted = {
        f"{number}/{turn}/{part}"
        for number in range(writers)
        for turn in range(rounds)
        for part in range(1 + (number + turn) % 3)
    }
    for reader in readers:
        names = [event.data["name"] for event in reader.seen]
        assert len(names) == len(wanted)
        assert set(names) == wanted
        for number in range(writers):  # and what one writer wrote, in its order
            own = [tuple(map(int, name.split("/")[1:])) for name in names if name.startswith(f"{number}/")]
            assert own == sorted(own)
    assert [e.id for e in readers[0].seen] == [e.id for e in readers[1].seen]


def test_writers_that_are_just_ending_are_waited_for(store: Store) -> None:
    # The server ends a transaction in steps: it can be over, and still hold its number. Readers meet that now and then,
    # so many transactions end here, without a client between them.
    insert = "INSERT INTO event (at, kind, data) VALUES (0, 'tag_set', '{}')"
    script = f"{SQL['begin']}; {insert}; COMMIT;" * 250
    readers = [Reader(store, page=500) for _ in range(2)]

    def work() -> None:
        with store.database.read() as connection:
            for _ in range(10):
                cast("PostgresConnection", connection).send(script)

    at_once([work] * 4, readers)
    for reader in readers:
        assert len({event.id for event in reader.seen}) == len(reader.seen) == 10_000


def test_moves_of_one_run_are_read_in_their_order(store: Store) -> None:
    store.environments.apply(environment(), PROJECT)
    run = store.queue.claim(waiting(store).id, OWNER, 30)
    assert run is not None
    store.runs.finish(run.id, run.fence, RunStatus.SUCCEEDED)
    events = store.events.read(run_id=run.id)
    assert [event.data["status"] for event in events] == ["waiting", "running", "succeeded"]
    assert store.events.read(events[0].id, run_id=run.id) == events[1:]


def test_log_of_another_server_is_read_to_its_end_and_on(store: Store, state_url: str) -> None:
    for name in ("a", "b", "c"):
        one(store, name)
    # As a dump restored here stands: numbers that this server will not give out for long.
    with store.database.write() as connection:
        connection.change("UPDATE event SET xid = (xid::text::bigint + 1000000000)::text::xid8")
    with Store.open_url(state_url) as restored:
        events = restored.events.read()
        assert [event.data["name"] for event in events] == ["a", "b", "c"]
        one(restored, "d")
        assert [event.data["name"] for event in restored.events.read(events[-1].id)] == ["d"]
        assert restored.events.last_id() == restored.events.read()[-1].id


def at_once(writers: list[Callable[[], None]], readers: list[Reader]) -> None:
    with ThreadPoolExecutor(len(writers) + len(readers)) as pool:
        writing = [pool.submit(writer) for writer in writers]
        reading = [pool.submit(reader.follow, writing) for reader in readers]
    for ended in writing + reading:
        ended.result()


def one(store: Store, name: str) -> None:
    with store.database.write() as connection:
        write(connection, name)


def in_thread(work: Callable[[], None]) -> None:
    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
