"""`headgate.joblog.Job` against a real server, which may be there or not."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from tests.joblog.conftest import Log, waiting

from headgate.cli.server_file import announced
from headgate.client.log_calls import Finished, LogCall, Started
from headgate.client.spool import Spool
from headgate.errors import Forbidden, Refused, ServerUnavailable, UsageError
from headgate.joblog import Job

# --- a run ------------------------------------------------------------------------------------------------


def test_a_script_learns_how_far_it_came(log: Log, capfd: pytest.CaptureFixture[str]) -> None:
    with Job("orders", source="crm", destination="lake") as job:
        assert (job.previous, job.watermark, job.reached) == (None, None, True)
        job.records += 3
        job.records += 4
        job.watermark = date(2026, 1, 31)
        job.message = "all of January"
    (row,) = log.rows()
    assert (row["status"], row["records_processed"], row["message"]) == ("success", 7, "all of January")
    assert (row["source"], row["destination"]) == ("crm", "lake")
    with Job("orders") as job:
        assert job.previous is not None
        assert (job.previous.id, job.previous.records, job.watermark) == (row["id"], 7, "2026-01-31")
        assert job.previous.watermark == job.watermark
        assert job.previous.start_date == datetime.fromisoformat(row["start_date"])
        assert datetime.now(UTC) - job.previous.start_date < timedelta(minutes=1)
    assert log.rows()[1]["records_processed"] is None  # nothing was said of them
    assert capfd.readouterr() == ("", "")


def test_an_exception_is_an_error_with_the_end_of_its_traceback(log: Log) -> None:
    job = Job("orders")

    def load() -> None:
        with job:
            job.watermark = 5
            job.records = 2
            raise ValueError("x" * 5000 + "\0\ud800 no such row")

    with pytest.raises(ValueError, match="no such row"):
        load()
    (row,) = log.rows()
    assert (row["status"], row["records_processed"], len(row["message"])) == ("error", 2, 4000)
    assert row["message"].endswith("x\\0\\ud800 no such row")
    with job:
        assert (job.previous, job.watermark) == (None, None)


def test_the_same_job_can_run_again(log: Log) -> None:
    job = Job("orders")
    for number in range(2):
        with job:
            assert job.records == 0
            job.records = number
    assert [row["records_processed"] for row in log.rows()] == [0, 1]


@pytest.mark.parametrize(("code", "status"), [(None, "success"), (0, "success"), (3, "error")])
def test_sys_exit_ends_a_run_as_it_ends_the_script(log: Log, code: int | None, status: str) -> None:
    with pytest.raises(SystemExit), Job("orders"):
        sys.exit(code)
    assert log.told() == [("orders", status)]


def test_ctrl_c_is_an_error(log: Log) -> None:
    with pytest.raises(KeyboardInterrupt), Job("orders"):
        signal.raise_signal(signal.SIGINT)
    assert log.told() == [("orders", "error")]
    assert "KeyboardInterrupt" in log.rows()[0]["message"]


def test_sigterm_is_an_error_and_its_handler_is_put_back(log: Log) -> None:
    with pytest.raises(SystemExit) as caught, Job("orders"):
        signal.raise_signal(signal.SIGTERM)
    assert caught.value.code == 143
    assert signal.getsignal(signal.SIGTERM) is signal.SIG_DFL
    assert log.rows()[0]["message"].endswith("stopped by SIGTERM")


def test_a_script_that_handles_sigterm_goes_on_doing_so(log: Log) -> None:
    came: list[int] = []
    before = signal.signal(signal.SIGTERM, lambda number, _: came.append(number))
    try:
        with Job("orders"):
            signal.raise_signal(signal.SIGTERM)
    finally:
        signal.signal(signal.SIGTERM, before)
    assert (came, log.told()) == ([signal.SIGTERM], [("orders", "success")])


def test_outside_of_the_main_thread_no_handler_is_installed(log: Log) -> None:
    handlers: list[Any] = []

    def run() -> None:
        with Job("orders"):
            handlers.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join(30)
    assert (handlers, log.told()) == ([signal.SIG_DFL], [("orders", "success")])


def test_each_call_of_a_decorated_function_is_a_run(log: Log) -> None:
    @Job("orders", source="crm")
    def load(count: int, *, job: Job) -> int:
        """Loads."""
        job.records = count
        return count * 2

    @Job("customers")
    async def fail() -> None:
        raise LookupError("none")

    assert (load(4), load(5), load.__doc__) == (8, 10, "Loads.")
    with pytest.raises(LookupError):
        asyncio.run(fail())
    assert log.told() == [("orders", "success"), ("orders", "success"), ("customers", "error")]
    assert [row["records_processed"] for row in log.rows()] == [4, 5, None]


@pytest.mark.parametrize("value", [object(), "x" * 65_536, "a\0b"], ids=["object", "long", "nul"])
def test_a_watermark_that_no_log_keeps_is_refused_where_it_is_set(log: Log, value: object) -> None:
    with pytest.raises((TypeError, ValueError)), Job("orders") as job:
        job.watermark = value
    assert log.told() == [("orders", "error")]


def test_a_message_is_told_as_far_as_a_log_takes_it(log: Log) -> None:
    with Job("orders") as job:
        job.message = "a\0b\ud800" + "c" * 5000
    with pytest.raises(ValueError, match="-1"), job:
        job.records = -1
    first = log.rows()[0]
    assert (first["status"], len(first["message"])) == ("success", 4000)


def test_a_second_run_in_progress_is_refused_or_takes_over(
    log: Log, capfd: pytest.CaptureFixture[str]
) -> None:
    with Job("orders"):
        with pytest.raises(Refused) as caught, Job("orders", overlap="refuse"):
            pytest.fail("it must not run")
        assert caught.value.code == "job_in_progress"
        with Job("orders", overlap="take_over"):
            pass
    assert log.told() == [("orders", "error"), ("orders", "success")]
    assert "has ended with error" in capfd.readouterr().err


def test_which_server_must_be_said(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HEADGATE_SERVER")
    with pytest.raises(UsageError) as caught, Job("orders"):
        pytest.fail("it must not run")
    assert caught.value.code == "server_needed"
    with Job("orders", url=log.url, token=log.token):
        pass
    assert log.told() == [("orders", "success")]


def test_the_server_of_this_project_is_found_as_soon_as_it_runs(
    log: Log, spool: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HEADGATE_SERVER", "HEADGATE_TOKEN"):
        monkeypatch.delenv(name)
    (tmp_path / "headgate.yml").write_text("name: four\n")
    (tmp_path / "etl").mkdir()
    monkeypatch.chdir(tmp_path / "etl")
    spool.parent.mkdir()
    (spool.parent / "admin-token").write_text(log.new_token("admin"))
    with Job("orders") as job:
        pass
    assert not job.reached
    with announced(spool.parent, log.url), Job("orders") as job:
        assert job.reached
    assert log.told() == [("orders", "success"), ("orders", "success")]


# --- a log that does not answer ---------------------------------------------------------------------------


def test_a_log_that_does_not_answer_is_told_later_once_and_in_order(
    log: Log, spool: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    log.stop()
    began = datetime.now(UTC)
    with Job("orders") as job:
        assert (job.previous, job.reached) == (None, False)
        job.records = 1
        job.watermark = 1
    with pytest.raises(ValueError, match="no"), Job("orders"):
        raise ValueError("no")
    assert "is told later" in capfd.readouterr().err
    assert waiting(spool) == [".jsonl", ".sending"]
    log.start()
    with Job("orders") as job:
        assert job.previous is not None
        assert (job.previous.records, job.watermark) == (1, 1)
        assert began <= job.previous.start_date + timedelta(seconds=1)
    assert log.told() == [("orders", "success"), ("orders", "error"), ("orders", "success")]
    assert waiting(spool) == []


def test_a_log_that_stops_during_a_run_learns_its_end_later(log: Log, spool: Path) -> None:
    with Job("orders") as job:
        job.watermark = 7
        log.stop()
    assert waiting(spool) == [".jsonl"]
    log.start()
    assert log.told() == [("orders", "in_progress")]
    with Job("orders") as job:
        assert (job.previous is not None, job.watermark) == (True, 7)
    assert log.told() == [("orders", "success"), ("orders", "success")]


def test_a_log_that_comes_back_during_a_run_learns_of_it_at_its_end(log: Log, spool: Path) -> None:
    log.stop()
    with Job("orders") as job:
        log.start()
        job.records = 5
    assert (log.told(), waiting(spool)) == ([("orders", "success")], [])


def test_an_answer_that_is_lost_makes_no_second_record(log: Log, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server carries every call out, and every answer is lost on its way until the run is over."""
    ask, lost = "headgate.client.connection.Connections.ask", True
    from headgate.client.connection import Connections, Unanswered

    answered = Connections.ask

    def ask_and_lose(self: Connections, request: Any) -> Any:
        answer = answered(self, request)
        if lost:
            raise Unanswered(ConnectionResetError("gone"), sent=True)
        return answer

    monkeypatch.setattr(ask, ask_and_lose)
    with Job("orders") as job:
        job.records = 3
    assert not job.reached
    lost = False
    with Job("orders") as job:
        assert job.previous is not None
    assert log.told() == [("orders", "success"), ("orders", "success")]


