"""A command of somebody else, carried out as if nobody stood between: its output goes through, its end is kept, signals
reach it, and its exit code is the result."""

from __future__ import annotations

import os
import signal
import subprocess
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from types import FrameType
from typing import IO

from headgate.cli.output import say

MOST_KEPT = 32_000
"""Bytes of the output's end."""
LEFT_SECONDS = 5.0
"""How long the output of what the command has left behind is waited for."""

NOT_EXECUTABLE, NOT_FOUND = 126, 127


@dataclass(frozen=True, slots=True)
class Executed:
    """`output` is the end of both streams, line by line as they came."""

    code: int
    output: str


def execute(command: Sequence[str], more: Mapping[str, str], *, stdout_to: int = 1) -> Executed:
    """Carries out a command, with `more` variables; its stdout goes on to that descriptor. 126, 127 and 128 + signal
    mean what they mean in a shell."""
    with _forwarded() as children:
        try:
            child = subprocess.Popen(
                command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env={**os.environ, **more}, bufsize=0
            )
        except FileNotFoundError as error:
            return _unstarted(NOT_FOUND, command[0], error)
        except OSError as error:
            return _unstarted(NOT_EXECUTABLE, command[0], error)
        children.add(child)
        code, tail = _watched(child, stdout_to)
    return Executed(code if code >= 0 else 128 - code, tail)


def _unstarted(code: int, name: str, error: OSError) -> Executed:
    text = f"{name}: {error.strerror}"
    say(text)
    return Executed(code, text)


class _Children:
    """Gets every signal that comes, also one that comes before the command has begun."""

    def __init__(self) -> None:
        self._child: subprocess.Popen[bytes] | None = None
        self._early: list[int] = []

    def add(self, child: subprocess.Popen[bytes]) -> None:
        self._child = child
        for number in self._early:
            child.send_signal(number)

    def handle(self, number: int, _: FrameType | None) -> None:
        if number == signal.SIGINT and os.isatty(0):
            return  # the terminal has sent it to the command as well
        if self._child is None:
            self._early.append(number)
        else:
            self._child.send_signal(number)


@contextmanager
def _forwarded() -> Iterator[_Children]:
    children = _Children()
    all_ = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
    taken = [number for number in all_ if signal.getsignal(number) is not signal.SIG_IGN]  # as under nohup
    before = {number: signal.signal(number, children.handle) for number in taken}
    try:
        yield children
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _watched(child: subprocess.Popen[bytes], stdout_to: int) -> tuple[int, str]:
    kept = bytearray()
    lock = threading.Lock()

    def keep(lines: bytes) -> None:
        with lock:
            kept.extend(lines)
            del kept[:-MOST_KEPT]

    def copy(stream: IO[bytes], to: int) -> None:
        begun = b""  # a line of which the rest is to come: the other stream must not fall into it
        with stream, suppress(OSError):  # where nobody reads it any more, the command learns that too
            while piece := os.read(stream.fileno(), 65_536):
                whole, end, begun = (begun + piece).rpartition(b"\n")
                if len(begun) > MOST_KEPT:
                    whole, end, begun = whole + end, begun, b""
                keep(whole + end)
                _write(to, piece)
        keep(begun + b"\n" if begun else b"")

    assert child.stdout is not None
    assert child.stderr is not None
    copies = [
        threading.Thread(target=copy, args=(stream, to), daemon=True)
        for stream, to in ((child.stdout, stdout_to), (child.stderr, 2))
    ]
    for one in copies:
        one.start()
    code = child.wait()
    for one in copies:
        one.join(LEFT_SECONDS)
    with lock:
        return code, bytes(kept).decode("utf-8", errors="replace")


def _write(to: int, piece: bytes) -> None:
    view = memoryview(piece)
    while view:
        view = view[os.write(to, view) :]
