"""Builds bound nodes over a real warehouse and carries their steps out, for the suites of loads and tests."""

from __future__ import annotations

import datetime as dt
import itertools
from collections.abc import Sequence
from contextlib import closing
from dataclasses import dataclass, field, replace
from typing import Any

from headgate.engine.executor import Execution, execute
from headgate.engine.stop import Stop
from headgate.model.bound import BoundColumn, BoundNode, TableName
from headgate.model.project import HISTORY_COLUMNS, Load, LoadStrategy, Materialization, TestSpec
from headgate.model.steps import LateValues, Step, StepOutcome
from headgate.plan.steps import refresh_step
from headgate.warehouse.base import Warehouse
from headgate.warehouse.ddl import create_table

NOW = dt.datetime(2024, 1, 5, 6, 30, tzinfo=dt.UTC)
_numbers = itertools.count(1)


@dataclass
class Recorder:
    """A sink that keeps what it is told, in order."""

    events: list[tuple[str, str]] = field(default_factory=list)

    def step_started(self, step: Step, at: dt.datetime) -> None:
        self.events.append(("started", step.id))

    def step_finished(self, step: Step, outcome: StepOutcome, at: dt.datetime) -> None:
        self.events.append((str(outcome.status), step.id))


class Bench:
    """A warehouse with a schema `a`, a raw table, and the means to define and refresh tables over it."""

    def __init__(self, warehouse: Warehouse) -> None:
        self.warehouse = warehouse
        self.session = warehouse.session()
        self.session.execute("CREATE SCHEMA a")

    def run(self, sql: str) -> None:
        self.session.execute(sql)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.session.execute(sql).rows

    def node(
        self, name: str, query: str, load: Load, *, tests: Sequence[TestSpec] = (), **changes: Any
    ) -> BoundNode:
        """A node over `query`; its table is created empty, as a deploy does."""
        columns = self.session.describe(query)
        table = TableName("a", name)
        node = BoundNode(
            id=f"A.{name.upper()}",
            location="A",
            name=name,
            node_type="stage",
            path=f"nodes/A/{name}.sql",
            materialization=Materialization.TABLE,
            relation=f"a.{name}",
            table=table,
            query=query,
            query_columns=columns,
            columns=columns + (self.history(columns, load) if load.strategy is LoadStrategy.SCD2 else ()),
            load=load,
            tests=tuple(tests),
        )
        node = replace(node, **changes)
        self.run(create_table(table, node.columns, self.warehouse.dialect))
        return node

    def history(self, columns: tuple[BoundColumn, ...], load: Load) -> tuple[BoundColumn, ...]:
        kind = next((c.type for c in columns if c.name == load.updated_at), "timestamptz")
        return tuple(
            BoundColumn(name, kind if n < 2 else "boolean") for n, name in enumerate(HISTORY_COLUMNS)
        )

    def refresh(self, *nodes: BoundNode, **late: Any) -> dict[str, StepOutcome]:
        return self.execute([refresh_step(node, self.warehouse.dialect) for node in nodes], **late)

    def execute(
        self, steps: Sequence[Step], *, sink: Any = None, stop: Stop | None = None, **late: Any
    ) -> dict[str, StepOutcome]:
        values = LateValues(
            run_uid=f"run{next(_numbers)}", fence=1, run_started_at=late.pop("at", NOW), **late
        )
        execution = Execution(
            warehouse=self.warehouse,
            sink=sink or Recorder(),
            late=values,
            clock=lambda: dt.datetime.now(dt.UTC),
            stop=Stop() if stop is None else stop,
        )
        return execute(steps, execution)

    def refreshed(self, node: BoundNode, **late: Any) -> StepOutcome:
        return self.refresh(node, **late)[node.id]

    def close(self) -> None:
        with closing(self.session):
            pass
