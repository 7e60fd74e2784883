"""Backups of the embedded state: whole while others write, and put back without losing what they replace."""

from __future__ import annotations

import os
import shutil
import stat
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from tests.contract.store.samples import START, environment, started, step, succeeded, waiting
from tests.contract.store.whole import assert_whole

from headgate.errors import HeadgateError
from headgate.model.runs import RunStatus
from headgate.store import Journal, Store, backup, sqlite
from headgate.store.migrate import SCHEMA_VERSION


@pytest.fixture
def state(tmp_path: Path) -> Path:
    path = tmp_path / "state" / "state.db"
    with Store.open(path) as store:
        store.environments.apply(environment(), "p")
    return path


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "copy.db"


def enter(state: Path, count: int = 1) -> list[int]:
    with Store.open(state) as store:
        return [waiting(store).id for _ in range(count)]


def runs(path: Path) -> list[int]:
    with Store.open(path) as store:
        return sorted(run.id for run in store.runs.list(limit=1000))


def refused(code: str, state: Path, target: Path, *, restoring: bool = False) -> HeadgateError:
    def do() -> object:
        return backup.restore(target, state, START) if restoring else backup.back_up(state, target)

    with pytest.raises(HeadgateError) as caught:
        do()
    assert caught.value.code == code
    return caught.value


def carry_out(store: Store) -> None:
    run = started(store)
    store.steps.plan(run.id, run.fence, [step("A"), step("B")])
    with Journal(store, run) as journal:
        for one in (step("A"), step("B")):
            journal.step_started(one, START)
            journal.step_finished(one, succeeded(START), START)
    store.runs.finish(run.id, run.fence, RunStatus.SUCCEEDED)


