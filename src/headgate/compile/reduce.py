"""A parsed query -> `QuerySummary`: its scopes, sources, outputs and the columns they name. Resolves no name.

What is not understood becomes opaque (columns unknown) and is never guessed at.
"""

from __future__ import annotations

from typing import Any

from sqlglot import exp

from headgate.compile.summary import Cte, Output, QuerySummary, Ref, Scope, Source, Star, TableName
from headgate.compile.type_hint import TypeHints

_HANDLED = frozenset({"with_", "from_", "joins", "laterals", "expressions"})


def _place(identifier: Any) -> tuple[int, int]:
    meta = identifier.meta
    return meta.get("start", -1), meta.get("end", -2) + 1


class Reducer:
    """Walks one statement. `refs` and `scopes` collect what the expression being walked uses."""

    def __init__(self, dialect: str, no_links: tuple[int, ...]) -> None:
        self.types = TypeHints(dialect)
        self.no_links = frozenset(no_links)
        self.tables: list[TableName] = []
        self.loose: list[Ref] = []
        self.refs: list[Ref] = []
        self.scopes: list[Scope] = []
        self.index_of: dict[int, int] = {}
        self.many = False
        self.star = False

    def build(self, tree: Any) -> QuerySummary:
        scope = self.scope(tree, frozenset())
        return QuerySummary(tuple(self.tables), scope, tuple(self.loose))

    # scopes

    def scope(self, node: Any, ctes: frozenset[str]) -> Scope:
        if isinstance(node, exp.Select):
            return self.select(node, ctes)
        if isinstance(node, exp.SetOperation):
            return self.set_operation(node, ctes)
        if isinstance(node, exp.Values):
            return self.values(node, ctes)
        if isinstance(node, exp.Subquery) and isinstance(node.this, exp.Query):
            if not (node.args.get("with_") or node.args.get("pivots")):
                return self.scope(node.this, ctes)
            if not node.args.get("pivots"):
                own, ctes = self.ctes(node, ctes)
                inner = self.scope(node.this, ctes)
                return Scope(own, (Source("", scope=inner),), (Output("", 0, star=Star()),))
        self.walk_opaque(node, ctes)
        return Scope(opaque=True)

    def ctes(self, node: Any, visible: frozenset[str]) -> tuple[tuple[Cte, ...], frozenset[str]]:
        clause = node.args.get("with_")
        if clause is None:
            return (), visible
        found = []
        recursive = bool(clause.args.get("recursive"))
        for cte in clause.expressions:
            name = cte.alias
            inside = visible | {name.lower()} if recursive else visible
            scope = self.scope(cte.this, inside)
            found.append(Cte(name.lower(), scope, _alias_columns(cte), recursive))
            visible = visible | {name.lower()}
        return tuple(found), visible

    def set_operation(self, node: Any, ctes: frozenset[str]) -> Scope:
        own, ctes = self.ctes(node, ctes)
        spine = [node.expression]
        by_name = bool(node.args.get("by_name"))
        left = node.this
        while isinstance(left, exp.SetOperation) and not left.args.get("with_"):
            by_name = by_name or bool(left.args.get("by_name"))
            spine.append(left.expression)
            left = left.this
        branches = [self.scope(branch, ctes) for branch in (left, *reversed(spine))]
        for clause in ("order", "limit", "offset"):
            if node.args.get(clause) is not None:
                self.walk_opaque(node.args[clause], ctes)
        return Scope(own, branches=tuple(branches), by_name=by_name)

    def values(self, node: Any, ctes: frozenset[str]) -> Scope:
        first = node.expressions[0] if node.expressions else None
        count = len(first.expressions) if isinstance(first, exp.Tuple) else 1
        self.walk_opaque(node, ctes)
        return Scope(outputs=tuple(Output(f"col{index}", 0) for index in range(count)))

    def select(self, node: Any, ctes: frozenset[str]) -> Scope:
        own, ctes = self.ctes(node, ctes)
        outer = self.refs, self.scopes, self.index_of, self.many, self.star
        self.refs, self.scopes, self.index_of = [], [], {}
        sources: list[Source] = []
        args = node.args
        if args.get("from_") is not None:
            sources += self.source(args["from_"].this, ctes)
        for join in args.get("joins") or ():
            sources += self.joined(join, ctes)
        for lateral in args.get("laterals") or ():
            sources += self.source(lateral, ctes)
        for key, value in args.items():
            if key not in _HANDLED and value is not None:
                self.visit_any(value, ctes)
        refs, scopes = tuple(self.refs), tuple(self.scopes)
        outputs = tuple(self.output(item, ctes) for item in node.expressions)
        self.refs, self.scopes, self.index_of, self.many, self.star = outer
        return Scope(own, tuple(sources), outputs, refs, scopes)

    # FROM

    def joined(self, join: Any, ctes: frozenset[str]) -> list[Source]:
        sources = self.source(join.this, ctes)
        args = join.args
        using = tuple(item.name.lower() for item in args.get("using") or ())
        natural = str(args.get("method") or "").upper() == "NATURAL"
        hidden = str(args.get("kind") or "").upper() in ("SEMI", "ANTI")
        if args.get("on") is not None:
            self.visit(args["on"], ctes)
        if sources and (using or natural or hidden):
            for source in sources:
                source.hidden = source.hidden or hidden
            sources[0].using, sources[0].natural = using, natural
        return sources

    def source(self, node: Any, ctes: frozenset[str]) -> list[Source]:
        """The items that one place of FROM stands for: several where joins are nested in parentheses."""
        if isinstance(node, exp.Table):
            sources = [self.table(node, ctes)]
        elif isinstance(node, exp.Lateral) and isinstance(node.this, exp.Subquery):
            sources = [Source(node.alias, scope=self.scope(node.this, ctes), columns=_alias_columns(node))]
        elif isinstance(node, exp.Subquery):
            sources = self.subquery(node, ctes)
        else:
            refs = self.collect(node, ctes)
            closed = isinstance(node, exp.Values)
            columns = _alias_columns(node)
            offset = node.args.get("offset")
            if isinstance(offset, exp.Identifier):
                columns = (*columns, offset.name)
            sources = [Source(node.alias, columns=columns, refs=refs, closed=closed and bool(columns))]
        for join in node.args.get("joins") or ():
            sources += self.joined(join, ctes)
        return sources

    def subquery(self, node: Any, ctes: frozenset[str]) -> list[Source]:
        columns = _alias_columns(node)
        if node.args.get("pivots"):
            self.walk_opaque(node, ctes)
            return [Source(_pivot_alias(node), columns=columns)]
        if isinstance(node.this, exp.Query):
            return [Source(node.alias, scope=self.scope(_inner(node), ctes), columns=columns)]
        inner = self.source(node.this, ctes)
        if not node.alias:
            return inner
        everything = Scope(sources=tuple(inner), outputs=(Output("", 0, star=Star()),))
        return [Source(node.alias, scope=everything, columns=columns)]

    def table(self, node: Any, ctes: frozenset[str]) -> Source:
        columns = _alias_columns(node)
        if not isinstance(node.this, exp.Identifier):
            return Source(node.alias or _function_name(node), columns=columns, refs=self.collect(node, ctes))
        parts = [part for part in (node.args.get("catalog"), node.args.get("db"), node.this) if part]
        pivots = node.args.get("pivots")
        if len(parts) == 1 and node.name.lower() in ctes:
            source = Source(node.alias or node.name, cte=node.name.lower(), columns=columns)
        elif all(isinstance(part, exp.Identifier) for part in parts):
            index = self.add_table(parts, node.alias)
            source = Source(node.alias or node.name, table=index, columns=columns)
        else:
            source = Source(node.alias, columns=columns)
        if not pivots:
            return source
        for pivot in pivots:
            self.walk_opaque(pivot, ctes)
        return Source(_pivot_alias(node) or source.alias)

    def add_table(self, parts: list[Any], alias: str) -> int:
        start, end = _place(parts[0])[0], _place(parts[-1])[1]
        names = tuple(part.this for part in parts)
        self.tables.append(TableName(names, start, end, alias, start in self.no_links))
        return len(self.tables) - 1

    # expressions

    def output(self, node: Any, ctes: frozenset[str]) -> Output:
        name, inner = "", node
        if isinstance(node, exp.Alias):
            name, inner = node.alias, node.this
        if isinstance(inner, exp.Star):
            return Output("", _first_place(node), star=self.star_of(inner, (), None, ctes))
        if isinstance(inner, exp.Column) and isinstance(inner.this, exp.Star):
            parts = inner.parts[:-1]
            span = (_place(parts[0])[0], _place(parts[1])[1]) if len(parts) >= 2 else None
            qualifier = tuple(part.name for part in parts)
            star = self.star_of(inner.this, qualifier, span, ctes)
            return Output("", _place(parts[0])[0], star=star)
        refs, scopes, index_of = self.refs, self.scopes, self.index_of
        self.refs, self.scopes, self.index_of, self.many, self.star = [], [], {}, False, False
        self.visit(inner, ctes)
        hint = self.types.of(inner, self.index_of)
        name = name or _own_name(inner)
        many = self.many or (not name and (self.star or isinstance(inner, (exp.Explode, exp.Unnest))))
        start = _first_place(node) if not name else _name_place(node)
        result = Output(name, start, tuple(self.refs), tuple(self.scopes), hint, many=many or _aliases(node))
        self.refs, self.scopes, self.index_of = refs, scopes, index_of
        return result

    def star_of(
        self, star: Any, qualifier: tuple[str, ...], span: tuple[int, int] | None, ctes: frozenset[str]
    ) -> Star:
        args = star.args
        excluded = tuple(item.name.lower() for item in args.get("except_") or ())
        renamed = {item.this.name.lower(): item.alias for item in args.get("rename") or ()}
        replaced = {item.alias.lower(): self.output(item, ctes) for item in args.get("replace") or ()}
        return Star(qualifier, excluded, renamed, replaced, span)

    def collect(self, node: Any, ctes: frozenset[str]) -> tuple[Ref, ...]:
        """The columns that a table function or VALUES uses."""
        refs, self.refs = self.refs, []
        for key, value in node.args.items():
            if key not in ("alias", "joins", "pivots") and value is not None:
                self.visit_any(value, ctes)
        found, self.refs = tuple(self.refs), refs
        return found

    def visit_any(self, value: Any, ctes: frozenset[str]) -> None:
        if isinstance(value, list):
            for item in value:
                self.visit_any(item, ctes)
        elif isinstance(value, exp.Expr):
            self.visit(value, ctes)

    def visit(self, node: Any, ctes: frozenset[str]) -> None:
        while isinstance(node, exp.Binary) and not isinstance(node, (exp.PropertyEQ, exp.Dot)):
            self.visit_arguments(node, ctes, but="this")  # a chain of a thousand ORs is deep on the left
            node = node.this
        kind = type(node)
        if kind is exp.Column:
            self.column(node)
        elif kind in _LEAVES or (kind is exp.Count and isinstance(node.this, exp.Star)):
            return
        elif kind is exp.Star:
            self.star = True
        elif isinstance(node, exp.Query):
            self.scopes.append(self.scope(node, ctes))
        elif kind is exp.Lambda or kind is exp.Comprehension:
            self.with_variables(node, ctes)
        elif kind is exp.PropertyEQ or kind is exp.Kwarg:
            self.visit_any(node.expression, ctes)
        elif kind is exp.Table:
            self.table(node, ctes)
        elif isinstance(node, exp.Expr):
            self.many = self.many or kind is exp.Columns
            self.visit_arguments(node, ctes)

    def visit_arguments(self, node: Any, ctes: frozenset[str], but: str = "") -> None:
        for key, value in node.args.items():
            if value is not None and key != but:
                self.visit_any(value, ctes)

    def with_variables(self, node: Any, ctes: frozenset[str]) -> None:
        """A lambda's own variables are no columns."""
        if isinstance(node, exp.Lambda):
            names = {item.name.lower() for item in node.expressions}
        else:
            names = {node.expression.name.lower()} | {
                item.name.lower() for item in node.args.get("position") or () if isinstance(item, exp.Expr)
            }
        before = len(self.refs)
        for value in node.args.values():
            self.visit_any(value, ctes)
        inside = self.refs[before:]
        del self.refs[before:]
        self.index_of = {key: index for key, index in self.index_of.items() if index < before}
        self.refs += [ref for ref in inside if ref.parts[0].lower() not in names]

    def column(self, node: Any) -> None:
        parts = node.parts
        if isinstance(parts[-1], exp.Star):
            self.star = True
            return
        start = _place(parts[0])[0]
        span = (start, _place(parts[1])[1]) if len(parts) > 2 else None
        self.index_of[id(node)] = len(self.refs)
        self.refs.append(Ref(tuple(part.name for part in parts), start, span))

    def walk_opaque(self, node: Any, ctes: frozenset[str]) -> None:
        """Find the tables, and check the subqueries, of what is not understood as a whole."""
        refs, scopes = self.refs, self.scopes
        self.refs, self.scopes = [], []
        for value in node.args.values():
            self.visit_any(value, ctes)
        self.loose += [ref for ref in self.refs if ref.span]
        self.refs, self.scopes = refs, scopes


