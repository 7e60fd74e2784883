"""The summaries of one compile: from the cache by content, or made now. Decodes only what is asked for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Sequence
from typing import Any

import msgspec

from headgate.compile.assemble import Previous, ProjectData
from headgate.compile.cache import FileRecord, SavedProject
from headgate.compile.file_summary import Context, Summarizer
from headgate.compile.layout import FileKind, place_of
from headgate.compile.manifest_file import decode_manifest, sorted_data
from headgate.compile.node_types import build_type, check_definition, config_defaults
from headgate.compile.pool import summarize_all
from headgate.compile.source import PROJECT_FILE
from headgate.compile.summary import FileSummary, Finding
from headgate.errors import Diagnostic, HeadgateError, Location
from headgate.model.project import NodeType

_SQL = (FileKind.NODE, FileKind.TEST)
_SHARED = (FileKind.PROJECT, FileKind.MACRO, FileKind.NODE_TYPE, FileKind.TYPE_TEMPLATE)


class Workspace:
    """`content` reads a file. `saved` are encoded summaries by key."""

    def __init__(
        self,
        records: Sequence[FileRecord],
        content: Callable[[str], bytes],
        saved: dict[str, msgspec.Raw],
        processes: int,
    ) -> None:
        self.records = {record.path: record for record in records}
        self.kinds = {record.path: place_of(record.path).kind for record in records}
        self.content = content
        self.saved = saved
        self.processes = processes
        self.context = Context("duckdb")
        self.shared_digest = ""
        self.parsed_count = 0
        self.keys: dict[str, str] = {}
        self.decoded: dict[str, FileSummary] = {}
        self.fresh: dict[str, bytes] = {}
        self.extra: list[Diagnostic] = []
        self._summarizer: Summarizer | None = None
        self._decoder = msgspec.msgpack.Decoder(FileSummary)

    # summaries

    def get(self, path: str) -> FileSummary:
        found = self.decoded.get(path)
        if found is None:
            found = self.decoded[path] = self._decoder.decode(self._encoded(path))
        return found

    def place(self, path: str, offset: int) -> tuple[int, int]:
        place = place_of(path)
        this = ""
        if place.kind is FileKind.NODE:
            from headgate.compile.render import quote_name

            this = f"{quote_name(place.folder)}.{quote_name(place.name)}"
        return self.summarizer.place(self.get(path), offset, this)

    @property
    def summarizer(self) -> Summarizer:
        if self._summarizer is None:
            self._summarizer = Summarizer(self.context)
        return self._summarizer

    def _encoded(self, path: str) -> bytes | msgspec.Raw:
        key = self._key(path)
        if key not in self.fresh and key not in self.saved:
            summary = self.summarizer.summarize(path, self.content(path))
            self.parsed_count += 1
            self.fresh[key] = msgspec.msgpack.encode(summary)
        return self.fresh[key] if key in self.fresh else self.saved[key]

    def _key(self, path: str) -> str:
        """What the summary depends on: content and kind; for SQL the dialect; for templates all they can see."""
        key = self.keys.get(path)
        if key is None:
            record, kind = self.records[path], self.kinds[path]
            parts = [kind.value, record.digest]
            if kind in _SQL:
                parts.append(self.context.dialect)
                if record.jinja:
                    parts += [path, self.shared_digest]
            key = self.keys[path] = hashlib.sha256("\n".join(parts).encode()).hexdigest()
        return key

    def summarize_sql(self) -> None:
        """Make the missing summaries of all SQL files, on several cores where there are many."""
        missing: dict[str, str] = {}
        for path, kind in self.kinds.items():
            if kind in _SQL and (key := self._key(path)) not in self.saved and key not in self.fresh:
                missing.setdefault(key, path)
        work = [(path, self.content(path)) for path in missing.values()]
        if work:
            results = summarize_all(self.context, work, self.processes)
            self.fresh.update({key: results[path] for key, path in missing.items()})
            self.parsed_count += len(work)

    def used(self) -> dict[str, msgspec.Raw]:
        """What is worth keeping: the summaries of the files that there are now."""
        found: dict[str, msgspec.Raw] = {}
        for path in self.records:
            key = self._key(path)
            if key in self.fresh:
                found[key] = msgspec.Raw(self.fresh[key])
            elif key in self.saved:
                found[key] = self.saved[key]
        return found

    def diagnostics(self) -> list[Diagnostic]:
        """What was found within single files. A file known to be good from the last compile is not looked at."""
        found = list(self.extra)
        for path in self.records:
            if path in self._good:
                continue
            found += [_diagnostic(path, finding) for finding in self.get(path).findings]
        return found

    # what all nodes share

    @property
    def project_unread(self) -> bool:
        """Whether nothing at all is known of headgate.yml."""
        summary = self.get(PROJECT_FILE)
        return summary.broken and not summary.data

    def read_project(self) -> ProjectData:
        """headgate.yml, macros and node types; the context that templates see. Where headgate.yml is broken,
        what can be used of it, so that other files' errors can be told too."""
        data = self.get(PROJECT_FILE).data
        parameters = data.get("parameters") if isinstance(data.get("parameters"), dict) else {}
        types = self._types()
        macros = self._macros()
        self.context = Context(
            self._dialect(data),
            {**self._environment_parameters(), **(parameters or {})},
            macros,
            {name: config_defaults(node_type.config_schema) for name, node_type in types.items()},
        )
        self._summarizer = None
        self.keys.clear()
        locations = data.get("locations")
        if not isinstance(locations, list) or not all(isinstance(name, str) for name in locations):
            folders = {place_of(path).folder for path in self.records if path.startswith("nodes/")}
            locations = sorted(folder for folder in folders if folder)
        default = data.get("default_location")
        canonical = {name.lower(): name for name in locations}
        project = ProjectData(
            str(data.get("name") or ""),
            self.context.dialect,
            tuple(locations),
            canonical.get(default.lower()) if isinstance(default, str) else None,
            sorted_data(parameters or {}),
            types,
            macros,
        )
        shared = [project, self.context.parameters, self.context.type_defaults]
        encoded = msgspec.json.encode(shared, order="deterministic")
        self.shared_digest = hashlib.sha256(encoded).hexdigest()
        return project

    def _dialect(self, data: dict[str, Any]) -> str:
        dialect = data.get("dialect", "duckdb")
        known = isinstance(dialect, str) and not any(
            finding.code == "unknown_dialect" for finding in self.get(PROJECT_FILE).findings
        )
        return dialect.lower() if known else "duckdb"

    def _environment_parameters(self) -> dict[str, Any]:
        """Values of parameters that only environments define: those of the first, by path."""
        found: dict[str, Any] = {}
        for path in self._of(FileKind.ENVIRONMENT):
            values = self.get(path).data.get("parameters")
            if isinstance(values, dict):
                found = {**values, **found}
        return found

    def _of(self, kind: FileKind) -> list[str]:
        return [path for path, found in self.kinds.items() if found is kind]

    def _macros(self) -> dict[str, str]:
        texts = {path: self.get(path) for path in self._of(FileKind.MACRO)}
        good = {path: summary.data["text"] for path, summary in texts.items() if not summary.broken}
        if good:
            self._check_macros(good)
        return good

    def _check_macros(self, macros: dict[str, str]) -> None:
        """A macro file's own top level is run by every template: report its fault once, and leave it out."""
        from headgate.compile.render import Renderer, TemplateFailed

        while macros:
            try:
                Renderer(macros).render("", {})
                return
            except TemplateFailed as failure:
                path = failure.file or next(iter(macros))
                finding = Finding(failure.code, failure.message, failure.line, 1, failure.hint)
                self.extra.append(_diagnostic(path, finding))
                del macros[path]

    def _types(self) -> dict[str, NodeType]:
        templates: dict[str, dict[str, str]] = {}
        for path in self._of(FileKind.TYPE_TEMPLATE):
            place = place_of(path)
            templates.setdefault(place.folder, {})[place.name] = self.get(path).data["text"]
        types: dict[str, NodeType] = {}
        for path in self._of(FileKind.NODE_TYPE):
            name = place_of(path).folder
            summary = self.get(path)
            own = templates.pop(name, {})
            if summary.broken:
                types[name] = build_type(name, FileSummary(), own, path)
                continue
            findings = check_definition(name, summary, own)
            self.extra += [_diagnostic(path, finding) for finding in findings]
            types[name] = build_type(name, summary, own, path)
        for name in templates:
            finding = Finding(
                "missing_definition", f"the node type {name} has no definition.yml", 1, 1, "add it"
            )
            path = next(p for p in self._of(FileKind.TYPE_TEMPLATE) if place_of(p).folder == name)
            self.extra.append(_diagnostic(path, finding))
        return types

    # the last compile

    _good: frozenset[str] = frozenset()

    def previous(self, saved: SavedProject | None, changed: set[str]) -> Previous | None:
        """What can be used again; None where something changed that all nodes depend on."""
        if saved is None or saved.shared_digest != self.shared_digest:
            return None
        known = {record.path for record in saved.files}
        unchanged = frozenset(path for path in self.records if path not in changed and path in known)
        try:
            manifest = decode_manifest(saved.manifest_json)
        except HeadgateError:
            return None
        warned = {diagnostic.location.file for diagnostic in saved.warnings}
        self._good = frozenset(path for path in unchanged if path not in warned)
        nodes = {
            node.path: node for node in manifest.nodes.values() if self.kinds.get(node.path) is FileKind.NODE
        }
        sources = {node.id: node for node in manifest.nodes.values() if node.source is not None}
        return Previous(nodes, sources, unchanged)


def _diagnostic(path: str, finding: Finding) -> Diagnostic:
    location = Location(path, finding.line, finding.column)
    return Diagnostic(finding.code, finding.message, location, finding.hint, finding.severity)
