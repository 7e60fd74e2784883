"""`headgate serve` and `headgate worker` as real processes: they start, answer, carry out, and stop in good order."""

from __future__ import annotations

import signal
import socket
from pathlib import Path

import pytest
from tests.e2e.cli_support import Project, wait_until
from tests.e2e.served import Server, running, stop


def test_server_answers_carries_out_and_stops_when_it_is_told_to(ready: Project) -> None:
    with running(ready, "serve", "--port", "0") as process:
        server = Server(ready)
        run = server.start(jobID="4")
        wait_until(lambda: server.status(run) == "completed")
        code, err = stop(process)
    assert code == 0
    assert "listening on http://127.0.0.1:" in err
    assert "the admin's token is in" in err
    assert server.token not in err
    assert f"run {run} (refresh) succeeded" in err
    assert not (ready.folder / ".headgate" / "server.json").exists()
    assert (ready.folder / ".headgate" / "admin-token").stat().st_mode & 0o777 == 0o600


def test_second_server_over_one_state_is_refused(ready: Project) -> None:
    with running(ready, "serve", "--port", "0"):
        Server(ready)
        with running(ready, "serve", "--port", "0") as second:
            _, err = second.communicate(timeout=30)
    assert second.returncode == 2
    assert "a server runs over this state already" in err


def test_port_that_is_taken_is_said_at_once(ready: Project) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        with running(ready, "serve", "--port", port) as process:
            _, err = process.communicate(timeout=30)
    assert process.returncode == 2
    assert f"cannot listen on 127.0.0.1:{port}: Address already in use" in err
    assert "--port 0" in err


def test_server_without_a_worker_leaves_runs_to_one(ready: Project) -> None:
    with running(ready, "serve", "--port", "0", "--no-worker"):
        server = Server(ready)
        run = server.start(jobID="4")
        assert server.status(run) == "waitingToRun"
        with running(ready, "worker") as worker:
            wait_until(lambda: server.status(run) == "completed")
            code, err = stop(worker)
    assert code == 0
    assert f"run {run} (refresh) succeeded" in err


SLOW = "select a.id, sum(hash(t.i)) as n from STG.A a, range({rows}) t(i) group by a.id"
"""A query that lasts: long enough to be found at work."""


def deploy_slow(project: Project, rows: int) -> None:
    project.write("nodes/MART/SLOW.sql", SLOW.format(rows=rows))
    project.run("deploy", "-e", "dev")


def test_run_of_a_killed_server_is_ended_by_the_next_one(ready: Project) -> None:
    deploy_slow(ready, 2_000_000)
    with running(ready, "serve", "--port", "0") as process:
        server = Server(ready)
        run = server.start(includeNodesSelector="{ SLOW } OR { A }", parallelism=1)
        wait_until(lambda: server.status(run) == "running")
        process.kill()
        process.communicate()
    with running(ready, "serve", "--port", "0"):
        server = Server(ready)
        wait_until(lambda: server.status(run) == "completed")
        steps = server.call(f"/api/v1/runs/{run}/results")["data"]
    assert [step["status"] for step in steps] == ["succeeded", "succeeded"]


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_worker_that_is_told_to_stop_hands_its_run_back(ready: Project, number: signal.Signals) -> None:
    deploy_slow(ready, 4_000_000_000)
    with running(ready, "serve", "--port", "0", "--no-worker"):
        server = Server(ready)
        run = server.start(includeNodesSelector="{ SLOW } OR { A }")
        with running(ready, "worker", HEADGATE_DRAIN_SECONDS="0") as worker:
            wait_until(lambda: server.status(run) == "running")
            worker.send_signal(number)
            _, err = worker.communicate(timeout=30)
        assert worker.returncode == 0, err
        assert server.status(run) == "waitingToRun"
        server.call("/scheduler/cancelRun", {"runID": run})
        assert server.status(run) == "canceled"


def test_server_is_found_outside_a_project_by_its_state(tmp_path: Path) -> None:
    folder = Project(tmp_path)
    with running(folder, "serve", "--port", "0") as process:
        server = Server(folder)
        assert server.call("/api/v1/runs")["data"] == []
        code, _ = stop(process)
    assert code == 0
