"""What only a DuckDB file has: one process, one shared instance, a log that replays, nothing downloaded."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb
import pytest

from headgate.errors import Busy, Refused, StatementFailed, WarehouseUnavailable
from headgate.model.project import WarehouseConfig
from headgate.warehouse.base import Warehouse
from headgate.warehouse.open import open_warehouse

FILE = WarehouseConfig("duckdb", {"path": "data/dev.duckdb"})

OPEN_AND_HOLD = """
import sys
from pathlib import Path
from headgate.model.project import WarehouseConfig
from headgate.warehouse.open import open_warehouse
warehouse = open_warehouse(
    WarehouseConfig("duckdb", {"path": "data/dev.duckdb"}), root=Path(sys.argv[1]), label="headgate refresh, run 12"
)
print("held", flush=True)
sys.stdin.read()
warehouse.close()
"""
FOREIGN_HOLD = """
import sys, duckdb
connection = duckdb.connect(sys.argv[1] + "/data/dev.duckdb")
print("held", flush=True)
sys.stdin.read()
connection.close()
"""


def opened(root: Path, config: WarehouseConfig = FILE, **keywords: Any) -> Warehouse:
    return open_warehouse(config, root=root, label="headgate deploy, run 13", **keywords)


def started(code: str, root: Path) -> subprocess.Popen[str]:
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(root)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    )
    assert process.stdout is not None
    assert process.stdout.readline() == "held\n"
    return process


@pytest.fixture
def root(tmp_path: Path) -> Path:
    with closing(opened(tmp_path)):
        pass
    return tmp_path


def test_relative_path_makes_its_folder_and_leaves_no_lease(tmp_path: Path) -> None:
    with closing(opened(tmp_path)):
        assert (tmp_path / "data" / "dev.duckdb.lease").exists()
    assert [path.name for path in (tmp_path / "data").iterdir()] == ["dev.duckdb"]


@pytest.mark.parametrize(
    ("code", "label"), [(OPEN_AND_HOLD, "headgate refresh, run 12"), (FOREIGN_HOLD, "python")]
)
def test_second_process_waits_and_says_for_whom(root: Path, code: str, label: str) -> None:
    """The holder ends when it is told that somebody waits."""
    holder = started(code, root)
    told: list[str] = []

    def on_wait(text: str) -> None:
        told.append(text)
        assert holder.stdin is not None
        holder.stdin.close()

    with closing(opened(root, on_wait=on_wait)) as warehouse, closing(warehouse.session()) as session:
        assert session.execute("SELECT 1").rows == [(1,)]
    assert holder.stdout is not None
    holder.stdout.close()
    assert holder.wait() == 0
    assert len(told) == 1
    assert told[0].startswith(f"waiting for data/dev.duckdb: held by pid {holder.pid} on ")
    assert label in told[0]


@pytest.mark.parametrize("code", [OPEN_AND_HOLD, FOREIGN_HOLD])
def test_file_that_stays_held_is_busy(root: Path, code: str) -> None:
    holder = started(code, root)
    with pytest.raises(Busy, match=f"data/dev.duckdb is held by pid {holder.pid}") as caught:
        opened(root, wait_seconds=0)
    assert caught.value.code == "warehouse_locked"
    holder.communicate()
    if code == OPEN_AND_HOLD:
        assert not (root / "data" / "dev.duckdb.lease").exists()


def test_file_of_a_killed_process_opens_at_once(root: Path) -> None:
    holder = started(OPEN_AND_HOLD, root)
    holder.send_signal(signal.SIGKILL)
    holder.communicate()
    with closing(opened(root, wait_seconds=0)):
        pass


def test_warehouses_of_one_process_share_the_file(root: Path) -> None:
    (root / "link.duckdb").symlink_to(root / "data" / "dev.duckdb")
    first = opened(root)
    second = opened(root, WarehouseConfig("duckdb", {"path": "link.duckdb"}))
    with closing(first.session()) as session:
        session.execute("CREATE TABLE t AS SELECT 1 AS i")
    first.close()
    first.close()
    with closing(second.session()) as session:
        assert session.execute("SELECT i FROM t").rows == [(1,)]
    assert (root / "data" / "dev.duckdb.lease").exists()
    second.close()
    assert not (root / "data" / "dev.duckdb.lease").exists()


def test_other_settings_for_an_open_file_are_refused(root: Path) -> None:
    with closing(opened(root)), pytest.raises(Refused) as caught:
        opened(root, WarehouseConfig("duckdb", {"path": "data/dev.duckdb", "threads": 1}))
    assert caught.value.code == "warehouse_settings_differ"


def test_many_threads_open_one_file_once(root: Path) -> None:
    warehouses: list[Warehouse] = []
    threads = [threading.Thread(target=lambda: warehouses.append(opened(root))) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for warehouse in warehouses:
        warehouse.close()
    assert len(warehouses) == 8
    assert not (root / "data" / "dev.duckdb.lease").exists()


def test_sessions_of_a_closed_warehouse_are_closed(root: Path) -> None:
    warehouse = opened(root)
    session = warehouse.session()
    warehouse.close()
    for use in (lambda: session.execute("SELECT 1"), warehouse.session):
        with pytest.raises(WarehouseUnavailable):
            use()


def test_settings_reach_duckdb(tmp_path: Path) -> None:
    options = {"path": ":memory:", "threads": 1, "settings": {"preserve_insertion_order": False}}
    with closing(opened(tmp_path, WarehouseConfig("duckdb", options))) as warehouse:
        assert warehouse.max_statements == 1
        session = warehouse.session()
        answer = session.execute(
            "SELECT current_setting('preserve_insertion_order'), current_setting('threads')"
        )
        assert answer.rows == [(False, 1)]


def test_nothing_is_downloaded(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as warehouse:
        session = warehouse.session()
        names = "('autoinstall_known_extensions', 'autoload_known_extensions')"
        settings = session.execute(f"SELECT value FROM duckdb_settings() WHERE name IN {names}").rows
        assert settings == [("false",), ("false",)]
        with pytest.raises(StatementFailed):
            session.execute("SELECT * FROM read_csv('https://127.0.0.1:1/x.csv')")


def test_instants_inside_other_types_come_back_as_text(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as warehouse:
        sql = "SELECT [TIMESTAMPTZ '2024-01-01 00:00:00+00'] AS a, NULL::TIMESTAMPTZ AS b LIMIT 1;"
        assert warehouse.session().execute(sql).rows == [("['2024-01-01 00:00:00+00']", None)]


def test_instants_returned_by_a_change_are_an_error_not_a_second_change(tmp_path: Path) -> None:
    with closing(opened(tmp_path)) as warehouse:
        session = warehouse.session()
        session.execute("CREATE TABLE t (seen TIMESTAMPTZ)")
        session.begin()
        with pytest.raises(StatementFailed):
            session.execute("INSERT INTO t VALUES ('2024-01-01 00:00:00+00') RETURNING seen")
        session.rollback()
        assert session.execute("SELECT count(*) FROM t").rows == [(0,)]


@pytest.mark.parametrize(
    ("content", "code"),
    [(b"garbage" * 1000, "warehouse_corrupt"), (b"short", "warehouse_corrupt")],
)
def test_file_that_is_no_database_is_left_alone(tmp_path: Path, content: bytes, code: str) -> None:
    path = tmp_path / "dev.duckdb"
    path.write_bytes(content)
    with pytest.raises(WarehouseUnavailable, match="not a DuckDB database") as caught:
        opened(tmp_path, WarehouseConfig("duckdb", {"path": "dev.duckdb"}))
    assert caught.value.code == code
    assert path.read_bytes() == content
    assert [entry.name for entry in tmp_path.iterdir()] == ["dev.duckdb"]


def test_damaged_file_is_named_corrupt(root: Path) -> None:
    path = root / "data" / "dev.duckdb"
    content = bytearray(path.read_bytes())
    content[12] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(WarehouseUnavailable, match=r"^data/dev\.duckdb: Corrupt") as caught:
        opened(root)
    assert caught.value.code == "warehouse_corrupt"


@pytest.mark.parametrize("path", ["", "folder", "/nonexistent/dev.duckdb"])
def test_unusable_path_is_named(tmp_path: Path, path: str) -> None:
    (tmp_path / "folder").mkdir()
    with pytest.raises(WarehouseUnavailable, match=path or "folder"):
        opened(tmp_path, WarehouseConfig("duckdb", {"path": path}))


def test_database_path_does_not_inherit_a_client_time_zone(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TZ", "America/New_York")
    with closing(opened(tmp_path)) as warehouse:
        assert warehouse.session().execute("SELECT current_setting('TimeZone')").rows == [("UTC",)]


def test_foreign_lock_does_not_keep_our_lease(root: Path) -> None:
    """While another program holds the file, whoever waits must not hold the lease over its sleep."""
    holder = started(FOREIGN_HOLD, root)
    with pytest.raises(Busy):
        opened(root, wait_seconds=0)
    assert not (root / "data" / "dev.duckdb.lease").exists()
    holder.communicate()
    duckdb.connect(str(root / "data" / "dev.duckdb")).close()
    assert os.listdir(root / "data") == ["dev.duckdb"]
