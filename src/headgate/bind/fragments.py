"""Tests, hooks and the templates of user-defined types -> finished SQL of one environment."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Any

from headgate.bind.statements import refuse_transaction_control, single, split
from headgate.bind.text import resolve_stand_ins, transpile, with_stand_ins
from headgate.bind.writes import WriteGuard
from headgate.compile.rebind import Rendered, find_references, render_hook, render_stages
from headgate.errors import HeadgateError, Location, ProjectError, did_you_mean
from headgate.model.bound import THIS, BoundColumn, BoundNode, NamedSql
from headgate.model.project import (
    LoadStrategy,
    Manifest,
    Node,
    Parameters,
    TableReference,
    TestKind,
    TestScope,
    TestSpec,
)
from headgate.warehouse.names import fold, quote

_THIS = "hg_this_"
"""Stands for the node's own table in a text, until it is transpiled."""

_QUERY = "(SELECT * FROM hg_query_)"
"""Stands for the node's query in a template, until it is transpiled: a query in parentheses, which may stand
wherever the query itself may."""

_WRITTEN_QUERY = re.compile(r"\(\s*SELECT\s+\*\s+FROM\s+hg_query_\s*\)")


class Fragments:
    """Completes bound nodes with what surrounds their query. `relation` gives a node's physical relation."""

    def __init__(
        self, manifest: Manifest, parameters: Parameters, dialect: str, relation: Callable[[str], str]
    ) -> None:
        self.manifest = manifest
        self.parameters = parameters
        self.dialect = dialect
        self.relation = relation
        self.read: set[str] = set()
        """The parameters that the node's texts have read so far."""

    def complete(self, node: Node, bound: BoundNode) -> BoundNode:
        """`bound` with its tests, hooks and templates finished, and the parameters that they read."""
        self.read = set(bound.reads_parameters)
        completed = replace(
            bound,
            tests=tuple(self.test(test, node, bound) for test in node.tests),
            pre_sql=self.hooks(node, node.pre_sql, bound.relation, "pre_sql"),
            post_sql=self.hooks(node, node.post_sql, bound.relation, "post_sql"),
            create_sql=self.template(node, bound, "create_template"),
            run_sql=self.template(node, bound, "run_template") if _by_template(bound) else (),
        )
        return replace(completed, reads_parameters=tuple(sorted(self.read)))

    # --- tests ------------------------------------------------------------------------------------

    def test(self, test: TestSpec, node: Node, bound: BoundNode) -> TestSpec:
        """A test with physical names and finished SQL."""
        arguments = dict(test.arguments)
        subject = f"{node.id}: the test {test.name}"
        if test.scope is TestScope.NEW and bound.load and bound.load.strategy is LoadStrategy.SCD2:
            # New rows are those of the query; the load gives them their history.
            bound = replace(bound, columns=bound.query_columns)
        match test.kind:
            case TestKind.RELATIONSHIPS:
                to = str(arguments["to"])
                arguments["to"] = self.relation(to)
                arguments["field"] = fold(str(arguments["field"]), self.dialect)
            case TestKind.UNIQUE if arguments.get("columns"):
                arguments["columns"] = [physical(name, bound, test.name) for name in arguments["columns"]]
            case TestKind.EXPRESSION:
                arguments["sql"] = self.condition(node, str(arguments["sql"]), subject)
            case TestKind.SQL:
                text = str(arguments["sql"]).replace("{this}", "{{ this }}")
                (arguments["sql"],) = self.statements(node, text, THIS, subject, only_one=True)
            case _:
                pass
        return replace(
            test,
            column=physical(test.column, bound, test.name) if test.column else None,
            where=self.condition(node, test.where, subject) if test.where else None,
            arguments=arguments,
        )

    def condition(self, node: Node, text: str, subject: str) -> str:
        """A boolean expression in the warehouse's dialect, its template rendered and names resolved."""
        rendered = self.rendered(node, text)
        read, write = self.manifest.dialect, self.dialect
        condition = single(with_stand_ins(rendered.query, rendered.references), read, subject)
        if read != write:
            whole = transpile(f"SELECT 1 WHERE {condition}", read, write)
            condition = whole.partition("WHERE")[2].strip()
        return resolve_stand_ins(condition, rendered.references, self.relation)

    # --- hooks and templates ----------------------------------------------------------------------

    def hooks(self, node: Node, texts: Sequence[str], this: str, which: str) -> tuple[str, ...]:
        """The statements of all texts, one by one: each is recorded and timed by itself."""
        found: list[str] = []
        for text in texts:
            found += self.statements(node, text, this, f"{node.id}, {which}")
        return tuple(found)

    def statements(
        self, node: Node, text: str, this: str, subject: str, *, only_one: bool = False
    ) -> list[str]:
        """A text with its template rendered, names resolved and dialect translated. The node's own name
        becomes `this`."""
        rendered = self.rendered(node, text)
        return self.finish(node, rendered.query, rendered.references, this, subject, only_one=only_one)

    def rendered(self, node: Node, text: str) -> Rendered:
        rendered = render_hook(node, text, self.manifest, self.parameters)
        self.read.update(rendered.reads_parameters)
        return rendered

    def finish(
        self,
        node: Node,
        text: str,
        references: Sequence[TableReference],
        this: str,
        subject: str,
        *,
        only_one: bool = False,
    ) -> list[str]:
        def relation(node_id: str) -> str:
            return this if node_id == node.id else self.relation(node_id)

        whole = with_stand_ins(text, references)
        read, write = self.manifest.dialect, self.dialect
        finished = []
        for statement in [single(whole, read, subject)] if only_one else split(whole, read):
            refuse_transaction_control(statement, subject)
            finished.append(resolve_stand_ins(transpile(statement, read, write), references, relation))
        return finished

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
        place = f"{node_type.path.rpartition('/')[0]}/{which.removesuffix('_template')}.sql.j2"
        guard = WriteGuard(_THIS, node_type.name, self.dialect)
        statements: list[NamedSql] = []
        try:
            stages, read = render_stages(node, source, self.manifest, self.parameters, context)
            self.read.update(read)
            for stage, text in stages:
                guard.subject = f"{node_type.name}, {stage}"
                references = find_references(text, self.manifest)
                found = self.finish(node, text, references, _THIS, guard.subject)
                for number, statement in enumerate(found, start=1):
                    guard.check(statement)
                    name = stage if len(found) == 1 else f"{stage} {number}"
                    statements.append(NamedSql(name, self.filled(statement, bound)))
        except ProjectError:
            raise
        except HeadgateError as error:
            error.location = error.location or Location(place)
            raise
        return tuple(statements)

    def filled(self, statement: str, bound: BoundNode) -> str:
        """The statement of a template with the node's table and query in the places of their stand-ins."""
        query = f"(\n{bound.query}\n)"
        statement = _WRITTEN_QUERY.sub(lambda _: query, statement.replace(_THIS, bound.relation))
        return statement.replace("hg_query_", f"{query} AS hg_query")


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


def _column(column: BoundColumn, dialect: str) -> dict[str, str]:
    return {"name": quote(column.name, dialect), "type": column.type}


def _by_template(node: BoundNode) -> bool:
    return node.load is not None and node.load.strategy is LoadStrategy.TEMPLATE


def relationship_targets(tests: Sequence[TestSpec]) -> list[str]:
    """The nodes that relationship tests look into, as declared (before binding)."""
    return [str(test.arguments["to"]) for test in tests if test.kind is TestKind.RELATIONSHIPS]
