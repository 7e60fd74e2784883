"""A running server of a project says where it is: `client.beside` finds it by what is written here."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import asdict
from pathlib import Path

from headgate.client.beside import NAME, TOKEN_FILE, ServerFile, admin_token, read
from headgate.errors import Refused
from headgate.process import process_started

__all__ = ["NAME", "TOKEN_FILE", "ServerFile", "admin_token", "announced", "read", "require_none"]


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
