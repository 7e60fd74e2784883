"""Selectors: text such as `+{ location: MART } AND NOT { tag: slow }` -> node ids. Pure.

- `expression`: the parsed form, and how it is printed.
- `scanner`, `parser`: text -> tokens -> expression, with positions in every error.
- `pattern`: globs, matched in bounded time.
- `attributes`: the one table of what a selector may ask of a node.
- `evaluate`: expression and catalog -> nodes, and what each block matched.

Stands on the path of every refresh: imports nothing but the standard library, `model`, `graph` and `errors`.
"""

from headgate.selector.evaluate import Selection, TermMatch, select
from headgate.selector.expression import (
    And,
    Block,
    Condition,
    Expression,
    Lineage,
    Not,
    Or,
    format_selector,
)
from headgate.selector.parser import parse

__all__ = [
    "And",
    "Block",
    "Condition",
    "Expression",
    "Lineage",
    "Not",
    "Or",
    "Selection",
    "TermMatch",
    "format_selector",
    "parse",
    "select",
]
