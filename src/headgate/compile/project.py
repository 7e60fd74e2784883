"""The way through a compile: list, look into the cache, summarize what changed, assemble, save."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from pathlib import Path

from headgate.compile.cache import Cache, FileRecord, SavedProject, code_stamp
from headgate.compile.manifest_file import decode_manifest, encode_manifest, manifest_digest, paused_collector
from headgate.compile.source import PROJECT_FILE, FileStamp, content_digest, list_files, read_bytes
from headgate.errors import Diagnostic, HeadgateError, NotFound, ProjectError, UsageError
from headgate.joblog.watch import FileWatch
from headgate.model.project import Environment, Manifest

CACHE_FOLDER = ".headgate/cache"
_FEW_FILES = 100
_OF_THE_PROJECT = frozenset({"unknown_location", "unknown_node", "unknown_parameter"})
"""What only seems to be missing where headgate.yml, which would define it, cannot be read."""


@dataclass(frozen=True, slots=True)
class Stats:
    files_seen: int
    files_parsed: int


@dataclass(frozen=True, slots=True)
class Compiled:
    """`manifest_json` is the manifest in its canonical form, `manifest_digest` that text's sha256."""

    manifest: Manifest
    manifest_digest: str
    manifest_json: bytes
    environments: dict[str, Environment]
    watches: dict[str, FileWatch]
    warnings: tuple[Diagnostic, ...]
    stats: Stats


def compile_project(root: Path, *, cache_dir: Path | None = None, processes: int | None = None) -> Compiled:
    """Compile the project whose headgate.yml stands in `root`.

    Raises ProjectError with every diagnostic, in the order of files and lines; NotFound `not_a_project`.
    An unchanged project costs no parser: its manifest comes from the cache.
    """
    root = root.resolve()
    if not (root / PROJECT_FILE).is_file():
        hint = "change into a project folder, or make one with `headgate init`"
        raise NotFound("not_a_project", f"there is no {PROJECT_FILE} in {root}", hint=hint)
    cache = Cache(cache_dir or root / CACHE_FOLDER)
    started_ns = time.time_ns()
    with paused_collector():
        saved = cache.read_project()
        files = _Files(root, list_files(root), saved)
    if saved is not None and files.same_as_saved:
        unchanged = _from_saved(saved, len(files.records))
        if unchanged is not None:
            if files.reread:
                cache.write_project(_restamped(saved, files.records, started_ns))
            return unchanged
    return _compile(files, cache, saved, started_ns, processes or os.cpu_count() or 1)


class _Files:
    """The project's files now, against those of the last compile. `contents` are those that had to be read."""

    def __init__(self, root: Path, stamps: list[FileStamp], saved: SavedProject | None) -> None:
        known = {record.path: record for record in saved.files} if saved is not None else {}
        self.root = root
        self.contents: dict[str, bytes] = {}
        self.records: list[FileRecord] = []
        self.changed: set[str] = set()
        for stamp in stamps:
            before = known.get(stamp.path)
            if before is not None and saved is not None and saved.trusts(before) and _same(before, stamp):
                self.records.append(before)
                continue
            content = self._read(stamp.path)
            digest = content_digest(content)
            if before is None or before.digest != digest:
                self.changed.add(stamp.path)
            jinja = b"{{" in content or b"{%" in content or b"{#" in content
            self.records.append(
                FileRecord(stamp.path, stamp.size, stamp.mtime_ns, stamp.inode, digest, jinja)
            )
        self.reread = bool(self.contents)
        self.same_as_saved = not self.changed and len(known) == len(stamps)

    def _read(self, path: str) -> bytes:
        try:
            content = read_bytes(self.root, path)
        except OSError as error:
            raise UsageError(
                "file_unreadable",
                f"{path} cannot be read: {error.strerror or error}",
                hint="check the file's permissions",
            ) from error
        self.contents[path] = content
        return content

    def content(self, path: str) -> bytes:
        return self.contents[path] if path in self.contents else self._read(path)


def _same(record: FileRecord, stamp: FileStamp) -> bool:
    return record.mtime_ns == stamp.mtime_ns and record.size == stamp.size and record.inode == stamp.inode


def _restamped(saved: SavedProject, records: list[FileRecord], now_ns: int) -> SavedProject:
    saved.files, saved.saved_at_ns = records, now_ns
    return saved


def _from_saved(saved: SavedProject, file_count: int) -> Compiled | None:
    try:
        manifest = decode_manifest(saved.manifest_json)
    except HeadgateError:
        return None
    return Compiled(
        manifest,
        saved.manifest_digest,
        saved.manifest_json,
        saved.environments,
        saved.watches,
        saved.warnings,
        Stats(file_count, 0),
    )


def _compile(
    files: _Files, cache: Cache, saved: SavedProject | None, started_ns: int, processes: int
) -> Compiled:
    from headgate.compile.assemble import assemble
    from headgate.compile.workspace import Workspace

    workspace = Workspace(files.records, files.content, cache.read_files(), processes)
    project = workspace.read_project()
    if len(files.changed) > _FEW_FILES:  # parsing leaves much garbage in cycles, assembling none
        workspace.summarize_sql()
    with paused_collector():
        previous = workspace.previous(saved, files.changed)
        workspace.summarize_sql()
        assembly = assemble([record.path for record in files.records], project, workspace, previous)
        diagnostics = workspace.diagnostics() + assembly.diagnostics
    if workspace.project_unread:
        diagnostics = [one for one in diagnostics if one.code not in _OF_THE_PROJECT]
    diagnostics.sort(key=lambda d: (d.location.file, d.location.line, d.location.column, d.code))
    cache.write_files(workspace.used())
    if any(d.severity == "error" for d in diagnostics):
        raise ProjectError(list(dict.fromkeys(diagnostics)))
    content = encode_manifest(assembly.manifest)
    saved = SavedProject(
        code_stamp(),
        started_ns,
        files.records,
        workspace.shared_digest,
        manifest_digest(content),
        content,
        assembly.environments,
        assembly.watches,
        tuple(diagnostics),
    )
    cache.write_project(saved)
    return Compiled(
        assembly.manifest,
        saved.manifest_digest,
        content,
        saved.environments,
        saved.watches,
        saved.warnings,
        Stats(len(files.records), workspace.parsed_count),
    )
