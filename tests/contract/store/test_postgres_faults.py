"""What the state does when its PostgreSQL is away, restarts, is too old, is somebody else's, or ends a connection."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.contract.store.conftest import address, emptied
from tests.contract.store.samples import PROJECT, environment, started, step, waiting
from tests.contract.store.server import Server, own_server

from headgate.errors import Busy, HeadgateError, Refused, StateError, UsageError
from headgate.joblog.request import Record
from headgate.joblog.watch import Watch
from headgate.model.runs import Run, RunKind, RunStatus
from headgate.store import NewRun, Store, claims
from headgate.store.audit import Actor
from headgate.store.connection import Conflict, again
from headgate.store.deployments import NewDeployment
from headgate.store.job_watches import Defined
from headgate.store.postgres import KEPT_CONNECTIONS, PostgresConnection, require_version, spelled


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with own_server() as server:
        yield server


@pytest.fixture
def store(state_url: str) -> Iterator[Store]:
    with Store.open_url(emptied(state_url)) as store:
        store.environments.apply(environment(), PROJECT)
        yield store


def end_connections(state_url: str) -> None:
    """Ends every other connection to the database, as a restart of the server does."""
    with psycopg.connect(state_url, autocommit=True) as connection:
        connection.execute(
            "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


def test_connection_that_the_server_ended_is_replaced_without_a_word(store: Store, state_url: str) -> None:
    run = waiting(store)
    end_connections(state_url)
    assert store.runs.get(run.id) == run
    end_connections(state_url)
    assert waiting(store).id > run.id


def test_connection_that_ends_inside_a_change_undoes_it_and_the_next_one_works(
    store: Store, state_url: str
) -> None:
    run = waiting(store)

    def change() -> None:
        with store.database.write() as connection:
            connection.change("UPDATE run SET priority = 9")
            end_connections(state_url)
            connection.rows("SELECT 1")

    with pytest.raises(StateError) as caught:
        change()
    assert caught.value.code == "state_unavailable"
    assert caught.value.hint
    assert store.runs.get(run.id) == run
    assert store.runs.request_cancel(run.id).status is RunStatus.CANCELED


@pytest.mark.parametrize("carried_out", [True, False])
def test_change_whose_commit_was_not_answered_is_told_to_be_uncertain(
    store: Store, state_url: str, monkeypatch: pytest.MonkeyPatch, carried_out: bool
) -> None:
    run = waiting(store)
    send = PostgresConnection.send

    def cut(connection: PostgresConnection, script: str) -> Any:
        if script.endswith("COMMIT"):
            if carried_out:
                send(connection, script)
            end_connections(state_url)
        return send(connection, script)

    with monkeypatch.context() as patched:
        patched.setattr(PostgresConnection, "send", cut)
        with pytest.raises(StateError) as caught:
            store.runs.request_cancel(run.id)
    assert caught.value.code == "state_uncertain"
    assert (store.runs.get(run.id).status is RunStatus.CANCELED) == carried_out


def test_server_that_restarts_under_load_loses_nothing_and_is_found_again(server: Server) -> None:
    with Store.open_url(server.url) as store:
        store.environments.apply(environment(), PROJECT)
        made: list[int] = []
        codes: set[str] = set()
        failures: list[BaseException] = []
        enough, restarted, over = threading.Event(), threading.Event(), threading.Event()

        def work() -> None:
            while not over.is_set():
                try:
                    made.append(waiting(store).id)
                except HeadgateError as error:
                    codes.add(error.code)
                except BaseException as error:
                    failures.append(error)
                    return
                if len(made) > 50:
                    enough.set()

        threads = [threading.Thread(target=work) for _ in range(4)]
        for thread in threads:
            thread.start()
        enough.wait()
        server.restart()
        before = len(made)
        while len(made) < before + 50 and any(thread.is_alive() for thread in threads):
            restarted.wait(0.01)
        over.set()
        for thread in threads:
            thread.join()
        assert failures == []
        assert codes <= {"state_unavailable", "state_uncertain"}
        ids = {run.id for run, _ in store.runs.open()}
        assert ids >= set(
            made
        )  # what was told to be done is there; of what was not answered, nothing is said
        assert len({event.run_id for event in store.events.read(limit=10_000)} & ids) == len(ids)


def test_waiting_is_woken_again_after_a_restart(server: Server) -> None:
    with Store.open_url(server.url) as store:
        store.environments.apply(environment(), PROJECT)
        assert store.wakeups.wait(30)  # it listens
        server.restart()
        assert store.wakeups.wait(30)  # what was told meanwhile is not known
        with store.database.write() as connection:
            connection.notify()
        assert store.wakeups.wait(30)


def test_server_that_is_away_is_named_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(StateError) as caught:
        Store.open_url(f"postgresql://ada:hush@/state?host={tmp_path}&port=5999")
    assert caught.value.code == "state_unavailable"
    assert f"ada@{tmp_path}:5999/state" in caught.value.message
    assert "hush" not in str(caught.value) + caught.value.hint
    assert caught.value.hint


def test_database_that_does_not_exist_is_named(state_url: str) -> None:
    with pytest.raises(StateError) as caught:
        Store.open_url(state_url.replace("dbname=state", "dbname=nowhere"))
    assert caught.value.code == "state_unavailable"
    assert "nowhere" in caught.value.message
    assert "HEADGATE_DATABASE_URL" in caught.value.hint


def test_address_that_cannot_be_read_is_not_shown() -> None:
    with pytest.raises(UsageError) as caught:
        Store.open_url("postgresql://ada:hu sh@host:port:9/db")
    assert caught.value.code == "database_url_invalid"
    assert "hu" not in caught.value.message.split()
    assert "hu sh" not in caught.value.message + caught.value.hint


def test_server_that_is_too_old_is_refused() -> None:
    require_version(140_000, "postgresql://host/db")
    with pytest.raises(StateError) as caught:
        require_version(130_014, "postgresql://host/db")
    assert caught.value.code == "state_version"
    assert "PostgreSQL 13" in caught.value.message


def test_schema_of_somebody_else_is_refused_and_left_alone(new_postgres_database: Any) -> None:
    options = new_postgres_database()
    url = address(options["url"], options["database"])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE SCHEMA headgate; CREATE TABLE headgate.theirs (n int)")
        with pytest.raises(StateError) as caught:
            Store.open_url(url)
        assert caught.value.code == "state_corrupt"
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'headgate'::regnamespace"
        )
        assert tables.fetchall() == [("theirs",)]


def test_state_of_a_newer_headgate_is_refused_with_its_version(new_postgres_database: Any) -> None:
    options = new_postgres_database()
    url = address(options["url"], options["database"])
    with Store.open_url(url) as store, store.database.write() as connection:
        connection.change("UPDATE meta SET value = '99' WHERE key = 'schema_version'")
        connection.change("UPDATE meta SET value = '9.9.9' WHERE key = 'headgate_version'")
    with pytest.raises(StateError, match=r"9\.9\.9") as caught:
        Store.open_url(url)
    assert caught.value.code == "state_too_new"


def test_user_who_may_not_make_the_schema_is_told_what_is_missing(new_postgres_database: Any) -> None:
    options = new_postgres_database()
    url = address(options["url"], options["database"])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("DROP ROLE IF EXISTS reader")
        connection.execute("CREATE ROLE reader LOGIN")
        with pytest.raises(StateError) as caught:
            Store.open_url(url.replace("user=postgres", "user=reader"))
        connection.execute("DROP ROLE reader")
    assert caught.value.code == "state_read_only"
    assert "GRANT CREATE" in caught.value.hint


def test_state_shares_a_database_with_other_tables(new_postgres_database: Any) -> None:
    options = new_postgres_database()
    url = address(options["url"], options["database"])
    with psycopg.connect(url, autocommit=True) as connection:
        connection.execute("CREATE TABLE run (theirs int)")
        with Store.open_url(url) as store:
            store.environments.apply(environment(), PROJECT)
            assert waiting(store).id == 1
        assert connection.execute("SELECT count(*) FROM run").fetchall() == [(0,)]
        schemas = connection.execute(
            "SELECT DISTINCT relnamespace::regnamespace::text FROM pg_class WHERE relname = 'event'"
        )
        assert schemas.fetchall() == [("headgate",)]


def started_and_blocked(work: Callable[[], None], state_url: str) -> threading.Thread:
    """`work` in a thread of its own, which waits for a lock by now."""
    thread = threading.Thread(target=work)
    thread.start()
    with psycopg.connect(state_url, autocommit=True) as observer:
        blocked = (
            "SELECT count(*) FROM pg_stat_activity "
            "WHERE datname = current_database() AND wait_event_type = 'Lock'"
        )
        while observer.execute(blocked).fetchone() == (0,):
            assert thread.is_alive()
    return thread


def test_two_changes_that_block_each_other_end_as_one_done_and_one_to_repeat(store: Store) -> None:
    first, second = waiting(store), waiting(store)
    both = threading.Barrier(2)
    refused: list[str] = []

    def change(mine: int, other: int, met: list[int]) -> None:
        with store.database.write() as connection:
            connection.change("UPDATE run SET priority = priority + 1 WHERE id = :id", {"id": mine})
            if not met:
                met.append(mine)
                both.wait()
            connection.change("UPDATE run SET priority = priority + 1 WHERE id = :id", {"id": other})

    def work(mine: int, other: int) -> None:
        met: list[int] = []

        @again
        def repeated() -> None:
            try:
                change(mine, other, met)
            except Busy as error:
                refused.append(error.code)
                raise

        repeated()

    threads = [
        threading.Thread(target=work, args=pair) for pair in ((first.id, second.id), (second.id, first.id))
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert set(refused) == {"state_conflict"}
    assert [store.runs.get(run.id).priority for run in (first, second)] == [2, 2]


def test_cancel_that_blocks_another_change_comes_through(store: Store, state_url: str) -> None:
    """A deploy that was handed back: a cancel takes the run, then its environment; who claims takes them the other way
    round."""
    run = store.runs.create_deploy(NewRun(RunKind.DEPLOY, 1), NewDeployment(1, "m" * 64))
    store.steps.plan(run.id, run.fence, [step("A")])
    answers: list[Run] = []
    with psycopg.connect(state_url) as claim:
        claim.execute("SELECT id FROM headgate.environment WHERE id = 1 FOR NO KEY UPDATE")
        cancel = started_and_blocked(lambda: answers.append(store.runs.request_cancel(run.id)), state_url)
        claim.execute(b"UPDATE headgate.run SET priority = 5 WHERE id = %d" % run.id)
    cancel.join()
    assert [answer.status for answer in answers] == [RunStatus.CANCELED]
    assert store.runs.get(run.id).priority == 5


def test_records_that_block_another_change_come_through(store: Store, state_url: str) -> None:
    """Whoever takes the same rows in another order waits for us, and we for it: a sender is not told of that."""
    names = ("a", "b")
    whole: Record = {"start_date": store.now_micros(), "status": "success", "source": "", "destination": ""}
    records: list[Record] = [
        {"end_date": None, "message": None, "records_processed": None, **whole, "name": name}
        for name in names
    ]
    for name in names:
        store.job_watches.set(name, Watch(), by=Actor("me"))
    written: list[int] = []

    def post() -> None:
        store.job_log.insert(
            records, list(records[0]), names=None, merge=None, check=lambda done: written.append(done.created)
        )

    with psycopg.connect(state_url) as other:
        other.execute("SELECT name FROM headgate.job_watch WHERE name = 'b' FOR UPDATE")
        sender = started_and_blocked(post, state_url)
        other.execute("SELECT name FROM headgate.job_watch WHERE name = 'a' FOR UPDATE")
    sender.join()
    assert written == [2]


def test_a_watch_that_a_file_gets_meanwhile_is_not_taken_from_it(store: Store, state_url: str) -> None:
    me, found = Actor("me"), list[str]()

    def define() -> None:
        with pytest.raises(Refused) as caught:
            store.job_watches.set("orders", Watch(every=60.0), by=me)
        found.append(caught.value.code)

    with store.database.write() as connection:
        wanted = Defined(Watch(), PROJECT, "watches/a.yml")
        store.job_watches._define(connection, "orders", wanted, new=True, by=me)
        somebody = started_and_blocked(define, state_url)
    somebody.join()
    assert found == ["watch_read_only"]


def test_failed_statement_that_nobody_minds_does_not_pass_for_a_commit(store: Store) -> None:
    def change() -> None:
        with store.database.write() as connection:
            connection.change("UPDATE environment SET marked = 1")
            with suppress(Conflict):
                connection.change("UPDATE environment SET project = NULL")

    with pytest.raises(RuntimeError, match="nobody minded"):
        change()
    assert not store.environments.get(1).marked


@pytest.mark.parametrize("value", ["a\0b", "\ud800"])
def test_text_that_no_column_can_hold_is_refused(store: Store, value: str) -> None:
    with pytest.raises(UsageError) as caught:
        store.tags.set(PROJECT, value, "m")
    assert caught.value.code == "value_invalid"
    assert store.tags.list(PROJECT) == []


def test_number_that_no_column_can_hold_is_refused(store: Store) -> None:
    with pytest.raises(UsageError) as caught:
        store.runs.get(2**70)
    assert caught.value.code == "value_invalid"


def test_closed_state_says_so(store: Store) -> None:
    store.close()
    with pytest.raises(StateError) as caught:
        store.runs.open()
    assert caught.value.code == "state_closed"


def test_write_inside_a_write_is_a_mistake_that_does_not_hang(store: Store) -> None:
    with (
        store.database.write(),
        pytest.raises(RuntimeError, match="inside another"),
        store.database.write(),
    ):
        pass


def test_threads_beyond_the_connections_wait_for_one(store: Store, state_url: str) -> None:
    run = started(store)
    errors: list[HeadgateError] = []

    def look() -> None:
        try:
            for _ in range(20):
                store.runs.get(run.id)
        except HeadgateError as error:
            errors.append(error)

    threads = [threading.Thread(target=look) for _ in range(60)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    with psycopg.connect(state_url) as connection:
        count = connection.execute(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = 'headgate'"
        ).fetchall()[0][0]
    assert count <= KEPT_CONNECTIONS + 2  # whoever waits is told on one more


def test_parameters_are_numbered_and_nothing_else_is_touched() -> None:
    text, names = spelled(
        "SELECT ':no', \":no\", a::text, ':it''s' FROM t WHERE x = :x AND y = :y_2 OR z = :x LIKE '5%'"
    )
    assert (
        text == b"SELECT ':no', \":no\", a::text, ':it''s' FROM t WHERE x = $1 AND y = $2 OR z = $1 LIKE '5%'"
    )
    assert names == ("x", "y_2")
    assert spelled("SELECT 1 /* for update */")[0] == b"SELECT 1 FOR NO KEY UPDATE"
    assert (
        spelled("SELECT 1 /* for update of run skip locked */")[0]
        == b"SELECT 1 FOR NO KEY UPDATE of run skip locked"
    )


def test_claim_that_one_worker_holds_is_not_ended_under_it(store: Store) -> None:
    run = started(store)
    finished = threading.Event()

    def finish() -> None:
        store.runs.finish(run.id, run.fence, RunStatus.FAILED)
        finished.set()

    thread = threading.Thread(target=finish)
    with store.database.write() as connection:
        claims.require_held(connection, run.id, run.fence)
        thread.start()
        assert not finished.wait(0.2)
    thread.join()
    assert store.runs.get(run.id).status is RunStatus.FAILED
