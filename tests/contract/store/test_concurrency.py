"""Several threads and processes on one state: no claim twice, no overlap, and a killed writer loses nothing."""

from __future__ import annotations

import subprocess
import sys
import threading
from contextlib import suppress
from pathlib import Path

import pytest
from tests.contract.store.conftest import Target, address
from tests.contract.store.samples import OTHER, OWNER, PROJECT, environment, waiting

from headgate.errors import Busy
from headgate.model.runs import Overlap, Owner, Run, RunKind, RunStatus
from headgate.store import Admission, NewRun, Store
from headgate.store.sqlite import SqliteDatabase

CLAIMER = """
import os, sys
from headgate.errors import Busy
from headgate.model.runs import Owner, RunStatus
from headgate.store import Store

owner = Owner("host", os.getpid(), 1.0)
with Store.connect(sys.argv[1]) as store:
    print("ready", flush=True)
    sys.stdin.readline()
    while open_ := store.runs.open():
        for run, _ in open_:
            try:
                claimed = store.queue.claim(run.id, owner, 30)
            except Busy:
                continue
            if claimed is None:
                continue
            same = [r for r, _ in store.runs.running() if r.config_key == run.config_key]
            assert [r.id for r in same] == [run.id], same
            store.runs.finish(run.id, claimed.fence, RunStatus.SUCCEEDED)
            print(run.id, flush=True)
"""

WRITER = """
import os, sys
from datetime import UTC, datetime
from headgate.model.runs import Owner, RunKind
from headgate.store import Journal, NewRun, Store
from headgate.model.runs import RunKind
from tests.contract.store.samples import step, succeeded

with Store.connect(sys.argv[1]) as store:
    run = store.runs.create(NewRun(RunKind.REFRESH, 1, config_key="all/1"))
    run = store.queue.claim(run.id, Owner("host", os.getpid(), 1.0), 30)
    steps = [step(f"T{n}") for n in range(20_000)]
    store.steps.plan(run.id, run.fence, steps)
    journal = Journal(store, run)
    for number, one in enumerate(steps):
        at = datetime.now(UTC)
        journal.step_started(one, at)
        journal.step_finished(one, succeeded(at, one.name), at)
        if number % 50 == 49:
            journal.flush()
            print(number + 1, flush=True)
"""


