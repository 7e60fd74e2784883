"""What openapi.json promises: it is fresh, and whatever is sent, every answer is one that it has."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import hypothesis
import pytest
import schemathesis
from schemathesis import Case
from schemathesis.checks import CheckFunction
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)
from tests.api.serving import Served, served

from headgate.api.app import routes

ROOT = Path(__file__).parents[2]
CHECKS: list[CheckFunction] = [
    schemathesis.checks.not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_headers_conformance,
    response_schema_conformance,
]
document = routes().openapi()
schema = schemathesis.openapi.from_dict(document)
SETTINGS = hypothesis.settings(
    max_examples=6,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)


@pytest.fixture(scope="module")
def wide_open(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with served(tmp_path_factory.mktemp("contract")) as started:
        yield started


def test_the_committed_document_is_fresh() -> None:
    command = [sys.executable, "-m", "headgate.api", "--check"]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")


@schema.include(path_regex="^/(?!api/v1/runs/{runID}/events)").parametrize()
@SETTINGS
def test_every_answer_is_documented(case: Case[Any], wide_open: Served) -> None:
    case.call_and_validate(
        base_url=wide_open.url, headers={"Authorization": f"Bearer {wide_open.token}"}, checks=CHECKS
    )


@schema.parametrize()
@hypothesis.settings(SETTINGS, max_examples=2)
def test_nothing_is_answered_without_a_token(case: Case[Any], wide_open: Served) -> None:
    response = case.call(base_url=wide_open.url, headers={})
    open_to_all = case.path in ("/healthz", "/readyz")
    assert response.status_code in ((200, 204, 405) if open_to_all else (401,))
