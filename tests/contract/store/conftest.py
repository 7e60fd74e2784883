"""The databases that the contract runs on. A second one joins as one more entry of BACKENDS."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.contract.store.samples import PROJECT, Clock, environment

from headgate.store import Store

OpenStore = Callable[[], Store]
"""Opens the test's state once more, as another process would."""


def _sqlite(folder: Path, clock: Clock) -> OpenStore:
    return lambda: Store.open(folder / "state" / "state.db", clock=clock)


BACKENDS = {"sqlite": _sqlite}


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture(params=sorted(BACKENDS))
def open_store(request: pytest.FixtureRequest, tmp_path: Path, clock: Clock) -> Iterator[OpenStore]:
    opened: list[Store] = []
    connect = BACKENDS[request.param](tmp_path, clock)

    def open_() -> Store:
        opened.append(connect())
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
