"""Deployed, wanted, and what stands in the warehouse -> changes in the order in which they can be applied.

Columns are compared between two bound manifests, whose types were spelled by the same describe; the warehouse's
catalogue is compared only with itself (the facts recorded after the last deploy and those of now), so that no
spelling is ever mistaken for a change. Tables are matched by physical name: a node whose id changed keeps its rows.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from headgate.errors import Diagnostic, Location
from headgate.graph import order
from headgate.model.bound import (
    BoundColumn,
    BoundManifest,
    BoundNode,
    NamedSql,
    TableFacts,
    TableName,
    WarehouseFacts,
)
from headgate.model.plan import Change, ChangeKind, Subject
from headgate.model.project import LoadStrategy, Materialization, OnSchemaChange
from headgate.plan.columns import ColumnChanges
from headgate.plan.ledger import forget_intervals, keeps_ledger, rename_intervals
from headgate.plan.moves import conflicts, find_moves
from headgate.plan.moves import key_of as _key
from headgate.warehouse import ddl


@dataclass(frozen=True, slots=True)
class Standing:
    """What the plan compares with: `deployed` as bound then, `then` the facts after that deploy, `now` those
    of this moment."""

    deployed: Mapping[str, BoundNode] = field(default_factory=dict)
    then: WarehouseFacts = field(default_factory=WarehouseFacts)
    now: WarehouseFacts = field(default_factory=WarehouseFacts)


@dataclass(frozen=True, slots=True)
class Difference:
    changes: tuple[Change, ...]
    needs_refresh: tuple[str, ...]
    problems: tuple[Diagnostic, ...] = ()


def difference(standing: Standing, wanted: BoundManifest) -> Difference:
    """The changes that bring the warehouse from where it stands to `wanted`, schemas first, drops last."""
    return _Diff(standing, wanted).run()


class _Diff:
    def __init__(self, standing: Standing, wanted: BoundManifest) -> None:
        self.standing = standing
        self.wanted = wanted
        self.dialect = wanted.dialect
        self.old = {_key(n.table): n for n in standing.deployed.values() if n.table and _ours(n)}
        self.new = {_key(n.table): n for n in wanted.nodes.values() if n.table and _ours(n)}
        self.moves = find_moves(self.old, self.new)
        self.problems: list[Diagnostic] = []
        self.stale: set[str] = set()
        self.reshaped: set[str] = set()
        """Ids of nodes whose columns or kind change: views that read them are made again."""

    def run(self) -> Difference:
        changes = self.schemas()
        node_changes: dict[str, Change] = {}
        for name in order({n.id: n.depends_on for n in self.wanted.nodes.values()}):
            node = self.wanted.nodes[name]
            if not _ours(node):
                change = self.source_change(node)
            elif node.materialization is Materialization.VIEW:
                change = self.view_change(node)
            else:
                change = self.table_change(node)
            if change is not None:
                node_changes[name] = change
        drops = self.drops()
        changes += self.clear_views(node_changes, drops)
        changes += self.clear_places()
        changes += list(node_changes.values()) + drops
        return Difference(tuple(changes), self.needs_refresh(), tuple(self.problems))

    # --- what stands ------------------------------------------------------------------------------

    def was(self, node: BoundNode) -> BoundNode | None:
        """The deployed node whose table or view the wanted one continues."""
        key = _key(node.table)
        return self.moves.sources.get(key) or self.old.get(key)

    def place(self, old: BoundNode) -> TableName:
        """Where the table of a deployed node stands when its own change begins."""
        assert old.table is not None
        return self.moves.aside.get(_key(old.table)) or old.table

    def facts(self, table: TableName | None) -> TableFacts | None:
        return self.standing.now.tables.get(str(table))

    def drift(self, node: BoundNode) -> str:
        """How the table of a deployed node differs from what the deploy left, as a sentence part."""
        then, now = self.standing.then.tables.get(str(node.table)), self.facts(node.table)
        if then is None:
            return ""
        if now is None:
            return f"{node.table} is gone from the warehouse"
        if now.kind != then.kind:
            return f"{node.table} was a {then.kind} and is a {now.kind}"
        if then.definition != now.definition:
            return f"the definition of {node.table} was changed in the warehouse"
        before = {c.name: c.type for c in then.columns}
        after = {c.name: c.type for c in now.columns}
        parts = [f"{name} was added" for name in after if name not in before]
        parts += [f"{name} was dropped" for name in before if name not in after]
        parts += [
            f"{name} is now {after[n]}"
            for n in before
            for name in [n]
            if after.get(n, before[n]) != before[n]
        ]
        return f"{node.table} was changed by hand: {', '.join(parts)}" if parts else ""

    def standing_columns(self, node: BoundNode) -> tuple[BoundColumn, ...]:
        """The columns that the table of a deployed node has now: as deployed, but for those that drifted."""
        now, then = self.facts(node.table), self.standing.then.tables.get(str(node.table))
        if now is None:
            return node.columns
        spelled = {column.name: column.type for column in node.columns}
        recorded = {column.name: column.type for column in then.columns} if then else {}
        return tuple(
            BoundColumn(
                c.name, spelled.get(c.name, c.type) if recorded.get(c.name, c.type) == c.type else c.type
            )
            for c in now.columns
        )

    # --- one node ---------------------------------------------------------------------------------

    def table_change(self, node: BoundNode) -> Change | None:
        assert node.table is not None
        old = self.was(node)
        now = self.facts(node.table)
        if old is None:
            return self.adopt(node, now) if now is not None else self.create(node, ())
        standing = self.facts(old.table)
        drift = self.drift(old)
        if standing is None:
            return self.create(node, (drift,) if drift else (), drift=bool(drift))
        if standing.kind != "table":
            return self.replace(node, old, standing.kind, (f"{node.id} was a view and becomes a table",))
        if _history(old) != _history(node):
            return self.replace(node, old, "table", ("the load changes between scd2 and another",))
        return self.alter(node, old, drift)

    def create(self, node: BoundNode, reasons: tuple[str, ...], *, drift: bool = False) -> Change:
        self.stale.add(node.id)
        self.reshaped.add(node.id)
        return _change(ChangeKind.CREATE, node, self.create_sql(node), reasons, drift=drift)

    def create_sql(self, node: BoundNode) -> list[NamedSql]:
        assert node.table is not None
        statements = list(node.create_sql)
        if not statements:
            statements = [NamedSql("create table", ddl.create_table(node.table, node.columns, self.dialect))]
        return statements + self.forget(node)

    def forget(self, node: BoundNode) -> list[NamedSql]:
        return forget_intervals(node, self.dialect)

    def adopt(self, node: BoundNode, now: TableFacts) -> Change:
        """A table of this name is there, and this environment did not make it.

        One that has the node's columns is taken over with its rows: it may well be the node's own, where the
        state was lost or is another machine's, and its history could not be loaded again. Still to be allowed,
        because the next refresh works on rows that may be somebody else's.
        """
        self.stale.add(node.id)
        self.reshaped.add(node.id)
        ours = NOT_OURS.format(node.table)
        others = _other_columns(node, now)
        if now.kind == "table" and not others:
            destroys = f"the rows of {node.table} that the next refresh replaces"
            return _change(
                ChangeKind.ADOPT, node, [], (ours, "its columns fit, so its rows stay"), destroys=destroys
            )
        sql = [
            NamedSql(f"drop {now.kind}", _drop(now.kind, now.table, self.dialect)),
            *self.create_sql(node),
        ]
        reasons = (ours, *([f"its columns do not fit: {', '.join(others)}"] if now.kind == "table" else []))
        return _change(ChangeKind.ADOPT, node, sql, reasons, destroys=f"all that is in {node.table}")

    def replace(self, node: BoundNode, old: BoundNode, kind: str, reasons: tuple[str, ...]) -> Change:
        sql = [*self.drop_sql(old, kind), *self.create_sql(node)]
        self.stale.add(node.id)
        self.reshaped.add(node.id)
        destroys = f"the rows of {old.table}" if kind == "table" else ""
        return _change(ChangeKind.REPLACE, node, sql, reasons, destroys=destroys)

    def drop_sql(self, old: BoundNode, kind: str) -> list[NamedSql]:
        """Nothing for a view that has left its place already: another may stand there by now."""
        if kind == "view" and _key(old.table) in self.moves.aside:
            return []
        return [NamedSql(f"drop {kind}", _drop(kind, self.place(old), self.dialect))]

    def alter(self, node: BoundNode, old: BoundNode, drift: str) -> Change | None:
        assert node.table is not None
        assert old.table is not None
        sql: list[NamedSql] = []
        moved = old.table != node.table
        there = self.foreign(node) if moved else None
        if there is not None:
            sql.append(NamedSql(f"drop {there.kind}", _drop(there.kind, there.table, self.dialect)))
        if moved:
            place = self.place(old)
            renaming = ddl.rename_table(place, node.table, self.dialect)
            sql += [NamedSql("rename table", statement) for statement in renaming]
            sql += rename_intervals(old, place, node.table, self.dialect)
            self.reshaped.add(node.id)  # a view of PostgreSQL would follow the table, not the name
        if keeps_ledger(node) and not keeps_ledger(old):
            sql += self.forget(node)
        columns = self.column_changes(node, old)
        sql += columns.statements(node.table, self.dialect)
        if reshapes(old) and not columns.any:
            drift = ""  # a refresh gave the table the columns that the query yields now
        modified = _modified(old, node)
        reasons = [f"{old.table} becomes {node.table}"] if moved else []
        reasons += [NOT_OURS.format(there.table)] if there is not None else []
        reasons += [drift] if drift else []
        reasons += columns.reasons()
        if columns.any or STALE_MAKING.intersection(modified):
            self.stale.add(node.id)
        if columns.any:
            self.reshaped.add(node.id)
        reasons += [f"its {what} changed" for what in modified]
        if keeps_ledger(node) and keeps_ledger(old) and STALE_MAKING.intersection(modified):
            reasons.append("intervals that are done stay as they are: refresh with --from to load them again")
        if not sql and not reasons:
            return None
        kind = ChangeKind.RENAME if moved else ChangeKind.ALTER if sql else ChangeKind.MODIFY
        lost = [f"all that is in {there.table}"] if there is not None else []
        destroys = ", ".join(filter(None, [*lost, columns.destroys(self.dialect)]))
        return _change(kind, node, sql, tuple(reasons), destroys=destroys, drift=bool(drift))

    def foreign(self, node: BoundNode) -> TableFacts | None:
        """What stands where the node shall be, and was not put there by a deploy of this environment."""
        return None if _key(node.table) in self.old else self.facts(node.table)

    def column_changes(self, node: BoundNode, old: BoundNode) -> ColumnChanges:
        changes = ColumnChanges(self.standing_columns(old), node.columns)
        then = self.standing.then.tables.get(str(old.table))
        ours = {column.name.lower() for column in old.columns}
        theirs = {column.name.lower() for column in then.columns} - ours if then else set()
        # A type's own CREATE may give the table more columns than the query yields: they are its business.
        changes.dropped = [column for column in changes.dropped if column.name.lower() not in theirs]
        if reshapes(node) and node.on_schema_change is OnSchemaChange.ADD_COLUMNS:
            changes.dropped = []  # the policy says so: what the query no longer yields stays
        return changes

    def view_change(self, node: BoundNode) -> Change | None:
        assert node.table is not None
        assert node.query is not None
        old = self.was(node)
        now = self.facts(node.table)
        create = NamedSql("create view", ddl.create_view(node.table, node.query, self.dialect))
        if old is None:
            if now is None:
                return self.view(ChangeKind.CREATE, node, [create], ())
            drop = NamedSql(f"drop {now.kind}", _drop(now.kind, now.table, self.dialect))
            reason = NOT_OURS.format(node.table)
            destroys = f"all that is in {node.table}" if now.kind == "table" else ""
            return self.view(ChangeKind.ADOPT, node, [drop, create], (reason,), destroys=destroys)
        standing, drift = self.facts(old.table), self.drift(old)
        if standing is None:
            return self.view(ChangeKind.CREATE, node, [create], (drift,) if drift else (), drift=bool(drift))
        drops = self.drop_sql(old, standing.kind)
        if standing.kind == "table":
            reason = f"{node.id} was a table and becomes a view"
            return self.view(
                ChangeKind.REPLACE, node, [*drops, create], (reason,), destroys=f"the rows of {old.table}"
            )
        modified = _modified(old, node)
        reasons = ([drift] if drift else []) + [f"its {what} changed" for what in modified]
        read = [name for name in node.depends_on if name in self.reshaped and self.matters(name, node, old)]
        if old.table != node.table:
            reasons.insert(0, f"{old.table} becomes {node.table}")
        elif read and "query" not in modified:
            reasons.append(f"{', '.join(read)} changes below it")
        if drift or read or "query" in modified or old.table != node.table:
            there, destroys = self.foreign(node), ""
            if there is not None:
                drops.append(NamedSql(f"drop {there.kind}", _drop(there.kind, there.table, self.dialect)))
                reasons.append(NOT_OURS.format(there.table))
                destroys = f"all that is in {there.table}" if there.kind == "table" else ""
            sql = [*drops, create]
            return self.view(
                ChangeKind.REPLACE, node, sql, tuple(reasons), destroys=destroys, drift=bool(drift)
            )
        return _change(ChangeKind.MODIFY, node, [], tuple(reasons)) if reasons else None

    def matters(self, parent: str, view: BoundNode, old: BoundNode) -> bool:
        """Whether a changed parent means that the view is made again: a source that gained a column says nothing
        to a view that does not read it."""
        return _ours(self.wanted.nodes[parent]) or view.open_shape or view.columns != old.columns

    def view(
        self,
        kind: ChangeKind,
        node: BoundNode,
        sql: list[NamedSql],
        reasons: tuple[str, ...],
        *,
        destroys: str = "",
        drift: bool = False,
    ) -> Change:
        self.stale.add(node.id)
        self.reshaped.add(node.id)
        return _change(kind, node, sql, reasons, destroys=destroys, drift=drift)

    def source_change(self, node: BoundNode) -> Change | None:
        old = self.standing.deployed.get(node.id)
        if old is None:
            return _change(ChangeKind.CREATE, node, [], ("a source",))
        if old.columns != node.columns:
            self.reshaped.add(node.id)
        if old == replace(node, columns=old.columns):
            return None  # what stands in a source is its owner's business; its readers' changes are shown
        modified = _modified(old, node) or ["definition"]
        return _change(ChangeKind.MODIFY, node, [], tuple(f"its {what} changed" for what in modified))

    # --- the whole --------------------------------------------------------------------------------

    def schemas(self) -> list[Change]:
        there = {name.lower() for name in self.standing.now.schemas}
        places = {
            (node.table.database, node.table.schema)
            for node in self.wanted.nodes.values()
            if node.table is not None and _ours(node)
        }
        return [
            Change(
                kind=ChangeKind.CREATE,
                subject=Subject.SCHEMA,
                id=f"schema {schema}",
                statements=(NamedSql("create schema", self.create_schema(schema, database)),),
            )
            for database, schema in sorted(places, key=str)
            if (f"{database}.{schema}" if database else schema).lower() not in there
        ]

    def create_schema(self, schema: str, database: str | None) -> str:
        # PostgreSQL knows only its connection's own database, and no name for it here.
        there = None if self.dialect == "postgres" else database
        return ddl.create_schema(schema, self.dialect, database=there)

    def drops(self) -> list[Change]:
        """Deployed nodes that are no longer wanted, those that read others first."""
        moved = self.moves.moved_from
        gone = {node.id: node for key, node in self.old.items() if key not in self.new and key not in moved}
        sources_now = {_key(n.table) for n in self.wanted.nodes.values() if n.table and not _ours(n)}
        changes = []
        for name in reversed(order({n.id: n.depends_on for n in gone.values()})):
            if name not in gone:
                continue
            node = gone[name]
            reason = f"{node.id} is no longer in the project"
            if name in self.wanted.nodes:
                reason = f"{node.id} moves to another database"
            if _key(node.table) in sources_now:
                reason = f"{node.table} is a source from now on, and stays as it is"
                changes.append(_change(ChangeKind.DROP, node, self.forget(node), (reason,)))
                continue
            now = self.facts(node.table)
            sql = []
            if now is not None and node.table is not None:
                sql = [NamedSql(f"drop {now.kind}", _drop(now.kind, node.table, self.dialect))]
            destroys = f"the rows of {node.table}" if now is not None and now.kind == "table" else ""
            changes.append(
                _change(ChangeKind.DROP, node, sql + self.forget(node), (reason,), destroys=destroys)
            )
        # A step bears its change's id, and the node may have one at its new place.
        changes = [
            replace(change, id=f"{change.id} (old place)") if change.id in self.wanted.nodes else change
            for change in changes
        ]
        sources = [
            node
            for name, node in self.standing.deployed.items()
            if not _ours(node) and name not in self.wanted.nodes
        ]
        changes += [_change(ChangeKind.DROP, n, [], ("the source is no longer declared",)) for n in sources]
        return changes

    def clear_places(self) -> list[Change]:
        """Tables that stand where another one moves to leave first: to a name in between where they move on
        themselves, for good where nobody wants them."""
        cleared = []
        for node, place in conflicts(self.moves, self.old):
            now = self.facts(node.table)
            if now is None or node.table is None:
                continue
            if place is None or now.kind == "view":
                destroys = f"the rows of {node.table}" if now.kind == "table" else ""
                sql = [NamedSql(f"drop {now.kind}", _drop(now.kind, node.table, self.dialect))]
                sql += self.forget(node)
                reason = f"another one becomes {node.table}"
                kind = ChangeKind.DROP
            else:
                sql = [NamedSql("rename table", s) for s in ddl.rename_table(node.table, place, self.dialect)]
                sql += rename_intervals(node, node.table, place, self.dialect)
                destroys, reason, kind = "", f"makes room for what becomes {node.table}", ChangeKind.RENAME
            cleared.append(
                Change(
                    kind,
                    Subject.NODE,
                    f"{node.id} (aside)",
                    node.table,
                    tuple(sql),
                    (reason,),
                    destroys,
                )
            )
        return cleared

    def clear_views(self, changes: dict[str, Change], drops: Sequence[Change]) -> list[Change]:
        """Where the engine ties a view to what it reads (PostgreSQL), drop the views that will be made again
        or dropped before anything else changes, the readers first; their own changes then only create."""
        if self.dialect != "postgres":
            return []
        cleared: list[Change] = []
        going = {c.id for c in drops}
        deployed_views = {
            node.id: node for node in self.old.values() if node.materialization is Materialization.VIEW
        }
        by_table = {_key(node.table): node.id for node in self.new.values()}
        for name in reversed(order({n.id: n.depends_on for n in self.standing.deployed.values()})):
            view = deployed_views.get(name)
            if view is None or view.table is None or (facts := self.facts(view.table)) is None:
                continue
            if facts.kind != "view":
                continue
            successor = next(
                (self.new[k].id for k, old in self.moves.sources.items() if old.id == name), None
            )
            successor = successor or by_table.get(_key(view.table))
            change = changes.get(successor) if successor else None
            if name not in going and (change is None or change.kind is ChangeKind.MODIFY):
                continue
            drop = NamedSql("drop view", _drop("view", view.table, self.dialect))
            cleared.append(
                Change(
                    ChangeKind.DROP,
                    Subject.NODE,
                    f"{name} (view)",
                    view.table,
                    (drop,),
                    ("made again below",),
                )
            )
            if change is not None and successor is not None:
                changes[successor] = _without_drop(change)
        gone = {c.table for c in cleared}
        for index, drop_change in enumerate(drops):
            if drop_change.table in gone and isinstance(drops, list):
                drops[index] = _without_drop(drop_change)
        return cleared

    def needs_refresh(self) -> tuple[str, ...]:
        """Nodes whose data is stale after the deploy: those changed and all tables below them, in order."""
        stale = set(self.stale)
        found = []
        for name in order({n.id: n.depends_on for n in self.wanted.nodes.values()}):
            node = self.wanted.nodes[name]
            if name in stale or any(parent in stale for parent in node.depends_on):
                stale.add(name)
                if node.materialization is Materialization.TABLE:
                    found.append(name)
        return tuple(found)


STALE_MAKING = frozenset({"query", "load", "run template"})
"""What of a node changes the rows that a refresh would load."""


NOT_OURS = "{} exists and was not made by a deploy of this environment"


def reshapes(node: BoundNode) -> bool:
    """Whether a refresh may change the columns of the node's table by itself."""
    return node.open_shape and node.on_schema_change in (OnSchemaChange.ADD_COLUMNS, OnSchemaChange.SYNC)