def test_the_log_itself_is_asked_only_where_that_is_strict(log: Log, spool: Path) -> None:
    log.stop()
    with pytest.raises(ServerUnavailable), Job("orders", strict=True):
        pytest.fail("it must not run")
    log.start()
    with pytest.raises(ServerUnavailable), Job("orders", strict=True):
        log.stop()
    log.start()

    @Job("orders", strict=True)
    def load() -> None:
        log.stop()
        raise ValueError("its own")

    with pytest.raises(ValueError, match="its own"):
        load()
    assert waiting(spool) == [".jsonl"]


def test_a_token_that_does_not_hold_breaks_nothing_and_can_be_mended(log: Log, spool: Path) -> None:
    other = log.new_token("joblog:customers")
    with Job("orders", token=other):
        pass
    with pytest.raises(Forbidden), Job("orders", token=other, strict=True):
        pytest.fail("it must not run")
    assert log.told() == []
    with Job("orders"):
        pass
    assert log.told() == [("orders", "success"), ("orders", "success")]
    assert waiting(spool) == []


def test_what_the_log_refuses_for_ever_is_put_aside(
    log: Log, spool: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    with Job("x" * 201):
        pass
    assert "refuses the start" in capfd.readouterr().err
    bad = LogCall(Started("orders"), Finished("success"), record_id=99)
    Spool(spool, log.url, "orders").add(bad)
    Spool(spool, log.url, "orders").add(LogCall(Started("orders")))
    with Job("orders"):
        pass
    assert "no record 99" in capfd.readouterr().err
    assert log.told() == [("orders", "in_progress"), ("orders", "success")]
    assert waiting(spool) == [".refused"]


def test_a_line_that_was_cut_off_takes_no_other_with_it(log: Log, spool: Path) -> None:
    own = Spool(spool, log.url, "orders")
    own.add(LogCall(Started("orders")))
    (path,) = spool.glob("*.jsonl")
    path.write_bytes(path.read_bytes() + b'{"place": "http')
    own.add(LogCall(Started("orders"), Finished("error")))
    with Job("orders"):
        pass
    assert log.told() == [("orders", s) for s in ("in_progress", "error", "success")]


def test_a_folder_that_cannot_be_written_breaks_nothing(
    log: Log, spool: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    spool.parent.mkdir()
    spool.write_text("a file, and no folder")
    log.stop()
    with Job("orders"):
        pass
    assert "nor can it be kept" in capfd.readouterr().err


def test_what_waits_of_other_jobs_is_sent_at_the_end_of_a_run(log: Log, spool: Path) -> None:
    for name in ("customers", "orders"):
        Spool(spool, log.url, name).add(LogCall(Started(name), Finished("success")))
    Spool(spool, "http://elsewhere:1", "orders").add(LogCall(Started("orders")))
    with Job("orders"):
        assert log.told() == [("orders", "success"), ("orders", "in_progress")]
    assert log.told() == [("orders", "success"), ("orders", "success"), ("customers", "success")]
    assert waiting(spool) == [".jsonl"]


def test_a_script_that_is_through_does_not_stay_for_the_others(
    log: Log, spool: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    log.stop()
    with Job("customers"):
        pass
    log.start()
    monkeypatch.setattr("headgate.client.log_sender.OTHERS_SECONDS", 0.0)
    with Job("orders"):
        pass
    assert (log.told(), waiting(spool)) == ([("orders", "success")], [".jsonl", ".sending"])
    monkeypatch.setattr("headgate.client.log_sender.OTHERS_SECONDS", 60.0)
    with Job("orders"):
        pass
    assert (len(log.told()), waiting(spool)) == (3, [])


# --- processes --------------------------------------------------------------------------------------------

SCRIPT = """
import sys
from headgate.client import log_sender
from headgate.joblog import Job
log_sender.PAUSES = ()
{}
"""
Run = Callable[[str], "subprocess.Popen[str]"]


@pytest.fixture
def run(log: Log) -> Iterator[Run]:
    with ExitStack() as stack:

        def start(text: str) -> subprocess.Popen[str]:
            process = subprocess.Popen(
                [sys.executable, "-c", SCRIPT.format(text)],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                text=True,
            )
            stack.callback(process.communicate)
            stack.callback(process.kill)
            return process

        yield start


WAITS = """
with Job("orders") as job:
    print("began", flush=True)
    sys.stdin.read()
"""


def test_a_script_that_is_killed_leaves_its_run_in_progress(log: Log, run: Run) -> None:
    process = run(WAITS)
    assert process.stdout is not None
    assert process.stdout.readline() == "began\n"
    process.kill()
    process.wait(30)
    assert log.told() == [("orders", "in_progress")]
    with Job("orders", overlap="take_over") as job:
        assert job.previous is None
    assert log.told() == [("orders", "error"), ("orders", "success")]


def test_a_script_that_is_killed_while_the_log_is_away_leaves_its_start(
    log: Log, run: Run, spool: Path
) -> None:
    log.stop()
    process = run(WAITS)
    assert process.stdout is not None
    assert process.stdout.readline() == "began\n"
    process.kill()
    process.wait(30)
    log.start()
    with Job("orders"):
        pass
    assert log.told() == [("orders", "in_progress"), ("orders", "success")]


def test_sigterm_ends_a_script_with_143_and_its_run_as_an_error(log: Log, run: Run) -> None:
    process = run(WAITS)
    assert process.stdout is not None
    assert process.stdout.readline() == "began\n"
    process.send_signal(signal.SIGTERM)
    assert (process.wait(30), process.communicate()[1]) == (143, "")
    assert log.told() == [("orders", "error")]
    assert "stopped by SIGTERM" in log.rows()[0]["message"]


def test_forked_children_leave_the_run_to_their_parent(log: Log, run: Run) -> None:
    process = run("""
import os
with Job("orders") as job:
    child = os.fork()
    if child == 0:
        sys.exit(5)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 5
    print("in", flush=True)
    sys.stdin.readline()
""")
    assert process.stdout is not None
    assert process.stdout.readline() == "in\n"
    assert log.told() == [("orders", "in_progress")]
    assert process.communicate("\n", timeout=30)[1] == ""
    assert log.told() == [("orders", "success")]


def test_many_processes_spool_at_once_and_everything_arrives_once(log: Log, run: Run, spool: Path) -> None:
    log.stop()
    script = """
for number in range(25):
    with Job("orders") as job:
        job.records = 100 * int({0}) + number
"""
    processes = [run(script.format(number)) for number in range(3)]
    assert [process.wait(60) for process in processes] == [0, 0, 0]
    log.start()
    senders = [run('with Job("orders"): pass') for _ in range(3)]
    assert [sender.wait(60) for sender in senders] == [0, 0, 0]
    with Job("orders"):
        pass
    rows = log.rows("order=id&records_processed=not.is.null")
    counts = [row["records_processed"] for row in rows]
    assert sorted(counts) == [100 * process + number for process in range(3) for number in range(25)]
    for process in range(3):
        own = [count for count in counts if count // 100 == process]
        assert own == sorted(own)
    assert {row["status"] for row in log.rows()} == {"success"}
    assert waiting(spool) == []


def test_a_sender_that_is_killed_loses_and_repeats_nothing(log: Log, spool: Path) -> None:
    """Lines that were taken aside are sent again from the first one: the server knows those that it has."""
    own = Spool(spool, log.url, "orders")
    calls = [LogCall(Started("orders"), Finished("success", records=number)) for number in range(3)]
    for call in calls:
        own.add(call)

    class Killed(BaseException):
        pass

    with pytest.raises(Killed):
        own.send(lambda _: (_ for _ in ()).throw(Killed()))
    with Job("orders"):
        pass
    own.add(calls[0])
    with Job("orders"):
        pass
    assert [row["records_processed"] for row in log.rows()] == [0, 1, 2, None, None]
