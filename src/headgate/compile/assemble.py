"""All files' summaries -> Manifest, environments and diagnostics. Pure: no disk, no parser.

What the last compile made of an unchanged file is used again where its parents' columns are still the same,
so that one changed leaf costs one node. The result never depends on what was used again.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any, Protocol

from headgate.compile import cross_checks
from headgate.compile.declared_load import as_list
from headgate.compile.declared_tests import read_tests, read_threshold
from headgate.compile.layout import FileKind, expected, place_of
from headgate.compile.names import Entry, NameProblem, Names
from headgate.compile.node_build import (
    Links,
    NodeBuilder,
    build_source,
    link,
    references,
    relation_of,
    resolve_links,
)
from headgate.compile.relation import Relation
from headgate.compile.summary import FileSummary, Finding
from headgate.errors import Diagnostic, Location, did_you_mean
from headgate.graph import find_cycle, order
from headgate.joblog.watch import FileWatch
from headgate.model.project import (
    Environment,
    Manifest,
    Node,
    NodeType,
    ProjectTest,
    Severity,
    TestKind,
    TestSpec,
)


class Summaries(Protocol):
    """Where the assembly gets a file's summary from; reading one may cost its decoding."""

    def get(self, path: str) -> FileSummary: ...

    def place(self, path: str, offset: int) -> tuple[int, int]:
        """Line and column in the file of a character of its query."""
        ...


@dataclass(slots=True)
class ProjectData:
    """headgate.yml, and what else all nodes share."""

    name: str
    dialect: str
    locations: tuple[str, ...]
    default_location: str | None
    parameters: dict[str, Any]
    types: dict[str, NodeType]
    macros: dict[str, str]


@dataclass(slots=True)
class Assembly:
    manifest: Manifest
    environments: dict[str, Environment]
    watches: dict[str, FileWatch]
    diagnostics: list[Diagnostic]


@dataclass(slots=True)
class Previous:
    """The last good compile: its nodes by path, its sources by id, and the paths whose files are the same."""

    nodes: Mapping[str, Node]
    sources: Mapping[str, Node]
    unchanged: frozenset[str]


def assemble(
    paths: Iterable[str], project: ProjectData, summaries: Summaries, previous: Previous | None
) -> Assembly:
    """`previous` only where headgate.yml, macros, node types and parameters are the same as then."""
    return _Assembler(list(paths), project, summaries, previous).run()


@dataclass(slots=True)
class _Pending:
    """A node that has to be resolved."""

    entry: Entry
    links: Links


