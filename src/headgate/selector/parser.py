"""Text -> expression: one function per rule of the grammar. Every error says where.

selector  = and { ("OR" | "||") and }
and       = not { "AND" not }
not       = "NOT" not | lineage
lineage   = [ [number] "+" ] primary [ "+" [number] ]
primary   = "(" selector ")" | "{" ( value | condition { ["," | "AND"] condition } ) "}"
condition = attribute ":" value
value     = word | string
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from headgate.errors import UsageError, did_you_mean
from headgate.selector.attributes import ATTRIBUTES, NAME
from headgate.selector.expression import (
    And,
    Block,
    Condition,
    Expression,
    Lineage,
    Not,
    Or,
)
from headgate.selector.pattern import compile_glob, is_glob
from headgate.selector.scanner import Kind, Source, Token, scan

_MAX_NESTING: Final = 50
"""Of parentheses and NOT: keeps the recursion here and in whoever walks the result far from Python's limit."""
_MAX_DEPTH_DIGITS: Final = 9
_BETWEEN: Final = "put OR, AND or AND NOT between two terms"
_NEEDS_QUOTES: Final = 'put a value that has blanks, : or , in quotes, as in { name: "NET SALES" }'


def parse(text: str, *, subject: str = "selector") -> Expression:
    """Read a selector. UsageError `selector_syntax` names `subject` and the column, and shows the place."""
    return _Parser(text, subject).selector()


_VALUES: Final = (Kind.WORD, Kind.STRING)
_KEYWORDS: Final = (Kind.AND, Kind.OR, Kind.NOT)


