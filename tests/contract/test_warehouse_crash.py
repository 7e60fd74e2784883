"""kill -9 in the middle of a transaction leaves what was committed, and nothing else, on every engine."""

from __future__ import annotations

import signal
import subprocess
import sys
from contextlib import closing
from pathlib import Path

import msgspec
import pytest

from headgate.model.project import WarehouseConfig
from headgate.warehouse.open import open_warehouse

VICTIM = """
import sys
from pathlib import Path
import msgspec
from headgate.model.project import WarehouseConfig
from headgate.warehouse.open import open_warehouse

config = msgspec.json.decode(sys.argv[1], type=WarehouseConfig)
warehouse = open_warehouse(config, root=Path("."), label="victim")
warehouse.prepare()
session = warehouse.session()
for number in range(3):
    session.begin()
    session.execute(f"CREATE TABLE t{number} AS SELECT i FROM generate_series(1, 1000) AS g(i)")
    session.write_marker(run_uid="run-1", step_id=f"s{number}", fence=1, rows=1000, table=None)
    if number < 2:
        session.commit()
session.execute("DELETE FROM t0")
print("in the middle", flush=True)
if sys.argv[2:] == ["busy"]:
    session.execute(
        "SELECT sum(a.i * b.i) FROM generate_series(1, 300000) AS a(i), generate_series(1, 300000) AS b(i)"
    )
sys.stdin.read()
"""


def kill_victim(config: WarehouseConfig, *arguments: str) -> None:
    victim = subprocess.Popen(
        [sys.executable, "-c", VICTIM, msgspec.json.encode(config).decode(), *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert victim.stdout is not None
    assert victim.stdout.readline() == "in the middle\n"
    victim.send_signal(signal.SIGKILL)
    victim.communicate()


@pytest.mark.parametrize("doing", ["idle", "busy"])
def test_killed_process_leaves_committed_data_only(
    warehouse_config: WarehouseConfig, tmp_path: Path, doing: str
) -> None:
    """The heir's own writes to the same tables wait for nothing but the server noticing the lost client."""
    kill_victim(warehouse_config, doing)
    warehouse = open_warehouse(warehouse_config, root=tmp_path, label="heir", wait_seconds=0)
    with closing(warehouse), closing(warehouse.session()) as session:
        assert session.committed("run-1") == {"s0": 1000, "s1": 1000}
        assert session.execute("SELECT count(*) FROM t0").rows == [(1000,)]
        assert session.execute("SELECT count(*) FROM t1").rows == [(1000,)]
        left = "SELECT count(*) FROM information_schema.tables WHERE table_name = 't2'"
        assert session.execute(left).rows == [(0,)]
        session.begin()
        assert session.execute("DELETE FROM t0").row_count == 1000
        session.write_marker(run_uid="run-1", step_id="s2", fence=2, rows=1, table=None)
        session.commit()
        assert sorted(session.committed("run-1")) == ["s0", "s1", "s2"]


FULL_DISK = """
import resource
import sys
from pathlib import Path
from headgate.errors import StatementFailed
from headgate.model.project import WarehouseConfig
from headgate.warehouse.open import open_warehouse

config = WarehouseConfig("duckdb", {"path": "dev.duckdb", "threads": 1})
warehouse = open_warehouse(config, root=Path(sys.argv[1]), label="victim")
session = warehouse.session()
session.execute("CREATE TABLE kept AS SELECT 1 AS i")
resource.setrlimit(resource.RLIMIT_FSIZE, (3_000_000, 3_000_000))
session.begin()
try:
    session.execute("CREATE TABLE big AS SELECT i, md5(CAST(i AS varchar)) FROM range(1000000) AS g(i)")
    session.commit()
except StatementFailed as error:
    print(error.code)
session.rollback()
print(session.execute("SELECT i FROM kept").rows)
warehouse.close()
"""


def test_full_disk_fails_the_statement_and_keeps_what_was_committed(tmp_path: Path) -> None:
    """A limit on the size of files answers as a full disk does."""
    command = [sys.executable, "-c", FULL_DISK, str(tmp_path)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("disk_full\n[(1,)]\n", "")
    config = WarehouseConfig("duckdb", {"path": "dev.duckdb"})
    with closing(open_warehouse(config, root=tmp_path, label="heir")) as warehouse:
        session = warehouse.session()
        assert session.execute("SELECT i FROM kept").rows == [(1,)]
        left = "SELECT count(*) FROM information_schema.tables WHERE table_name = 'big'"
        assert session.execute(left).rows == [(0,)]
