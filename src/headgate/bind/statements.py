"""Texts that people write around a load (hooks, templates, tests) -> single statements, and what none may do.

Which tables a template writes is judged in `writes`.
"""

from __future__ import annotations

from headgate.errors import HeadgateError

_CONTROL = frozenset({"BEGIN", "COMMIT", "END", "ROLLBACK", "ABORT", "SAVEPOINT", "RELEASE"})
_CONTROL_PAIRS = frozenset({("START", "TRANSACTION"), ("PREPARE", "TRANSACTION"), ("SET", "TRANSACTION")})


def split(text: str, dialect: str) -> list[str]:
    """The statements of `text`, each without its semicolon and the comments around it; empty ones are left out.

    A text that cannot be read is one statement: the warehouse says best what is wrong with it.
    """
    if not any(mark in text for mark in (";", "--", "/*", "#")):
        return [text.strip()] if text.strip() else []
    import sqlglot
    from sqlglot.errors import SqlglotError
    from sqlglot.tokenizer_core import TokenType

    try:
        tokens = sqlglot.tokenize(text, read=dialect)
    except SqlglotError:
        return [text.strip()]
    found: list[str] = []
    first = last = -1
    for token in tokens:
        if token.token_type is not TokenType.SEMICOLON:
            first, last = (token.start if first < 0 else first), token.end
        elif first >= 0:
            found.append(text[first : last + 1])
            first = -1
    if first >= 0:
        found.append(text[first : last + 1])
    return found


def single(text: str, dialect: str, subject: str) -> str:
    """The one statement or expression of `text`, which is to stand in parentheses."""
    found = split(text, dialect)
    if len(found) == 1:
        return found[0]
    what = "is empty" if not found else f"holds {len(found)} statements"
    raise HeadgateError(
        "not_one_statement", f"{subject} {what}", hint="write one SELECT or condition, without a semicolon"
    )


def refuse_transaction_control(statement: str, subject: str) -> None:
    """Raise HeadgateError `transaction_control` where the statement would end the transaction that it runs in:
    a load, its tests and its hooks are published together or not at all."""
    words = tuple(word.strip("();").upper() for word in statement.split(None, 2)[:2])
    if not words or (words[0] not in _CONTROL and words not in _CONTROL_PAIRS):
        return
    raise HeadgateError(
        "transaction_control",
        f"{subject}: {words[0]} has no place here",
        hint="Headgate runs this inside the transaction that publishes the node; leave it out",
    )