class _Parser:
    def __init__(self, text: str, subject: str) -> None:
        self._source = Source(text, subject)
        self._nesting = 0
        self._tokens = scan(self._source)
        self._now = next(self._tokens)
        self._next = next(self._tokens, self._now)

    def _advance(self) -> Token:
        token, self._now = self._now, self._next
        self._next = next(self._tokens, self._next)
        return token

    def _at(self, *kinds: Kind) -> bool:
        return self._now.kind in kinds

    def _accept(self, kind: Kind) -> Token | None:
        return self._advance() if self._at(kind) else None

    # The grammar, loosest first.

    def selector(self) -> Expression:
        if self._at(Kind.END):
            raise self._source.error(0, "the selector is empty", "write { * } for all nodes")
        expression = self._or()
        if not self._at(Kind.END):
            raise self._unexpected_after_term()
        return expression

    def _or(self) -> Expression:
        operands = [self._and()]
        while self._accept(Kind.OR):
            operands.append(self._and())
        return operands[0] if len(operands) == 1 else Or(tuple(operands))

    def _and(self) -> Expression:
        operands = [self._not()]
        while self._accept(Kind.AND):
            operands.append(self._not())
        return operands[0] if len(operands) == 1 else And(tuple(operands))

    def _not(self) -> Expression:
        token = self._accept(Kind.NOT)
        return Not(self._nested(token, self._not)) if token else self._lineage()

    def _lineage(self) -> Expression:
        upstream: int | None = 0
        downstream: int | None = 0
        if number := self._accept(Kind.NUMBER):
            upstream = self._depth(number)
            if not self._at(Kind.PLUS):
                raise self._source.error(
                    self._now.start, f"+ is expected after {number.text}", "as in 2+{ name: X }"
                )
        before = self._accept(Kind.PLUS)
        if before and not number:
            upstream = None
        operand = self._primary()
        after = self._accept(Kind.PLUS)
        if after:
            depth = self._accept(Kind.NUMBER)
            downstream = self._depth(depth) if depth else None
        return Lineage(operand, upstream, downstream) if before or after else operand

    def _depth(self, number: Token) -> int:
        if len(number.text) > _MAX_DEPTH_DIGITS:
            raise self._source.error(
                number.start, "the depth is too large", "+ without a number means all levels"
            )
        return int(number.text)

    def _primary(self) -> Expression:
        if token := self._accept(Kind.OPEN):
            return self._block(token)
        if token := self._accept(Kind.LEFT):
            if self._at(Kind.RIGHT):
                raise self._source.error(token.start, "the parentheses are empty")
            expression = self._nested(token, self._or)
            if not self._accept(Kind.RIGHT):
                if self._at(Kind.END):
                    raise self._source.error(token.start, "`(` is never closed")
                raise self._unexpected_after_term()
            return expression
        raise self._no_term()

    def _nested(self, token: Token, rule: Callable[[], Expression]) -> Expression:
        if self._nesting == _MAX_NESTING:
            raise self._source.error(token.start, f"nested more than {_MAX_NESTING} deep")
        self._nesting += 1
        expression = rule()
        self._nesting -= 1
        return expression

    # Blocks.

    def _block(self, opening: Token) -> Block:
        if self._at(Kind.CLOSE):
            raise self._source.error(opening.start, "the block is empty", "write { * } for all nodes")
        if self._at(*_VALUES) and self._next.kind is Kind.CLOSE:
            conditions = [Condition(NAME, self._value(NAME))]
        else:
            conditions = [self._condition(opening)]
            while not self._at(Kind.CLOSE):
                if self._at(Kind.COMMA, Kind.AND):
                    self._advance()
                conditions.append(self._condition(opening))
        return Block(tuple(conditions), opening.start, self._advance().end)

    def _condition(self, opening: Token) -> Condition:
        key = self._now
        match key.kind:
            case Kind.WORD if self._next.kind is Kind.COLON:
                attribute = ATTRIBUTES.get(key.text.lower())
                if attribute is None:
                    known = [a.name for a in ATTRIBUTES.values()]
                    hint = did_you_mean(key.text, known, f"attributes are {', '.join(known)}")
                    raise self._source.error(key.start, f"unknown attribute {key.text}", hint)
                self._advance()
                self._advance()
                return Condition(attribute.name, self._value(attribute.name))
            case Kind.WORD | Kind.STRING if self._next.kind is Kind.END:
                raise self._source.error(opening.start, "`{` is never closed")
            case Kind.WORD | Kind.STRING:
                raise self._source.error(key.start, f"{key.text} has no attribute before it", _NEEDS_QUOTES)
            case Kind.OR | Kind.NOT:
                hint = f"write {{ … }} {'OR' if key.kind is Kind.OR else 'AND NOT'} {{ … }}"
                raise self._source.error(key.start, f"{key.text} cannot stand inside a block", hint)
            case Kind.END | Kind.OPEN:
                raise self._source.error(opening.start, "`{` is never closed")
            case _:
                found = "the block ends" if key.kind is Kind.CLOSE else f"{key.text} stands"
                raise self._source.error(
                    key.start, f"{found} where an attribute is expected", "as in { name: X }"
                )

    def _value(self, attribute: str) -> str:
        token = self._now
        if token.kind in _KEYWORDS and token.text != "||":
            raise self._source.error(token.start, f"{token.text} is a keyword", "as a value it needs quotes")
        if token.kind not in _VALUES or (self._next.kind is Kind.COLON and token.text.lower() in ATTRIBUTES):
            raise self._source.error(token.start, f"{attribute} has no value", "as in { name: X }")
        if not token.text:
            raise self._source.error(token.start, f"{attribute} has an empty value")
        if is_glob(token.text):
            try:
                compile_glob(token.text)
            except ValueError as error:
                raise self._source.error(token.start, f"in {token.text}, {error}") from None
        if self._next.kind is Kind.COLON:
            raise self._source.error(self._next.start, "`:` after a value", _NEEDS_QUOTES)
        self._advance()
        return token.text

    # Errors.

    def _no_term(self) -> UsageError:
        """At a place where a term has to begin and none does."""
        token = self._now
        match token.kind:
            case Kind.END:
                return self._source.error(token.start, "the selector ends where a block is expected")
            case Kind.CLOSE | Kind.RIGHT:
                return self._source.error(token.start, f"`{token.text}` closes nothing")
            case Kind.WORD | Kind.STRING:
                return self._source.error(
                    token.start, f"{token.text} stands outside braces", "write { NAME }"
                )
            case _:
                return self._source.error(
                    token.start,
                    f"{token.text} stands where a block is expected",
                    "a block is { attribute: value }",
                )

    def _unexpected_after_term(self) -> UsageError:
        token = self._now
        match token.kind:
            case Kind.CLOSE | Kind.RIGHT:
                return self._source.error(token.start, f"`{token.text}` closes nothing")
            case Kind.WORD | Kind.STRING:
                return self._source.error(token.start, f"{token.text} is no operator", _BETWEEN)
            case Kind.PLUS:
                return self._source.error(token.start, "only one + belongs on each side of a term")
            case _:
                return self._source.error(token.start, "an operator is missing before this", _BETWEEN)
