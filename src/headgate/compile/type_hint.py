"""What one expression says of its own type, without knowing its columns. Silent where engines differ."""

from __future__ import annotations

from typing import Any

from sqlglot import exp
from sqlglot.errors import SqlglotError

from headgate.compile.summary import Hint

_SAME_AS_ARGUMENT = tuple(
    getattr(exp, name)
    for name in (
        "Paren", "Window", "Filter", "IgnoreNulls", "RespectNulls", "Order", "Distinct", "Min", "Max",
        "AnyValue", "First", "Last", "FirstValue", "LastValue", "NthValue", "Lag", "Lead",
    )
)  # fmt: skip
_BIGINT = (exp.Count, exp.CountIf, exp.RowNumber, exp.Rank, exp.DenseRank, exp.Ntile)
_BOOLEAN = (exp.Predicate, exp.Not, exp.Connector, exp.Boolean, exp.Exists)
_TEXT_TYPE = {"duckdb": "VARCHAR", "postgres": "TEXT"}
_LARGEST_INTEGER = 2_147_483_647


class TypeHints:
    """Hints in one dialect. Those that need no cast are known for DuckDB and PostgreSQL only."""

    def __init__(self, dialect: str) -> None:
        self.dialect = dialect
        self.text_type = _TEXT_TYPE.get(dialect)

    def of(self, node: Any, index_of: dict[int, int]) -> Hint:
        """`index_of` gives a column node's place among the references of its item, by `id`."""
        if isinstance(node, exp.Column):
            return index_of.get(id(node)) if not isinstance(node.this, exp.Star) else None
        if isinstance(node, (exp.Cast, exp.TryCast)):
            return self.cast_type(node.args.get("to"))
        if isinstance(node, _SAME_AS_ARGUMENT):
            return self.of(node.this, index_of)
        if isinstance(node, exp.Coalesce):
            return self.same([node.this, *node.expressions], index_of)
        if isinstance(node, exp.Case):
            values = [branch.args.get("true") for branch in node.args.get("ifs") or ()]
            return self.same([*values, node.args.get("default")], index_of)
        return self.plain(node) if self.text_type else None

    def plain(self, node: Any) -> Hint:
        if isinstance(node, exp.Literal):
            if node.is_string:
                return self.text_type
            if str(node.this).isdigit():
                return "INTEGER" if int(node.this) <= _LARGEST_INTEGER else "BIGINT"
            return None
        if isinstance(node, _BIGINT):
            return "BIGINT"
        if isinstance(node, _BOOLEAN):
            return "BOOLEAN"
        if isinstance(node, exp.CurrentDate):
            return "DATE"
        return None

    def same(self, nodes: list[Any], index_of: dict[int, int]) -> Hint:
        hints = [
            self.of(node, index_of) for node in nodes if node is not None and not isinstance(node, exp.Null)
        ]
        return None if None in hints or not hints else hints

    def cast_type(self, to: Any) -> Hint:
        if not isinstance(to, exp.DataType):
            return None
        try:
            return str(to.sql(self.dialect))
        except (SqlglotError, ValueError):
            return None
