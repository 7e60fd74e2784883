"""The file of `--out`: made sure of before a run starts, and put in place whole when it has ended."""

from __future__ import annotations

import os
import tempfile
from contextlib import suppress
from pathlib import Path
from types import TracebackType
from typing import Self

from headgate.errors import HeadgateError, UsageError


class OutFile:
    """Writes beside `path` and renames, so that a reader never sees half a file. What stood there stays until
    then, and for good where nothing is written. A path that is no ordinary file (a pipe, /dev/null) is written
    to as it is."""

    def __init__(self, path: Path | None) -> None:
        """Raises UsageError `out_not_writable`."""
        self.path = path
        self._descriptor: int | None = None
        self._temporary: str | None = None
        if path is None:
            return
        try:
            if path.exists() and not path.is_file():
                self._descriptor = os.open(path, os.O_WRONLY)
            else:
                target = path.resolve()
                self._descriptor, self._temporary = tempfile.mkstemp(
                    dir=target.parent, prefix=f".{target.name}-"
                )
        except OSError as error:
            raise UsageError(
                "out_not_writable",
                f"cannot write to {path}: {(error.strerror or str(error)).lower()}",
                hint="name a file in a folder that exists and that you may write to",
            ) from error

    def write(self, content: bytes) -> None:
        """Raises HeadgateError `out_failed`; the run itself is recorded in any case."""
        if self.path is None or self._descriptor is None:
            return
        try:
            with os.fdopen(self._descriptor, "wb") as file:
                self._descriptor = None
                file.write(content)
            if self._temporary is not None:
                umask = os.umask(0)
                os.umask(umask)
                os.chmod(self._temporary, 0o666 & ~umask)
                os.replace(self._temporary, self.path.resolve())
                self._temporary = None
        except OSError as error:
            raise HeadgateError(
                "out_failed",
                f"the results could not be written to {self.path}: {error.strerror}",
                hint="the run is recorded: headgate logs shows it",
            ) from error

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._descriptor is not None:
            os.close(self._descriptor)
        if self._temporary is not None:
            with suppress(OSError):
                os.unlink(self._temporary)
