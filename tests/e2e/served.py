"""`headgate serve` and `headgate worker` as real processes, and what a script asks a server over HTTP."""

from __future__ import annotations

import json
import signal
import subprocess
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tests.e2e.cli_support import Project, command, environment, wait_until


@contextmanager
def running(project: Project, *arguments: str, **environ: str) -> Iterator[subprocess.Popen[str]]:
    process = subprocess.Popen(
        command(*arguments),
        cwd=project.folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env=environment(**environ),
    )
    try:
        yield process
    finally:
        if process.poll() is None:
            process.kill()
        process.communicate()


class Server:
    def __init__(self, project: Project) -> None:
        self.folder = project.folder / ".headgate"
        wait_until(lambda: self.address() is not None)
        self.url: str = str(self.address())
        self.token = (self.folder / "admin-token").read_text().strip()

    def address(self) -> str | None:
        try:
            found = json.loads((self.folder / "server.json").read_text())["url"]
            with urllib.request.urlopen(f"{found}/healthz", timeout=5):
                return str(found)
        except OSError:
            return None

    def call(self, path: str, body: dict[str, Any] | None = None) -> Any:
        request = urllib.request.Request(
            f"{self.url}{path}",
            data=None if body is None else json.dumps(body).encode(),
            headers={"authorization": f"Bearer {self.token}", "content-type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.loads(answer.read() or b"null")

    def start(self, **details: object) -> int:
        run: int = self.call("/scheduler/startRun", {"runDetails": {"environmentID": "1", **details}})[
            "runCounter"
        ]
        return run

    def status(self, run: int) -> str:
        return str(self.call(f"/scheduler/runStatus?runCounter={run}")["runStatus"])


def stop(process: subprocess.Popen[str]) -> tuple[int, str]:
    process.send_signal(signal.SIGTERM)
    _, err = process.communicate(timeout=30)
    return process.returncode, err
