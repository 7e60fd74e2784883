"""The lease on a database file that only one process may open: a locked file beside it that names the holder.

The lock is the kernel's (flock), so it ends with its process, however that dies; what stands in the file is
only for people who wait.
"""

from __future__ import annotations

import fcntl
import json
import os
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TypeVar

from headgate.errors import Busy

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Holder:
    """Who has the file open. `since` is an ISO instant; empty where nothing but the process is known."""

    host: str
    pid: int
    label: str
    since: str = ""

    def __str__(self) -> str:
        return (
            f"held by pid {self.pid} on {self.host}, {self.label}" if self.pid else "held by another process"
        )


UNKNOWN_HOLDER = Holder(host="", pid=0, label="")


class FileLease:
    """Taken with `try_take`, given back with `release`. One object per holder; not for several threads."""

    def __init__(self, database: Path) -> None:
        """`database` need not exist. Links are followed, so that all names of a file share a lease."""
        resolved = database.resolve()
        self.path = resolved.with_name(resolved.name + ".lease")
        self._descriptor: int | None = None

    def try_take(self, label: str) -> Holder | None:
        """None when the lease is ours now, else who holds it."""
        while True:
            descriptor = os.open(self.path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o666)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                try:
                    return _read_holder(descriptor)
                finally:
                    os.close(descriptor)
            except BaseException:
                os.close(descriptor)
                raise
            if _still_at(self.path, descriptor):
                break
            os.close(descriptor)  # the last holder removed this file between our open and our lock
        holder = Holder(
            socket.gethostname(), os.getpid(), label, datetime.now(UTC).isoformat(timespec="seconds")
        )
        os.ftruncate(descriptor, 0)
        os.pwrite(descriptor, json.dumps(asdict(holder)).encode(), 0)
        self._descriptor = descriptor
        return None

    def release(self) -> None:
        """Idempotent. The file is removed while its lock is still held, so nobody can take a removed one."""
        if self._descriptor is None:
            return
        with suppress(FileNotFoundError):
            self.path.unlink()
        os.close(self._descriptor)
        self._descriptor = None


def wait_until_free(
    turn: Callable[[], T | Holder],
    *,
    name: str,
    on_wait: Callable[[str], None] | None,
    wait_seconds: float | None,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], None] = time.sleep,
) -> T:
    """Call `turn` until it gives something else than a Holder. Each new holder is told once to `on_wait`.

    Raises Busy `warehouse_locked` after `wait_seconds`; None waits for ever, 0 not at all.
    """
    give_up_at = None if wait_seconds is None else clock() + wait_seconds
    told: tuple[str, int] | None = None
    pause_seconds = 0.02
    while True:
        result = turn()
        if not isinstance(result, Holder):
            return result
        if give_up_at is not None and clock() >= give_up_at:
            raise Busy(
                "warehouse_locked",
                f"{name} is {result}",
                hint="a DuckDB file has one process: wait for that one to end, or stop it",
            )
        if on_wait is not None and told != (result.host, result.pid):
            told = (result.host, result.pid)
            on_wait(f"waiting for {name}: {result}")
        sleep(pause_seconds)
        pause_seconds = min(pause_seconds * 1.5, 0.25)


def _read_holder(descriptor: int) -> Holder:
    """Whoever holds the lock may be just writing its name, or be another program altogether."""
    with suppress(ValueError, TypeError):
        return Holder(**json.loads(os.pread(descriptor, 4096, 0)))
    return UNKNOWN_HOLDER


def _still_at(path: Path, descriptor: int) -> bool:
    try:
        return os.path.samestat(os.stat(path), os.fstat(descriptor))
    except FileNotFoundError:
        return False
