"""SQL text -> `QuerySummary`, by sqlglot, or what is wrong with it and where. Sees one query and no project."""

from __future__ import annotations

import logging
import re
from dataclasses import dataclass, field
from functools import cache

from sqlglot import exp
from sqlglot.dialects.dialect import Dialect
from sqlglot.errors import ParseError, SqlglotError
from sqlglot.tokenizer_core import Token, TokenType

from headgate.compile.reduce import Reducer
from headgate.compile.summary import QuerySummary

logging.getLogger("sqlglot").setLevel(
    logging.CRITICAL
)  # what it would warn of is reported here, with a place


@dataclass(frozen=True, slots=True)
class Problem:
    """What is wrong with a text, at the character `offset`."""

    code: str
    message: str
    offset: int
    hint: str = ""


@dataclass(slots=True)
class ParsedQuery:
    """`text` is the query without a closing semicolon or comment, so that it can stand in parentheses."""

    text: str
    summary: QuerySummary | None = None
    problems: list[Problem] = field(default_factory=list)


@cache
def dialect_of(name: str) -> Dialect:
    return Dialect.get_or_raise(name)


def parse_query(text: str, dialect: str, no_links: tuple[int, ...] = ()) -> ParsedQuery:
    """Parse one SELECT. `no_links` are the offsets of table names that make no edge. Never raises."""
    try:
        tokens = dialect_of(dialect).tokenize(text)
        first, rest = _first_statement(tokens)
        if not first:
            problem = Problem("empty_query", "there is no query", 0, "write a SELECT below the header")
            return ParsedQuery(text, problems=[problem])
        if rest:
            hint = "a node is one SELECT; move what prepares it to pre_sql in the header"
            problem = Problem("several_statements", "more than one statement", rest[0].start, hint)
            return ParsedQuery(text, problems=[problem])
        text = text[: first[-1].end + 1]
        tree = dialect_of(dialect).parser().parse(first, text)[0]
    except SqlglotError as error:
        return ParsedQuery(text, problems=[_syntax_problem(error, text, dialect)])
    except RecursionError:
        return ParsedQuery(text, problems=[Problem("sql_syntax", "the query is nested too deeply", 0)])
    creates = isinstance(tree, exp.Select) and tree.args.get("into")
    if creates or not isinstance(tree, (exp.Query, exp.Values, exp.Pivot)):
        hint = "write a SELECT; where a table is to be filled, Headgate does that itself"
        problem = Problem("not_a_select", f"{_verb(first)} is not a query", first[0].start, hint)
        return ParsedQuery(text, problems=[problem])
    try:
        return ParsedQuery(text, Reducer(dialect, no_links).build(tree))
    except RecursionError:
        return ParsedQuery(text, problems=[Problem("sql_syntax", "the query is nested too deeply", 0)])


def _first_statement(tokens: list[Token]) -> tuple[list[Token], list[Token]]:
    """The first statement's tokens, and those of what follows it."""
    statements: list[list[Token]] = [[]]
    for token in tokens:
        if token.token_type == TokenType.SEMICOLON:
            statements.append([])
        else:
            statements[-1].append(token)
    filled = [statement for statement in statements if statement]
    if not filled:
        return [], []
    return filled[0], filled[1] if len(filled) > 1 else []


def _verb(tokens: list[Token]) -> str:
    return str(tokens[0].text).upper()


def _syntax_problem(error: SqlglotError, text: str, dialect: str) -> Problem:
    hint = "the SQL must be valid in the project's dialect (`dialect` in headgate.yml)"
    if isinstance(error, ParseError) and error.errors:
        detail = error.errors[0]
        highlight = str(detail.get("highlight") or "")
        message = re.sub(r"\s*but got <Token.*", "", str(detail.get("description") or "invalid SQL"))
        if message.startswith("Invalid expression / Unexpected token"):
            message = "unexpected"
        near = f" at {highlight!r}" if highlight else ""
        offset = _offset(text, int(detail.get("line") or 1), int(detail.get("col") or 1))
        if highlight and text[offset - len(highlight) + 1 : offset + 1] == highlight:
            offset -= len(highlight) - 1
        return Problem("sql_syntax", f"SQL: {message[0].lower()}{message[1:]}{near}", max(offset, 0), hint)
    start = _unclosed(text, dialect)
    if start is None:
        return Problem("sql_syntax", "SQL: this text cannot be read", 0, hint)
    message = "SQL: a string, quoted name or comment is not closed"
    return Problem("sql_syntax", message, start, f"close what begins with {text[start : start + 12]!r}")


def _unclosed(text: str, dialect: str) -> int | None:
    """Where the string or comment begins that the text ends in: all before it can be read."""
    for match in reversed(list(re.finditer(r"['\"`$]|/\*", text))):
        try:
            dialect_of(dialect).tokenize(text[: match.start()])
        except SqlglotError:
            continue
        return match.start()
    return None


def _offset(text: str, line: int, column: int) -> int:
    start = 0
    for _ in range(line - 1):
        following = text.find("\n", start)
        if following < 0:
            break
        start = following + 1
    return min(start + column - 1, len(text))
