"""The databases that the contract runs on. Every test meets an empty state on each of them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import psycopg
import pytest
from psycopg.conninfo import make_conninfo
from tests.contract.store.samples import PROJECT, Clock, environment

from headgate.store import Store

OpenStore = Callable[[], Store]
"""Opens the test's state once more, as another process would."""

Target = Path | str
"""What `Store.connect` opens: a file, or the address of a database."""

BACKENDS = ("postgres", "sqlite")


def address(server: str, database: str) -> str:
    """The address of one database of a server."""
    return f"postgresql://?{'&'.join(make_conninfo(server, dbname=database).split())}"


def emptied(state_url: str) -> str:
    """The database without a row, as its first opening left it."""
    with psycopg.connect(state_url, autocommit=True) as connection:
        connection.execute(
            "SET search_path = headgate; SET session_replication_role = replica"
        )  # no foreign keys
        tables = connection.execute(
            "SELECT relname FROM pg_class WHERE relnamespace = 'headgate'::regnamespace AND relkind = 'r'"
        ).fetchall()
        counters = connection.execute("SELECT sequencename FROM pg_sequences WHERE schemaname = 'headgate'")
        script = [f"SELECT setval('{name}', 1, false)" for (name,) in counters.fetchall()]
        script += [f"DELETE FROM {name}" for (name,) in tables if name != "meta"]
        connection.execute(";".join(script).encode())
    return state_url


@pytest.fixture(scope="session")
def state_url(postgres_url: str) -> str:
    """The address of a database with our tables, made once: emptying them takes a hundredth of the time."""
    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE state")
    url = address(postgres_url, "state")
    Store.open_url(url).close()
    return url


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=BACKENDS)
def state(request: pytest.FixtureRequest, tmp_path: Path) -> Target:
    """An empty state, once per database."""
    if request.param == "sqlite":
        return tmp_path / "state" / "state.db"
    return emptied(request.getfixturevalue("state_url"))


@pytest.fixture
def open_store(state: Target, clock: Clock) -> Iterator[OpenStore]:
    opened: list[Store] = []

    def open_() -> Store:
        opened.append(Store.connect(state, clock=clock))
        return opened[-1]

    yield open_
    for store in opened:
        store.close()


@pytest.fixture
def store(open_store: OpenStore) -> Store:
    """An open state with environment 1, `dev`."""
    store = open_store()
    store.environments.apply(environment(), PROJECT)
    return store
