"""`select=id,day:start_date::date,records_processed.sum()` and `order=end_date.desc.nullslast,id`, as they stand."""

from __future__ import annotations

from dataclasses import dataclass

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


def read_select(text: str) -> tuple[RawField, ...]:
    """Raises Refusal PGRST100."""
    scanner = Scanner("select parameter", text)
    if not text:
        return ()
    fields = [_field(scanner)]
    while scanner.lexeme(","):
        fields.append(_field(scanner))
    if not scanner.ended:
        raise scanner.refuse('letter, digit, "-", "->>", "->", "::", ".", "," or end of input')
    return tuple(fields)


def _field(scanner: Scanner) -> RawField:
    scanner.blank()
    if scanner.take("*"):
        return RawField("*")
    if scanner.take("..."):
        return _relation(scanner, scanner.name(), None)
    start = scanner.at
    name = scanner.name()
    alias = None
    if scanner.peek(":") and not scanner.peek("::"):
        scanner.at += 1
        alias = name
        start = scanner.at
        name = scanner.name()
    if name == "count" and scanner.take("()"):
        return RawField("", alias, None, Aggregate.COUNT, _cast(scanner))
    if scanner.peek("(") or scanner.peek("!"):
        return _relation(scanner, name, alias)
    path = scanner.until(":.,)") if scanner.peek("->") else ""
    cast = _cast(scanner)
    aggregate = outer = None
    if scanner.take("."):
        aggregate = _aggregate(scanner)
        outer = _cast(scanner)
    scanner.blank()
    if not (scanner.ended or scanner.text[scanner.at] in ",)"):
        scanner.at = max(scanner.at, start)
        raise scanner.refuse('letter, digit, "-", "->>", "->", "::", ".", ")", "," or end of input')
    return RawField(name, alias, cast, aggregate, outer, path)


def _cast(scanner: Scanner) -> str | None:
    return scanner.identifier() if scanner.take("::") else None


def _aggregate(scanner: Scanner) -> Aggregate:
    for one in Aggregate:
        if scanner.take(f"{one}()"):
            return one
    raise scanner.refuse('"sum()", "avg()", "count()", "max()" or "min()"')


def _relation(scanner: Scanner, name: str, alias: str | None) -> RawField:
    """Read only as far as its name is worth telling: no table here has a relation to another one."""
    depth = 0
    while not scanner.ended:
        char = scanner.text[scanner.at]
        if char == "," and depth == 0:
            break
        depth += {"(": 1, ")": -1}.get(char, 0)
        if depth < 0:
            break
        scanner.at += 1
    if depth != 0:
        raise scanner.refuse('")"')
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
        scanner.until(")")
        scanner.need(")")
    path = scanner.until(".,") if scanner.peek("->") else ""
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
    scanner.blank()
    if not (scanner.ended or scanner.peek(",")):
        raise scanner.refuse('delimiter (.), "," or end of input')
    return RawOrder(name, bool(descending), nulls, path, relation)


def read_names(what: str, text: str) -> tuple[str, ...]:
    """`a,b,"c d"`, of `columns` and `on_conflict`. Raises Refusal PGRST100."""
    scanner = Scanner(what, text)
    names = [scanner.name()]
    while scanner.lexeme(","):
        names.append(scanner.name())
    if not scanner.ended:
        raise scanner.refuse('"," or end of input')
    return tuple(dict.fromkeys(names))
