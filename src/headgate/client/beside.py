"""The server that runs over a project's state, and what to show it: by `server.json` in the state's folder, which is
believed only while the process that wrote it lives."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from headgate.model.secret import Secret
from headgate.process import process_started

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
    return found if process_started(found.pid) == found.started else None


def admin_token(state_dir: Path) -> Secret | None:
    """The token that the first server made; None where it made none, or others may not read it."""
    try:
        text = (state_dir / TOKEN_FILE).read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError):
        return None
    return Secret(text) if text else None
