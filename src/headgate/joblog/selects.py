"""`select=id,day:start_date::date,records_processed.sum()` and `order=end_date.desc.nullslast,id`, as they stand."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headgate.joblog.refusal import too_complex
from headgate.joblog.scanner import Scanner
from headgate.joblog.tree import Aggregate


@dataclass(frozen=True, slots=True)
class RawField:
    """`name` is `*` for every column and "" for `count()`; `relation` says that `name` is another table's, with
    columns in parentheses."""

    name: str
    alias: str | None = None
    cast: str | None = None
    aggregate: Aggregate | None = None
    outer_cast: str | None = None
    path: str = ""
    relation: bool = False


@dataclass(frozen=True, slots=True)
class RawOrder:
    name: str
    descending: bool = False
    nulls_first: bool | None = None
    path: str = ""
    relation: bool = False


MOST_DEPTH = 50
"""How deep tables may stand in each other."""

_BEGINS = re.compile(r'[\w $"]|\*(?=[,)]|$)|\.\.\.')
_END = 'letter, digit, "-", "->>", "->", "::", ".", ")", "," or end of input'


def read_select(text: str) -> tuple[RawField, ...]:
    """Nothing where no field begins; what stands behind a parenthesis that nobody opened is not read (`pFieldForest`).
    Raises Refusal PGRST100, or 54001 where it is too deep."""
    return _fields(Scanner("select parameter", text), 0)


def _fields(scanner: Scanner, depth: int) -> tuple[RawField, ...]:
    if depth > MOST_DEPTH:
        raise too_complex(f"tables are selected in each other more than {MOST_DEPTH} deep")
    scanner.blank()
    if not _BEGINS.match(scanner.text, scanner.at):
        return ()
    fields = [_field(scanner, depth)]
    while scanner.lexeme(","):
        fields.append(_field(scanner, depth))
    return tuple(fields)


def _field(scanner: Scanner, depth: int) -> RawField:
    scanner.blank()
    if scanner.take("*"):
        _end(scanner)
        return RawField("*")
    if scanner.take("..."):
        return _relation(scanner, scanner.name(), None, depth)
    name = scanner.name()
    alias = None
    if scanner.peek(":") and not scanner.peek("::"):
        scanner.at += 1
        alias = name
        name = scanner.name()
    if name == "count" and scanner.take("()"):
        field = RawField("", alias, None, Aggregate.COUNT, _cast(scanner))
        _end(scanner)
        return field
    if name != "count" and _is_relation(scanner):
        return _relation(scanner, name, alias, depth)
    path = scanner.json_path()
    scanner.blank()
    cast = _cast(scanner)
    aggregate = outer = None
    if scanner.take("."):
        aggregate = _aggregate(scanner)
        outer = _cast(scanner)
    _end(scanner)
    scanner.blank()
    return RawField(name, alias, cast, aggregate, outer, path)


def _end(scanner: Scanner) -> None:
    if not (scanner.ended or scanner.text[scanner.at] in ",)"):
        raise scanner.refuse(_END)


def _cast(scanner: Scanner) -> str | None:
    return scanner.identifier() if scanner.take("::") else None


def _aggregate(scanner: Scanner) -> Aggregate:
    for one in Aggregate:
        if scanner.take(f"{one}()"):
            return one
    raise scanner.refuse('"sum()", "avg()", "count()", "max()" or "min()"')


def _is_relation(scanner: Scanner) -> bool:
    """Whether columns in parentheses follow, behind `!inner` or another hint."""
    start = scanner.at
    while scanner.take("!"):
        scanner.name()
    found = scanner.peek("(")
    if not found:
        scanner.at = start
    return found


def _relation(scanner: Scanner, name: str, alias: str | None, depth: int) -> RawField:
    """Of its columns only the grammar is looked at: no table here has a relation to another one."""
    _is_relation(scanner)
    scanner.need("(")
    _fields(scanner, depth + 1)
    scanner.need(")", '"," or ")"')
    scanner.blank()
    return RawField(name, alias, relation=True)


def read_order(text: str) -> tuple[RawOrder, ...]:
    """Raises Refusal PGRST100."""
    scanner = Scanner("order", text)
    terms = [_order(scanner)]
    while scanner.lexeme(","):
        terms.append(_order(scanner))
    if not scanner.ended:
        raise scanner.refuse('"," or end of input')
    return tuple(terms)


def _order(scanner: Scanner) -> RawOrder:
    scanner.blank()
    name = scanner.name()
    relation = scanner.take("(")
    if relation:
        scanner.blank()
        scanner.name()
        scanner.json_path()
        scanner.blank()
        scanner.need(")")
    path = scanner.json_path()
    scanner.blank()
    descending: bool | None = None
    nulls: bool | None = None
    while scanner.take("."):
        if descending is None and nulls is None and scanner.take("asc"):
            descending = False
        elif descending is None and nulls is None and scanner.take("desc"):
            descending = True
        elif nulls is None and scanner.take("nullsfirst"):
            nulls = True
        elif nulls is None and scanner.take("nullslast"):
            nulls = False
        else:
            words = '"nullsfirst" or "nullslast"'
            raise scanner.refuse(words if descending is not None else f'"asc", "desc", {words}')
    if not (scanner.ended or scanner.peek(",")):
        raise scanner.refuse('delimiter (.), "," or end of input')
    return RawOrder(name, bool(descending), nulls, path, relation)


def read_names(what: str, text: str) -> tuple[str, ...]:
    """`a,b,"c d"`, of `columns` and `on_conflict`; what follows is not read (`pColumns`). Raises Refusal PGRST100."""
    scanner = Scanner(what, text)
    names = [scanner.name()]
    while scanner.lexeme(","):
        names.append(scanner.name())
    return tuple(dict.fromkeys(names))
