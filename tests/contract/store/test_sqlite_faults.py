"""What the embedded database does when its file is broken, locked, full, read-only or from the future."""

from __future__ import annotations

import os
import sqlite3
import stat
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.contract.store.samples import START, environment, started, step, succeeded, waiting

from headgate.errors import HeadgateError, StateError
from headgate.joblog.runs import Begin, Finish
from headgate.joblog.watch import Watch
from headgate.service import job_watches
from headgate.service.context import Context
from headgate.settings import Settings
from headgate.store import Journal, Store, sqlite
from headgate.store.audit import Actor
from headgate.store.migrate import SCHEMA_VERSION

NOBODY = 65534


def no_warehouse(*_: object) -> Any:
    raise AssertionError("no warehouse is needed")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "state" / "state.db"


def fill(path: Path, runs: int = 1) -> None:
    with Store.open(path) as store:
        store.environments.apply(environment(), "p")
        for _ in range(runs):
            waiting(store)


def code_of_opening(path: Path) -> StateError:
    with pytest.raises(StateError) as caught, Store.open(path) as store:
        store.runs.open()
    assert str(path) in caught.value.message
    assert caught.value.hint
    return caught.value


def raw(store: Store) -> Any:
    """The one idle connection of a store that only this thread uses."""
    with store.database.read() as connection:
        return connection.raw  # type: ignore[attr-defined]


@contextmanager
def as_nobody() -> Iterator[None]:
    """Root may write anything; these tests are about somebody who may not."""
    if os.geteuid() != 0:
        yield
        return
    os.seteuid(NOBODY)
    try:
        yield
    finally:
        os.seteuid(0)


@pytest.fixture
def shared_folder() -> Iterator[Path]:
    """A folder that nobody may enter, unlike pytest's own."""
    with tempfile.TemporaryDirectory(prefix="headgate-") as name:
        os.chmod(name, 0o755)
        yield Path(name)


def test_new_state_is_readable_by_its_owner_alone(path: Path) -> None:
    fill(path)
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert (path.parent / ".gitignore").read_text() == "*\n"
    with Store.open(path) as store:
        waiting(store)
        modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.glob("state.db*")}
    assert modes == {0o600}


def test_folder_that_was_there_before_gets_no_gitignore(tmp_path: Path) -> None:
    fill(tmp_path / "state.db")
    assert not (tmp_path / ".gitignore").exists()


def test_state_is_in_wal_mode_and_checks_foreign_keys(path: Path) -> None:
    with Store.open(path) as store:
        pragmas = {
            name: raw(store).execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("journal_mode", "foreign_keys", "synchronous", "busy_timeout", "application_id")
        }
    assert pragmas == {
        "journal_mode": "wal",
        "foreign_keys": 1,
        "synchronous": 1,
        "busy_timeout": 10_000,
        "application_id": sqlite.APPLICATION_ID,
    }


def test_sqlite_with_the_checkpoint_bug_is_replaced_where_that_can_be() -> None:
    assert sqlite.sqlite_version() >= min(sqlite.SAFE_VERSION, sqlite3.sqlite_version_info)
    if sys.platform == "linux":  # where the replacement is a dependency
        assert sqlite.sqlite_version() >= sqlite.SAFE_VERSION


def test_state_of_a_newer_headgate_is_refused_with_its_version(path: Path) -> None:
    fill(path)
    with sqlite.driver.connect(path) as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
        connection.execute("UPDATE meta SET value = '9.9.9' WHERE key = 'headgate_version'")
    connection.close()
    error = code_of_opening(path)
    assert error.code == "state_too_new"
    assert "9.9.9" in error.message
    assert "9.9.9" in error.hint


def test_file_that_is_no_database_is_reported_as_damaged_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.write_bytes(b"this is not a database, but long enough to be one" * 100)
    before = path.read_bytes()
    assert code_of_opening(path).code == "state_corrupt"
    assert path.read_bytes() == before


def test_damaged_page_is_reported_as_damaged(path: Path) -> None:
    fill(path, runs=200)
    size = path.stat().st_size
    with path.open("r+b") as file:
        file.seek(4096)
        file.write(b"\xff" * (size - 4096))
    assert code_of_opening(path).code == "state_corrupt"


def test_database_of_another_program_is_refused_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    with sqlite.driver.connect(path) as connection:
        connection.execute("CREATE TABLE theirs (a)")
    connection.close()
    assert code_of_opening(path).code == "state_corrupt"
    with sqlite.driver.connect(path) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("theirs",)]
    connection.close()


def test_empty_file_becomes_a_state(tmp_path: Path) -> None:
    path = tmp_path / "state.db"
    path.touch()
    fill(path)


