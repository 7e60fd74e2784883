"""What a compiled project says: nodes, loads, tests, environments, jobs, and the manifest that holds them.

Nothing here knows an environment's physical names or a warehouse's types; that is `bound`.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

Parameters = dict[str, Any]
"""Values a template may read, by name. Only JSON values."""


class Materialization(StrEnum):
    SOURCE = "source"
    VIEW = "view"
    TABLE = "table"


class LoadStrategy(StrEnum):
    FULL = "full"
    APPEND = "append"
    MERGE = "merge"
    INTERVAL = "interval"
    SCD2 = "scd2"
    TEMPLATE = "template"
    """A user-defined type whose own run template says how."""


class DeletePolicy(StrEnum):
    KEEP = "keep"
    NOT_IN_SOURCE = "not_in_source"
    """merge: rows whose key the query no longer yields are deleted."""
    CLOSE = "close"
    """scd2: the current row of a key that the query no longer yields is closed."""


HISTORY_COLUMNS = ("valid_from", "valid_to", "is_current")
"""What the load strategy scd2 adds to a table, in this order."""


class OnSchemaChange(StrEnum):
    FAIL = "fail"
    ADD_COLUMNS = "add_columns"
    SYNC = "sync"
    IGNORE = "ignore"


@dataclass(frozen=True, slots=True)
class Load:
    """How a refresh fills a table. Fields that a strategy does not use keep their defaults.

    `interval` is a duration such as `1h`, `1d`, `1w` or `1mo` (see `headgate.interval`); `start` an ISO
    8601 instant in UTC; `lookback` and `max_intervals` count intervals.
    """

    strategy: LoadStrategy
    key: tuple[str, ...] = ()
    time_column: str | None = None
    interval: str | None = None
    start: str | None = None
    lookback: int = 0
    max_intervals: int | None = None
    delete: DeletePolicy = DeletePolicy.KEEP
    updated_at: str | None = None


class TestKind(StrEnum):
    __test__ = False  # not a pytest class

    UNIQUE = "unique"
    NOT_NULL = "not_null"
    ACCEPTED_VALUES = "accepted_values"
    RELATIONSHIPS = "relationships"
    ROW_COUNT = "row_count"
    EXPRESSION = "expression"
    SQL = "sql"


class Severity(StrEnum):
    ERROR = "error"
    WARN = "warn"


class TestScope(StrEnum):
    __test__ = False

    ALL = "all"
    NEW = "new"
    """Only the rows that this run loads."""


class TestTime(StrEnum):
    __test__ = False

    BEFORE = "before"
    AFTER = "after"


@dataclass(frozen=True, slots=True)
class Threshold:
    """How many failing rows a test bears. At most one of the two is set; neither means none."""

    rows: int | None = None
    percent: float | None = None


@dataclass(frozen=True, slots=True)
class TestSpec:
    """A test as declared on a column or a node.

    `arguments` by kind: accepted_values `{values: [...]}`; relationships `{to: node id, field: column}`;
    row_count `{min: int | None, max: int | None}`; expression `{sql: boolean SQL}`; sql `{sql: SELECT of
    the failing rows, where {this} stands for the tested table}`; unique `{columns: [...]}` when declared
    on the node. `name` is unique within its node.
    """

    __test__ = False

    name: str
    kind: TestKind
    column: str | None = None
    arguments: dict[str, Any] = field(default_factory=dict)
    severity: Severity = Severity.ERROR
    threshold: Threshold = Threshold()
    where: str | None = None
    scope: TestScope = TestScope.ALL
    when: TestTime = TestTime.AFTER
    continue_on_failure: bool = False


@dataclass(frozen=True, slots=True)
class Column:
    """A column of a node. `type` is in the project's dialect, None where compile cannot know it.

    `declared_type` is what the header or sources.yml says, and wins over anything derived. `sources` is
    the column-level lineage: (node id, column name) pairs it is computed from, sorted.
    """

    name: str
    type: str | None = None
    declared_type: str | None = None
    description: str = ""
    sources: tuple[tuple[str, str], ...] = ()


@dataclass(frozen=True, slots=True)
class TableReference:
    """A place in a node's query that names another node: characters [start, end) of the query's text.

    `alias_needed` says that the text gives the table no alias of its own, so the bound text must add
    `alias` in order that column qualifiers keep their meaning. A column qualifier written with the
    location (`STG.ORDERS.o_id`) is a reference with `qualifier=True`: the span covers `STG.ORDERS` and is
    replaced by the alias.
    """

    node_id: str
    start: int
    end: int
    alias: str = ""
    alias_needed: bool = False
    qualifier: bool = False


@dataclass(frozen=True, slots=True)
class Freshness:
    """When a source counts as stale. Durations in seconds; `loaded_at` is an SQL expression."""

    loaded_at: str
    warn_after_seconds: int | None = None
    error_after_seconds: int | None = None


@dataclass(frozen=True, slots=True)
class SourceDetails:
    """What only a source has. `table` is the physical name where it differs from the node's."""

    table: str | None = None
    file: str | None = None
    loaded_by: str | None = None
    freshness: Freshness | None = None


