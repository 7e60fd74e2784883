"""One node's summary + its parents -> `Node`, with what is wrong with it. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from headgate.compile.declared_load import BUILT_IN_TYPES, as_list, key_of, read_load
from headgate.compile.declared_tests import DeclaredTest, read_tests
from headgate.compile.manifest_file import sorted_data
from headgate.compile.names import Entry, NameProblem, Names
from headgate.compile.node_types import check_config, config_defaults, load_rules, materialization_of
from headgate.compile.relation import OPEN, Relation, ResolvedColumn
from headgate.compile.resolve import Resolution, resolve_query
from headgate.compile.summary import FileSummary, Finding
from headgate.duration import duration_seconds
from headgate.errors import did_you_mean
from headgate.model.project import (
    HISTORY_COLUMNS,
    Column,
    Freshness,
    Load,
    LoadStrategy,
    Materialization,
    Node,
    NodeType,
    OnSchemaChange,
    SourceDetails,
    TableReference,
)

Placer = Callable[[int], tuple[int, int]]
"""Line and column in the file of a character of the query."""


@dataclass(slots=True)
class Links:
    """What a query's table names mean: by table, the entry or None (unknown, or none of the project's)."""

    targets: list[Entry | None] = field(default_factory=list)
    depends_on: list[Entry] = field(default_factory=list)
    findings: list[Finding] = field(default_factory=list)


def link(summary: FileSummary, names: Names, place: Placer) -> Links:
    """Look the query's tables up. Every unknown one is a finding."""
    links = Links()
    query = summary.query or ""
    for table in summary.summary.tables if summary.summary else ():
        found = names.find(table.parts, quoted=query[table.start : table.start + 1])
        if isinstance(found, NameProblem):
            links.findings.append(Finding(found.code, found.message, *place(table.start), found.hint))
            found = None
        links.targets.append(found)
        if found is not None and not table.no_link:
            links.depends_on.append(found)
    for parts in summary.links:
        found = names.find(parts)
        if isinstance(found, NameProblem):
            line = _line_of(summary, parts[-1])
            links.findings.append(Finding(found.code, found.message, line, 1, found.hint))
        elif found is not None:
            links.depends_on.append(found)
    return links


def _line_of(summary: FileSummary, word: str) -> int:
    template = summary.template or ""
    position = template.find("ref_link")
    while position >= 0:
        end = template.find(")", position)
        if word in template[position : end if end >= 0 else None]:
            return summary.line_offset + template.count("\n", 0, position) + 1
        position = template.find("ref_link", position + 1)
    return summary.line_offset + 1


def references(
    summary: FileSummary, links: Links, qualifiers: list[tuple[int, int, int]]
) -> tuple[TableReference, ...]:
    found = []
    for table, target in zip(summary.summary.tables if summary.summary else (), links.targets, strict=True):
        if target is not None:
            alias = table.alias or table.parts[-1]
            found.append(TableReference(target.id, table.start, table.end, alias, not table.alias))
    for start, end, index in qualifiers:
        target = links.targets[index]
        if target is not None and summary.summary is not None:
            alias = summary.summary.tables[index].parts[-1]
            found.append(TableReference(target.id, start, end, alias, qualifier=True))
    return tuple(sorted(found, key=lambda reference: reference.start))


def resolve_links(
    summary: FileSummary, links: Links, relations: Mapping[str, Relation], dialect: str
) -> Resolution:
    """Resolve the query over its parents' relations. A name without an edge has unknown columns: its node may
    come later in the order."""
    if summary.summary is None:
        return Resolution(OPEN)
    tables = []
    for table, target in zip(summary.summary.tables, links.targets, strict=True):
        if target is None:
            tables.append(OPEN)
        elif table.no_link:
            tables.append(Relation((), is_open=True, open_nodes=(target.id,)))
        else:
            tables.append(relations.get(target.id, OPEN))
    return resolve_query(summary.summary, tables, dialect)