@contextmanager
def writers(state: Path, count: int) -> Iterator[list[int]]:
    """Threads that carry out runs until the end; how many each has done."""
    done = [0] * count
    over = threading.Event()
    broken: list[BaseException] = []

    def write(number: int) -> None:
        try:
            with Store.open(state) as store:
                while not over.is_set():
                    carry_out(store)
                    done[number] += 1
        except BaseException as error:
            broken.append(error)

    threads = [threading.Thread(target=write, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    yield done
    over.set()
    for thread in threads:
        thread.join()
    assert broken == []


def test_backup_holds_what_was_committed_and_is_its_owners_alone(state: Path, target: Path) -> None:
    enter(state, 3)
    facts = backup.back_up(state, target)
    assert (facts.newest_run, facts.schema_version) == (3, SCHEMA_VERSION)
    assert facts.size_bytes == target.stat().st_size
    assert stat.S_IMODE(target.stat().st_mode) == 0o600
    assert backup.inspect(target) == facts
    assert [path.name for path in target.parent.iterdir() if path.is_file()] == ["copy.db"]
    assert runs(target) == [1, 2, 3]


def test_backup_while_four_write_is_whole_and_restores(state: Path, target: Path) -> None:
    with Store.open(state) as store:
        for _ in range(20):
            store.blobs.put([os.urandom(2_000_000)])
    with writers(state, 4) as done:
        while min(done) < 2:
            threading.Event().wait(0.01)
        before = sum(done)
        facts = [backup.back_up(state, target, replace=True) for _ in range(3)]
        after = sum(done)
    assert after > before  # they went on meanwhile
    assert facts[0].newest_run < facts[2].newest_run <= runs(state)[-1]
    restored = backup.restore(target, state, START)
    with Store.open(state) as store:
        assert_whole(store)
        assert store.uid == facts[2].uid
        assert max(run.id for run in store.runs.list()) == facts[2].newest_run
        assert all(run.status.final for run in store.runs.list(limit=1000))
        carry_out(store)
    assert restored.facts.newest_run == facts[2].newest_run


def test_restore_keeps_what_it_replaces(state: Path, target: Path) -> None:
    enter(state)
    backup.back_up(state, target)
    enter(state, 2)
    restored = backup.restore(target, state, START)
    assert restored.kept == state.with_name("state.db.before-restore-20261121T050000Z")
    assert runs(state) == [1]
    assert runs(restored.kept) == [1, 2, 3]
    assert stat.S_IMODE(restored.kept.stat().st_mode) == 0o600
    again = backup.restore(restored.kept, state, START)
    assert again.kept == state.with_name("state.db.before-restore-20261121T050000Z-2")
    assert runs(state) == [1, 2, 3]


def test_restored_state_is_in_wal_mode_and_leaves_nothing_else(state: Path, target: Path) -> None:
    backup.back_up(state, target)
    backup.restore(target, state, START)
    with sqlite.driver.connect(state) as connection:
        assert connection.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    connection.close()
    kept = "state.db.before-restore-20261121T050000Z"
    assert sorted(path.name for path in state.parent.iterdir()) == [".gitignore", "state.db", kept]


def test_restore_where_nothing_was_makes_the_state(state: Path, target: Path, tmp_path: Path) -> None:
    enter(state)
    backup.back_up(state, target)
    other = tmp_path / "elsewhere" / ".headgate" / "state.db"
    assert backup.restore(target, other, START).kept is None
    assert runs(other) == [1]


def test_runs_that_were_open_are_ended_and_their_events_say_so(state: Path, target: Path) -> None:
    with Store.open(state) as store:
        begun = started(store)
        store.steps.plan(begun.id, begun.fence, [step("A")])
        later = waiting(store)
        backup.back_up(state, target)
    restored = backup.restore(target, state, START)
    assert [run.id for run in restored.ended] == [begun.id, later.id]
    with Store.open(state) as store:
        assert_whole(store)
        assert store.runs.open() == []
        error = store.runs.get(later.id).error
        assert error is not None
        assert (error.code, str(later.id) in error.hint) == ("restored", True)
        assert [str(row.status) for row in store.steps.list(begun.id)] == ["canceled"]


def test_state_that_somebody_has_open_is_not_replaced(state: Path, target: Path) -> None:
    enter(state)
    backup.back_up(state, target)
    with Store.open(state) as store:
        store.runs.open()
        refused("state_in_use", state, target, restoring=True)
        assert waiting(store).id == 2
    assert runs(state) == [1, 2]
    backup.restore(target, state, START)
    assert runs(state) == [1]


def test_damaged_state_is_put_aside(state: Path, target: Path) -> None:
    enter(state)
    backup.back_up(state, target)
    state.write_bytes(b"this is not a database, but long enough to be one" * 100)
    restored = backup.restore(target, state, START)
    assert restored.kept is not None
    assert restored.kept.read_bytes().startswith(b"this is not")
    assert runs(state) == [1]


@pytest.mark.parametrize("content", [b"", b"no database" * 500])
def test_file_that_is_no_backup_is_refused(state: Path, target: Path, content: bytes) -> None:
    enter(state)
    target.write_bytes(content)
    refused("not_a_backup", state, target, restoring=True)
    assert runs(state) == [1]


def test_database_of_another_program_is_no_backup(state: Path, target: Path) -> None:
    with sqlite.driver.connect(target) as connection:
        connection.execute("CREATE TABLE meta (key, value)")
    connection.close()
    refused("not_a_backup", state, target, restoring=True)


def test_damaged_backup_is_refused(state: Path, target: Path) -> None:
    enter(state, 200)
    backup.back_up(state, target)
    with target.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 20_000)
    assert refused("state_corrupt", state, target, restoring=True).hint
    assert len(runs(state)) == 200


def test_backup_of_a_newer_headgate_is_refused(state: Path, target: Path) -> None:
    backup.back_up(state, target)
    with sqlite.driver.connect(target) as connection:
        connection.execute(f"PRAGMA user_version={SCHEMA_VERSION + 1}")
        connection.execute("UPDATE meta SET value = '9.9.9' WHERE key = 'headgate_version'")
    connection.close()
    assert "9.9.9" in refused("state_too_new", state, target, restoring=True).message


def test_live_copy_with_its_log_is_taken_as_it_is(state: Path, target: Path) -> None:
    with Store.open(state) as store:
        waiting(store)
        for suffix in ("", "-wal"):  # as `cp` would
            shutil.copy(f"{state}{suffix}", f"{target}{suffix}")
    backup.restore(target, state, START)
    assert runs(state) == [1]


def test_file_that_is_there_is_not_overwritten_unasked(state: Path, target: Path) -> None:
    target.write_text("precious")
    refused("backup_exists", state, target)
    assert target.read_text() == "precious"
    backup.back_up(state, target, replace=True)
    assert backup.inspect(target).newest_run == 0


def test_what_is_not_there_is_said(state: Path, target: Path, tmp_path: Path) -> None:
    refused("state_not_found", tmp_path / "nowhere" / "state.db", target)
    refused("backup_not_found", state, target, restoring=True)
    refused("backup_not_writable", state, tmp_path / "no folder" / "copy.db")
    assert not target.exists()


def test_backup_that_fails_leaves_nothing(state: Path, target: Path) -> None:
    enter(state, 200)
    with state.open("r+b") as file:
        file.seek(3 * 4096)
        file.write(b"\xff" * 20_000)
    refused("state_corrupt", state, target)
    assert [path.name for path in target.parent.iterdir()] == ["state"]