def test_state_that_another_process_keeps_locked_is_reported(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0.01)
    # By the same library: two of them in one process do not see each other's locks.
    other = sqlite.driver.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Store.open(path) as store:
        assert len(store.runs.open()) == 1  # readers go on
        with pytest.raises(StateError) as caught:
            waiting(store)
        assert caught.value.code == "state_locked"
        other.execute("ROLLBACK")
        other.close()
        assert waiting(store).id == 2


def test_how_jobs_stand_is_answered_while_another_process_keeps_the_state_locked(
    path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    fill(path)
    with Store.open(path) as store:
        store.job_watches.set("orders", Watch(), by=Actor("ann"))
        standing = store.job_log_runs.begin(Begin("orders"))
        assert standing.record is not None
        store.job_log_runs.finish(Finish(standing.record.id, "error"))
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT_SECONDS", 0.01)
    other = sqlite.driver.connect(path, isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    with Store.open(path) as store:
        context = Context(store, Settings(path.parent), no_warehouse)
        assert job_watches.show_watch(context, "orders")["state"] == "new"
        other.execute("ROLLBACK")
        other.close()
        assert job_watches.show_watch(context, "orders")["state"] == "down"


def test_full_disk_is_reported_and_loses_nothing(path: Path) -> None:
    fill(path)
    with Store.open(path) as store:
        pages = raw(store).execute("PRAGMA page_count").fetchone()[0]
        raw(store).execute(f"PRAGMA max_page_count={pages}")
        with pytest.raises(StateError) as caught:
            store.blobs.put([os.urandom(100_000)])
        assert caught.value.code == "disk_full"
        assert len(store.runs.open()) == 1
        raw(store).execute(f"PRAGMA max_page_count={pages + 100}")
        store.blobs.put([os.urandom(100_000)])


def test_full_disk_stops_the_journal_and_the_run_is_told(path: Path) -> None:
    fill(path)
    told: list[HeadgateError] = []
    with Store.open(path) as store:
        run = started(store)
        store.steps.plan(run.id, run.fence, [step("A"), step("B")])
        pages = raw(store).execute("PRAGMA page_count").fetchone()[0]
        raw(store).execute(f"PRAGMA max_page_count={pages}")
        journal = Journal(store, run, on_failure=told.append)
        journal.step_started(step("A"), START)
        journal.step_finished(step("A"), succeeded(START, "x" * 100_000), START)
        with pytest.raises(StateError) as caught:
            journal.flush()
        assert caught.value.code == "disk_full"
        assert told == [caught.value]
        with pytest.raises(StateError):
            journal.step_started(step("B"), START)
        with pytest.raises(StateError):
            journal.close()


def test_folder_that_cannot_be_written_is_reported(shared_folder: Path) -> None:
    with as_nobody():
        error = code_of_opening(shared_folder / "state" / "state.db")
    assert error.code == "state_read_only"


def test_state_that_may_only_be_read_is_reported(shared_folder: Path) -> None:
    path = shared_folder / "state.db"
    fill(path)
    os.chmod(path, 0o444)
    if os.geteuid() != 0:
        os.chmod(shared_folder, 0o555)
    with as_nobody(), pytest.raises(StateError) as caught, Store.open(path) as store:
        waiting(store)
    os.chmod(shared_folder, 0o755)
    assert caught.value.code == "state_read_only"


def test_path_under_a_file_is_reported(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    assert code_of_opening(tmp_path / "file" / "state.db").code == "state_read_only"


def test_closed_state_says_so(path: Path) -> None:
    store = Store.open(path)
    store.close()
    store.close()
    with pytest.raises(StateError) as caught:
        store.runs.open()
    assert caught.value.code == "state_closed"


def test_write_inside_a_write_is_a_mistake_that_does_not_hang(path: Path) -> None:
    with (
        Store.open(path) as store,
        store.database.write(),
        pytest.raises(RuntimeError, match="inside another"),
        store.database.write(),
    ):
        pass


def test_opening_a_state_imports_no_framework() -> None:
    script = """
import sys
from pathlib import Path
from headgate.store import Store
Store.open(Path(sys.argv[1])).close()
heavy = {"msgspec", "duckdb", "psycopg", "pydantic", "sqlglot", "jinja2", "asyncio", "sqlalchemy"}
print(sorted(heavy & set(sys.modules)))
"""
    with tempfile.TemporaryDirectory() as folder:
        answer = subprocess.run(
            [sys.executable, "-c", script, f"{folder}/state.db"], capture_output=True, text=True, check=True
        )
    assert answer.stdout.strip() == "[]"
