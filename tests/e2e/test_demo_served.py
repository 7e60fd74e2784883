"""The demo behind a server: the curl lines of Coalesce's documents, with no change but host and token."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.e2e.cli_support import Project, wait_until
from tests.e2e.served import Server, running

CALLS = Path(__file__).parent / "calls"
"""As the documents have them; the one-time job's misses its last quotation mark there."""


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    folder = tmp_path_factory.mktemp("demo")
    Project(folder).run("demo", "--scale", "0.01")
    project = Project(folder / "headgate-demo")
    with running(project, "serve", "--port", "0"):
        yield Server(project)


@pytest.mark.parametrize(("call", "steps"), [("job", 35), ("one_time_job", 10), ("whole_environment", 36)])
def test_the_documented_calls_work_word_for_word(demo: Server, call: str, steps: int) -> None:
    text = (CALLS / f"{call}.sh").read_text()
    text = text.replace("https://app.coalescesoftware.io", demo.url).replace("YOUR-API-TOKEN", demo.token)
    text = text.replace("curl ", "curl --silent --show-error --fail --noproxy '*' ", 1)
    done = subprocess.run(["sh", "-c", text], capture_output=True, text=True, check=False, timeout=30)
    assert done.returncode == 0, done.stderr
    run = int(done.stdout.removeprefix('{"runCounter":').removesuffix("}"))
    wait_until(lambda: demo.status(run) not in ("waitingToRun", "running"))
    assert demo.status(run) == "completed"
    results = demo.call(f"/api/v1/runs/{run}/results")["data"]
    assert [result["status"] for result in results] == ["succeeded"] * steps
