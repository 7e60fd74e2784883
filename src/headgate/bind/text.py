"""References in a query -> physical relations, and the project's dialect -> the warehouse's.

Where both dialects are the same the text is only spliced, so a person finds the query as written, comments and
all, and no parser is needed. Elsewhere each reference is first replaced by a plain identifier that survives
transpiling, and by its relation afterwards.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any

from headgate.errors import HeadgateError
from headgate.model.bound import BoundColumn
from headgate.model.project import TableReference
from headgate.warehouse.names import quote

_STAND_IN = re.compile(r"hg_ref_(\d+)_")


def with_stand_ins(text: str, references: Sequence[TableReference]) -> str:
    """`text` with the n-th reference replaced by the identifier `hg_ref_<n>_`, aliases added where needed."""
    parts: list[str] = []
    position = 0
    for number, reference in sorted(enumerate(references), key=lambda item: item[1].start):
        parts.append(text[position : reference.start])
        if reference.qualifier:
            parts.append(_alias(text, reference))
        else:
            parts.append(f"hg_ref_{number}_")
            if reference.alias_needed:
                parts.append(f" AS {_alias(text, reference)}")
        position = reference.end
    parts.append(text[position:])
    return "".join(parts)


def _alias(text: str, reference: TableReference) -> str:
    """The alias, quoted where the text itself quotes the name: `STG."ORDER"` needs `"ORDER"`."""
    written = text[reference.start : reference.end]
    if written[-1:] in ('"', "`"):
        name = written[written.rindex(written[-1], 0, -1) :]
    else:
        name = written.rpartition(".")[2].strip()
    return name if name.strip('"`').lower() == reference.alias.strip('"`').lower() else reference.alias


def resolve_stand_ins(
    text: str, references: Sequence[TableReference], relation_of: Callable[[str], str]
) -> str:
    """`text` with each stand-in replaced by `relation_of(node_id)`."""
    return _STAND_IN.sub(lambda match: relation_of(references[int(match.group(1))].node_id), text)


def transpile(text: str, read: str, write: str) -> str:
    """One statement in another dialect. Raises HeadgateError `not_transpilable` where that cannot be said."""
    if read == write:
        return text
    import sqlglot
    from sqlglot.errors import ErrorLevel, SqlglotError

    try:
        tree = _adapted(sqlglot.parse_one(text, read=read), write)
        return str(tree.sql(dialect=write, pretty=True, unsupported_level=ErrorLevel.RAISE))
    except (SqlglotError, ValueError) as error:
        raise HeadgateError(
            "not_transpilable",
            f"this SQL cannot be said in {write}: {str(error).splitlines()[0]}",
            hint=f"rewrite it in SQL that {read} and {write} share",
        ) from error


def _adapted(tree: Any, write: str) -> Any:
    """Where sqlglot refuses what the other dialect has, or says something else without a word. ValueError for
    what has no equal there."""
    from sqlglot import exp

    if write != "postgres":
        return tree
    for part in list(tree.find_all(exp.TryCast, exp.IgnoreNulls)):
        if isinstance(part, exp.TryCast):
            raise ValueError("TRY_CAST, which gives NULL for what does not fit, has no equal there")
        if isinstance(part.this, exp.AnyValue):  # ignores nulls by itself
            part.replace(part.this)
    return tree


def transpile_type(type_text: str, read: str, write: str) -> str:
    if read == write:
        return type_text
    from sqlglot import exp

    return exp.DataType.build(type_text, dialect=read).sql(dialect=write)


def describe_text(query: str, parents: Sequence[tuple[str, tuple[BoundColumn, ...]]], dialect: str) -> str:
    """A query that has `query`'s columns and needs none of its parents' tables: each parent, named by the
    relation that stands in `query`, becomes an empty CTE of its columns' types."""
    if not parents:
        return query
    ctes = ",\n".join(f"{name} AS ({_empty(columns, dialect)})" for name, columns in parents)
    return f"WITH {ctes}\nSELECT * FROM (\n{query}\n) AS hg_described"


def _empty(columns: tuple[BoundColumn, ...], dialect: str) -> str:
    items = ", ".join(f"CAST(NULL AS {column.type}) AS {quote(column.name, dialect)}" for column in columns)
    return f"SELECT {items or 'NULL'} WHERE FALSE"
