"""A whole manifest bound to one environment, node by node in dependency order.

The warehouse is asked only to describe queries whose text or whose parents' columns changed since `previous`;
a chain of new nodes needs no tables, because parents stand in as empty CTEs of their types.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace

from headgate.bind.complaint import placed, without_position
from headgate.bind.fragments import Fragments, relationship_targets
from headgate.bind.places import file_relation, missing_mappings, relation_of, table_name
from headgate.bind.text import describe_text, resolve_stand_ins, transpile, transpile_type, with_stand_ins
from headgate.compile.rebind import Rendered, bind_text
from headgate.errors import (
    Diagnostic,
    HeadgateError,
    Location,
    ProjectError,
    StatementFailed,
    UsageError,
    did_you_mean,
)
from headgate.graph import find_cycle, order
from headgate.model.bound import (
    BoundColumn,
    BoundManifest,
    BoundNode,
    BoundTest,
    TableName,
    WarehouseFacts,
)
from headgate.model.project import (
    HISTORY_COLUMNS,
    Environment,
    Load,
    LoadStrategy,
    Manifest,
    Materialization,
    Node,
    ProjectTest,
)
from headgate.warehouse.names import check_length, fold

Describe = Callable[[str], tuple[BoundColumn, ...]]


@dataclass(frozen=True, slots=True)
class Binding:
    """What binding needs beside the manifest. `root` is the project's folder, for sources that are files;
    `facts` the catalogue of the schemas that sources live in; `previous` the nodes as last bound."""

    environment: Environment
    dialect: str
    describe: Describe
    root: str = ""
    facts: WarehouseFacts = field(default_factory=WarehouseFacts)
    previous: Mapping[str, BoundNode] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Bound:
    manifest: BoundManifest
    described: int


def table_places(manifest: Manifest, environment: Environment, dialect: str) -> set[tuple[str | None, str]]:
    """(database, schema) of every mapped location that the project's nodes use."""
    tables = (table_name(node, environment, dialect) for node in manifest.nodes.values())
    return {(table.database, table.schema) for table in tables if table is not None}


def bind_manifest(manifest: Manifest, binding: Binding) -> Bound:
    """Bind every node and test. Raises ProjectError with everything that does not bind."""
    missing = missing_mappings(manifest, binding.environment)
    if missing:
        raise ProjectError(missing)
    return _Binder(manifest, binding).run()


def rebind_nodes(
    manifest: Manifest, binding: Binding, deployed: BoundManifest, ids: Iterable[str]
) -> dict[str, BoundNode | BoundTest]:
    """Bind the nodes and tests of `ids` again over `deployed`, whose other nodes stay as they are, with the
    parameters of `binding.environment`. Raises HeadgateError; nobody edited a file, so the first thing that does
    not bind is the whole message."""
    binder = _Binder(manifest, binding)
    binder.bound = dict(deployed.nodes)
    made: dict[str, BoundNode | BoundTest] = {}
    for name in ids:
        try:
            if name in manifest.tests:
                made[name] = binder.bind_test(manifest.tests[name])
            else:
                again = binder.bind(manifest.nodes[name])
                made[name] = replace(again, run_after=deployed.nodes[name].run_after)
        except ProjectError as error:
            first = error.diagnostics[0]
            raise UsageError(
                first.code,
                f"with this run's parameters {name} is not valid: {first.message} ({first.location})",
                hint=first.hint,
            ) from error
    return made