def spawn(script: str, state: Target) -> subprocess.Popen[str]:
    root = Path(__file__).parents[3]
    return subprocess.Popen(
        [sys.executable, "-c", script, str(state)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        cwd=root,
    )


def line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.fixture(autouse=True)
def with_environment(state: Target) -> None:
    with Store.connect(state) as store:
        store.environments.apply(environment(), PROJECT)


def test_processes_claim_every_run_once_and_none_of_a_configuration_overlap(state: Target) -> None:
    with Store.connect(state) as store:
        runs = [waiting(store, config_key=f"job/1/{n % 3}") for n in range(60)]
    processes = [spawn(CLAIMER, state) for _ in range(2)]
    for process in processes:
        assert line(process) == "ready"
    answers = []
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("go\n")
        process.stdin.flush()
    for process in processes:
        out, _ = process.communicate()
        assert process.returncode == 0
        answers.append([int(word) for word in out.split()])
    assert sorted(answers[0] + answers[1]) == [run.id for run in runs]
    with Store.connect(state) as store:
        assert {store.runs.get(run.id).fence for run in runs} == {1}
        per_key: dict[str, list[int]] = {}
        for event in store.events.read(limit=1000):
            if event.data.get("status") == "running" and event.run_id:
                key = store.runs.get(event.run_id).config_key or ""
                per_key.setdefault(key, []).append(event.run_id)
    assert all(ids == sorted(ids) for ids in per_key.values())  # first come, first served


@pytest.mark.crash
@pytest.mark.parametrize("lines", [1, 4, 9])
def test_killed_writer_leaves_a_state_that_is_whole(state: Target, lines: int) -> None:
    process = spawn(WRITER, state)
    for _ in range(lines):
        written = int(line(process))
    process.kill()
    process.communicate()
    with Store.connect(state) as store:
        if isinstance(store.database, SqliteDatabase):
            with store.database.read() as connection:
                assert connection.rows("PRAGMA integrity_check") == [("ok",)]
                assert connection.rows("PRAGMA foreign_key_check") == []
        ((run, owner),) = store.runs.running()
        assert owner.pid == process.pid
        statements = store.steps.statements(run.id)
        rows = store.steps.list(run.id)
        done = [row for row in rows if row.status.final]
        assert len(done) >= written
        assert [row.step_id for row in done] == list(statements)  # a step and its statements, or neither
        ended = store.runs.interrupt(run.id, run.fence)
        assert ended.status is RunStatus.FAILED
        assert all(row.status.final for row in store.steps.list(run.id))
        again = waiting(store, config_key="all/1")
        assert store.queue.claim(again.id, OTHER, 30) is not None


def test_threads_claim_every_run_once(state: Target) -> None:
    with Store.connect(state) as store:
        runs = [waiting(store, config_key=f"job/1/{n % 4}") for n in range(40)]
        claimed: list[int] = []
        failures: list[BaseException] = []

        def work(owner: Owner) -> None:
            try:
                while open_ := store.runs.open():
                    for run, _ in open_:
                        if take(run, owner):
                            claimed.append(run.id)
            except BaseException as error:
                failures.append(error)

        def take(run: Run, owner: Owner) -> bool:
            try:
                mine = store.queue.claim(run.id, owner, 30)
            except Busy:
                return False
            if mine is not None:
                store.runs.finish(run.id, mine.fence, RunStatus.SUCCEEDED)
            return mine is not None

        threads = [threading.Thread(target=work, args=(Owner("h", n, 0.0),)) for n in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert failures == []
    assert sorted(claimed) == [run.id for run in runs]


def test_of_many_deploys_claimed_at_once_one_gets_the_environment(state: Target) -> None:
    with Store.connect(state) as store:
        runs = [waiting(store, kind=RunKind.DEPLOY) for _ in range(8)]
        barrier = threading.Barrier(len(runs))
        claimed: list[Run | None] = []

        def work(run: Run) -> None:
            barrier.wait()
            with suppress(Busy):
                claimed.append(store.queue.claim(run.id, OWNER, 30))

        threads = [threading.Thread(target=work, args=(run,)) for run in runs]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert len(claimed) == 1


@pytest.fixture(params=["postgres", "sqlite"])
def nothing_yet(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """Where a state can be made."""
    if request.param == "sqlite":
        return tmp_path / "new.db"
    options = request.getfixturevalue("new_postgres_database")()
    return address(options["url"], options["database"])


def test_new_state_opened_by_many_threads_is_migrated_once(nothing_yet: Target) -> None:
    uids: list[str] = []
    barrier = threading.Barrier(6)

    def work() -> None:
        barrier.wait()
        with Store.connect(nothing_yet) as store:
            uids.append(store.uid)

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(uids) == 6
    assert len(set(uids)) == 1


@pytest.mark.parametrize("overlap", [Overlap.COALESCE, Overlap.SKIP])
def test_of_many_starts_at_once_only_one_waits_where_the_others_shall_not(
    state: Target, overlap: Overlap
) -> None:
    with Store.connect(state) as store:
        barrier = threading.Barrier(8)
        failures: list[BaseException] = []

        def start() -> None:
            barrier.wait()
            try:
                store.queue.enter(NewRun(RunKind.REFRESH, 1, config_key="job/1/4"), Admission(overlap))
            except BaseException as error:
                failures.append(error)

        threads = [threading.Thread(target=start) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert failures == []
        assert len(store.runs.open()) == 1


def test_of_many_starts_with_one_key_all_get_the_same_run(state: Target) -> None:
    with Store.connect(state) as store:
        barrier = threading.Barrier(8)
        given: list[int] = []

        def start() -> None:
            barrier.wait()
            new = NewRun(RunKind.REFRESH, 1)
            given.append(store.queue.enter(new, Admission(caller="ada", key="k1", digest="d")).id)

        threads = [threading.Thread(target=start) for _ in range(8)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert len(given) == 8
        assert len(set(given)) == 1
        assert [run.id for run, _ in store.runs.open()] == given[:1]
