"""Which tables the statements of a user-defined type write: their own and temporary ones, or the type is refused."""

from __future__ import annotations

from typing import Any

from headgate.errors import HeadgateError

_TEMPORARY = ("temp", "pg_temp")


class WriteGuard:
    """Follows a template statement by statement, because a later one may write what an earlier one made.

    `this` is the identifier that stands for the node's own table; `subject` names the type in messages.
    """

    def __init__(self, this: str, subject: str, dialect: str) -> None:
        self.this = this
        self.subject = subject
        self.dialect = dialect
        self.temporary: set[str] = set()

    def check(self, sql: str) -> None:
        """Raise HeadgateError (`template_writes_elsewhere`, `sql_syntax`) unless the statement is one that can
        be understood and writes nothing else."""
        import sqlglot
        from sqlglot.errors import SqlglotError

        try:
            tree = sqlglot.parse_one(sql, read=self.dialect)
        except SqlglotError as error:
            reason = str(error).split(". Line", 1)[0].splitlines()[0]
            raise HeadgateError(
                "sql_syntax", f"{self.subject}: {reason}", hint="correct the template"
            ) from error
        if not isinstance(tree, _allowed()):
            word = sql.split(None, 1)[0].upper()
            raise self.refusal(f"{word} is not a statement that a template may use")
        for part in tree.walk():
            for table in self.written(part):
                self.check_table(table)

    def written(self, part: Any) -> list[Any]:
        """The tables that one part of a statement writes, changes or makes."""
        from sqlglot import exp

        if isinstance(part.parent, exp.When):  # MERGE … WHEN MATCHED THEN UPDATE names no table of its own
            return []
        match part:
            case exp.Insert() | exp.Update() | exp.Delete() | exp.Merge() | exp.Alter():
                return [part.this]
            case exp.Into():
                return [part.this]
            case exp.Drop() | exp.TruncateTable():
                listed = [*part.expressions, *(part.args.get("tables") or ())]
                return listed or [part.this]
            case exp.Comment():
                return [part.this]
            case exp.Create():
                return self.created(part)
        return []

    def created(self, part: Any) -> list[Any]:
        from sqlglot import exp

        kind = str(part.args.get("kind") or "").upper()
        target = part.this
        if kind == "INDEX":
            return [target.args.get("table")]
        if kind not in ("TABLE", "VIEW"):
            raise self.refusal(f"it makes a {kind.lower()}")
        if isinstance(target, exp.Schema):
            target = target.this
        if part.find(exp.TemporaryProperty) is not None and isinstance(target, exp.Table):
            self.temporary.add(target.name.lower())
            return []
        return [target]

    def check_table(self, written: Any) -> None:
        from sqlglot import exp

        table = written.this if isinstance(written, exp.Schema) else written
        if isinstance(table, exp.Table):
            bare = not table.db and not table.catalog
            if bare and (table.name == self.this or table.name.lower() in self.temporary):
                return
            if table.db.lower() in _TEMPORARY and not table.catalog:
                return
        named = written.sql(dialect=self.dialect) if written is not None else "what it does not name"
        raise self.refusal(f"it writes {named}, not its own table")

    def refusal(self, what: str) -> HeadgateError:
        return HeadgateError(
            "template_writes_elsewhere",
            f"{self.subject}: {what}",
            hint="write {{ this }}, or a temporary table made before (CREATE TEMPORARY TABLE …)",
        )


def _allowed() -> tuple[type[Any], ...]:
    from sqlglot import exp

    writing = (exp.Insert, exp.Update, exp.Delete, exp.Merge, exp.Create, exp.Drop, exp.Alter)
    return (exp.Query, *writing, exp.TruncateTable, exp.Analyze, exp.Comment)
