"""Projects for the command line: one that is deployed and refreshed, made once, and fresh copies of it."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.e2e.cli_support import Project, make_project


@pytest.fixture(scope="session")
def seen(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Deployed and refreshed; only for commands that change nothing."""
    project = make_project(tmp_path_factory.mktemp("cli") / "four")
    project.run("deploy", "-e", "dev")
    project.run("refresh", "-e", "dev")
    return project


@pytest.fixture
def ready(seen: Project, tmp_path: Path) -> Project:
    """The same, for a test's own use."""
    return seen.copy_to(tmp_path / "four")


@pytest.fixture
def fresh(tmp_path: Path) -> Project:
    """Nothing deployed, no state."""
    return make_project(tmp_path / "four")
