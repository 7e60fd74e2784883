"""The only reader of a project's disk and of git: which files there are, their stamps and their texts.

What the files mean is decided elsewhere, from texts.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass
from pathlib import Path
from stat import S_ISREG

from headgate.errors import NotFound

PROJECT_FILE = "headgate.yml"

_TOP_FOLDERS = ("environments", "jobs", "macros", "node_types", "nodes", "subgraphs", "tests", "watches")
_SUFFIXES = (".sql", ".yml", ".yaml", ".j2")


@dataclass(frozen=True, slots=True)
class FileStamp:
    """What tells a file from an earlier state of it without reading it. `path` is relative, with `/`."""

    path: str
    size: int
    mtime_ns: int
    inode: int


@dataclass(frozen=True, slots=True)
class Version:
    """The git state of a project. `commit` is None outside a repository, or where git is absent."""

    commit: str | None = None
    dirty: bool = False


def find_root(start: Path) -> Path:
    """The nearest folder, from `start` upwards, that holds headgate.yml. Raises NotFound `not_a_project`."""
    start = start.resolve()
    for folder in (start, *start.parents):
        if (folder / PROJECT_FILE).is_file():
            return folder
    raise NotFound(
        "not_a_project",
        f"there is no {PROJECT_FILE} in {start} or above it",
        hint="change into a project folder, or make one with `headgate init`",
    )


def list_files(root: Path) -> list[FileStamp]:
    """Stamps of all files of the project, sorted by path. Hidden files and folders are passed over."""
    found: list[FileStamp] = []
    base = str(root)
    project_file = os.path.join(base, PROJECT_FILE)
    if os.path.isfile(project_file):
        found.append(_stamp(PROJECT_FILE, os.stat(project_file)))
    for top in _TOP_FOLDERS:
        _walk(os.path.join(base, top), top, found)
    found.sort(key=lambda stamp: stamp.path)
    return found


def _walk(folder: str, relative: str, found: list[FileStamp]) -> None:
    try:
        entries = os.scandir(folder)
    except (FileNotFoundError, NotADirectoryError):
        return
    with entries:
        for entry in entries:
            name = entry.name
            if name.startswith("."):
                continue
            path = f"{relative}/{name}"
            if entry.is_dir():
                if not _is_loop(entry):
                    _walk(entry.path, path, found)
            elif name.lower().endswith(
                _SUFFIXES
            ):  # NODE.SQL is none of ours, and must not be missed silently
                try:
                    stat = entry.stat()
                except FileNotFoundError:  # removed meanwhile, or a dangling link
                    continue
                if S_ISREG(stat.st_mode):  # a pipe would be read for ever
                    found.append(_stamp(path, stat))


def _is_loop(entry: os.DirEntry[str]) -> bool:
    """A linked folder that leads back above itself would never end."""
    if not entry.is_symlink():
        return False
    target = os.path.realpath(entry.path)
    return os.path.realpath(os.path.dirname(entry.path)).startswith(target)


def _stamp(path: str, stat: os.stat_result) -> FileStamp:
    return FileStamp(path, stat.st_size, stat.st_mtime_ns, stat.st_ino)


def read_bytes(root: Path, path: str) -> bytes:
    """The content of a project file. Raises OSError."""
    with open(os.path.join(root, path), "rb", buffering=0) as file:
        return file.read()


def content_digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def describe_version(root: Path) -> Version:
    """The commit that is checked out, and whether files under `root` differ from it."""
    commit = _git(root, "rev-parse", "--verify", "--quiet", "HEAD")
    if not commit:
        return Version()
    status = _git(root, "status", "--porcelain", "--untracked-files=normal", "--", ".", ":!.headgate")
    return Version(commit=commit.strip(), dirty=bool(status))


def _git(root: Path, *arguments: str) -> str | None:
    import subprocess  # a compile from the cache needs none of it

    try:
        done = subprocess.run(
            ["git", "-C", str(root), *arguments],
            capture_output=True,
            check=False,
            timeout=30,
            stdin=subprocess.DEVNULL,
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.decode("utf-8", "replace") if done.returncode == 0 else None
