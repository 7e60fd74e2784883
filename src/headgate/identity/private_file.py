"""Files for their owner's eyes alone, written whole or not at all."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path

from headgate.errors import StateError


def write_private(path: Path, text: str) -> None:
    """Replaces the file. Raises StateError `state_read_only`."""
    _write(path, text, replace=True)


def write_new(path: Path, text: str) -> None:
    """Leaves a file that is there already as it is. Raises StateError `state_read_only`."""
    _write(path, text, replace=False)


def _linked(temporary: str, path: Path) -> bool:
    """Whether `path` is there now: as ours, or as somebody else's who was faster. A file system may know no links."""
    try:
        os.link(temporary, path)
    except OSError:
        return path.exists()
    return True


def _write(path: Path, text: str, *, replace: bool) -> None:
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        # mkstemp opens with mode 0600, whatever the umask.
        handle, temporary = tempfile.mkstemp(prefix=f".{path.name}.", dir=path.parent)
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
                file.flush()
                os.fsync(file.fileno())
            if replace or not _linked(temporary, path):
                os.replace(temporary, path)
        finally:
            with suppress(FileNotFoundError):
                os.unlink(temporary)
    except OSError as error:
        raise StateError(
            "state_read_only",
            f"cannot write {path}: {error.strerror}",
            hint="make the folder writable, or choose another one (HEADGATE_STATE_DIR)",
        ) from error
