"""Nodes and changes -> the Steps that the engine carries out. Deploy and refresh differ only here."""

from __future__ import annotations

from headgate.model.bound import BoundNode, BoundTest
from headgate.model.plan import Change, Plan
from headgate.model.project import (
    Materialization,
    OnSchemaChange,
    TestScope,
    TestSpec,
    TestTime,
)
from headgate.model.steps import Role, ShapeCheck, Statement, Step, StepKind
from headgate.plan.checks import declared_test, project_test_statement
from headgate.plan.load import LoadSql, load_sql


def refresh_step(node: BoundNode, dialect: str) -> Step:
    """The step that refreshes `node`.

    A table: before-tests, pre-SQL, the load with its key checks, post-SQL, after-tests, all in one transaction.
    After-tests come last, so that they judge what will be published, hooks included. A view or a source only
    runs its tests.
    """
    if node.materialization is Materialization.TABLE:
        statements, table = _table_statements(node, dialect), node.table
        kind = StepKind.TABLE
    else:
        statements = tuple(declared_test(test, node.relation, dialect) for test in node.tests)
        kind = StepKind.VIEW if node.materialization is Materialization.VIEW else StepKind.SOURCE
        table = None
    return Step(
        id=node.id,
        name=node.name,
        kind=kind,
        statements=statements,
        table=table,
        depends_on=(*node.depends_on, *node.run_after),
        location=node.location,
        node_type=node.node_type,
        load=node.load if table else None,
        shape=_shape_check(node) if table else None,
    )


def project_test_step(test: BoundTest) -> Step:
    """The step of a project test: it reads, nothing depends on it, and it runs after the nodes it reads."""
    return Step(
        id=test.id,
        name=test.name,
        kind=StepKind.TEST,
        statements=(project_test_statement(test),),
        depends_on=test.depends_on,
        node_type="test",
    )


def deploy_steps(plan: Plan) -> list[Step]:
    """One step a change, each depending on the one before: a deploy is a sequence in one transaction."""
    steps: list[Step] = []
    for change in plan.changes:
        if not change.statements:
            continue
        previous = (steps[-1].id,) if steps else ()
        steps.append(_ddl_step(change, previous))
    return steps


def _ddl_step(change: Change, depends_on: tuple[str, ...]) -> Step:
    return Step(
        id=change.id,
        name=change.id,
        kind=StepKind.DDL,
        statements=tuple(Statement(s.name, Role.STAGE, s.sql) for s in change.statements),
        depends_on=depends_on,
        node_type=change.kind.value,
    )


def _table_statements(node: BoundNode, dialect: str) -> tuple[Statement, ...]:
    before = [test for test in node.tests if test.when is TestTime.BEFORE]
    after = [test for test in node.tests if test.when is TestTime.AFTER]
    load = load_sql(node, dialect)
    return (
        *(declared_test(test, node.relation, dialect) for test in before),
        *_hooks("pre-SQL", node.pre_sql),
        *load.statements,
        *_hooks("post-SQL", node.post_sql),
        *(_after_test(test, node, load, dialect) for test in after),
        *load.cleanup,
    )


def _after_test(test: TestSpec, node: BoundNode, load: LoadSql, dialect: str) -> Statement:
    if test.scope is TestScope.ALL:
        return declared_test(test, node.relation, dialect)
    return declared_test(test, load.new_rows, dialect, each_interval=load.each_interval)


def _hooks(name: str, statements: tuple[str, ...]) -> tuple[Statement, ...]:
    many = len(statements) > 1
    return tuple(
        Statement(f"{name} {number}" if many else name, Role.STAGE, sql)
        for number, sql in enumerate(statements, start=1)
    )


def _shape_check(node: BoundNode) -> ShapeCheck | None:
    """Only a query with an open star can change its columns without a deploy; the others cost nothing."""
    if not node.open_shape or node.query is None or node.on_schema_change is OnSchemaChange.IGNORE:
        return None
    follows = node.on_schema_change is not OnSchemaChange.FAIL
    return ShapeCheck(
        query=node.query,
        expected=node.query_columns,
        policy=node.on_schema_change,
        table_query=f"SELECT * FROM {node.relation}" if follows else "",
        table_columns=node.columns if follows else (),
    )
