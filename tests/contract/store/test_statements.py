"""The schema and the statements as such: nothing unused, nothing missing, and both databases understand all of it."""

from __future__ import annotations

import re
from pathlib import Path

import psycopg
import pytest
from tests.contract.store.conftest import OpenStore
from tests.contract.store.samples import waiting

import headgate.store
from headgate.store import Store
from headgate.store.migrate import SCHEMA_VERSION, migrations
from headgate.store.postgres import spelled
from headgate.store.sqlite import driver
from headgate.store.statements import load, overrides

PACKAGE = Path(headgate.store.__file__).parent
OWN = "postgres"
"""The file of what only that database is asked."""

SHARED = sorted(
    path.stem for path in (PACKAGE / "sql").glob("*.sql") if "." not in path.stem and path.stem != OWN
)

FILLED = {
    "where": "environment_id = :environment_id AND id < :before_id",
    "parts": "SELECT id FROM run WHERE kind = 'refresh'",
    "order": "run.started_at DESC, run.id DESC",
    "limit": "50",
    "allowed": "'running', 'waiting'",
    "statuses": "'running'",
    "digests": ":v0, :v1",
    "ids": ":v0, :v1",
    "only": "",
    "states": "state IN ('up')",
    "visible": "1 = 1",
    "which": "run.id = :id",
    "columns": load("runs")["columns"],
    "returned": load("runs")["returned"],
    "newest_columns": load("job_log_runs")["newest_columns"],
    "sets": "status = :status, message = :message",
}
"""What the repositories put in place of the words in braces."""


def statements(name: str) -> dict[str, str]:
    """Those of a file that can be sent; the others are parts of them."""
    return {
        f"{name}_{entry}": text.format(**FILLED)
        for entry, text in load(name).items()
        if re.match("SELECT|INSERT|UPDATE|DELETE|WITH", text)
    }


@pytest.mark.parametrize("path", sorted((PACKAGE / "sql").glob("*.sql")), ids=lambda path: path.stem)
def test_every_statement_has_a_purpose_and_is_used(path: Path) -> None:
    name = path.name.partition(".")[0]
    text = path.read_text()
    entries = re.findall(r"-- name: (\w+)\n(--[^\n]*\n)?", text)
    assert [entry for entry, purpose in entries if len(purpose) < 8] == []
    assert len({entry for entry, _ in entries}) == len(entries)
    code = "".join(path.read_text() for path in PACKAGE.glob("*.py") if f'load("{name}")' in path.read_text())
    used = set(re.findall(r'"(\w+)"', code)) | set(re.findall(r"\{(\w+)\}", text))
    assert [entry for entry, _ in entries if entry not in used] == []


def test_code_names_only_statements_that_there_are() -> None:
    for path in PACKAGE.glob("*.py"):
        text = path.read_text()
        for file in re.findall(r'SQL = load\("(\w+)"\)', text):
            assert set(re.findall(r'SQL\["(\w+)"\]', text)) <= load(file).keys(), path


def test_statement_of_one_database_takes_the_same_parameters_and_has_no_words_left() -> None:
    for shared, own in overrides("postgres").items():
        assert set(spelled(own)[1]) == set(re.findall(r":(\w+)", shared))
        assert re.findall(r"\{\w+\}", shared + own) == []


@pytest.mark.parametrize("name", SHARED)
def test_every_statement_is_understood_by_both_databases(name: str, store: Store) -> None:
    with store.database.read() as connection:
        for entry, text in statements(name).items():
            if isinstance(connection.raw, driver.Connection):  # type: ignore[attr-defined]
                connection.rows(f"EXPLAIN {text}", dict.fromkeys(re.findall(r":(\w+)", text)))
            else:
                # Parsed, and every parameter's type found, but not run.
                connection.rows(f"PREPARE {entry} AS {spelled(text)[0].decode()}")


def test_what_only_postgresql_is_asked_is_understood_by_it(state_url: str) -> None:
    with psycopg.connect(state_url, autocommit=True) as connection:
        connection.execute("SET search_path = headgate")
        for entry, text in statements(OWN).items():
            connection.execute(f"PREPARE {entry} AS {spelled(text)[0].decode()}".encode())


def test_schema_version_is_the_newest_migration() -> None:
    for dialect in ("sqlite", "postgres"):
        numbers = [int(path.name[:4]) for path in migrations(dialect) if path.name.count(".") == 1]
        assert numbers == list(range(1, SCHEMA_VERSION + 1))
        assert {path.name.split(".")[1] for path in migrations(dialect)} <= {"sql", dialect}


def test_opening_a_current_state_writes_nothing(store: Store, open_store: OpenStore) -> None:
    waiting(store)
    assert open_store().database.transaction_count == 0