class _Binder:
    def __init__(self, manifest: Manifest, binding: Binding) -> None:
        self.manifest = manifest
        self.binding = binding
        self.dialect = binding.dialect
        self.parameters = {**manifest.parameters, **binding.environment.parameters}
        self.changed = {
            name
            for name, value in self.parameters.items()
            if name not in manifest.parameters or manifest.parameters[name] != value
        }
        self.tables = {
            node.id: table_name(node, binding.environment, self.dialect) for node in manifest.nodes.values()
        }
        self.fragments = Fragments(manifest, self.parameters, self.dialect, self.relation)
        self.bound: dict[str, BoundNode] = {}
        self.problems: list[Diagnostic] = []
        self.described = 0

    def run(self) -> Bound:
        for name in order({node.id: node.depends_on for node in self.manifest.nodes.values()}):
            node = self.manifest.nodes[name]
            if self.follows_a_problem(node):
                continue
            try:
                self.bound[name] = self.bind(node)
            except HeadgateError as error:
                self.problem(node, error)
        tests: dict[str, BoundTest] = {}
        for test in self.manifest.tests.values():
            if self.follows_a_problem(test):
                continue
            try:
                tests[test.id] = self.bind_test(test)
            except HeadgateError as error:
                self.problem(test, error)
        if self.problems:
            raise ProjectError(self.problems)
        nodes = _with_run_order(self.manifest, self.bound)
        return Bound(BoundManifest(self.binding.environment.id, self.dialect, nodes, tests), self.described)

    def follows_a_problem(self, reader: Node | ProjectTest) -> bool:
        """What it reads could not be bound: that error is the one to mend."""
        nodes = self.manifest.nodes
        return any(parent in nodes and parent not in self.bound for parent in reader.depends_on)

    def problem(self, node: Node | ProjectTest, error: HeadgateError) -> None:
        if isinstance(error, ProjectError):
            self.problems += error.diagnostics
            return
        where = error.location or Location(node.path)
        self.problems.append(Diagnostic(error.code, error.message, where, error.hint))

    # --- nodes ------------------------------------------------------------------------------------

    def bind(self, node: Node) -> BoundNode:
        if node.materialization is Materialization.SOURCE:
            return self.source(node)
        table = self.tables[node.id]
        if table is not None:
            check_length(table, self.dialect)
        text = self.rendered(node)
        query, described = self.finished(text)
        declared = {c.name.lower(): c.declared_type for c in node.columns if c.declared_type}
        digest = _digest(described, sorted(declared.items()))
        try:
            query_columns, columns = self.columns(node, described, digest, declared)
        except StatementFailed as error:
            read = {r.node_id for r in text.references if not r.qualifier}
            same = self.manifest.dialect == self.dialect
            raise placed(
                error, node, text, added_lines=len(read) + 1 if read else 0, as_written=same
            ) from error
        load = self.load(node, columns)
        if load is not None and load.strategy is LoadStrategy.SCD2:
            columns = self.with_history(node, columns, load)
        bound = BoundNode(
            id=node.id,
            location=node.location,
            name=node.name,
            node_type=node.node_type,
            path=node.path,
            materialization=node.materialization,
            relation=self.relation(node.id),
            table=table,
            query=query,
            query_digest=digest,
            query_columns=query_columns,
            columns=columns,
            open_shape=node.open_shape,
            load=load,
            on_schema_change=node.on_schema_change,
            depends_on=text.depends_on,
            reads_parameters=text.reads_parameters,
            tags=node.tags,
            renamed_from=node.renamed_from,
        )
        return self.fragments.complete(node, bound)

    def source(self, node: Node) -> BoundNode:
        relation = file_relation(node, self.binding.root, self.dialect)
        table = self.tables[node.id]
        columns = self.source_columns(node, table, relation)
        bound = BoundNode(
            id=node.id,
            location=node.location,
            name=node.name,
            node_type=node.node_type,
            path=node.path,
            materialization=node.materialization,
            relation=relation or self.relation(node.id),
            table=None if relation else table,
            columns=columns,
            open_shape=node.open_shape,
            tags=node.tags,
        )
        self.bound[node.id] = bound  # its own relationships tests may name it
        return self.fragments.complete(node, bound)

    def source_columns(
        self, node: Node, table: TableName | None, relation: str | None
    ) -> tuple[BoundColumn, ...]:
        """What really stands, else what is declared: a source's types are not ours to choose."""
        if relation is not None:
            self.described += 1
            try:
                return self.binding.describe(f"SELECT * FROM {relation}")
            except StatementFailed as error:
                raise HeadgateError(
                    "source_missing",
                    f"the source {node.id} cannot be read: {without_position(error.message)}",
                    hint="put the file there, or correct `file` in sources.yml",
                ) from error
        facts = self.binding.facts.tables.get(str(table))
        if facts is not None:
            return tuple(BoundColumn(column.name, column.type) for column in facts.columns)
        typed = [column for column in node.columns if column.declared_type]
        if not typed or len(typed) < len(node.columns):
            raise HeadgateError(
                "source_missing",
                f"the source {node.id} is not in the warehouse: there is no table {table}",
                hint="load it, mend the mapping, or declare the types of its columns in sources.yml",
            )
        return self.canonical({column.name: str(column.declared_type) for column in typed})

    def columns(
        self, node: Node, described: str, digest: str, declared: Mapping[str, str | None]
    ) -> tuple[tuple[BoundColumn, ...], tuple[BoundColumn, ...]]:
        """(the query's columns, the table's): asked of the warehouse unless nothing changed."""
        previous = self.binding.previous.get(node.id)
        if previous is not None and previous.query_digest == digest and not self.follows_others(node):
            own = previous.load is not None and previous.load.strategy is LoadStrategy.SCD2
            count = len(previous.columns) - (len(HISTORY_COLUMNS) if own else 0)
            return previous.query_columns, previous.columns[:count]
        self.described += 1
        query_columns = _folded(self.binding.describe(described), self.dialect)
        types = {c.name: str(declared[c.name.lower()]) for c in query_columns if c.name.lower() in declared}
        canonical = {c.name: c for c in self.canonical(types)} if types else {}
        return query_columns, tuple(canonical.get(column.name, column) for column in query_columns)

    def follows_others(self, node: Node) -> bool:
        """Whether the query takes all columns of something that is no node, such as a table function: its text
        and its parents then say nothing of its shape."""
        parents = [self.manifest.nodes[name] for name in node.depends_on if name in self.manifest.nodes]
        return node.open_shape and not any(parent.open_shape for parent in parents)

    def canonical(self, types: Mapping[str, str]) -> tuple[BoundColumn, ...]:
        """Declared types as the warehouse itself spells them."""
        columns = [
            BoundColumn(name, transpile_type(text, self.manifest.dialect, self.dialect))
            for name, text in types.items()
        ]
        self.described += 1
        return self.binding.describe(
            describe_text("SELECT * FROM hg_declared", [("hg_declared", tuple(columns))], self.dialect)
        )

    def load(self, node: Node, columns: tuple[BoundColumn, ...]) -> Load | None:
        """The load with physical column names."""
        if node.load is None:
            return None
        physical = {column.name.lower(): column.name for column in columns}

        def name(column: str | None, what: str) -> str | None:
            if column is None:
                return None
            found = physical.get(column.lower())
            if found is None:
                raise HeadgateError(
                    "column_missing",
                    f"{node.id}: the {what} column {column} is not among the query's columns",
                    hint=did_you_mean(column, physical.values()),
                )
            return found

        load = replace(
            node.load,
            key=tuple(str(name(key, "key")) for key in node.load.key),
            time_column=name(node.load.time_column, "time"),
            updated_at=name(node.load.updated_at, "updated_at"),
        )
        if load.strategy is LoadStrategy.INTERVAL:
            kind = next(c.type for c in columns if c.name == load.time_column)
            if not kind.lower().startswith(("timestamp", "date")):
                raise HeadgateError(
                    "time_column_type",
                    f"{node.id}: the time column {load.time_column} is {kind}, which has no intervals",
                    hint="cast it to a date or a timestamp",
                )
        return load

    def with_history(
        self, node: Node, columns: tuple[BoundColumn, ...], load: Load
    ) -> tuple[BoundColumn, ...]:
        taken = sorted({column.name.lower() for column in columns} & set(HISTORY_COLUMNS))
        if taken:
            raise HeadgateError(
                "column_reserved",
                f"{node.id}: the query yields {', '.join(taken)}, which scd2 adds by itself",
                hint="give the query's column another name",
            )
        return columns + history_columns(columns, load, self.dialect)

    # --- text -------------------------------------------------------------------------------------

    def rendered(self, node: Node | ProjectTest) -> Rendered:
        """The text with this environment's parameters: as compiled, unless one that it reads differs."""
        if node.template is not None and self.changed.intersection(node.reads_parameters):
            return bind_text(node, self.manifest, self.parameters)
        return Rendered(
            query=node.query or "",
            references=node.references,
            depends_on=node.depends_on,
            reads_parameters=node.reads_parameters,
        )

    def finished(self, text: Rendered) -> tuple[str, str]:
        """(the finished query, the query to describe)."""
        stand_ins = transpile(
            with_stand_ins(text.query, text.references), self.manifest.dialect, self.dialect
        )
        stand_ins = stand_ins.strip().rstrip(";")
        read = dict.fromkeys(r.node_id for r in text.references if not r.qualifier)
        numbers = {name: f"hg_parent_{number}" for number, name in enumerate(read)}
        parents = [(numbers[name], self.parent_columns(name)) for name in read]
        query = resolve_stand_ins(stand_ins, text.references, self.relation)
        described = resolve_stand_ins(stand_ins, text.references, numbers.__getitem__)
        return query, describe_text(described, parents, self.dialect)

    def parent_columns(self, name: str) -> tuple[BoundColumn, ...]:
        parent = self.bound.get(name) or self.binding.previous.get(name)
        if parent is None:
            raise HeadgateError(
                "reference_unbound",
                f"the columns of {name} are not known yet where they are read",
                hint="a query that reads its own table needs one deploy without that first",
            )
        return parent.columns

    def relation(self, name: str) -> str:
        bound = self.bound.get(name)
        if bound is not None:
            return bound.relation
        table = self.tables.get(name)
        if table is None:
            raise HeadgateError("reference_unbound", f"{name} has no table in this environment")
        return relation_of(table, self.dialect)

    def bind_test(self, test: ProjectTest) -> BoundTest:
        text = self.rendered(test)
        query, _ = self.finished(text)
        return BoundTest(
            id=test.id,
            name=test.name,
            path=test.path,
            query=query,
            depends_on=text.depends_on,
            severity=test.severity,
            threshold=test.threshold,
            tags=test.tags,
        )


