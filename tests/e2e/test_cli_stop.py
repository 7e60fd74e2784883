"""Commands that are stopped, and commands that meet: signals, cancel, one DuckDB file for two."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pexpect
import pytest
from tests.e2e.cli_support import SLOW, Project, command, environment, wait_until

from headgate.model.steps import StepStatus
from headgate.store.store import Store


@pytest.fixture
def slow(ready: Project) -> Project:
    """STG.SLOW runs for hours, after STG.A and before MART.LAST."""
    ready.write("nodes/STG/SLOW.sql", SLOW)
    ready.write("nodes/MART/LAST.sql", "select n from STG.SLOW\n")
    ready.run("deploy")
    return ready


def step_status(project: Project, run_id: int, step_id: str) -> StepStatus | None:
    with Store.open(project.folder / ".headgate" / "state.db") as store:
        return next((s.status for s in store.steps.list(run_id) if s.step_id == step_id), None)


def start_slow(project: Project, run_id: int = 4) -> subprocess.Popen[str]:
    """A refresh, once its slow statement has begun."""
    started = project.start("refresh", "-e", "dev", "--include", "+{ name: LAST }")
    wait_until(lambda: step_status(project, run_id, "STG.SLOW") is StepStatus.RUNNING)
    return started


@pytest.mark.parametrize(
    ("number", "reason"),
    [
        (signal.SIGINT, "canceled by Ctrl-C"),
        (signal.SIGTERM, "canceled by SIGTERM"),
        (signal.SIGHUP, "canceled: the terminal was closed"),
    ],
)
def test_signal_stops_the_statements_records_every_step_and_rerun_finishes(
    slow: Project, number: signal.Signals, reason: str
) -> None:
    running = start_slow(slow)
    running.send_signal(number)
    out, err = running.communicate(timeout=60)
    assert running.returncode == 1, err
    assert "stopping: waiting for the running statements to end" in err
    assert f"error: refresh 4: {reason}" in err
    assert out.startswith("refresh 4 canceled")
    body = slow.run("runs", "show", "4", "--json").body
    assert (body["status"], body["runFailureReason"]) == ("canceled", reason)
    states = {one["nodeID"]: one["status"] for one in slow.run("logs", "4", "--json").body["data"]}
    assert states == {
        "RAW.ITEMS": "succeeded", "STG.A": "succeeded", "STG.SLOW": "canceled", "MART.LAST": "canceled",
    }  # fmt: skip
    slow.write("nodes/STG/SLOW.sql", "select count(*) as n from STG.A\n")
    slow.run("deploy")
    assert slow.run("rerun", "4").out.rstrip().endswith(": 2 succeeded")
    assert slow.query("select n from mart.last") == [(99,)]


def test_cancel_from_another_command_stops_a_run(slow: Project) -> None:
    running = start_slow(slow)
    assert "run 4 is asked to stop" in slow.run("cancel", "4").out
    _, err = running.communicate(timeout=60)
    assert running.returncode == 1
    assert "canceled by request: headgate cancel 4" in err


def test_second_command_on_one_database_waits_and_says_for_whom(slow: Project) -> None:
    first = start_slow(slow)
    second = slow.start("refresh", "--include", "{ name: A }")
    assert second.stderr is not None
    told = second.stderr.readline()
    assert told.startswith("waiting: data/dev.duckdb is held by pid")
    assert str(first.pid) in told
    assert "headgate refresh, run 4" in told
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)
    out, _ = second.communicate(timeout=60)
    assert second.returncode == 0
    assert out.startswith("refresh 5 succeeded")


def test_second_run_of_one_job_waits_for_the_first(slow: Project) -> None:
    slow.write("jobs/slow.yml", "id: 5\nname: slow\nrefresh: {include: '+{ name: LAST }'}\n")
    slow.run("deploy")
    first = slow.start("refresh", "-j", "slow")
    wait_until(lambda: step_status(slow, 5, "STG.SLOW") is StepStatus.RUNNING)
    second = slow.start("refresh", "-j", "slow")
    assert second.stderr is not None
    assert "run 6 waits for run 5 of job slow, which is running" in second.stderr.readline()
    # Waiting, it can be stopped, and has then touched nothing.
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=60)
    assert second.returncode == 1
    assert slow.run("runs", "show", "6", "--json").body["status"] == "canceled"
    first.send_signal(signal.SIGTERM)
    first.communicate(timeout=60)


def test_wait_is_bounded_where_it_is_asked_for(slow: Project) -> None:
    first = start_slow(slow)
    done = slow.run("refresh", "--include", "{ name: A }", "--wait", "0", code=1)
    assert "data/dev.duckdb is held by pid" in done.err
    planned = slow.run("plan", "--wait", "0", code=1)
    assert "data/dev.duckdb is held by pid" in planned.err
    assert "warn" in slow.run("doctor").out
    running = slow.run("status", "--json").body["data"][0]
    assert running["status"] == "Refreshing"
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)


def test_signal_while_waiting_for_the_database_ends_the_wait(slow: Project) -> None:
    first = start_slow(slow)
    second = slow.start("refresh", "--include", "{ name: A }")
    assert second.stderr is not None
    assert second.stderr.readline().startswith("waiting: data/dev.duckdb")
    second.send_signal(signal.SIGINT)
    second.communicate(timeout=60)
    assert second.returncode == 1
    assert slow.run("runs", "show", "5", "--json").body["status"] == "canceled"
    first.send_signal(signal.SIGINT)
    first.communicate(timeout=60)


def test_killed_run_is_marked_and_rerun_goes_on(slow: Project) -> None:
    running = start_slow(slow)
    running.kill()
    running.communicate()
    body = slow.run("runs", "show", "4", "--json").body
    assert (body["status"], body["error"]["code"]) == ("failed", "interrupted")
    slow.write("nodes/STG/SLOW.sql", "select count(*) as n from STG.A\n")
    slow.run("deploy")
    assert slow.run("rerun", "4", "--json").body["nodeCounts"]["succeeded"] == 2


def on_terminal(project: Project, *arguments: str) -> pexpect.spawn[str]:
    words = command(*arguments)
    variables = environment(TERM="xterm-256color")
    return pexpect.spawn(
        words[0],
        words[1:],
        cwd=str(project.folder),
        env=variables,
        encoding="utf-8",
        timeout=60,
        dimensions=(24, 100),
    )


def test_live_view_on_a_terminal_shows_what_is_done_and_what_runs(slow: Project) -> None:
    shown = on_terminal(slow, "refresh", "--include", "+{ name: LAST }")
    shown.expect(r"2/4")
    shown.expect(r"STG\.SLOW")
    shown.sendintr()
    shown.expect("refresh 4 .*canceled")
    shown.expect(pexpect.EOF)
    shown.close()
    assert shown.exitstatus == 1


STUBBORN = """
import sys, threading
from headgate.cli.signals import stopping
from headgate.engine.stop import Stop
stop, never = Stop(), threading.Event()
stop.when_requested(never.wait)
with stopping(stop, lambda text: print(text, flush=True), before_exit=lambda: print("exit", flush=True)):
    print("ready", flush=True)
    while True:
        never.wait(0.1)
