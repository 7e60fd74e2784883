"""What one file says, reduced to values that can be cached and sent between processes.

A `QuerySummary` is a query without its project: names and positions, nothing resolved. Positions are
characters of the rendered query. The structs are arrays on the wire and hold no cycles, so the garbage
collector is told to leave them alone: a project has hundreds of thousands of them.
"""

from __future__ import annotations

from typing import Any

import msgspec

Hint = str | int | list[Any] | None
"""What is known of an expression's type: a type's name; the index of the reference it has the type of; a
list of hints that must all agree (CASE, COALESCE); or nothing."""


class Ref(msgspec.Struct, array_like=True, gc=False):
    """A column as written: `a`, `t.a`, `STG.ORDERS.a`. `span` is where the first two parts stand, for a name
    of three parts and more: it may have to give way to an alias."""

    parts: tuple[str, ...]
    start: int
    span: tuple[int, int] | None = None


class Star(msgspec.Struct, array_like=True, gc=False):
    """`*` or `t.*`. Names are folded to lower case in `excluded` and in the keys of the others."""

    qualifier: tuple[str, ...] = ()
    excluded: tuple[str, ...] = ()
    renamed: dict[str, str] = {}
    replaced: dict[str, Output] = {}
    span: tuple[int, int] | None = None


class Output(msgspec.Struct, array_like=True, gc=False):
    """One item of a SELECT list. An empty name: the engine would make one up. `many` says that the item may
    yield any number of columns (COLUMNS(…), unnest of a struct)."""

    name: str
    start: int
    refs: tuple[Ref, ...] = ()
    scopes: tuple[Scope, ...] = ()
    hint: Hint = None
    star: Star | None = None
    many: bool = False


class Source(msgspec.Struct, array_like=True, gc=False):
    """One item of FROM. Exactly one of `table` (index into the summary's tables), `cte` and `scope` is set;
    none of them: columns unknown but for the aliases."""

    alias: str
    table: int | None = None
    cte: str | None = None
    scope: Scope | None = None
    columns: tuple[str, ...] = ()
    refs: tuple[Ref, ...] = ()
    using: tuple[str, ...] = ()
    natural: bool = False
    hidden: bool = False
    """The right side of a semi or anti join: usable in ON, no part of a star."""
    closed: bool = False
    """The aliases name all the columns there are (VALUES)."""


class Cte(msgspec.Struct, array_like=True, gc=False):
    name: str
    scope: Scope
    columns: tuple[str, ...] = ()
    recursive: bool = False


class Scope(msgspec.Struct, array_like=True, gc=False):
    """One SELECT, or a set operation over `branches`. `opaque`: yields columns that are not understood."""

    ctes: tuple[Cte, ...] = ()
    sources: tuple[Source, ...] = ()
    outputs: tuple[Output, ...] = ()
    refs: tuple[Ref, ...] = ()
    """Columns used outside the SELECT list."""
    scopes: tuple[Scope, ...] = ()
    """Subqueries outside the SELECT list and FROM."""
    branches: tuple[Scope, ...] = ()
    by_name: bool = False
    opaque: bool = False


class TableName(msgspec.Struct, array_like=True, gc=False):
    """A table as written, in one or two parts, and where. `alias` is "" where the text gives none."""

    parts: tuple[str, ...]
    start: int
    end: int
    alias: str = ""
    no_link: bool = False


class QuerySummary(msgspec.Struct, array_like=True, gc=False):
    tables: tuple[TableName, ...]
    scope: Scope
    loose: tuple[Ref, ...] = ()
    """Names of three parts and more where columns are not understood: only the table part is looked at."""


class Finding(msgspec.Struct, array_like=True, gc=False):
    """A diagnostic without its file. Line and column are of the file."""

    code: str
    message: str
    line: int
    column: int
    hint: str = ""
    severity: str = "error"


class FileSummary(msgspec.Struct, gc=False):
    """All that one file says. `data` is its checked YAML (a header, or the whole file), as plain values;
    `marks` says where each of its keys stands: path -> (key line, key column, value line, value column)."""

    data: dict[str, Any] = {}
    marks: dict[str, tuple[int, int, int, int]] = {}
    findings: tuple[Finding, ...] = ()
    query: str | None = None
    template: str | None = None
    line_offset: int = 0
    column_offset: int = 0
    summary: QuerySummary | None = None
    reads_parameters: tuple[str, ...] = ()
    links: tuple[tuple[str, ...], ...] = ()
    """Nodes that ref_link names: an edge without a name in the text."""
    broken: bool = False
    """The file could not be understood; others must not be blamed for it."""