def _with_run_order(manifest: Manifest, nodes: dict[str, BoundNode]) -> dict[str, BoundNode]:
    """A relationship test looks into another table, so its node runs after that one where this makes no cycle:
    else the first refresh of a fact would be judged against an empty dimension."""
    base = {node.id: tuple(node.depends_on) for node in nodes.values()}
    wished = {
        node.id: [
            target
            for target in relationship_targets(node.tests)
            if target in base and target != node.id and target not in base[node.id]
        ]
        for node in manifest.nodes.values()
        if node.id in base
    }
    wished = {name: targets for name, targets in wished.items() if targets}
    if not wished:
        return nodes
    if find_cycle({name: (*reads, *wished.get(name, ())) for name, reads in base.items()}):
        # All at once do not fit; those that point backwards in one fixed order always do.
        position = {name: number for number, name in enumerate(order(base))}
        wished = {
            name: [target for target in targets if position[target] < position[name]]
            for name, targets in wished.items()
        }
    return {
        name: replace(node, run_after=tuple(wished[name])) if wished.get(name) else node
        for name, node in nodes.items()
    }


def history_columns(columns: tuple[BoundColumn, ...], load: Load, dialect: str) -> tuple[BoundColumn, ...]:
    """The columns scd2 adds, with the type of `updated_at` where one is named, as the warehouse spells it."""
    instant, boolean = "TIMESTAMP WITH TIME ZONE", "BOOLEAN"
    if dialect == "postgres":
        instant, boolean = instant.lower(), boolean.lower()
    kind = next((c.type for c in columns if c.name == load.updated_at), instant)
    start, end, current = HISTORY_COLUMNS
    return (BoundColumn(start, kind), BoundColumn(end, kind), BoundColumn(current, boolean))


def _folded(columns: tuple[BoundColumn, ...], dialect: str) -> tuple[BoundColumn, ...]:
    """DuckDB keeps the case in which a name was first written, and then ignores it; the others fold it."""
    if dialect != "duckdb":
        return columns
    return tuple(BoundColumn(fold(column.name, dialect), column.type) for column in columns)


def _digest(described: str, declared: Iterable[tuple[str, str | None]]) -> str:
    return hashlib.sha256(f"{described}\0{list(declared)}".encode()).hexdigest()