@dataclass(slots=True)
class _Assembler:
    paths: list[str]
    project: ProjectData
    summaries: Summaries
    previous: Previous | None
    diagnostics: list[Diagnostic] = field(default_factory=list)
    nodes: dict[str, Node] = field(default_factory=dict)
    names: Names = field(init=False)
    kinds: dict[FileKind, list[str]] = field(default_factory=dict)
    _reported_folders: set[str] = field(default_factory=set)

    def run(self) -> Assembly:
        self.names = Names(
            {name.lower(): name for name in self.project.locations}, self.project.default_location
        )
        for path in self.paths:
            self.kinds.setdefault(place_of(path).kind, []).append(path)
        self.unknown_files()
        self.register()
        self.resolve()
        tests = self.project_tests()
        self.check_relationships()
        self.check_renames()
        shared = cross_checks.Shared(self.names, self.summaries.get, self.report)
        environments = cross_checks.environments(
            self.kinds.get(FileKind.ENVIRONMENT, []), self.nodes.values(), shared
        )
        jobs = cross_checks.jobs(self.kinds.get(FileKind.JOB, []), environments, shared)
        subgraphs = cross_checks.subgraphs(self.kinds.get(FileKind.SUBGRAPH, []), shared)
        cross_checks.parameters(
            [*self.nodes.values(), *tests.values()], self.project.parameters, environments, shared
        )
        manifest = Manifest(
            self.project.name,
            self.project.dialect,
            self.project.locations,
            self.project.default_location or "",
            self.project.parameters,
            dict(sorted(self.nodes.items())),
            tests,
            dict(sorted(self.project.types.items())),
            dict(sorted(self.project.macros.items())),
            subgraphs,
            jobs,
        )
        watches = cross_checks.watches(self.kinds.get(FileKind.WATCHES, []), shared)
        return Assembly(manifest, environments, watches, self.diagnostics)

    def report(self, path: str, *findings: Finding) -> None:
        for f in findings:
            location = Location(path, f.line, f.column)
            self.diagnostics.append(Diagnostic(f.code, f.message, location, f.hint, f.severity))

    def unknown_files(self) -> None:
        for path in self.kinds.get(FileKind.UNKNOWN, ()):
            message = f"{path} is not a file that Headgate reads"
            hint = f"files here are {expected(path)}"
            self.report(path, Finding("unknown_file", message, 1, 1, hint, "warning"))

    # who is there

    def register(self) -> None:
        for path in self.kinds.get(FileKind.SOURCES, ()):
            location = self.location_of(path)
            if location is not None:
                summary = self.summaries.get(path)
                if summary.broken:
                    self.names.unread.add(location)
                for name, data in summary.data.items():
                    self.add(Entry(data.get("id") or f"{location}.{name}", location, name, path, at=name))
        for path in self.kinds.get(FileKind.NODE, ()):
            location = self.location_of(path)
            if location is None:
                continue
            name = place_of(path).name
            if self.previous is not None and path in self.previous.unchanged:
                node = self.previous.nodes.get(path)
                if node is None:
                    self.names.disabled.add((location.lower(), name.lower()))
                else:
                    self.add(Entry(node.id, location, name, path, previous=node))
                continue
            data = self.summaries.get(path).data
            if data.get("enabled") is False:
                self.names.disabled.add((location.lower(), name.lower()))
            else:
                self.add(Entry(data.get("id") or f"{location}.{name}", location, name, path))

    def location_of(self, path: str) -> str | None:
        folder = place_of(path).folder
        found = self.names.locations.get(folder.lower())
        if found is None and folder not in self._reported_folders:
            self._reported_folders.add(folder)
            known = list(self.names.locations.values())
            hint = did_you_mean(folder, known, f"add {folder} to `locations` in headgate.yml")
            message = f"the folder nodes/{folder} is no location of this project"
            self.report(path, Finding("unknown_location", message, 1, 1, hint))
        return found

    def add(self, entry: Entry) -> None:
        key = (entry.location.lower(), entry.name.lower())
        other = self.names.by_name.get(key)
        if other is not None:
            message = f"the node {entry.full_name} stands in {other.path} too"
            if other.name != entry.name:
                message += f", as {other.name}; two names must differ by more than case"
            self.report(
                entry.path, Finding("duplicate_node", message, *self.entry_place(entry), "rename one")
            )
            return
        self.names.by_name[key] = entry
        same = self.names.by_id.get(entry.id.lower())
        if same is not None:
            message = f"the id {entry.id} is also that of {same.full_name} in {same.path}"
            place = self.entry_place(entry, "id")
            self.report(entry.path, Finding("duplicate_node_id", message, *place, "give one another id"))
            return
        self.names.by_id[entry.id.lower()] = entry

    def entry_place(self, entry: Entry, key: str = "") -> tuple[int, int]:
        marks = self.summaries.get(entry.path).marks
        path = "/".join(part for part in (entry.at, key) if part)
        mark = marks.get(path) or marks.get(entry.at or "")
        return mark[:2] if mark and path else (1, 1)

    # what they say

    def resolve(self) -> None:
        relations: dict[str, Relation] = {}
        changed: set[str] = set()
        sources = [e for e in self.names.by_id.values() if e.at is not None]
        for entry in sources:
            self.source(entry, changed)
        pending: dict[str, _Pending] = {}
        depends: dict[str, tuple[str, ...]] = {}
        for entry in self.names.by_id.values():
            if entry.at is not None:
                continue
            kept = entry.previous
            if kept is not None and self.still_linked(kept):
                depends[entry.id] = kept.depends_on
            else:
                pending[entry.id] = self.link(entry)
                depends[entry.id] = tuple(dict.fromkeys(t.id for t in pending[entry.id].links.depends_on))
        in_cycle = self.break_cycles(depends, pending)
        for node_id in order(depends):
            entry = self.names.by_id[node_id.lower()]
            kept = entry.previous
            parents = [r.node_id for r in kept.references] if kept is not None else []
            if kept is not None and node_id not in pending and changed.isdisjoint(parents):
                self.nodes[node_id] = kept
                continue
            if node_id not in pending:
                pending[node_id] = self.link(entry)
            node = self.build(pending[node_id], relations, in_cycle)
            self.nodes[node_id] = node
            if kept is None or _shape(kept) != _shape(node):
                changed.add(node_id)

    def source(self, entry: Entry, changed: set[str]) -> None:
        summary = self.summaries.get(entry.path)
        data = summary.data[entry.at or ""]
        tests = read_tests(data, summary.marks, at=entry.at or "")[0] if not data.get("broken") else []
        node = build_source(entry, data, tuple(self.with_target(t.spec, entry.path, t.path) for t in tests))
        self.nodes[entry.id] = node
        for test in tests:
            for name in (test.spec.column, *(test.spec.arguments.get("columns") or ())):
                known = [c.name for c in node.table_columns()]
                if name and not node.open_shape and name.lower() not in {k.lower() for k in known}:
                    mark = summary.marks.get(test.path, (1, 1, 1, 1))
                    message = f"{entry.full_name} has no column {name}"
                    self.report(entry.path, Finding("column_not_in_query", message, *mark[:2], "declare it"))
        before = self.previous.sources.get(entry.id) if self.previous is not None else None
        if before is None or _shape(before) != _shape(node):
            changed.add(entry.id)

    def still_linked(self, node: Node) -> bool:
        ids = self.names.by_id
        for reference in node.references:
            if reference.node_id.lower() not in ids:
                return False
        return all(name.lower() in ids for name in node.depends_on)

    def link(self, entry: Entry) -> _Pending:
        summary = self.summaries.get(entry.path)
        links = link(summary, self.names, self.placer(entry.path))
        self.report(entry.path, *links.findings)
        return _Pending(entry, links)

    def placer(self, path: str) -> Callable[[int], tuple[int, int]]:
        return lambda offset: self.summaries.place(path, offset)

    def build(self, pending: _Pending, relations: dict[str, Relation], in_cycle: set[str]) -> Node:
        entry, links = pending.entry, pending.links
        summary = self.summaries.get(entry.path)
        for target in links.targets:
            if target is None or target.id in relations or target.id in in_cycle:
                continue
            if target.id in self.nodes:
                relations[target.id] = relation_of(self.nodes[target.id])
        builder = NodeBuilder(entry, summary, self.project.types, self.placer(entry.path))
        node = builder.build(links, resolve_links(summary, links, relations, self.project.dialect))
        self.report(entry.path, *builder.findings)
        declared = read_tests(summary.data, summary.marks)[0]
        if any(spec.kind is TestKind.RELATIONSHIPS for spec in node.tests):
            specs = [self.with_target(t.spec, entry.path, t.path) for t in declared]
            node = replace(node, tests=tuple(specs))
        return node

    def break_cycles(self, depends: dict[str, tuple[str, ...]], pending: dict[str, _Pending]) -> set[str]:
        """Report every cycle once, and take its nodes' edges out so that the others can be ordered."""
        found: set[str] = set()
        while True:
            cycle = find_cycle(depends)
            if cycle is None:
                return found
            first = cycle[0]
            entry = self.names.by_id[first.lower()]
            place = self.reference_place(entry, cycle[1], pending)
            shown = " -> ".join(self.names.by_id[name.lower()].full_name for name in cycle)
            if len(cycle) == 2:
                message = f"{entry.full_name} reads itself"
                hint = "to read the table as it was before the load, write {{ this }}"
            else:
                message = f"the nodes form a cycle: {shown}"
                hint = "remove one of these references, or make it one without an edge by ref_no_link()"
            self.report(entry.path, Finding("cycle", message, *place, hint))
            for name in cycle[:-1]:
                found.add(name)
                depends[name] = ()

    def reference_place(self, entry: Entry, target: str, pending: dict[str, _Pending]) -> tuple[int, int]:
        own = pending.get(entry.id) or self.link(entry)
        summary = self.summaries.get(entry.path)
        tables = summary.summary.tables if summary.summary else ()
        for table, found in zip(tables, own.links.targets, strict=True):
            if found is not None and found.id == target and not table.no_link:
                return self.summaries.place(entry.path, table.start)
        return (summary.line_offset + 1, 1)

    # what they say of each other

    def with_target(self, spec: TestSpec, path: str, at: str) -> TestSpec:
        """A relationships test names its node by id from here on."""
        if spec.kind is not TestKind.RELATIONSHIPS:
            return spec
        found = self.names.find_declared(spec.arguments["to"])
        if isinstance(found, NameProblem):
            mark = self.summaries.get(path).marks
            place = mark.get(f"{at}/relationships/to") or mark.get(at) or (1, 1, 1, 1)
            self.report(path, Finding(found.code, found.message, *place[2:], found.hint))
            return spec
        return replace(spec, arguments={**spec.arguments, "to": found.id})

    def check_relationships(self) -> None:
        for node in self.nodes.values():
            for spec in node.tests:
                if spec.kind is TestKind.RELATIONSHIPS:
                    self.check_relationship(node, spec)

    def check_relationship(self, node: Node, spec: TestSpec) -> None:
        target = self.nodes.get(spec.arguments["to"])
        wanted = str(spec.arguments["field"])
        entry = self.names.by_id[node.id.lower()]
        if target is not None and (
            target.open_shape or any(c.name.lower() == wanted.lower() for c in target.table_columns())
        ):
            return
        if target is None and entry.previous is None:
            return  # reported where the test was read
        summary = self.summaries.get(node.path)
        data = summary.data[entry.at] if entry.at else summary.data
        tests = read_tests(data, summary.marks, at=entry.at or "")[0]
        at = next((t.path for t in tests if t.spec.name == spec.name), "")
        if target is None:
            test = next(t.spec for t in tests if t.spec.name == spec.name)
            self.with_target(test, node.path, at)
            return
        place = summary.marks.get(f"{at}/relationships/field") or summary.marks.get(at) or (1, 1, 1, 1)
        names = [c.name for c in target.table_columns()]
        hint = did_you_mean(wanted, names, f"its columns are {', '.join(names[:8])}")
        message = f"{target.location}.{target.name} has no column {wanted}"
        self.report(node.path, Finding("unknown_column", message, *place[2:], hint))

    def check_renames(self) -> None:
        for node_id, node in list(self.nodes.items()):
            if node.renamed_from is None:
                continue
            text = node.renamed_from if "." in node.renamed_from else f"{node.location}.{node.renamed_from}"
            if text != node.renamed_from:
                self.nodes[node_id] = replace(node, renamed_from=text)
            location, _, name = text.partition(".")
            still = self.names.by_name.get((location.lower(), name.lower()))
            mark = self.summaries.get(node.path).marks.get("renamed_from", (1, 1, 1, 1))
            other = self.nodes.get(still.id) if still is not None else None
            if still is not None and (other is None or other.renamed_from is None):
                # One that was renamed itself has left that name: names can be swapped, and renamed in a chain.
                message = f"{node.location}.{node.name} says it was {text}, which still exists"
                hint = f"remove {still.path}, or remove renamed_from"
                self.report(node.path, Finding("renamed_from_exists", message, *mark[2:], hint))

    def project_tests(self) -> dict[str, ProjectTest]:
        tests: dict[str, ProjectTest] = {}
        for path in self.kinds.get(FileKind.TEST, ()):
            name = place_of(path).name
            summary = self.summaries.get(path)
            test_id = f"tests.{name}"
            if test_id in tests:
                message = f"the test {name} stands in {tests[test_id].path} too"
                self.report(path, Finding("duplicate_test", message, 1, 1, "rename one"))
                continue
            links = link(summary, self.names, self.placer(path))
            self.report(path, *links.findings)
            relations = {
                t.id: relation_of(self.nodes[t.id]) for t in links.targets if t and t.id in self.nodes
            }
            resolution = resolve_links(summary, links, relations, self.project.dialect)
            for problem in resolution.problems:
                if problem.code != "unnamed_column":  # a test's columns are only shown
                    place = self.summaries.place(path, problem.offset)
                    self.report(path, Finding(problem.code, problem.message, *place, problem.hint))
            data = summary.data
            tests[test_id] = ProjectTest(
                test_id,
                name,
                path,
                summary.query or "",
                summary.template,
                summary.line_offset,
                references(summary, links, resolution.qualifiers),
                tuple(sorted({target.id for target in links.depends_on})),
                summary.reads_parameters,
                Severity(data.get("severity") or "error"),
                read_threshold(data.get("threshold")) or read_threshold(None),  # type: ignore[arg-type]
                tuple(as_list(data.get("tags"))),
            )
        return dict(sorted(tests.items()))


def _shape(node: Node) -> object:
    """What other nodes see of a node."""
    columns = tuple((column.name, column.type) for column in node.table_columns())
    return (node.id, node.location, node.name, node.open_shape, columns)
