"""The lease on a database file: one holder, named to those who wait, gone with its process."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from headgate.errors import Busy
from headgate.warehouse.lease import UNKNOWN_HOLDER, FileLease, Holder, wait_until_free

HOLD = """
import sys
from pathlib import Path
from headgate.warehouse.lease import FileLease
assert FileLease(Path(sys.argv[1])).try_take("headgate refresh, run 12") is None
print("held", flush=True)
sys.stdin.read()
"""


def holding_process(database: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", HOLD, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


def end(process: subprocess.Popen[str]) -> None:
    process.communicate()


def test_free_lease_is_taken_and_names_its_holder(tmp_path: Path) -> None:
    lease = FileLease(tmp_path / "dev.duckdb")
    assert lease.try_take("headgate refresh, run 12") is None
    written = json.loads((tmp_path / "dev.duckdb.lease").read_text())
    assert written["pid"] == os.getpid()
    assert written["label"] == "headgate refresh, run 12"
    lease.release()


def test_second_taker_is_told_who_holds_it(tmp_path: Path) -> None:
    process = holding_process(tmp_path / "dev.duckdb")
    holder = FileLease(tmp_path / "dev.duckdb").try_take("second")
    end(process)
    assert holder is not None
    assert (holder.pid, holder.label) == (process.pid, "headgate refresh, run 12")
    assert str(holder) == f"held by pid {process.pid} on {holder.host}, headgate refresh, run 12"


def test_released_lease_can_be_taken_and_leaves_no_file(tmp_path: Path) -> None:
    first, second = FileLease(tmp_path / "dev.duckdb"), FileLease(tmp_path / "dev.duckdb")
    assert first.try_take("first") is None
    assert second.try_take("second") is not None
    first.release()
    first.release()
    assert list(tmp_path.iterdir()) == []
    assert second.try_take("second") is None
    second.release()


def test_lease_of_a_killed_process_is_free(tmp_path: Path) -> None:
    process = holding_process(tmp_path / "dev.duckdb")
    process.send_signal(signal.SIGKILL)
    end(process)
    assert (tmp_path / "dev.duckdb.lease").exists()
    lease = FileLease(tmp_path / "dev.duckdb")
    assert lease.try_take("next") is None
    lease.release()


def test_names_of_one_file_share_its_lease(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir()
    (tmp_path / "data" / "dev.duckdb").touch()
    (tmp_path / "link.duckdb").symlink_to(tmp_path / "data" / "dev.duckdb")
    (tmp_path / "folder").symlink_to(tmp_path / "data")
    lease = FileLease(tmp_path / "data" / "dev.duckdb")
    assert lease.try_take("first") is None
    assert FileLease(tmp_path / "link.duckdb").try_take("second") is not None
    assert FileLease(tmp_path / "folder" / ".." / "data" / "dev.duckdb").try_take("third") is not None
    lease.release()


def test_unreadable_holder_is_another_process(tmp_path: Path) -> None:
    lease = FileLease(tmp_path / "dev.duckdb")
    assert lease.try_take("first") is None
    for content in ("", "{", "[]", '{"host": "h"}', '{"host": "h", "pid": 1, "label": "l", "more": 2}'):
        lease.path.write_text(content)
        assert FileLease(tmp_path / "dev.duckdb").try_take("second") == UNKNOWN_HOLDER
    assert str(UNKNOWN_HOLDER) == "held by another process"
    lease.release()


def test_many_takers_never_hold_it_together(tmp_path: Path) -> None:
    """Each taker removes the file on release, so a lock on a removed file must not count."""
    holding = threading.Lock()
    overlaps: list[int] = []
    taken: list[int] = []

    def take_often() -> None:
        lease = FileLease(tmp_path / "dev.duckdb")
        for _ in range(50):
            while lease.try_take("taker") is not None:
                pass
            if not holding.acquire(blocking=False):
                overlaps.append(len(taken))
                lease.release()
                return
            taken.append(len(taken))
            holding.release()
            lease.release()

    threads = [threading.Thread(target=take_often) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert overlaps == []
    assert len(taken) == 200


def test_waiting_tells_each_holder_once_and_then_gives_the_result() -> None:
    one, two = Holder("h", 1, "refresh"), Holder("h", 2, "deploy")
    turns = iter([one, one, two, two, "opened"])
    told: list[str] = []
    result = wait_until_free(
        lambda: next(turns),
        name="data/dev.duckdb",
        on_wait=told.append,
        wait_seconds=None,
        sleep=lambda _: None,
    )
    assert result == "opened"
    assert told == [
        "waiting for data/dev.duckdb: held by pid 1 on h, refresh",
        "waiting for data/dev.duckdb: held by pid 2 on h, deploy",
    ]


def test_waiting_gives_up_after_its_time() -> None:
    now = [0.0]

    def sleep(seconds: float) -> None:
        now[0] += seconds

    with pytest.raises(Busy, match=r"data/dev\.duckdb is held by pid 1 on h, refresh") as caught:
        wait_until_free(
            lambda: Holder("h", 1, "refresh"),
            name="data/dev.duckdb",
            on_wait=None,
            wait_seconds=2,
            clock=lambda: now[0],
            sleep=sleep,
        )
    assert caught.value.code == "warehouse_locked"
    assert 2 <= now[0] < 2.5


def test_waiting_zero_seconds_does_not_wait() -> None:
    slept: list[float] = []
    with pytest.raises(Busy):
        wait_until_free(lambda: UNKNOWN_HOLDER, name="x", on_wait=None, wait_seconds=0, sleep=slept.append)
    assert slept == []


def test_interrupt_while_waiting_goes_through() -> None:
    def interrupted(_: float) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        wait_until_free(lambda: UNKNOWN_HOLDER, name="x", on_wait=None, wait_seconds=None, sleep=interrupted)
