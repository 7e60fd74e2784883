"""A manifest bound to one environment: finished SQL, physical names, the types of the warehouse."""

from __future__ import annotations

from dataclasses import dataclass, field

from headgate.model.project import (
    Job,
    Load,
    Materialization,
    OnSchemaChange,
    Parameters,
    Severity,
    TestSpec,
    Threshold,
)

THIS = "$hg_this"
"""Stands in bound custom tests for the tested relation, which differs by the test's scope."""


@dataclass(frozen=True, slots=True, order=True)
class TableName:
    """A physical table or view, folded to the engine's case. `database` is None for the connection's own."""

    schema: str
    name: str
    database: str | None = None

    def __str__(self) -> str:
        return ".".join(part for part in (self.database, self.schema, self.name) if part)


@dataclass(frozen=True, slots=True)
class BoundColumn:
    """A physical column: its folded name, and its type as the warehouse itself spells it."""

    name: str
    type: str


@dataclass(frozen=True, slots=True)
class NamedSql:
    """A finished statement with the name a person sees."""

    name: str
    sql: str


@dataclass(frozen=True, slots=True)
class BoundNode:
    """A node ready for one environment.

    `relation` is what stands after FROM to read the node (`stg.orders`, or `read_parquet('…')`).
    `query` is None for sources. `query_columns` are the query's as the warehouse describes them; `columns`
    those of the table: declared types win, and scd2 adds `valid_from, valid_to, is_current` at the end.
    `query_digest` covers the text and the parents' columns: equal digests mean equal shape, so the warehouse
    need not be asked again. `load`, `tests` and the hooks are those of the manifest with physical column
    names, relations and finished SQL; a custom test names the tested relation by `THIS`.
    """

    id: str
    location: str
    name: str
    node_type: str
    path: str
    materialization: Materialization
    relation: str
    table: TableName | None = None
    query: str | None = None
    query_digest: str = ""
    query_columns: tuple[BoundColumn, ...] = ()
    columns: tuple[BoundColumn, ...] = ()
    open_shape: bool = False
    load: Load | None = None
    on_schema_change: OnSchemaChange = OnSchemaChange.FAIL
    depends_on: tuple[str, ...] = ()
    reads_parameters: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    tests: tuple[TestSpec, ...] = ()
    pre_sql: tuple[str, ...] = ()
    post_sql: tuple[str, ...] = ()
    create_sql: tuple[NamedSql, ...] = ()
    """A user-defined type's own CREATE, rendered; empty where the built-in one serves."""
    run_sql: tuple[NamedSql, ...] = ()
    """A user-defined type's run template, rendered (load strategy `template`)."""
    renamed_from: str | None = None
    run_after: tuple[str, ...] = ()
    """Nodes that are no parents but must be refreshed before: relationship tests look into them."""


@dataclass(frozen=True, slots=True)
class BoundTest:
    """A project test ready for one environment: any row of `query` is a failure."""

    id: str
    name: str
    path: str
    query: str
    depends_on: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR
    threshold: Threshold = field(default_factory=Threshold)
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class BoundManifest:
    """All of a manifest's nodes and tests bound to one environment, in dependency order."""

    environment_id: int
    dialect: str
    nodes: dict[str, BoundNode]
    tests: dict[str, BoundTest] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Selectable:
    """What a selector may ask of a node. `state` is `new`, `modified` or `unchanged`."""

    id: str
    name: str
    location: str
    node_type: str
    path: str = ""
    tags: tuple[str, ...] = ()
    depends_on: tuple[str, ...] = ()
    state: str = "unchanged"


@dataclass(frozen=True, slots=True)
class Catalog:
    """What selectors are evaluated over: the nodes, the named sets, and the jobs' own selectors.

    Small on purpose: a refresh of one node in a large project reads this and one step.
    `subgraphs` maps a name to node ids; `parameter_readers` a parameter to the ids of nodes that read it.
    """

    nodes: tuple[Selectable, ...]
    subgraphs: dict[str, tuple[str, ...]] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)
    parameters: Parameters = field(default_factory=dict)
    parameter_readers: dict[str, tuple[str, ...]] = field(default_factory=dict)
    tests: dict[str, tuple[str, ...]] = field(default_factory=dict)
    """Project tests by id, with the nodes each reads."""


@dataclass(frozen=True, slots=True)
class ColumnFacts:
    name: str
    type: str
    nullable: bool = True


@dataclass(frozen=True, slots=True)
class TableFacts:
    """What the warehouse's catalogue says of one table or view. `kind` is `table` or `view`.

    `definition` is a view's text as the warehouse stores it: compared only with itself, never with ours.
    """

    table: TableName
    kind: str
    columns: tuple[ColumnFacts, ...]
    definition: str | None = None


@dataclass(frozen=True, slots=True)
class WarehouseFacts:
    """Facts of every table in the schemas asked for, keyed by `str(TableName)`."""

    tables: dict[str, TableFacts] = field(default_factory=dict)
    schemas: tuple[str, ...] = ()
