"""A run that a server carries out while a command watches: Ctrl-C, detaching, a server that stops or is killed."""

from __future__ import annotations

import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import closing
from datetime import datetime
from typing import Any

import pytest
from tests.e2e.cli_support import Project, wait_until
from tests.e2e.served import Server, running, stop

from headgate.cli.watching import Watch
from headgate.client.asked import RunAsked
from headgate.client.calls import Calls
from headgate.client.transport import Transport
from headgate.engine.stop import Stop
from headgate.errors import Busy
from headgate.model.runs import Run
from headgate.model.secret import Secret
from headgate.model.steps import Step, StepOutcome

ENDLESS = "select a.id, sum(hash(t.i)) as n from STG.A a, range(4_000_000_000) t(i) group by a.id\n"


class HearsLate(Calls):
    def cancel(self, run_id: int) -> dict[str, Any]:
        answer = super().cancel(run_id)
        time.sleep(1)
        return answer


class Incurious:
    def planned(self, run: Run, steps: Sequence[Step], usual_seconds: Mapping[str, float]) -> None: ...

    def waiting(self, reason: str) -> None: ...

    def step_started(self, step: Step, at: datetime) -> None: ...

    def step_finished(self, step: Step, outcome: StepOutcome, at: datetime) -> None: ...


@pytest.fixture
def endless(ready: Project) -> Project:
    ready.write("nodes/MART/ENDLESS.sql", ENDLESS)
    ready.run("deploy", "-e", "dev")
    return ready


@pytest.fixture
def serving(endless: Project) -> Iterator[tuple[subprocess.Popen[str], Server]]:
    with running(endless, "serve", "--port", "0", HEADGATE_DRAIN_SECONDS="0") as process:
        yield process, Server(endless)


def watch(project: Project, server: Server) -> tuple[int, subprocess.Popen[str]]:
    """A command that watches a run, which has begun."""
    watching = project.start("refresh", "-e", "dev", "--include", "{ ENDLESS }")
    wait_until(lambda: newest(server)["status"] == "running" and newest(server)["kind"] == "refresh")
    assert watching.stderr is not None
    assert watching.stderr.readline().startswith("asking the server")
    assert watching.stderr.readline().endswith("1 step\n")  # so it follows
    return newest(server)["id"], watching


def newest(server: Server) -> dict[str, Any]:
    found: dict[str, Any] = server.call("/api/v1/runs?limit=1")["data"][0]
    return found


def test_interrupt_cancels_the_run_on_the_server(
    endless: Project, serving: tuple[subprocess.Popen[str], Server]
) -> None:
    run, watching = watch(endless, serving[1])
    watching.send_signal(signal.SIGINT)
    out, err = watching.communicate(timeout=30)
    assert watching.returncode == 1
    assert out.startswith(f"refresh {run} canceled")
    assert f"hint: `headgate rerun {run}` runs what did not succeed" in err
    assert serving[1].status(run) == "canceled"


def test_detached_run_is_left_to_the_server(
    endless: Project, serving: tuple[subprocess.Popen[str], Server]
) -> None:
    body = endless.run("refresh", "-e", "dev", "--include", "{ ENDLESS }", "--detach", "--json").body
    assert body["status"] in ("waiting", "running")
    wait_until(lambda: serving[1].status(body["id"]) == "running")
    assert endless.run("cancel", str(body["id"])).code == 0
    wait_until(lambda: serving[1].status(body["id"]) == "canceled")


def test_wait_for_a_turn_is_bounded_where_it_is_asked_for(
    endless: Project, serving: tuple[subprocess.Popen[str], Server]
) -> None:
    server = serving[1]
    first = endless.run("refresh", "-e", "dev", "-j", "4", "--detach", "--json").body["id"]
    second = endless.run("refresh", "-e", "dev", "-j", "4", "--wait", "0", code=1)
    assert f"error: run {first + 1} has waited 0 seconds for its turn, and was canceled" in second.err
    assert (server.status(first), server.status(first + 1)) == ("running", "canceled")


def test_wait_that_is_over_is_told_though_the_end_of_the_run_is_heard_first(
    endless: Project, serving: tuple[subprocess.Popen[str], Server]
) -> None:
    server = serving[1]
    with closing(Transport(server.url, Secret(server.token))) as transport:
        calls = HearsLate(transport)
        first, second = (calls.start(RunAsked("dev", parallelism=4))["run"]["id"] for _ in range(2))
        wait_until(lambda: server.status(first) == "running")
        watching = Watch(calls, second, print)
        with pytest.raises(Busy, match=f"run {second} has waited 0 seconds for its turn, and was canceled"):
            watching.until_the_end(Incurious(), Stop(), wait_seconds=0)


def test_server_that_stops_ends_its_streams_and_the_next_one_is_followed(
    endless: Project, serving: tuple[subprocess.Popen[str], Server]
) -> None:
    process, server = serving
    run, watching = watch(endless, server)
    code, said = stop(process)
    assert code == 0
    assert "Traceback" not in said
    with running(endless, "serve", "--port", server.url.rpartition(":")[2]):
        wait_until(lambda: server.address() is not None and server.status(run) == "running")
        watching.send_signal(signal.SIGINT)
        out, err = watching.communicate(timeout=30)
    assert out.startswith(f"refresh {run} canceled")
    assert "waiting: its worker stops" in err
    assert "note: taken over" in err


def test_interrupt_while_the_server_is_gone_says_that_the_run_goes_on(
    endless: Project, serving: tuple[subprocess.Popen[str], Server]
) -> None:
    process, server = serving
    run, watching = watch(endless, server)
    process.kill()
    process.communicate()
    watching.send_signal(signal.SIGINT)
    _, err = watching.communicate(timeout=30)
    assert watching.returncode == 1
    assert f"error: run {run} goes on, it could not be canceled: no answer from {server.url}" in err
    assert f"hint: `headgate cancel {run}` once the server is back" in err
