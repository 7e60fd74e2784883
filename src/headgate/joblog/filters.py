"""`eq.5`, `not.in.(1,2)`, `or=(a.eq.1,and(b.gt.2,c.is.null))`: the text of a condition, before its values are read.

The grammar is PostgREST's (references/api/tables_views, "Horizontal filtering").
"""

from __future__ import annotations

from dataclasses import dataclass

from headgate.joblog.refusal import too_complex
from headgate.joblog.scanner import Scanner
from headgate.joblog.tree import Compare, Joint, Quantifier

QUANTIFIABLE = frozenset(
    {
        Compare.EQUAL,
        Compare.GREATER,
        Compare.GREATER_EQUAL,
        Compare.LESS,
        Compare.LESS_EQUAL,
        Compare.LIKE,
        Compare.ILIKE,
        Compare.MATCH,
        Compare.IMATCH,
    }
)
COMPARISONS = frozenset(one.value for one in Compare)
OTHER_OPERATORS = {
    "cs": "@>",
    "cd": "<@",
    "ov": "&&",
    "sl": "<<",
    "sr": ">>",
    "nxr": "&<",
    "nxl": "&>",
    "adj": "-|-",
}
"""Of arrays and ranges, which no column is."""

SEARCHES = frozenset({"fts", "plfts", "phfts", "wfts"})
TRUTHS = ("null", "not_null", "true", "false", "unknown")
MOST_DEPTH = 50
"""How deep conditions may stand in each other."""

_OPERATOR = "operator (eq, gt, ...)"


@dataclass(frozen=True, slots=True)
class Raw:
    """A condition on one field as it stands. Exactly one of `texts` (an in-list), `truth` and `text` is meant, by
    `operator`: a comparison's word, or `in`, `is`, or one of `OTHER_OPERATORS` and `SEARCHES`."""

    field: str
    operator: str
    text: str = ""
    texts: tuple[str, ...] = ()
    quantifier: Quantifier | None = None
    negated: bool = False


@dataclass(frozen=True, slots=True)
class RawLogic:
    joint: Joint
    terms: tuple[Raw | RawLogic, ...]
    negated: bool = False


def read_filter(field: str, text: str) -> Raw:
    """The condition that stands in a parameter's value. Raises Refusal PGRST100."""
    scanner = Scanner("filter", text)
    return _condition(scanner, field, inside=False)


def has_operator(text: str) -> bool:
    """Whether a parameter's value begins as a condition does."""
    word = text.partition(".")[0].partition("(")[0]
    return word in {"not", "in", "is"} | COMPARISONS | OTHER_OPERATORS.keys() | SEARCHES


def read_logic(joint: Joint, negated: bool, text: str) -> Raw | RawLogic:
    """`text` is the list in parentheses; what follows it is not read (`pRequestLogicTree`), and without parentheses
    it is the end of a field's name. Raises Refusal PGRST100, or 54001 where it is too deep."""
    return _term(Scanner("logic tree", f"{'not.' if negated else ''}{joint}{text}", shown=text), 0)


def _terms(scanner: Scanner, depth: int) -> tuple[Raw | RawLogic, ...]:
    if depth > MOST_DEPTH:
        raise too_complex(f"conditions stand in each other more than {MOST_DEPTH} deep")
    scanner.need_lexeme("(")
    terms = [_term(scanner, depth)]
    while scanner.lexeme(","):
        terms.append(_term(scanner, depth))
    scanner.need_lexeme(")", '"," or ")"')
    return tuple(terms)


def _term(scanner: Scanner, depth: int) -> Raw | RawLogic:
    scanner.blank()
    start = scanner.at
    negated = scanner.take("not.")
    for joint in Joint:
        before = scanner.at
        if scanner.take(joint.value):
            scanner.blank()
            if scanner.peek("("):
                return RawLogic(joint, _terms(scanner, depth + 1), negated)
            scanner.at = before
    if negated and has_operator(scanner.rest):
        negated = False  # of a field that is called `not`
    if negated and not scanner.peek('"'):
        raise scanner.refuse("logic operator (and, or)")
    scanner.at = start
    field = scanner.name(
        "field name (* or [a..z0..9_$]), negation operator (not) or logic operator (and, or)"
    )
    field += scanner.json_path()
    scanner.blank()
    scanner.need(".", "delimiter (.)")
    return _condition(scanner, field, inside=True)


def _condition(scanner: Scanner, field: str, *, inside: bool) -> Raw:
    negated = scanner.take("not.")
    start = scanner.at
    word = scanner.until(".(,)" if inside else ".(")
    if word == "in" and scanner.take("."):
        return Raw(field, word, texts=_list(scanner), negated=negated)
    if word == "is" and scanner.take("."):
        return Raw(field, word, text=_truth(scanner), negated=negated)
    if word in SEARCHES:
        if scanner.take("("):
            scanner.identifier()
            scanner.need(")")
        scanner.need(".", "delimiter (.)")
        return Raw(field, word, text=_value(scanner, inside=inside), negated=negated)
    if word not in COMPARISONS and word not in OTHER_OPERATORS:
        scanner.at = start
        raise scanner.refuse(_OPERATOR if negated else f'"not" or {_OPERATOR}')
    quantifier = _quantifier(scanner) if word in QUANTIFIABLE else None
    scanner.need(".", "delimiter (.)" if quantifier else f"{_OPERATOR} with its delimiter (.)")
    return Raw(field, word, _value(scanner, inside=inside), (), quantifier, negated)


def _quantifier(scanner: Scanner) -> Quantifier | None:
    if not scanner.take("("):
        return None
    for one in Quantifier:
        if scanner.take(one.value):
            scanner.need(")")
            return one
    raise scanner.refuse('"any" or "all"')


def _truth(scanner: Scanner) -> str:
    """At the end of a parameter's value, what follows is not read."""
    for word in TRUTHS:
        if scanner.rest[: len(word)].lower() == word:
            scanner.at += len(word)
            return word
    raise scanner.refuse("isVal: (null, not_null, true, false, unknown)")


def _list(scanner: Scanner) -> tuple[str, ...]:
    """`(1,"a,b",c)`; one empty element alone is none."""
    scanner.need_lexeme("(")
    start = scanner.at
    found = [_element(scanner)]
    while scanner.take(","):
        found.append(_element(scanner))
    empty = scanner.at == start
    scanner.need_lexeme(")", '"," or ")"')
    return () if empty else tuple(found)


def _element(scanner: Scanner) -> str:
    """In quotes only where the quotes close right before what ends the element."""
    start = scanner.at
    found = scanner.quoted()
    if found is not None and (scanner.ended or scanner.text[scanner.at] in ",)"):
        return found
    scanner.at = start
    return scanner.until(",)")


def _value(scanner: Scanner, *, inside: bool) -> str:
    if not inside:
        return scanner.all()
    if scanner.peek("{"):
        start = scanner.at
        found = scanner.until("}")
        if scanner.take("}") and "{" not in found[1:]:
            return found + "}"
        scanner.at = start
    return _element(scanner)
