"""The schema and the statements as such: nothing unused, nothing missing, no list that reads a whole table."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psycopg
import pytest
from tests.contract.store.samples import OWNER, Clock, waiting

import headgate.store
from headgate.errors import Busy
from headgate.model.runs import RunKind, RunStatus
from headgate.store import RunFilter, Store
from headgate.store.migrate import FOLDER, SCHEMA_VERSION, statements_of
from headgate.store.run_lists import RunOrder, list_statement
from headgate.store.statements import load

PACKAGE = Path(headgate.store.__file__).parent
FILES = sorted(path.stem for path in (PACKAGE / "sql").glob("*.sql"))
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
            " created_at) VALUES (:n, :kind, :status, :environment_id, :job_id, :key, '{}', '', 0)",
            (
                {
                    "n": n,
                    "kind": "deploy" if n % 1000 == 0 else "refresh",
                    "status": "waiting" if n > RUN_COUNT - 20 else "failed" if n % 20 == 0 else "succeeded",
                    "environment_id": 3 if n % 5000 == 0 else 1 + n % 2,
                    "job_id": (None, 1, 1, 2, 1 + n % 300)[n % 5],
                    "key": "all/1",
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


FILTERS = list(
    itertools.product(
        (None, 1, 3),
        (None, RunStatus.FAILED, RunStatus.WAITING, RunStatus.RUNNING),
        (None, RunKind.DEPLOY, RunKind.REFRESH),
        (None, 1, 77, 5000),
        (None, RUN_COUNT // 2),
    )
)


def test_page_of_runs_reads_a_small_part_of_100000_whatever_the_filter(history: Store) -> None:
    for environment_id, status, kind, job_id, before_id in FILTERS:
        which = RunFilter(environment_id, status, kind, job_id)
        with instructions(history) as hundreds:
            history.runs.list(which, limit=50, before_id=before_id)
        # A table read whole is above 10,000 hundreds here.
        assert hundreds[0] < 1500, (which, before_id, hundreds)


def test_page_of_runs_is_found_by_an_index(history: Store) -> None:
    for environment_id, status, kind, job_id, before_id in FILTERS:
        which = RunFilter(environment_id, status, kind, job_id)
        statement, parameters = list_statement(which, RunOrder(after_id=before_id))
        with history.database.read() as connection:
            plan = connection.rows(f"EXPLAIN QUERY PLAN {statement}", {**parameters, "limit": 50})
        details = [row[3] for row in plan]
        if which == RunFilter() and before_id is None:
            assert details == ["SCAN run"]  # from the newest row down, to the limit
            continue
        reads = [detail for detail in details if detail.startswith(("SCAN run", "SEARCH run"))]
        assert reads
        for read in reads:
            assert re.match(r"SEARCH run USING (COVERING )?(INDEX|INTEGER PRIMARY KEY)", read), details


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


def test_every_statement_has_a_purpose_and_is_used() -> None:
    for name in FILES:
        text = (PACKAGE / "sql" / f"{name}.sql").read_text()
        entries = re.findall(r"-- name: (\w+)\n(--[^\n]*\n)?", text)
        assert [entry for entry, purpose in entries if len(purpose) < 8] == [], name
        assert len({entry for entry, _ in entries}) == len(entries), name
        code = "".join(
            path.read_text() for path in PACKAGE.glob("*.py") if f'load("{name}")' in path.read_text()
        )
        used = set(re.findall(r'"(\w+)"', code)) | set(re.findall(r"\{(\w+)\}", text))
        assert [entry for entry, _ in entries if entry not in used] == [], name


def test_code_names_only_statements_that_there_are() -> None:
    for path in PACKAGE.glob("*.py"):
        text = path.read_text()
        for file in re.findall(r'SQL = load\("(\w+)"\)', text):
            assert set(re.findall(r'SQL\["(\w+)"\]', text)) <= load(file).keys(), path


FILLED = {
    "where": "environment_id = :environment_id AND id < :before_id",
    "parts": "SELECT id FROM run WHERE kind = 'refresh'",
    "direction": "DESC",
    "key": "started_at",
    "allowed": "'running', 'waiting'",
    "statuses": "'running'",
    "digests": ":v0, :v1",
    "ids": ":v0, :v1",
    "only": "",
    "which": "run.id = :id",
    "columns": load("runs")["columns"],
    "returned": load("runs")["returned"],
}
"""What the repositories put in place of the words in braces."""


class PostgresWords:
    identity_type = "bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY"
    bytes_type = "bytea"
    clustered = ""


def test_schema_and_every_statement_are_understood_by_postgresql_too(
    new_postgres_database: Callable[[], dict[str, Any]],
) -> None:
    options = new_postgres_database()
    with psycopg.connect(options["url"], dbname=options["database"], autocommit=True) as connection:
        for path in sorted(FOLDER.glob("*.sql")):
            for statement in statements_of(path, PostgresWords()):
                connection.execute(statement.encode())
        for name in FILES:
            for entry, text in load(name).items():
                if not re.match("SELECT|INSERT|UPDATE|DELETE|WITH", text):
                    continue  # columns, for the others
                filled = text.format(**FILLED)
                numbered = filled
                for number, parameter in enumerate(dict.fromkeys(re.findall(r":(\w+)", filled)), start=1):
                    numbered = re.sub(rf":{parameter}\b", f"${number}", numbered)
                # Parsed, and every parameter's type found, but not run.
                connection.execute(f"PREPARE {name}_{entry} AS {numbered}".encode())


def test_schema_version_is_the_newest_migration() -> None:
    numbers = [int(path.name[:4]) for path in sorted(FOLDER.glob("*.sql"))]
    assert numbers == list(range(1, SCHEMA_VERSION + 1))


def test_opening_a_current_state_writes_nothing(store: Store) -> None:
    waiting(store)
    again = Store.open(Path(str(store.where)))
    assert again.database.transaction_count == 0
    again.close()
