"""Summarizes many files on several cores: this process, and helpers that speak msgpack over pipes.

A helper is a plain `python -c`, not multiprocessing: it never imports the caller's main module, needs no
guard there, and forks no threads. Where a helper cannot start or dies, this process does its share.
"""

from __future__ import annotations

import subprocess
import sys
from collections import deque
from collections.abc import Sequence
from threading import Thread
from typing import IO

import msgspec

from headgate.compile.file_summary import Context, Summarizer

Work = tuple[str, bytes]
"""A file's path and content."""

_LENGTH_BYTES = 8
_BATCH = 40
WORTH_A_HELPER = 400
"""Below this many files a helper's start costs more than it saves."""


def summarize_all(context: Context, work: Sequence[Work], processes: int) -> dict[str, bytes]:
    """Encoded summaries by path."""
    batches = deque(list(work[start : start + _BATCH]) for start in range(0, len(work), _BATCH))
    results: dict[str, bytes] = {}
    threads = []
    if len(work) >= WORTH_A_HELPER:
        for _ in range(processes - 1):
            thread = Thread(target=_feed_helper, args=(context, batches, results), daemon=True)
            thread.start()
            threads.append(thread)
    summarizer = Summarizer(context)
    while True:
        while batch := _take(batches):
            results.update(_summarize(summarizer, batch))
        for thread in threads:
            thread.join()
        if not batches:  # a helper that died has put its batch back
            return results


def _take(batches: deque[list[Work]]) -> list[Work] | None:
    try:
        return batches.popleft()
    except IndexError:
        return None


def _summarize(summarizer: Summarizer, batch: Sequence[Work]) -> dict[str, bytes]:
    encode = msgspec.msgpack.encode
    return {path: encode(summarizer.summarize(path, content)) for path, content in batch}


def _feed_helper(context: Context, batches: deque[list[Work]], results: dict[str, bytes]) -> None:
    code = f"import sys; sys.path[:] = {sys.path!r}; from headgate.compile.pool import serve; serve()"
    try:
        helper = subprocess.Popen(
            [sys.executable, "-c", code],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
        )
    except OSError:
        return
    assert helper.stdin is not None
    assert helper.stdout is not None
    batch: list[Work] | None = None
    with helper:
        try:
            _send(helper.stdin, msgspec.msgpack.encode(context))
            while batch := _take(batches):
                _send(helper.stdin, msgspec.msgpack.encode(batch))
                results.update(msgspec.msgpack.decode(_receive(helper.stdout), type=dict[str, bytes]))
        except (OSError, EOFError, msgspec.DecodeError):
            if batch:
                batches.append(batch)


def serve() -> None:
    """The helper's side: one context, then batches until the pipe closes."""
    import gc

    gc.freeze()
    stdin, stdout = sys.stdin.buffer, sys.stdout.buffer
    summarizer = Summarizer(msgspec.msgpack.decode(_receive(stdin), type=Context))
    try:
        while True:
            batch = msgspec.msgpack.decode(_receive(stdin), type=list[Work])
            _send(stdout, msgspec.msgpack.encode(_summarize(summarizer, batch)))
    except (EOFError, OSError, KeyboardInterrupt):
        return


def _send(pipe: IO[bytes], payload: bytes) -> None:
    pipe.write(len(payload).to_bytes(_LENGTH_BYTES, "big"))
    pipe.write(payload)
    pipe.flush()


def _receive(pipe: IO[bytes]) -> bytes:
    length = pipe.read(_LENGTH_BYTES)
    if len(length) < _LENGTH_BYTES:
        raise EOFError
    payload = pipe.read(int.from_bytes(length, "big"))
    if len(payload) < int.from_bytes(length, "big"):
        raise EOFError
    return payload