"""


def test_third_signal_ends_a_run_that_cannot_be_stopped() -> None:
    process = subprocess.Popen([sys.executable, "-c", STUBBORN], stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    told = []
    for _ in range(3):
        told.append(process.stdout.readline().split(":")[0].split(";")[0].strip())
        process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)
    assert [*told, out.strip()] == ["ready", "stopping", "still stopping", "exit"]
    assert process.returncode == 1


def test_destructive_deploy_asks_on_a_terminal_only(ready: Project, tmp_path: Path) -> None:
    (ready.folder / "nodes/MART/D.sql").unlink()
    (ready.folder / "nodes/MART/C.sql").unlink()
    ready.write("jobs/nightly.yml", "id: 4\nname: nightly\nrefresh: {}\n")
    shown = on_terminal(ready, "deploy", "--allow-destructive")
    shown.expect(r"1 change destroys data in dev\. Go on\? \[y/N\]")
    shown.sendline("n")
    shown.expect("nothing was deployed")
    shown.expect(pexpect.EOF)
    shown.close()
    assert shown.exitstatus == 1
    agreed = on_terminal(ready, "deploy", "--allow-destructive", "--yes")
    agreed.expect("deploy 3 .*succeeded")
    agreed.expect(pexpect.EOF)
    agreed.close()
    assert agreed.exitstatus == 0
