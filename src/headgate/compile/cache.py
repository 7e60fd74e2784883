"""The compile cache: two files, written whole. Never needed for correctness: any fault means "no cache".

`project` holds the last good compile with the stamps of its files; `files` the summaries by content. Both
begin with a checksum and with a stamp of all code that made them.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import sys
import zlib
from functools import cache
from importlib.util import find_spec
from pathlib import Path

import msgspec

from headgate import __version__
from headgate.errors import Diagnostic
from headgate.joblog.watch import FileWatch
from headgate.model.project import Environment

_CHECKSUM_BYTES = 4
_RACY_NS = 2_000_000_000
"""A file changed this shortly before it was read may change again without a new time stamp (git's rule)."""


class FileRecord(msgspec.Struct, array_like=True, gc=False):
    """A file as last read. `jinja`: it holds template marks, so its meaning depends on macros and parameters."""

    path: str
    size: int
    mtime_ns: int
    inode: int
    digest: str
    jinja: bool


class SavedProject(msgspec.Struct, array_like=True, gc=False):
    """`shared_digest` covers what all nodes depend on: headgate.yml, macros, node types, parameters."""

    stamp: str
    saved_at_ns: int
    files: list[FileRecord]
    shared_digest: str
    manifest_digest: str
    manifest_json: bytes
    environments: dict[str, Environment]
    watches: dict[str, FileWatch]
    warnings: tuple[Diagnostic, ...]

    def trusts(self, record: FileRecord) -> bool:
        return record.mtime_ns < self.saved_at_ns - _RACY_NS


class SavedFiles(msgspec.Struct, array_like=True, gc=False):
    stamp: str
    summaries: dict[str, msgspec.Raw]


class Cache:
    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def read_project(self) -> SavedProject | None:
        content = self._read("project")
        try:
            saved = msgspec.msgpack.decode(content, type=SavedProject) if content else None
        except (msgspec.DecodeError, ValueError):
            return None
        return saved if saved is not None and saved.stamp == code_stamp() else None

    def write_project(self, saved: SavedProject) -> None:
        self._write("project", msgspec.msgpack.encode(saved))

    def read_files(self) -> dict[str, msgspec.Raw]:
        content = self._read("files")
        try:
            saved = msgspec.msgpack.decode(content, type=SavedFiles) if content else None
        except (msgspec.DecodeError, ValueError):
            return {}
        return saved.summaries if saved is not None and saved.stamp == code_stamp() else {}

    def write_files(self, summaries: dict[str, msgspec.Raw]) -> None:
        self._write("files", msgspec.msgpack.encode(SavedFiles(code_stamp(), summaries)))

    def _read(self, name: str) -> memoryview | None:
        try:
            with open(self.folder / name, "rb", buffering=0) as file:
                content = memoryview(file.read())
        except OSError:
            return None
        checksum, payload = content[:_CHECKSUM_BYTES], content[_CHECKSUM_BYTES:]
        return payload if checksum == _checksum(payload) else None

    def _write(self, name: str, payload: bytes) -> None:
        """Put the file in place at once, or leave the old one: a full or read-only disk is no error."""
        if not code_stamp():
            return
        temporary = None
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
            temporary = self.folder / f".{name}-{os.getpid()}-{os.urandom(4).hex()}"
            with open(temporary, "xb", buffering=0) as file:
                file.write(_checksum(payload))
                written = file.write(payload)
            if written == len(payload):
                os.replace(temporary, self.folder / name)
                temporary = None
        except OSError:
            pass
        finally:
            if temporary is not None:
                with contextlib.suppress(OSError):
                    os.unlink(temporary)


def _checksum(payload: bytes | memoryview) -> bytes:
    return zlib.crc32(payload).to_bytes(_CHECKSUM_BYTES, "big")


@cache
def code_stamp() -> str:
    """A digest of everything that decides what a summary is; empty (nothing is cached) where it cannot be told."""
    parts = [__version__, sys.version]
    digest = hashlib.sha256()
    try:
        own = Path(__file__).parent
        files = [*sorted(own.glob("*.py")), own.parent / "model" / "project.py"]
        files += [own.parent / name for name in ("interval.py", "duration.py", "joblog/watch.py")]
        files += sorted((own.parent / "selector").glob("*.py"))
        for package, marker in (
            ("sqlglot", "_version.py"),
            ("jinja2", "__init__.py"),
            ("yaml", "__init__.py"),
        ):
            spec = find_spec(package)
            if spec is None or spec.origin is None:
                return ""
            folder = Path(spec.origin).parent
            parts.append(str(folder))
            files.append(folder / marker)
        for file in files:
            content = file.read_bytes()
            digest.update(f"{file.name}:{len(content)}\n".encode())
            digest.update(content)
    except OSError:
        return ""
    digest.update("\n".join(parts).encode())
    return digest.hexdigest()
