"""A manifest bound to one environment: finished SQL, physical names, the types of the warehouse."""

from __future__ import annotations

from dataclasses import dataclass, field

from headgate.model.project import Job, Load, Materialization, OnSchemaChange, Parameters


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
class BoundNode:
    """A node ready for one environment.

    `relation` is what stands after FROM to read the node (`stg.orders`, or `read_parquet('…')`).
    `query` is None for sources. `columns` are those of the table as deployed: the query's, and for scd2
    `valid_from, valid_to, is_current` after them. `query_digest` covers the text and the parents' columns:
    equal digests mean equal shape, so the warehouse need not be asked again.
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
    renamed_from: str | None = None
    create_sql: str | None = None
    """A user-defined type's own CREATE, rendered; None where the built-in one serves."""
    step_digest: str = ""
    """Digest of the node's refresh step: differs where a test, a hook or the load changed."""


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
