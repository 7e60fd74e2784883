"""Places on the two pairs of databases, and processes that end at a chosen instant."""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import WarehouseConfigs
from tests.contract.store.conftest import address
from tests.faults.crashing import Forker
from tests.faults.places import Place

NewPlace = Callable[[str], Place]


@pytest.fixture(scope="session")
def forker() -> Iterator[Forker]:
    forker = Forker()
    yield forker
    forker.close()


@pytest.fixture
def new_place(tmp_path: Path, new_database: WarehouseConfigs) -> NewPlace:
    """Makes a place: `embedded` keeps its state in SQLite and its data in DuckDB, `shared` both in one PostgreSQL."""
    numbers = itertools.count(1)

    def create(pair: str) -> Place:
        root = tmp_path / f"place_{next(numbers)}"
        if pair == "embedded":
            return Place(root, new_database("duckdb"), None)
        config = new_database("postgres")
        return Place(root, config, address(config.options["url"], config.options["database"]))

    return create
