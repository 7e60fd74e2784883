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
from headgate.model.secret import Secret

NAME = "server.json"
TOKEN_FILE = "admin-token"


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
    from headgate.worker.process import (
        process_started,
    )  # loads the engine, and most often there is no such file

    return found if process_started(found.pid) == found.started else None


def require_none(state_dir: Path) -> None:
    """Raises Refused `server_running`."""
    if found := read(state_dir):
        raise Refused(
            "server_running",
            f"a server runs over this state already: {found.url} (pid {found.pid})",
            hint="use it, stop it, or serve another --state-dir",
        )


def admin_token(state_dir: Path) -> Secret | None:
    """The token that the first server made; None where it made none, or others may not read it."""
    try:
        text = (state_dir / TOKEN_FILE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Secret(text) if text else None


@contextmanager
def announced(state_dir: Path, url: str) -> Iterator[None]:
    """While inside, commands of this project find the server."""
    from headgate.worker.process import process_started

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