def relation_of(node: Node) -> Relation:
    """What a node looks like to the queries that read it."""
    columns = [ResolvedColumn(c.name, c.type, frozenset({(node.id, c.name)})) for c in node.table_columns()]
    return Relation(columns, is_open=node.open_shape, open_nodes=(node.id,) if node.open_shape else ())


@dataclass(slots=True)
class NodeBuilder:
    """Builds the node of one SQL file."""

    entry: Entry
    summary: FileSummary
    types: Mapping[str, NodeType]
    place: Placer
    findings: list[Finding] = field(default_factory=list)

    @property
    def data(self) -> dict[str, Any]:
        return self.summary.data

    def complain(self, code: str, message: str, path: str, hint: str, *, value: bool = False) -> None:
        mark = self.summary.marks.get(path) or self.summary.marks.get(path.rpartition("/")[0]) or (1, 1, 1, 1)
        line, column = mark[2:] if value else mark[:2]
        self.findings.append(Finding(code, message, line, column, hint))

    def build(self, links: Links, resolution: Resolution) -> Node:
        data, summary = self.data, self.summary
        for problem in resolution.problems:
            place = self.place(problem.offset)
            self.findings.append(Finding(problem.code, problem.message, *place, problem.hint))
        node_type = self.node_type()
        load = self.load(node_type)
        history = HISTORY_COLUMNS if load and load.strategy is LoadStrategy.SCD2 else ()
        columns = self.columns(resolution.relation, history)
        open_shape = resolution.relation.open or summary.broken
        names = {column.name.lower() for column in columns}
        if not open_shape:
            self.check_columns(load, names)
        tests = tuple(test.spec for test in self.tests(names | set(history), open_shape=open_shape))
        config = data.get("config") or {}
        for key, code, message, hint in check_config(config, node_type, self.types):
            self.complain(code, message, f"config/{key}" if key else "config", hint)
        own = self.types.get(node_type)
        if own is not None:
            config = {**config_defaults(own.config_schema), **config}
        return Node(
            id=self.entry.id,
            location=self.entry.location,
            name=self.entry.name,
            node_type=node_type,
            materialization=materialization_of(node_type, self.types),
            path=self.entry.path,
            load=load,
            query=summary.query,
            template=summary.template,
            line_offset=summary.line_offset,
            columns=columns,
            open_shape=open_shape,
            references=references(summary, links, resolution.qualifiers),
            depends_on=tuple(sorted({target.id for target in links.depends_on})),
            reads_parameters=summary.reads_parameters,
            tags=tuple(as_list(data.get("tags"))),
            description=data.get("description") or "",
            tests=tests,
            pre_sql=tuple(as_list(data.get("pre_sql"))),
            post_sql=tuple(as_list(data.get("post_sql"))),
            on_schema_change=OnSchemaChange(data.get("on_schema_change") or "fail"),
            renamed_from=data.get("renamed_from"),
            config=sorted_data(config),
            source=SourceDetails() if node_type == "source" else None,
        )

    def node_type(self) -> str:
        written = str(self.data.get("type") or "stage")
        known = (*BUILT_IN_TYPES, *self.types)
        if written in known:
            return written
        hint = did_you_mean(written, known, f"the types are {', '.join(known)}")
        self.complain("unknown_node_type", f"there is no node type {written}", "type", hint, value=True)
        return "stage"

    def load(self, node_type: str) -> Load | None:
        if self.summary.broken and not self.data:
            return None
        rules = load_rules(node_type, self.types, has_key=bool(key_of(self.data)))
        load, findings = read_load(self.data, self.summary.marks, node_type, rules)
        self.findings += findings
        return load

    def columns(self, relation: Relation, history: tuple[str, ...]) -> tuple[Column, ...]:
        """The query's columns with what the header says of them; it may also speak of those that scd2 adds."""
        declared = {
            name.lower(): (name, entry or {}) for name, entry in (self.data.get("columns") or {}).items()
        }
        found: dict[str, Column] = {}
        for column in relation.columns:
            folded = column.name.lower()
            if not folded:
                continue
            if folded in found:
                self.duplicate(column.name)
                continue
            _, entry = declared.pop(folded, ("", {}))
            found[folded] = Column(
                column.name,
                entry.get("type") or column.type,
                entry.get("type"),
                entry.get("description") or "",
                tuple(sorted(column.lineage)),
            )
        is_source = self.data.get("type") == "source"
        for folded, (name, entry) in declared.items():
            if relation.open or is_source:
                kind = entry.get("type")
                found[folded] = Column(name, kind, kind, entry.get("description") or "")
            elif folded not in history:
                self.not_in_query(name, f"columns/{name}", found)
        return tuple(found.values())

    def duplicate(self, name: str) -> None:
        scope = self.summary.summary.scope if self.summary.summary else None
        while scope is not None and scope.branches:
            scope = scope.branches[0]
        outputs = scope.outputs if scope else ()
        starts = [output.start for output in outputs if output.name.lower() == name.lower()]
        stars = [output.start for output in outputs if output.star]
        offset = starts[-1] if starts else next(iter(stars), 0)
        hint = "leave one out (`* exclude (…)`), or give it another name with AS"
        message = f"the query yields two columns named {name}"
        self.findings.append(Finding("duplicate_column", message, *self.place(offset), hint))

    def not_in_query(self, name: str, path: str, known: Any) -> None:
        if self.summary.broken:
            return
        shown = ", ".join(list(known)[:8])
        hint = did_you_mean(name, known, f"its columns are {shown}" if shown else "select it")
        self.complain("column_not_in_query", f"the query has no column {name}", path, hint)

    def check_columns(self, load: Load | None, known: set[str]) -> None:
        if load is None:
            return
        nested = "load/" if isinstance(self.data.get("load"), dict) else ""
        for index, name in enumerate(load.key):
            if name.lower() not in known:
                base = "key" if "key" in self.summary.marks else f"{nested}key"
                path = f"{base}/{index}"
                self.not_in_query(name, path if path in self.summary.marks else base, known)
        for option, wanted in (("time_column", load.time_column), ("updated_at", load.updated_at)):
            if wanted is not None and wanted.lower() not in known:
                path = option if option in self.summary.marks else f"{nested}{option}"
                self.not_in_query(wanted, path, known)

    def tests(self, known: set[str], *, open_shape: bool) -> list[DeclaredTest]:
        tests = read_tests(self.data, self.summary.marks)[0]
        for test in tests:
            for name in test.spec.arguments.get("columns") or ():
                if not open_shape and name.lower() not in known:
                    self.not_in_query(name, test.path, known)
        return tests


def build_source(entry: Entry, data: dict[str, Any], tests: tuple[Any, ...]) -> Node:
    """The node of one key of sources.yml. Without declared columns they are unknown."""
    declared = data.get("columns") or {}
    columns = tuple(
        Column(name, (c or {}).get("type"), (c or {}).get("type"), (c or {}).get("description") or "")
        for name, c in declared.items()
    )
    return Node(
        id=entry.id,
        location=entry.location,
        name=entry.name,
        node_type="source",
        materialization=Materialization.SOURCE,
        path=entry.path,
        columns=columns,
        open_shape=not columns,
        tags=tuple(as_list(data.get("tags"))),
        description=data.get("description") or "",
        tests=tests,
        source=SourceDetails(data.get("table"), data.get("file"), data.get("loaded_by"), _freshness(data)),
    )


def _freshness(data: dict[str, Any]) -> Freshness | None:
    written = data.get("freshness")
    if not written:
        return None

    def seconds(key: str) -> int | None:
        value = written.get(key)
        found = duration_seconds(value) if value is not None else None
        return int(found) if found is not None else None

    return Freshness(written["loaded_at"], seconds("warn_after"), seconds("error_after"))
