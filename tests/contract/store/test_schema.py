"""No list reads a whole table: held by what SQLite plans and executes over 100,000 runs."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from tests.contract.store.samples import OWNER, Clock

from headgate.errors import Busy
from headgate.model.runs import RunKind, RunStatus
from headgate.store import RunFilter, Store
from headgate.store.codec import from_micros
from headgate.store.run_lists import RunKey, RunOrder, list_statement

RUN_COUNT = 100_000


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A state with 100,000 runs: most succeeded, one in 20 failed, one in 1,000 a deploy, jobs of all sizes."""
    store = Store.open(tmp_path_factory.mktemp("history") / "state.db", clock=Clock())
    with store, store.database.write() as connection:
        for environment_id in (1, 2, 3):
            connection.change(
                "INSERT INTO environment (id, project, name, definition, updated_at)"
                " VALUES (:id, 'p', :id, '{}', 0)",
                {"id": environment_id},
            )
        connection.change_many(
            "INSERT INTO run (uid, kind, status, environment_id, job_id, config_key, request, requested_by,"
            " created_at, started_at, ended_at) VALUES (:n, :kind, :status, :environment_id, :job_id, :key, '{}', '',"
            " 0, :started_at, :ended_at)",
            (
                {
                    "n": n,
                    "kind": "deploy" if n % 1000 == 0 else "refresh",
                    "status": "waiting" if n > RUN_COUNT - 20 else "failed" if n % 20 == 0 else "succeeded",
                    "environment_id": 3 if n % 5000 == 0 else 1 + n % 2,
                    "job_id": (None, 1, 1, 2, 1 + n % 300)[n % 5],
                    "key": "all/1",
                    "started_at": n if n <= RUN_COUNT - 20 else None,
                    "ended_at": n + 5 if n <= RUN_COUNT - 20 else None,
                }
                for n in range(1, RUN_COUNT + 1)
            ),
        )
        connection.change("INSERT INTO work (run_id) SELECT id FROM run WHERE status = 'waiting'")
    reopened = Store.open(Path(str(store.where)))
    yield reopened
    reopened.close()


@contextmanager
def instructions(store: Store) -> Iterator[list[int]]:
    """Counts, in hundreds, what SQLite's virtual machine executes on the store's idle connection."""
    count = [0]

    def tick() -> int:
        count[0] += 1
        return 0

    with store.database.read() as connection:
        raw: Any = connection.raw  # type: ignore[attr-defined]
    raw.set_progress_handler(tick, 100)
    yield count
    raw.set_progress_handler(None, 0)


FILTERS = [
    RunFilter(*wanted)
    for wanted in itertools.product(
        (None, 1, 3),
        (None, RunStatus.FAILED, RunStatus.WAITING, RunStatus.RUNNING),
        (None, RunKind.DEPLOY, RunKind.REFRESH),
        (None, 1, 77, 5000),
    )
]
MIDDLE = RUN_COUNT // 2
ORDERS = [
    *(RunOrder(after_id=after) for after in (None, MIDDLE)),
    *(RunOrder(key, direction) for key in (RunKey.STARTED, RunKey.ENDED) for direction in (True, False)),
    *(RunOrder(key, True, MIDDLE, from_micros(MIDDLE)) for key in (RunKey.STARTED, RunKey.ENDED)),
]


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_page_of_runs_reads_a_small_part_of_100000_whatever_the_filter(
    history: Store, order: RunOrder
) -> None:
    for which in FILTERS:
        with instructions(history) as hundreds:
            history.runs.list(which, limit=50, order=order)
        # A table read whole is above 10,000 hundreds here.
        assert hundreds[0] < 1500, (which, hundreds)


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_page_of_runs_is_found_by_an_index(history: Store, order: RunOrder) -> None:
    for which in FILTERS:
        statement, parameters = list_statement(which, order, 50)
        with history.database.read() as connection:
            plan = connection.rows(f"EXPLAIN QUERY PLAN {statement}", parameters)
        details = [row[3] for row in plan]
        if which == RunFilter() and order.after_id is None:
            walked = "" if order.key is RunKey.ID else f" USING INDEX run_by_{order.key.value[:-5]}"
            assert details == [f"SCAN run{walked}"] or "SEARCH" in details[0], details  # to the limit
            continue
        reads = [detail for detail in details if detail.startswith(("SCAN run", "SEARCH run"))]
        assert reads
        for read in reads:
            assert re.match(r"SEARCH run USING (COVERING )?(INDEX|INTEGER PRIMARY KEY)", read), details


def test_page_of_many_jobs_is_read_at_all_and_in_order(history: Store) -> None:
    for count in (2, 9, 40, 300):
        which = RunFilter(job_id=tuple(range(1, count + 1)))
        for order in ORDERS:
            page = history.runs.list(which, limit=50, order=order)
            keys = [run.id for run in page]  # instants were given out in the order of ids
            assert keys == sorted(keys, reverse=order.descending)
            assert len(page) == 50
            assert {run.job_id for run in page} <= set(range(1, count + 1))


def test_questions_that_are_asked_all_the_time_do_not_read_the_history(history: Store) -> None:
    newest = history.runs.list(RunFilter(status=RunStatus.WAITING), limit=1)[0]

    def claim() -> None:
        with pytest.raises(Busy):
            history.queue.claim(newest.id, OWNER, 30)

    questions: list[Callable[[], object]] = [
        history.runs.open,
        history.runs.running,
        claim,
        lambda: history.runs.get(newest.id),
        lambda: history.runs.cancel_requested(newest.id),
        lambda: history.events.read(0, 10),
        lambda: history.events.read(0, 10, run_id=newest.id),
        lambda: history.steps.list(newest.id),
        lambda: history.steps.statements(newest.id),
        lambda: history.steps.usual_durations(1, ["MART.A"]),
        lambda: history.deployments.current(1),
        lambda: history.deployments.list(1),
        lambda: history.deployments.unsettled(1),
    ]
    for question in questions:
        with instructions(history) as hundreds:
            question()
        assert hundreds[0] < 200, question