@dataclass(frozen=True, slots=True)
class Node:
    """A table, view or source of the project, compiled.

    `template` is the body as written when it holds Jinja, else None; `query` is the text rendered with
    the project's parameters (sources: None), in the project's dialect. `reads_parameters` names the
    parameters that the template read. `depends_on` holds node ids, sorted. `open_shape` says that the
    query's columns can change without its text changing (a star over something of unknown columns).
    `path` is relative to the project, with `/`; `line_offset` is added to a line of `query` to get a line
    of the file.
    """

    id: str
    location: str
    name: str
    node_type: str
    materialization: Materialization
    path: str
    load: Load | None = None
    query: str | None = None
    template: str | None = None
    line_offset: int = 0
    columns: tuple[Column, ...] = ()
    open_shape: bool = False
    references: tuple[TableReference, ...] = ()
    depends_on: tuple[str, ...] = ()
    reads_parameters: tuple[str, ...] = ()
    tags: tuple[str, ...] = ()
    description: str = ""
    tests: tuple[TestSpec, ...] = ()
    pre_sql: tuple[str, ...] = ()
    post_sql: tuple[str, ...] = ()
    on_schema_change: OnSchemaChange = OnSchemaChange.FAIL
    renamed_from: str | None = None
    config: dict[str, Any] = field(default_factory=dict)
    source: SourceDetails | None = None

    def table_columns(self) -> tuple[Column, ...]:
        """The columns that others see: the query's, and for scd2 the history's after them."""
        if self.load is None or self.load.strategy is not LoadStrategy.SCD2:
            return self.columns
        updated_at = (self.load.updated_at or "").lower()
        since = next((c for c in self.columns if c.name.lower() == updated_at), None)
        instant = since.type if since else "TIMESTAMP WITH TIME ZONE"
        kinds = (instant, instant, "BOOLEAN")
        return (
            *self.columns,
            *(Column(name, kind) for name, kind in zip(HISTORY_COLUMNS, kinds, strict=True)),
        )


@dataclass(frozen=True, slots=True)
class NodeType:
    """A user-defined node type: `definition.yml` and its templates, as text in the project's dialect."""

    name: str
    materialization: Materialization
    load: str
    """`builtin` or `template`."""
    default_load: LoadStrategy = LoadStrategy.FULL
    config_schema: dict[str, Any] = field(default_factory=dict)
    create_template: str | None = None
    run_template: str | None = None
    path: str = ""


@dataclass(frozen=True, slots=True)
class ProjectTest:
    """A file of `tests/`: a query any row of which is a failure. `id` is `tests.<name>`."""

    id: str
    name: str
    path: str
    query: str
    template: str | None = None
    line_offset: int = 0
    references: tuple[TableReference, ...] = ()
    depends_on: tuple[str, ...] = ()
    reads_parameters: tuple[str, ...] = ()
    severity: Severity = Severity.ERROR
    threshold: Threshold = Threshold()
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class RefreshWorkload:
    include: str = ""
    exclude: str = ""
    parallelism: int | None = None


@dataclass(frozen=True, slots=True)
class Retries:
    """`max` further tries after a failure; the n-th waits `delay_seconds * backoff ** (n - 1)`. A try does what did not
    succeed, or all again (`from_start`)."""

    max: int = 0
    delay_seconds: float = 0.0
    backoff: float = 1.0
    from_start: bool = False


@dataclass(frozen=True, slots=True)
class Job:
    """A workload and its policies. `environments` keeps triggers and conditions per environment as read
    from the file, for the scheduler."""

    id: int
    name: str
    refresh: RefreshWorkload
    path: str
    description: str = ""
    parameters: Parameters = field(default_factory=dict)
    environments: dict[str, dict[str, Any]] = field(default_factory=dict)
    overlap: str | None = None
    retries: Retries = Retries()
    timeout_seconds: float | None = None
    tags: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Subgraph:
    name: str
    nodes: tuple[str, ...]
    path: str = ""


@dataclass(frozen=True, slots=True)
class Manifest:
    """A compiled project, independent of environments; equal content gives an equal `digest`.

    `nodes` is keyed by node id, in sorted order. `macros` maps a file's path to its text, because binding
    renders templates again with an environment's parameters.
    """

    name: str
    dialect: str
    locations: tuple[str, ...]
    default_location: str
    parameters: Parameters
    nodes: dict[str, Node]
    tests: dict[str, ProjectTest] = field(default_factory=dict)
    node_types: dict[str, NodeType] = field(default_factory=dict)
    macros: dict[str, str] = field(default_factory=dict)
    subgraphs: dict[str, Subgraph] = field(default_factory=dict)
    jobs: dict[int, Job] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class WarehouseConfig:
    """Where an environment's data lives. `options` may hold `${ENV_NAME}` and `${secret:NAME}` unresolved;
    they are resolved only where the connection is made, and are never shown."""

    type: str
    options: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mapping:
    """The physical place of a location in one environment."""

    schema: str
    database: str | None = None


@dataclass(frozen=True, slots=True)
class Environment:
    id: int
    name: str
    warehouse: WarehouseConfig
    mappings: dict[str, Mapping]
    parameters: Parameters = field(default_factory=dict)
    require_commit: bool = False
    description: str = ""
    path: str = ""
    max_running: int | None = None
    """How many runs may be at work here at once; None is any number."""
