"""What a deploy would change: the plan as shown to a person, which is also the text that will run."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

from headgate.model.bound import NamedSql, TableName


class ChangeKind(StrEnum):
    CREATE = "create"
    ALTER = "alter"
    REPLACE = "replace"
    RENAME = "rename"
    DROP = "drop"
    ADOPT = "adopt"
    """A table of that name stands in the warehouse that this environment did not make."""
    MODIFY = "modify"
    """No DDL: the query, load, tests or labels differ."""


class Subject(StrEnum):
    NODE = "node"
    SCHEMA = "schema"
    TEST = "test"
    JOB = "job"
    SUBGRAPH = "subgraph"
    PARAMETERS = "parameters"
    PROJECT = "project"
    """What bears on no table: descriptions, lineage, freshness."""
    ENVIRONMENT = "environment"
    """Its mark of a failed deploy goes."""


@dataclass(frozen=True, slots=True)
class Change:
    """One change. `statements` run in order inside the deploy's transaction.

    `destroys` says in a sentence what data would be lost, empty where none is. `drift` is set where the
    warehouse no longer is as the last deploy left it. `reasons` are sentences for people.
    """

    kind: ChangeKind
    subject: Subject
    id: str
    table: TableName | None = None
    statements: tuple[NamedSql, ...] = ()
    reasons: tuple[str, ...] = ()
    destroys: str = ""
    drift: bool = False


@dataclass(frozen=True, slots=True)
class Plan:
    """`changes` in the order in which they are applied; `needs_refresh` the node ids whose data will be
    stale afterwards, in dependency order; `described` counts queries the warehouse was asked about."""

    environment: str
    environment_id: int
    changes: tuple[Change, ...] = ()
    needs_refresh: tuple[str, ...] = ()
    from_version: str = ""
    to_version: str = ""
    described: int = 0

    @property
    def empty(self) -> bool:
        return not self.changes

    @property
    def destructive(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.destroys)
