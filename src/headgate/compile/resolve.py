"""A query's summary + its parents' columns -> its own columns, types and column-level lineage. Pure.

Never reports a column that might exist: a scope over something of unknown columns accepts every name.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field

from headgate.compile.relation import NO_LINEAGE, OPEN, Relation, ResolvedColumn, renamed, united
from headgate.compile.summary import Cte, Hint, Output, QuerySummary, Ref, Scope, Source, Star
from headgate.errors import did_you_mean

_PSEUDO_COLUMNS = frozenset(
    [
        "rowid",
        "rownum",
        "level",
        "ctid",
        "oid",
        "tableoid",
        "xmin",
        "xmax",
        "user",
        "current_user",
        "session_user",
        "current_role",
        "current_schema",
        "current_catalog",
        "current_database",
        "localtime",
        "localtimestamp",
        "current_time",
        "sysdate",
        "filename",
        "file_row_number",
        "excluded",
        "default",
    ]
)
_UNITS = frozenset(
    [
        "year",
        "years",
        "quarter",
        "month",
        "months",
        "week",
        "weeks",
        "day",
        "days",
        "hour",
        "hours",
        "minute",
        "minutes",
        "second",
        "seconds",
        "millisecond",
        "microsecond",
        "nanosecond",
        "epoch",
        "dow",
        "doy",
        "isodow",
        "isoyear",
        "dayofweek",
        "dayofyear",
    ]
)


@dataclass(frozen=True, slots=True)
class ColumnProblem:
    code: str
    message: str
    offset: int
    hint: str


@dataclass(slots=True)
class Resolution:
    """`qualifiers` are (start, end, index of the table) of tables named inside a column's name."""

    relation: Relation
    problems: list[ColumnProblem] = field(default_factory=list)
    qualifiers: list[tuple[int, int, int]] = field(default_factory=list)


@dataclass(slots=True)
class Item:
    """A source of one scope, resolved."""

    alias: str
    relation: Relation
    source: Source
    using: frozenset[str] = frozenset()


@dataclass(slots=True)
class Frame:
    """What names mean inside a scope. `outer` is the scope around it (correlated subqueries)."""

    items: list[Item]
    outer: Frame | None
    aliases: dict[str, Output] = field(default_factory=dict)
    done: dict[str, ResolvedColumn] = field(default_factory=dict)
    resolving: set[str] = field(default_factory=set)

    def find_item(self, alias: str) -> Item | None:
        folded = alias.lower()
        return next((item for item in self.items if item.alias == folded), None)

    @property
    def open(self) -> bool:
        return any(item.relation.open for item in self.items)


def resolve_query(summary: QuerySummary, tables: Sequence[Relation], dialect: str) -> Resolution:
    """`tables` are the relations of the summary's tables, in its order."""
    resolver = _Resolver(summary, tables, dialect)
    relation = resolver.scope(summary.scope, {}, None, top=True)
    resolver.loose(summary.loose)
    return Resolution(relation, resolver.problems, sorted(set(resolver.qualifiers)))


