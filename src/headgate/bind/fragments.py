"""Tests, hooks and the templates of user-defined types -> finished SQL of one environment."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from headgate.bind.text import resolve_stand_ins, transpile, with_stand_ins
from headgate.compile.rebind import find_references, render_hook, render_stages
from headgate.errors import HeadgateError, Location, did_you_mean
from headgate.model.bound import THIS, BoundColumn, BoundNode, NamedSql
from headgate.model.project import (
    LoadStrategy,
    Manifest,
    Node,
    NodeType,
    Parameters,
    TableReference,
    TestKind,
    TestSpec,
)
from headgate.warehouse.names import fold, quote

_THIS = "hg_this_"
"""Stands for the node's own table in a text, until it is transpiled."""

_QUERY = "hg_query_"
"""Stands for the node's query in a template, until it is transpiled."""


class Fragments:
    """Completes bound nodes with what surrounds their query. `relation` gives a node's physical relation."""

    def __init__(
        self, manifest: Manifest, parameters: Parameters, dialect: str, relation: Callable[[str], str]
    ) -> None:
        self.manifest = manifest
        self.parameters = parameters
        self.dialect = dialect
        self.relation = relation

    def complete(self, node: Node, bound: BoundNode) -> BoundNode:
        """`bound` with its tests, hooks and templates finished."""
        return replace(
            bound,
            tests=tuple(self.test(test, node, bound) for test in node.tests),
            pre_sql=tuple(self.text(node, text, bound.relation) for text in node.pre_sql),
            post_sql=tuple(self.text(node, text, bound.relation) for text in node.post_sql),
            create_sql=self.template(node, bound, "create_template"),
            run_sql=self.template(node, bound, "run_template") if _by_template(bound) else (),
        )

    # --- tests ------------------------------------------------------------------------------------

    def test(self, test: TestSpec, node: Node, bound: BoundNode) -> TestSpec:
        """A test with physical names and finished SQL."""
        arguments = dict(test.arguments)
        match test.kind:
            case TestKind.RELATIONSHIPS:
                to = str(arguments["to"])
                arguments["to"] = self.relation(to)
                arguments["field"] = fold(str(arguments["field"]), self.dialect)
            case TestKind.UNIQUE if arguments.get("columns"):
                arguments["columns"] = [physical(name, bound, test.name) for name in arguments["columns"]]
            case TestKind.EXPRESSION:
                arguments["sql"] = self.condition(str(arguments["sql"]))
            case TestKind.SQL:
                arguments["sql"] = self.text(
                    node, str(arguments["sql"]).replace("{this}", "{{ this }}"), THIS
                )
            case _:
                pass
        return replace(
            test,
            column=physical(test.column, bound, test.name) if test.column else None,
            where=self.condition(test.where) if test.where else None,
            arguments=arguments,
        )

    def condition(self, text: str) -> str:
        """A boolean expression in the warehouse's dialect."""
        if self.manifest.dialect == self.dialect:
            return text
        whole = transpile(f"SELECT 1 WHERE {text}", self.manifest.dialect, self.dialect)
        return whole.partition("WHERE")[2].strip()

    # --- hooks and templates ----------------------------------------------------------------------

    def text(self, node: Node, text: str, this: str) -> str:
        """A statement with its template rendered, names resolved and dialect translated. The node's own name
        becomes `this`."""
        rendered = render_hook(node, text, self.manifest, self.parameters)
        return self.finish(node, rendered.query, rendered.references, this)

    def finish(self, node: Node, text: str, references: Sequence[TableReference], this: str) -> str:
        translated = transpile(with_stand_ins(text, references), self.manifest.dialect, self.dialect)

        def relation(node_id: str) -> str:
            return this if node_id == node.id else self.relation(node_id)

        return resolve_stand_ins(translated.strip().rstrip(";"), references, relation)

    def template(self, node: Node, bound: BoundNode, which: str) -> tuple[NamedSql, ...]:
        """A user-defined type's statements. They may write only the node's own table and temporary ones."""
        node_type = self.manifest.node_types.get(node.node_type)
        source = getattr(node_type, which, None)
        if node_type is None or source is None:
            return ()
        context: dict[str, Any] = {
            "this": _THIS,
            "columns": [_column(column, self.dialect) for column in bound.columns],
            "query": _QUERY,
            "config": node.config,
        }
        statements = []
        for name, text in render_stages(node, source, self.manifest, self.parameters, context):
            finished = self.finish(node, text, find_references(text, self.manifest), bound.relation)
            check_writes(finished, self.dialect, node_type, name)
            finished = finished.replace(_THIS, bound.relation).replace(_QUERY, f"(\n{bound.query}\n)")
            statements.append(NamedSql(name, finished))
        return tuple(statements)


def check_writes(sql: str, dialect: str, node_type: NodeType, statement: str) -> None:
    """Raise HeadgateError `template_writes_elsewhere` unless a template's statement writes only `this`, or
    temporary tables of its own."""
    import sqlglot
    from sqlglot import exp

    place = Location(f"{node_type.path}/run.sql.j2" if node_type.path else node_type.name)
    for parsed in sqlglot.parse(sql, read=dialect):
        if parsed is None:
            continue
        if isinstance(parsed, exp.Command):
            raise HeadgateError(
                "template_writes_elsewhere",
                f"{node_type.name}, {statement}: {parsed.name} is not a statement that a template may use",
                hint="use CREATE, INSERT, UPDATE, DELETE, MERGE or SELECT",
                location=place,
            )
        written = parsed.this if isinstance(parsed, _writing()) else None
        if isinstance(written, exp.Schema):
            written = written.this
        temporary = parsed.find(exp.TemporaryProperty) is not None
        if (
            isinstance(written, exp.Table)
            and written.name != _THIS
            and not temporary
            and not _staged(written)
        ):
            raise HeadgateError(
                "template_writes_elsewhere",
                f"{node_type.name}, {statement}: it writes {written.sql(dialect=dialect)}, not its own table",
                hint="write {{ this }}, or a temporary table",
                location=place,
            )


def physical(column: str, node: BoundNode, test: str) -> str:
    """The column's physical name. Raises HeadgateError `column_missing`."""
    for known in node.columns:
        if known.name.lower() == column.lower():
            return known.name
    raise HeadgateError(
        "column_missing",
        f"{node.id}: the test {test} names the column {column}, which it does not have",
        hint=did_you_mean(column, (known.name for known in node.columns)),
    )


def _writing() -> tuple[type, ...]:
    from sqlglot import exp

    return (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter, exp.TruncateTable)


def _staged(table: Any) -> bool:
    """A temporary table made by an earlier statement of the template: `temp.x`, or a bare name `tmp_…`."""
    return table.db.lower() in ("temp", "pg_temp") or (not table.db and table.name.lower().startswith("tmp_"))


def _column(column: BoundColumn, dialect: str) -> dict[str, str]:
    return {"name": quote(column.name, dialect), "type": column.type}


def _by_template(node: BoundNode) -> bool:
    return node.load is not None and node.load.strategy is LoadStrategy.TEMPLATE


def relationship_targets(tests: Sequence[TestSpec]) -> list[str]:
    """The nodes that relationship tests look into, as declared (before binding)."""
    return [str(test.arguments["to"]) for test in tests if test.kind is TestKind.RELATIONSHIPS]
