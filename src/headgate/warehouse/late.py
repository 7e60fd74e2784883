"""Late values in a statement's text: `$hg_<name>` outside of strings, quoted names and comments. Pure."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache
from typing import Any

from headgate.errors import StatementFailed
from headgate.model.steps import LATE_PREFIX

_TOKEN = re.compile(
    r"""
      \b[eE]'(?:[^'\\]|\\.|'')*'          # a string with backslash escapes
    | '[^']*(?:''[^']*)*'                 # a string
    | "[^"]*(?:""[^"]*)*"                 # a quoted name
    | --[^\n]*
    | /\*.*?\*/
    | (?P<quote>\$(?:[A-Za-z_]\w*)?\$).*?(?P=quote)
    | (?<![\w$])"""
    + re.escape(LATE_PREFIX)
    + r"(?P<late>\w+)",
    re.VERBOSE | re.DOTALL,
)


@lru_cache(maxsize=1024)
def late_names(sql: str) -> frozenset[str]:
    """The names of the late values that `sql` reads, without the prefix."""
    if LATE_PREFIX not in sql:
        return frozenset()
    return frozenset(match["late"] for match in _TOKEN.finditer(sql) if match["late"])


@lru_cache(maxsize=1024)
def pyformat(sql: str) -> str:
    """The same statement with `%(name)s` for its late values, every other `%` doubled."""
    return _TOKEN.sub(
        lambda match: f"%({match['late']})s" if match["late"] else match[0], sql.replace("%", "%%")
    )


def late_values(sql: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """The values that `sql` reads, by name without the prefix."""
    names = late_names(sql)
    if missing := sorted(names - given.keys()):
        raise StatementFailed(
            "statement_failed",
            f"the statement reads {LATE_PREFIX}{missing[0]}, which has no value here",
            hint=f"known here: {', '.join(LATE_PREFIX + name for name in sorted(given)) or 'none'}",
        )
    return {name: given[name] for name in names}
