"""One server for each module of tests: they share its runs, so each looks only at its own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from tests.api.serving import Served, served


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("project")) as started:
        yield started