_LEAVES = frozenset(
    {exp.Literal, exp.Identifier, exp.DataType, exp.Null, exp.Boolean, exp.Var, exp.TableAlias}
)


def _inner(node: Any) -> Any:
    return node if node.args.get("with_") else node.this


def _alias_columns(node: Any) -> tuple[str, ...]:
    alias = node.args.get("alias")
    columns = alias.args.get("columns") if isinstance(alias, exp.TableAlias) else None
    return tuple(column.name for column in columns or ())


def _pivot_alias(node: Any) -> str:
    return next((pivot.alias for pivot in node.args.get("pivots") or () if pivot.alias), "") or str(
        node.alias
    )


def _function_name(node: Any) -> str:
    return str(node.this.name) if isinstance(node.this, exp.Expr) else ""


def _aliases(node: Any) -> bool:
    return isinstance(node, exp.Aliases)


def _own_name(node: Any) -> str:
    """The name that an item has without an alias, on every engine; empty where engines differ."""
    while isinstance(node, exp.Paren):
        node = node.this
    if isinstance(node, exp.Column):
        return str(node.name)
    inner = node
    while isinstance(inner, exp.Dot) and isinstance(inner.expression, exp.Identifier):
        inner = inner.this
    return str(node.expression.name) if inner is not node and isinstance(inner, exp.Column) else ""


def _name_place(node: Any) -> int:
    if isinstance(node, exp.Alias):
        return _place(node.args["alias"])[0]
    return _first_place(node)


def _first_place(node: Any) -> int:
    if isinstance(node, exp.Column):
        return _place(node.parts[0])[0]
    starts = [start for item in node.walk() if (start := item.meta.get("start", -1)) >= 0]
    return min(starts, default=-1)
