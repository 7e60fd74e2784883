"""Where a running server of a project is found: `server.json` in the state's folder, believed only while the process
that wrote it lives."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict, dataclass
from pathlib import Path

from headgate.errors import Refused
from headgate.worker.process import process_started

NAME = "server.json"


@dataclass(frozen=True, slots=True)
class ServerFile:
    url: str
    pid: int
    started: float


def read(state_dir: Path) -> ServerFile | None:
    """The server that runs over this state; None where there is none."""
    try:
        found = ServerFile(**json.loads((state_dir / NAME).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        return None
    return found if process_started(found.pid) == found.started else None


def require_none(state_dir: Path) -> None:
    """Raises Refused `server_running`."""
    if found := read(state_dir):
        raise Refused(
            "server_running",
            f"a server runs over this state already: {found.url} (pid {found.pid})",
            hint="use it, stop it, or serve another --state-dir",
        )


@contextmanager
def announced(state_dir: Path, url: str) -> Iterator[None]:
    """While inside, commands of this project find the server."""
    path = state_dir / NAME
    own = ServerFile(url, os.getpid(), process_started(os.getpid()) or 0.0)
    written = path.with_name(f"{NAME}.{own.pid}")
    written.write_text(json.dumps(asdict(own)), encoding="utf-8")
    written.replace(path)
    try:
        yield
    finally:
        if read(state_dir) == own:
            with suppress(OSError):
                path.unlink()