def clashes(wanted: BoundManifest) -> list[Diagnostic]:
    """Two nodes that would write one physical table."""
    seen: dict[str, BoundNode] = {}
    found = []
    for node in wanted.nodes.values():
        if node.table is None:
            continue
        other = seen.setdefault(_key(node.table), node)
        if other is not node and (_ours(node) or _ours(other)):
            found.append(
                Diagnostic(
                    code="table_clash",
                    message=f"{node.id} and {other.id} are both {node.table} in this environment",
                    location=Location(node.path, 1, 1),
                    hint="map the two locations to different schemas, or rename one of the nodes",
                )
            )
    return found


def _modified(old: BoundNode, new: BoundNode) -> list[str]:
    """What differs between two versions of a node beside its columns, in words."""
    pairs = {
        "query": (old.query, new.query),
        "load": (old.load, new.load),
        "run template": (old.run_sql, new.run_sql),
        "tests": (old.tests, new.tests),
        "pre-SQL": (old.pre_sql, new.pre_sql),
        "post-SQL": (old.post_sql, new.post_sql),
        "type": (old.node_type, new.node_type),
        "tags": (old.tags, new.tags),
        "upstream": (old.depends_on, new.depends_on),
        "parameters": (old.reads_parameters, new.reads_parameters),
        "schema change policy": (old.on_schema_change, new.on_schema_change),
        "id": (old.id, new.id),
        "file": (old.path, new.path),
        "relation": (old.relation, new.relation) if not _ours(new) else (None, None),
        "shape": (old.open_shape, new.open_shape),
    }
    return [what for what, (before, after) in pairs.items() if before != after]


