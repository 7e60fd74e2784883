"""What a user would run instead, measured alike. Each lives in an environment of its own."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import tempfile
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

from figures import Figure
from servers import resident_mb

# One no-op task; eight worker processes, as many jobs, until the queue is empty.
PROCRASTINATE = """
import json, subprocess, sys, time
import procrastinate
url, jobs = sys.argv[1], int(sys.argv[2])
app = procrastinate.App(connector=procrastinate.SyncPsycopgConnector(conninfo=url))
with app.open():
    app.schema_manager.apply_schema()
    task = app.configure_task("noop")
    for _ in range(0, jobs, 100):
        task.batch_defer(*({} for _ in range(100)))
WORKER = '''
import asyncio, sys, procrastinate
app = procrastinate.App(connector=procrastinate.PsycopgConnector(conninfo=sys.argv[1]))
@app.task(name="noop")
def noop(): pass
sys.stdin.readline()
async def main():
    async with app.open_async():
        await app.run_worker_async(wait=False, install_signal_handlers=False, concurrency=1)
asyncio.run(main())
'''
workers = [subprocess.Popen([sys.executable, "-c", WORKER, url], stdin=subprocess.PIPE) for _ in range(8)]
time.sleep(3)
began = time.time()
for worker in workers:
    worker.stdin.write(b"go\\n"); worker.stdin.close()
for worker in workers:
    worker.wait()
lasted = time.time() - began
with app.open():
    (row,) = app.connector.execute_query_all("SELECT count(*) AS n FROM procrastinate_jobs WHERE status = 'succeeded'")
assert row["n"] == jobs, row
print(json.dumps(lasted))
"""


def procrastinate_claims(python: Path, url: str, jobs: int) -> Figure:
    done = subprocess.run(
        [str(python), "-c", PROCRASTINATE, url, str(jobs)], capture_output=True, text=True, check=True
    )
    return Figure("jobs claimed and ended by 8 processes", jobs / float(json.loads(done.stdout)), "/s")


SERVERS = {
    "prefect": (["server", "start", "--port", "{port}"], "/api/health"),
    "dagster": (["dev", "--empty-workspace", "--port", "{port}"], "/server_info"),
}


def server_at_rest(name: str, command: Path) -> Iterator[Figure]:
    """How long it takes to its first answer, and what all its processes hold ten seconds later."""
    arguments, path = SERVERS[name]
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with tempfile.TemporaryDirectory(prefix=f"headgate-{name}-") as folder:
        environ = {**os.environ, "PREFECT_HOME": folder, "DAGSTER_HOME": folder, "DO_NOT_TRACK": "1"}
        environ |= {"PREFECT_SERVER_ANALYTICS_ENABLED": "false"}
        Path(folder, "dagster.yaml").write_text("telemetry: {enabled: false}\n")
        environ["PATH"] = f"{command.parent}:{environ['PATH']}"
        began = time.perf_counter()
        process = subprocess.Popen(
            [str(command), *(word.format(port=port) for word in arguments)],
            cwd=folder,
            env=environ,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            while process.poll() is None and time.perf_counter() - began < 120:
                try:
                    urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5).close()
                    break
                except OSError:
                    time.sleep(0.05)
            else:
                raise RuntimeError(f"{name} gave no answer")
            yield Figure("server start to first answer", time.perf_counter() - began, "s")
            time.sleep(10)
            yield Figure("memory at rest, all its processes", memory_mb(process.pid), "MB")
        finally:
            process.terminate()
            process.wait(60)


def memory_mb(pid: int) -> float:
    """What a process and all below it hold."""
    try:
        below = [
            child
            for path in Path(f"/proc/{pid}/task").glob("*/children")
            for child in path.read_text().split()
        ]
        return resident_mb(pid) + sum(memory_mb(int(child)) for child in below)
    except (FileNotFoundError, ProcessLookupError):  # it has ended meanwhile
        return 0.0