class _Resolver:
    def __init__(self, summary: QuerySummary, tables: Sequence[Relation], dialect: str) -> None:
        self.summary = summary
        self.tables = tables
        self.no_columns = _PSEUDO_COLUMNS if dialect in ("duckdb", "postgres") else _PSEUDO_COLUMNS | _UNITS
        self.problems: list[ColumnProblem] = []
        self.qualifiers: list[tuple[int, int, int]] = []

    # scopes

    def scope(
        self, scope: Scope, ctes: dict[str, Relation], outer: Frame | None, *, top: bool = False
    ) -> Relation:
        if scope.ctes:
            ctes = dict(ctes)
            for cte in scope.ctes:
                ctes[cte.name] = self.cte(cte, ctes, outer)
        if scope.opaque:
            return OPEN
        if scope.branches:
            relations = [self.scope(scope.branches[0], ctes, outer, top=top)]
            relations += [self.scope(branch, ctes, outer) for branch in scope.branches[1:]]
            return united(relations, by_name=scope.by_name)
        frame = Frame([], outer)
        for source in scope.sources:
            self.add_source(source, frame, ctes)
        for output in scope.outputs:
            if output.name and not output.star:
                frame.aliases.setdefault(output.name.lower(), output)
        for ref in scope.refs:
            self.check(ref, frame)
        for inner in scope.scopes:
            self.scope(inner, ctes, frame)
        return self.outputs(scope.outputs, frame, ctes, top=top)

    def cte(self, cte: Cte, ctes: dict[str, Relation], outer: Frame | None) -> Relation:
        if cte.recursive and cte.scope.branches:
            inner = dict(ctes)
            for own in cte.scope.ctes:
                inner[own.name] = self.cte(own, inner, outer)
            anchor = renamed(self.scope(cte.scope.branches[0], inner, outer), cte.columns)
            # The recursive part may add lineage but no names; its columns' types are the anchor's.
            inner[cte.name] = anchor
            rest = [self.scope(branch, inner, outer) for branch in cte.scope.branches[1:]]
            return renamed(united([anchor, *rest], by_name=cte.scope.by_name), cte.columns)
        if cte.recursive:
            ctes = {**ctes, cte.name: OPEN}
        return renamed(self.scope(cte.scope, ctes, outer), cte.columns)

    def add_source(self, source: Source, frame: Frame, ctes: dict[str, Relation]) -> None:
        if source.table is not None:
            relation = self.tables[source.table]
        elif source.cte is not None:
            relation = ctes.get(source.cte, OPEN)
        elif source.scope is not None:
            # Subqueries in FROM may be correlated with what stands before them.
            relation = self.scope(source.scope, ctes, frame)
        else:
            names = [ResolvedColumn(name, None, NO_LINEAGE) for name in source.columns]
            relation = Relation(names, is_open=not source.closed)
        for ref in source.refs:
            self.check(ref, frame)
        if source.table is not None or source.cte is not None or source.scope is not None:
            relation = renamed(relation, source.columns)
        item = Item(source.alias.lower(), relation, source)
        if source.natural:
            shared = {name for left in frame.items for name in left.relation.by_name}
            item.using = frozenset(shared & relation.by_name.keys())
        elif source.using:
            item.using = frozenset(source.using)
        frame.items.append(item)

    # SELECT list

    def outputs(
        self, outputs: Iterable[Output], frame: Frame, ctes: dict[str, Relation], *, top: bool
    ) -> Relation:
        columns: list[ResolvedColumn] = []
        is_open = False
        open_nodes: tuple[str, ...] = ()
        for output in outputs:
            if output.star is not None:
                part = self.star(output, output.star, frame, ctes)
                columns += part.columns
                is_open = is_open or part.open
                open_nodes += part.open_nodes
                continue
            column = self.output(output, frame, ctes)
            if output.many:
                is_open = True
                continue
            columns.append(column)
            if top and not output.name:
                message = "an output column has no name of its own"
                hint = "give it one with AS"
                self.problems.append(ColumnProblem("unnamed_column", message, output.start, hint))
        return Relation(columns, is_open=is_open, open_nodes=open_nodes)

    def output(self, output: Output, frame: Frame, ctes: dict[str, Relation]) -> ResolvedColumn:
        key = output.name.lower()
        found = [self.find(ref, frame, but=key, report=True) for ref in output.refs]
        lineage: set[tuple[str, str]] = set()
        for column in found:
            if column is not None:
                lineage |= column.lineage
        for inner in output.scopes:
            for column in self.scope(inner, ctes, frame).columns:
                lineage |= column.lineage
        name = output.name
        only = found[0] if len(found) == 1 and output.hint == 0 else None
        if only is not None and output.refs[0].parts[-1] == name and only.name.lower() == key:
            name = only.name  # engines give a bare column the spelling of its table
        result = ResolvedColumn(name, _type(output.hint, found), frozenset(lineage))
        if key:
            frame.done.setdefault(key, result)
        return result

    def star(self, output: Output, star: Star, frame: Frame, ctes: dict[str, Relation]) -> Relation:
        if star.qualifier:
            items = self.star_items(output, star, frame)
            if items is None:
                return OPEN
        else:
            items = frame.items
        columns: list[ResolvedColumn] = []
        is_open = not items
        open_nodes: tuple[str, ...] = ()
        for item in items:
            if item.source.hidden:
                continue
            relation = item.relation
            is_open = is_open or relation.open or (item.source.natural and frame.open)
            open_nodes += relation.open_nodes
            drop = item.using if not star.qualifier else frozenset()
            for column in relation.columns:
                name = column.name.lower()
                if not name or name in drop or name in star.excluded:
                    continue
                if name in star.replaced:
                    columns.append(self.output(star.replaced[name], frame, ctes)._replace(name=column.name))
                elif name in star.renamed:
                    columns.append(column._replace(name=star.renamed[name]))
                else:
                    columns.append(column)
        known = {column.name.lower() for item in items for column in item.relation.columns}
        if not is_open:
            for name in (*star.excluded, *star.renamed, *star.replaced):
                if name.split(".")[-1] not in known:
                    self.unknown(name, output.start, known)
        for name, replacement in star.replaced.items():
            if name not in known:
                self.output(replacement, frame, ctes)
        return Relation(columns, is_open=is_open, open_nodes=open_nodes)

    def star_items(self, output: Output, star: Star, frame: Frame) -> list[Item] | None:
        """The sources that `t.*` means; None where it is (or may be) the fields of a struct."""
        scope: Frame | None = frame
        while scope is not None:
            item = scope.find_item(star.qualifier[0]) if len(star.qualifier) == 1 else None
            if item is None and len(star.qualifier) == 2:
                item = self.by_table(star.qualifier, scope, star.span)
            if item is not None:
                return [item]
            scope = scope.outer
        self.find(Ref(star.qualifier, output.start), frame, but="", report=True)
        return None

    # names

    def check(self, ref: Ref, frame: Frame) -> None:
        self.find(ref, frame, but="", report=True)

    def find(self, ref: Ref, frame: Frame, *, but: str, report: bool) -> ResolvedColumn | None:
        """The column that `ref` means, from the innermost scope outwards. `but` is the alias being defined."""
        scope: Frame | None = frame
        is_open = False
        while scope is not None:
            found = self.find_here(ref, scope, but if scope is frame else "")
            if found is not None:
                return found
            is_open = is_open or scope.open
            scope = scope.outer
        name = ref.parts[0].lower()
        if is_open or not report or (len(ref.parts) == 1 and name in self.no_columns):
            return None
        self.report(ref, frame)
        return None

    def find_here(self, ref: Ref, frame: Frame, but: str) -> ResolvedColumn | None:
        parts = ref.parts
        if len(parts) == 1:
            return self.bare(parts[0], frame, but)
        item = frame.find_item(parts[0])
        if item is not None:
            column = item.relation.find(parts[1])
            if column is not None:
                return column if len(parts) == 2 else column._replace(type=None)
        if len(parts) > 2:
            item = self.by_table(parts[:2], frame, ref.span)
            if item is not None:
                column = item.relation.find(parts[2])
                if column is not None:
                    return column if len(parts) == 3 else column._replace(type=None)
        field_of = self.bare(parts[0], frame, but, columns_only=True)
        return field_of._replace(type=None) if field_of is not None else None

    def bare(self, name: str, frame: Frame, but: str, *, columns_only: bool = False) -> ResolvedColumn | None:
        folded = name.lower()
        found: ResolvedColumn | None = None
        for item in frame.items:
            column = item.relation.by_name.get(folded)
            if column is None:
                continue
            if found is None:
                found = column
            elif folded in item.using:
                found = found._replace(lineage=found.lineage | column.lineage)
        if found is not None:
            return found
        alias = frame.aliases.get(folded)
        if alias is not None and folded != but:
            return self.alias(folded, alias, frame)
        opened = [item for item in frame.items if item.relation.open]
        if len(opened) == 1 and not columns_only:
            found = opened[0].relation.find(name)
            if found is not None:
                return found
        row = frame.find_item(name)
        if row is not None and not columns_only:  # the whole row, as a struct
            lineage: set[tuple[str, str]] = set()
            for column in row.relation.columns:
                lineage |= column.lineage
            return ResolvedColumn(name, None, frozenset(lineage))
        return None

    def alias(self, folded: str, output: Output, frame: Frame) -> ResolvedColumn:
        """Another item of the same SELECT list, by its alias."""
        done = frame.done.get(folded)
        if done is not None:
            return done
        lineage: set[tuple[str, str]] = set()
        kind = None
        if folded not in frame.resolving:
            frame.resolving.add(folded)
            found = [self.find(ref, frame, but=folded, report=False) for ref in output.refs]
            for column in found:
                if column is not None:
                    lineage |= column.lineage
            kind = _type(output.hint, found)
            frame.resolving.discard(folded)
        return ResolvedColumn(output.name, kind, frozenset(lineage))

    def by_table(self, parts: tuple[str, ...], frame: Frame, span: tuple[int, int] | None) -> Item | None:
        """The source written as `LOCATION.NAME` that these two parts name; notes the place."""
        wanted = (parts[0].lower(), parts[1].lower())
        for item in frame.items:
            index = item.source.table
            if index is None or self.summary.tables[index].alias:
                continue
            written = self.summary.tables[index].parts
            if len(written) == 2 and (written[0].lower(), written[1].lower()) == wanted:
                if span is not None:
                    self.qualifiers.append((*span, index))
                return item
        return None

    def loose(self, refs: Iterable[Ref]) -> None:
        """Table names inside column names, where the columns themselves are not understood."""
        for ref in refs:
            wanted = tuple(part.lower() for part in ref.parts[:2])
            for index, table in enumerate(self.summary.tables):
                if not table.alias and tuple(part.lower() for part in table.parts) == wanted and ref.span:
                    self.qualifiers.append((*ref.span, index))
                    break

    # errors

    def report(self, ref: Ref, frame: Frame) -> None:
        parts = ref.parts
        scope: Frame | None = frame
        while scope is not None:
            item = scope.find_item(parts[0]) if len(parts) > 1 else None
            if item is not None:
                self.unknown(parts[1], ref.start, item.relation.by_name, of=parts[0])
                return
            scope = scope.outer
        known: list[str] = []
        qualifiers: list[str] = []
        scope = frame
        while scope is not None:
            for one in scope.items:
                known += [column.name for column in one.relation.columns]
                qualifiers.append(one.source.alias)
            known += [alias.name for key, alias in scope.aliases.items() if key != parts[0].lower()]
            scope = scope.outer
        if len(parts) == 1:
            self.unknown(parts[0], ref.start, known)
            return
        written = ".".join(parts)
        message = f"{parts[0]} in {written} is no table or column of this query"
        tables = sorted(set(filter(None, qualifiers)))
        otherwise = f"FROM has {', '.join(tables)}" if tables else "use an alias given in FROM"
        hint = did_you_mean(parts[0], [*tables, *known], otherwise)
        self.problems.append(ColumnProblem("unknown_column", message, ref.start, hint))

    def unknown(self, name: str, offset: int, known: Iterable[str], of: str = "") -> None:
        names = sorted(set(known))
        shown = ", ".join(names[:8]) + (", …" if len(names) > 8 else "")
        otherwise = f"the columns are {shown}" if names else "nothing in FROM has columns"
        where = f"{of} has no column {name}" if of else f"there is no column {name}"
        self.problems.append(
            ColumnProblem("unknown_column", where, offset, did_you_mean(name, names, otherwise))
        )


def _type(hint: Hint, found: Sequence[ResolvedColumn | None]) -> str | None:
    match hint:
        case None:
            return None
        case str():
            return hint
        case int():
            column = found[hint] if hint < len(found) else None
            return column.type if column is not None else None
        case list():
            kinds = {_type(inner, found) for inner in hint}
            return kinds.pop() if len(kinds) == 1 else None