def _change(
    kind: ChangeKind,
    node: BoundNode,
    statements: Sequence[NamedSql],
    reasons: tuple[str, ...],
    *,
    destroys: str = "",
    drift: bool = False,
) -> Change:
    return Change(
        kind=kind,
        subject=Subject.NODE,
        id=node.id,
        table=node.table,
        statements=tuple(statements),
        reasons=reasons,
        destroys=destroys,
        drift=drift,
    )


def _without_drop(change: Change) -> Change:
    kept = tuple(s for s in change.statements if not s.name.startswith("drop view"))
    return replace(change, statements=kept)


def _drop(kind: str, table: TableName, dialect: str) -> str:
    return ddl.drop_view(table, dialect) if kind == "view" else ddl.drop_table(table, dialect)


def _ours(node: BoundNode) -> bool:
    """Whether deploys make the node's table; sources are somebody else's."""
    return node.materialization is not Materialization.SOURCE


def _other_columns(node: BoundNode, now: TableFacts) -> list[str]:
    """How the columns of a table differ from those that the node would give it. Where the two spell one type in
    two ways they differ too: it is only ever a table kept too seldom."""
    wanted = {column.name.lower(): column for column in node.columns}
    there = {column.name.lower(): column for column in now.columns}
    parts = [f"{column.name} is missing" for name, column in wanted.items() if name not in there]
    parts += [
        f"{column.name} is {there[name].type}, not {column.type}"
        for name, column in wanted.items()
        if name in there and there[name].type != column.type
    ]
    if node.create_sql:  # a type's own CREATE may give the table more columns than the query yields
        return parts
    return parts + [f"{column.name} is one too many" for name, column in there.items() if name not in wanted]


def _history(node: BoundNode) -> bool:
    return node.load is not None and node.load.strategy is LoadStrategy.SCD2
