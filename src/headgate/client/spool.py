"""Calls to the job log that could not be sent: a file for each log and job, one JSON line for each call, in order.

Several processes write and send at once. Whoever sends takes the file's lines aside first, and new ones begin another
file; lines that were taken aside and not sent come before those. A process that dies while it sends leaves lines that
were carried out already: they are sent again, and carry the key that tells the server.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import msgspec

from headgate.client.log_calls import LogCall, hopeless
from headgate.errors import HeadgateError

WAITING, ASIDE, REFUSED = ".jsonl", ".sending", ".refused"


@dataclass(frozen=True, slots=True)
class Spooled:
    """One line. `place` is the log that it is meant for."""

    place: str
    call: LogCall


@dataclass(frozen=True, slots=True)
class Sent:
    """`refused` says why calls were given up; they are kept in a file of their own. `stopped` is why the rest
    waits on."""

    count: int = 0
    refused: tuple[str, ...] = ()
    stopped: HeadgateError | None = None


class Spool:
    """What waits in `folder` for one log and one job."""

    def __init__(self, folder: Path, place: str, name: str) -> None:
        self._folder = folder
        self.place = place
        self.name = name
        digest = hashlib.sha256(f"{place}\0{name}".encode(errors="surrogatepass")).hexdigest()[:16]
        self._stem = f"{re.sub(r'[^A-Za-z0-9_-]', '_', name)[:40]}-{digest}"

    def _path(self, suffix: str) -> Path:
        return self._folder / f"{self._stem}{suffix}"

    def add(self, call: LogCall) -> None:
        """It is on the disk when this returns. Raises OSError."""
        line = msgspec.json.encode(Spooled(self.place, call)) + b"\n"
        self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _locked(self._folder / "lock"):
            _append(self._path(WAITING), line)

    def send(self, deliver: Callable[[LogCall], object]) -> Sent:
        """Sends what waits, the oldest first, until `deliver` raises an error that may be over some time. Nothing where
        another process is sending. Raises OSError."""
        if not (self._path(WAITING).exists() or self._path(ASIDE).exists()):
            return Sent()
        sent = Sent()
        with _locked(self._folder / "send-lock", wait=False) as mine:
            while mine and sent.stopped is None and self._take_aside():
                sent = self._send_aside(deliver, sent)
        return sent

    def _take_aside(self) -> bool:
        """Whether there is anything to send."""
        if self._path(ASIDE).exists():
            return True
        with _locked(self._folder / "lock"), suppress(FileNotFoundError):
            self._path(WAITING).rename(self._path(ASIDE))
            return True
        return False

    def _send_aside(self, deliver: Callable[[LogCall], object], before: Sent) -> Sent:
        path = self._path(ASIDE)
        lines = path.read_bytes().splitlines(keepends=True)
        done, count, refused, stopped = 0, before.count, list(before.refused), None
        try:
            for line in lines:
                try:
                    deliver(_read(line).call)
                    count += 1
                except HeadgateError as error:
                    if not hopeless(error):
                        stopped = error
                        break
                    refused.append(str(error))
                    _append(self._path(REFUSED), line)
                except msgspec.MsgspecError:  # the disk was full, or the machine stopped
                    refused.append("a line cannot be read")
                    _append(self._path(REFUSED), line)
                done += 1
        finally:
            if done or not lines:
                _keep(path, lines[done:])
        return Sent(count, tuple(refused), stopped)


def spools(folder: Path) -> list[Spool]:
    """What waits, of all logs and jobs."""
    found: dict[tuple[str, str], Spool] = {}
    for path in sorted(folder.glob("*")):
        if path.suffix in (WAITING, ASIDE):
            for line in _readable(path):
                spool = Spool(folder, line.place, line.call.started.name)
                found.setdefault((spool.place, spool.name), spool)
                break
    return list(found.values())


def _readable(path: Path) -> Iterator[Spooled]:
    with suppress(FileNotFoundError):  # sent meanwhile
        for line in path.read_bytes().splitlines():
            with suppress(msgspec.MsgspecError):
                yield _read(line)


def _read(line: bytes) -> Spooled:
    return msgspec.json.decode(line, type=Spooled)


def _append(path: Path, line: bytes) -> None:
    descriptor = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT, 0o600)
    with open(descriptor, "r+b", buffering=0) as file:
        size = file.seek(0, os.SEEK_END)
        if size and os.pread(descriptor, 1, size - 1) != b"\n":
            line = b"\n" + line  # the one before was cut off
        file.write(line)
        os.fsync(descriptor)


def _keep(path: Path, lines: list[bytes]) -> None:
    """The rest of a file, in one step."""
    if not lines:
        path.unlink(missing_ok=True)
        return
    rest = path.with_name(f"{path.name}.rest")
    rest.unlink(missing_ok=True)
    _append(rest, b"".join(lines))
    rest.replace(path)


@contextmanager
def _locked(path: Path, *, wait: bool = True) -> Iterator[bool]:
    """Held among processes and threads; without `wait`, whether it was free."""
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX if wait else fcntl.LOCK_EX | fcntl.LOCK_NB)
        held = True
    except BlockingIOError:
        held = False
    try:
        yield held
    finally:
        os.close(descriptor)
