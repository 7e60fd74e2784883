"""The parsed form of a selector, and its text. No reading (`parser`) and no meaning (`evaluate`)."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

KEYWORDS: Final = frozenset({"AND", "OR", "NOT"})
PUNCTUATION: Final = frozenset("{},:\"'")
"""What ends a word inside a block."""


@dataclass(frozen=True, slots=True)
class Condition:
    """One attribute of a block: `attribute` as the table of attributes spells it, `pattern` with its globs."""

    attribute: str
    pattern: str


@dataclass(frozen=True, slots=True)
class Block:
    """`{ location: STG name: CUSTOMER }`: nodes that meet all conditions, of which there is at least one.

    Characters [start, end) of the text it was read from; equal blocks are equal wherever they stand.
    """

    conditions: tuple[Condition, ...]
    start: int = field(default=0, compare=False)
    end: int = field(default=0, compare=False)


@dataclass(frozen=True, slots=True)
class Lineage:
    """`2+operand+`: with what it needs and what needs it, so many edges away; 0 is none, None is all."""

    operand: Expression
    upstream: int | None = 0
    downstream: int | None = 0


@dataclass(frozen=True, slots=True)
class Not:
    operand: Expression


@dataclass(frozen=True, slots=True)
class And:
    """Two operands or more."""

    operands: tuple[Expression, ...]


@dataclass(frozen=True, slots=True)
class Or:
    """Two operands or more."""

    operands: tuple[Expression, ...]


Expression: TypeAlias = Block | Lineage | Not | And | Or


def blocks(expression: Expression) -> Iterator[Block]:
    """Every block, in the order of the text."""
    match expression:
        case Block():
            yield expression
        case Lineage(operand) | Not(operand):
            yield from blocks(operand)
        case And(operands) | Or(operands):
            for operand in operands:
                yield from blocks(operand)
        case _:
            assert_never(expression)


def format_selector(expression: Expression) -> str:
    """The selector's text in one canonical spelling; parsing it gives an equal expression."""
    match expression:
        case Block(conditions):
            return f"{{ {' '.join(f'{c.attribute}: {_value(c.pattern)}' for c in conditions)} }}"
        case Lineage(operand, upstream, downstream):
            before = "+" if upstream is None else f"{upstream}+" if upstream or downstream == 0 else ""
            after = "+" if downstream is None else f"+{downstream}" if downstream else ""
            return f"{before}{_inside(operand, Block)}{after}"
        case Not(operand):
            return f"NOT {_inside(operand, Block, Lineage, Not)}"
        case And(operands):
            return " AND ".join(_inside(operand, Block, Lineage, Not) for operand in operands)
        case Or(operands):
            return " OR ".join(_inside(operand, Block, Lineage, Not, And) for operand in operands)
        case _:
            assert_never(expression)


def _inside(operand: Expression, *bare: type) -> str:
    """An operand's text, in parentheses unless it is one of the kinds that bind tightly enough."""
    text = format_selector(operand)
    return text if isinstance(operand, bare) else f"({text})"


def _value(pattern: str) -> str:
    special = any(c.isspace() or c in PUNCTUATION or c == "|" for c in pattern)
    return (
        pattern
        if pattern and not special and pattern.upper() not in KEYWORDS
        else '"' + pattern.replace('"', '""') + '"'
    )
