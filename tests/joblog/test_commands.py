"""`headgate job-log` as a process, against a real server, which may be there or not."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
from tests.joblog.conftest import Log, waiting

HEADGATE = [sys.executable, "-m", "headgate", "job-log"]
PYTHON = ["--", sys.executable, "-c"]


def run(*arguments: str, code: int = 0) -> subprocess.CompletedProcess[str]:
    done = subprocess.run(
        [*HEADGATE, *arguments], capture_output=True, text=True, check=False, stdin=subprocess.DEVNULL
    )
    assert done.returncode == code, done.stderr
    return done


def body(*arguments: str, code: int = 0) -> Any:
    return json.loads(run(*arguments, "--json", code=code).stdout)


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command that prints a line once it goes, and then reads its input."""
    with ExitStack() as stack:

        def start(*arguments: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [*HEADGATE, *arguments],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            assert process.stdout is not None
            assert process.stdout.readline() == "began\n"
            return process

        yield start


def test_a_shell_script_starts_finishes_and_asks(log: Log) -> None:
    assert run("last", "orders").stderr == "the job log has no run of orders\n"
    number = run("start", "orders", "--source", "crm", "--destination", "lake").stdout.strip()
    assert "last success  never" in run("last", "orders").stdout
    done = run("finish", number, "--records", "1200", "--watermark", "2026-01-31", "--message", "fine")
    assert done.stdout == f"run {number} of orders: success\n"
    text = run("last", "orders").stdout
    assert "watermark     2026-01-31\n" in text
    assert f"success, 1,200 records (run {number})" in text
    (row,) = log.rows()
    assert (row["message"], row["source"], row["destination"]) == ("fine", "crm", "lake")
    assert "has ended with success" in run("finish", number, code=2).stderr


def test_without_a_name_the_newest_run_of_each_job_is_shown(log: Log) -> None:
    assert run("last").stderr == "the job log has no runs yet\n"
    for name in ("orders", "customers"):
        run("finish", run("start", name).stdout.strip(), "--records", "1200")
    lines = run("last", "--limit", "1").stdout.splitlines()
    assert lines[0].split() == ["JOB", "NEWEST", "RUN", "STARTED", "RECORDS", "WATCHED"]
    assert (lines[1].split()[0], len(lines)) == ("customers", 2)
    assert [one["name"] for one in body("last")["data"]] == ["customers", "orders"]


def test_with_json_commands_answer_as_the_api_does(log: Log) -> None:
    started = body("start", "orders")
    assert started["record"]["status"] == "in_progress"
    done = body("finish", str(started["record"]["id"]), "--watermark", '{"id": 7}')
    assert (done["record"]["status"], done["watermark"]) == ("success", {"id": 7})
    auth = {"Authorization": f"Bearer {log.token}"}
    assert body("last", "orders") == log.server.client.get("/api/v1/jobLog/jobs/orders", headers=auth).json()


def test_a_second_run_is_refused_or_takes_over(log: Log) -> None:
    run("start", "orders")
    assert "take_over" in run("start", "orders", "--overlap", "refuse", code=2).stderr
    refused = run("exec", "orders", "--overlap", "refuse", *PYTHON, "print('it must not run')", code=2)
    assert refused.stdout == ""
    run("start", "orders", "--overlap", "take_over")
    assert log.told() == [("orders", "error"), ("orders", "in_progress")]


def test_without_a_server_the_log_of_the_project_answers(
    log: Log, tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_SERVER", "local")
    (tmp_path / "headgate.yml").write_text("name: four\ndialect: duckdb\n")
    number = run("start", "orders").stdout.strip()
    assert number == "1"
    assert body("finish", "1", "--watermark", "5")["record"]["status"] == "success"
    assert body("last", "orders")["watermark"] == 5
    done = run("exec", "orders", *PYTHON, "import os; print(os.environ['HEADGATE_JOB_WATERMARK'])")
    assert (done.stdout, done.stderr) == ("5\n", "")
    assert run("exec", "orders", "--overlap", "refuse", "--", "false", code=1).stderr == ""
    assert body("last", "orders")["record"]["status"] == "error"
    assert (log.told(), waiting(spool)) == ([], [])


def test_a_run_that_began_without_a_server_ends_with_one(
    log: Log, tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The log of a project is that of its state, whoever answers for it at the moment."""
    for name in ("HEADGATE_SERVER", "HEADGATE_TOKEN"):  # those of the other log
        monkeypatch.delenv(name)
    (tmp_path / "headgate.yml").write_text("name: four\ndialect: duckdb\n")
    serve = [sys.executable, "-m", "headgate", "serve", "--port", "0"]
    # Its words go to a file: nobody reads them once the command is over.
    script = f"""
import pathlib, subprocess, time
said = pathlib.Path("server.log")
with said.open("w") as words:
    server = subprocess.Popen({serve!r}, stdout=words, stderr=words, text=True)
while "listening on" not in said.read_text():
    time.sleep(0.02)
print(server.pid)
"""
    done = run("exec", "orders", *PYTHON, script)
    try:
        number = body("last", "orders")["record"]["id"]
        assert run("last", "orders").stderr.startswith("asking the server at ")
        assert body("last", "orders")["previous"]["id"] == number
    finally:
        os.kill(int(done.stdout.split()[0]), signal.SIGTERM)
    assert waiting(spool) == []


# --- exec -------------------------------------------------------------------------------------------------


def test_a_command_goes_through_with_its_output_and_code(log: Log) -> None:
    text = "import sys; print('out'); print('err', file=sys.stderr); sys.exit(3)"
    done = run("exec", "orders", "--source", "crm", "--watermark", "9", *PYTHON, text, code=3)
    assert (done.stdout, done.stderr) == ("out\n", "err\n")
    (row,) = log.rows()
    assert (row["status"], row["source"]) == ("error", "crm")
    assert sorted(row["message"].splitlines()) == ["err", "exit code 3", "out"]
    assert row["message"].startswith("exit code 3\n")
    assert body("last", "orders")["watermark"] is None


def test_a_command_finds_how_far_its_job_came(log: Log) -> None:
    run("exec", "orders", "--watermark", "007", "--records", "4", "--", "true")
    show = "import os; print(os.environ['HEADGATE_JOB_WATERMARK'], os.environ['HEADGATE_JOB_PREVIOUS'])"
    previous = body("last", "orders")["previous"]
    assert run("exec", "orders", *PYTHON, show).stdout == f"007 {previous['startDate']}\n"
    assert [(row["status"], row["records_processed"]) for row in log.rows()] == [
        ("success", 4),
        ("success", None),
    ]


def test_of_much_output_all_goes_through_and_the_end_is_kept(log: Log) -> None:
    text = "import sys; [print(n) for n in range(200_000)]; sys.exit(1)"
    out = run("exec", "orders", *PYTHON, text, code=1).stdout
    assert out.splitlines() == [str(number) for number in range(200_000)]
    message = log.rows()[0]["message"]
    assert (len(message), message[-14:]) == (4000, "\n199998\n199999")


@pytest.mark.usefixtures("log")
def test_with_json_stdout_holds_the_answer_alone() -> None:
    done = run("exec", "orders", "--json", *PYTHON, "print('out')")
    assert (json.loads(done.stdout)["record"]["status"], done.stderr) == ("success", "out\n")


@pytest.mark.parametrize(("name", "code"), [("no-such-command", 127), ("/", 126)])
def test_a_command_that_cannot_be_started_is_an_error(log: Log, name: str, code: int) -> None:
    assert name in run("exec", "orders", "--", name, code=code).stderr
    assert log.rows()[0]["message"].startswith(f"exit code {code}\n{name}: ")


SLEEPS = """
import signal, sys
signal.signal(signal.SIGINT, signal.SIG_DFL)
print("began", flush=True)
sys.stdin.read()
"""


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT, signal.SIGHUP])
def test_signals_reach_the_command(
    log: Log, started: Callable[..., subprocess.Popen[str]], number: signal.Signals
) -> None:
    process = started("exec", "orders", *PYTHON, SLEEPS)
    process.send_signal(number)
    process.wait(30)  # its input stays open: the signal ends it
    assert process.returncode == 128 + number
    assert log.rows()[0]["message"] == f"exit code {128 + number}\nbegan"


def test_a_command_that_ends_well_after_a_signal_is_a_success(
    log: Log, started: Callable[..., subprocess.Popen[str]]
) -> None:
    text = "import signal, sys; signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))"
    process = started("exec", "orders", *PYTHON, f"{text}\n{SLEEPS}")
    process.send_signal(signal.SIGTERM)
    process.wait(30)
    assert (process.returncode, log.told()) == (0, [("orders", "success")])


def test_a_log_that_does_not_answer_is_told_by_send(log: Log, spool: Path) -> None:
    log.stop()
    done = run("exec", "orders", "--watermark", "5", *PYTHON, "print('out')")
    assert done.stdout == "out\n"
    assert done.stderr.count("is told later") == 2
    assert "waits on for" in run("send", code=1).stderr
    log.start()
    assert run("send").stdout == "2 calls told\n"
    assert (log.told(), waiting(spool)) == ([("orders", "success")], [])
    assert body("last", "orders")["watermark"] == 5
    assert body("send") == {"sent": 0, "refused": [], "waiting": []}


def test_what_waits_for_another_server_waits_until_that_one_is_named(
    log: Log, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.stop()
    run("exec", "orders", "--", "true")
    monkeypatch.delenv("HEADGATE_SERVER")
    assert f"orders waits on for {log.url}" in run("send", code=1).stderr
    log.start()
    assert run("send", "--server", log.url).stdout == "2 calls told\n"
