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
