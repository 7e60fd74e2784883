"""The finished SQL of every load strategy and test, per dialect. A folder of `load/` is a case."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from headgate.bind.manifest import history_columns
from headgate.model.bound import BoundColumn, BoundNode, NamedSql, TableName
from headgate.model.project import (
    DeletePolicy,
    Load,
    LoadStrategy,
    Materialization,
    Severity,
    TestKind,
    TestScope,
    TestSpec,
    TestTime,
    Threshold,
)
from headgate.model.steps import Step
from headgate.plan.steps import refresh_step

CASES = Path(__file__).parent / "load"
TYPES = {
    "duckdb": {"id": "BIGINT", "name": "VARCHAR", "updated_at": "TIMESTAMP", "payload": "JSON"},
    "postgres": {
        "id": "bigint",
        "name": "text",
        "updated_at": "timestamp without time zone",
        "payload": "json",
    },
}


@pytest.mark.parametrize("dialect", TYPES)
@pytest.mark.parametrize("case", sorted(path.name for path in CASES.iterdir()))
def test_load_sql_is_as_reviewed(case: str, dialect: str, update_golden: bool) -> None:
    step = refresh_step(node(CASES / case / "node.yml", dialect), dialect)
    written = text(step)
    expected = CASES / case / f"{dialect}.sql"
    if update_golden:
        expected.write_text(written)
    assert written == expected.read_text()


def node(path: Path, dialect: str) -> BoundNode:
    data: dict[str, Any] = yaml.safe_load(path.read_text())
    columns = tuple(BoundColumn(name, TYPES[dialect][name]) for name in data.get("columns", ["id", "name"]))
    given = data["load"]
    load = Load(
        **{
            **given,
            "strategy": LoadStrategy(given["strategy"]),
            "key": tuple(given.get("key", ())),
            "delete": DeletePolicy(given.get("delete", "keep")),
        }
    )
    own = columns + (history_columns(columns, load, dialect) if load.strategy is LoadStrategy.SCD2 else ())
    return BoundNode(
        id="STG.ORDERS",
        location="STG",
        name="ORDERS",
        node_type="stage",
        path="nodes/STG/ORDERS.sql",
        materialization=Materialization.TABLE,
        relation="stg.orders",
        table=TableName("stg", "orders"),
        query="select * from raw.orders",
        query_columns=columns,
        columns=own,
        load=load,
        tests=tuple(declared(entry) for entry in data.get("tests", ())),
        pre_sql=tuple(data.get("pre_sql", ())),
        post_sql=tuple(data.get("post_sql", ())),
        run_sql=tuple(NamedSql(**entry) for entry in data.get("run_sql", ())),
    )


def declared(entry: dict[str, Any]) -> TestSpec:
    converted = {
        **entry,
        "kind": TestKind(entry["kind"]),
        "severity": Severity(entry.get("severity", "error")),
        "scope": TestScope(entry.get("scope", "all")),
        "when": TestTime(entry.get("when", "after")),
        "threshold": Threshold(**entry.get("threshold", {})),
    }
    return TestSpec(**converted)


def text(step: Step) -> str:
    """The step as a file: every statement under a line that says its name, role and what it counts or judges."""
    parts = []
    for statement in step.statements:
        facts = [statement.role.value]
        facts += [f"counts {statement.counts.value}"] if statement.counts else []
        facts += [f"reads {', '.join(statement.parameters)}"] if statement.parameters else []
        facts += ["each interval"] if statement.each_interval else []
        parts.append(f"-- {statement.name} ({'; '.join(facts)})\n{statement.sql};\n")
        if statement.check and statement.check.probe:
            parts.append(f"-- probe: {statement.check.probe}\n")
    return "\n".join(parts)
