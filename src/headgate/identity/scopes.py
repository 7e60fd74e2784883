"""Scopes: what a token may do, as text and as values.

    admin                     everything
    deploy                    plan and deploy; start, watch and cancel every run; read
    run                       start, watch and cancel refreshes of every job and selection; read
    run:4,nightly             the same for these jobs only, and nothing else
    read                      look at everything but users, tokens, secrets and the audit trail
    joblog  joblog:orders     write and read the job log: all names, or these
    joblog:read               read the job log; `joblog:read:orders,items` these names only

Several stand beside each other, parted by blanks. Digits alone are a job's id, in every environment. A name that
holds anything but letters, digits and `_ . - / @ #`, and a job log named `read`, stands in double quotes.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from functools import lru_cache

from headgate.errors import UsageError, did_you_mean

_BARE = re.compile(r"[\w./@#-]+")
_EXCERPT = 72


class Kind(StrEnum):
    ADMIN = "admin"
    DEPLOY = "deploy"
    RUN = "run"
    READ = "read"
    JOBLOG = "joblog"
    JOBLOG_READ = "joblog:read"


NAMED = frozenset({Kind.RUN, Kind.JOBLOG, Kind.JOBLOG_READ})
"""Kinds that can be narrowed to names."""


@dataclass(frozen=True, slots=True)
class Scope:
    """`names` narrows it; None is all."""

    kind: Kind
    names: frozenset[str] | None = None

    def __str__(self) -> str:
        if self.names is None:
            return self.kind.value
        return f"{self.kind}:{','.join(_spelled(name) for name in sorted(self.names, key=_order))}"


@dataclass(frozen=True, slots=True)
class Scopes:
    """Everything that one token may do. Equal scopes print alike."""

    every: tuple[Scope, ...] = ()

    def has(self, kind: Kind) -> bool:
        """Whether it is there for all names."""
        return Scope(kind) in self.every

    def names(self, kind: Kind) -> frozenset[str]:
        """The names that it is there for; empty where it is there for all, or not at all."""
        return next((scope.names for scope in self.every if scope.kind is kind and scope.names), frozenset())

    def __str__(self) -> str:
        return " ".join(map(str, self.every))


ADMIN = Scopes((Scope(Kind.ADMIN),))


def combine(scopes: Iterable[Scope]) -> Scopes:
    """In the order of kinds, one of each: names are joined, and all swallows names."""
    found: dict[Kind, frozenset[str] | None] = {}
    for scope in scopes:
        known = found.get(scope.kind, frozenset())
        found[scope.kind] = None if known is None or scope.names is None else known | scope.names
    return Scopes(tuple(Scope(kind, found[kind]) for kind in Kind if kind in found))


@lru_cache(maxsize=1024)  # every request reads its token's
def parse(text: str) -> Scopes:
    """Raises UsageError `scope_syntax`, `scope_unknown`; the message has the column, the hint a caret under it."""
    scopes: list[Scope] = []
    position = 0
    while True:
        while position < len(text) and text[position].isspace():
            position += 1
        if position == len(text):
            break
        scope, position = _scope(text, position)
        scopes.append(scope)
    if not scopes:
        raise _error(text, 0, "a token needs a scope", _known())
    return combine(scopes)


def _scope(text: str, start: int) -> tuple[Scope, int]:
    word, position = _word(text, start)
    if word not in ("admin", "deploy", "run", "read", "joblog"):
        wrong = word or text[start]
        raise _error(
            text,
            start,
            f"there is no scope {wrong}",
            did_you_mean(wrong, Kind, _known()),
            code="scope_unknown",
        )
    kind = Kind(word)
    if kind is Kind.JOBLOG and re.match(r":read(?=[:,\s]|$)", text[position:]):
        kind, position = Kind.JOBLOG_READ, position + len(":read")
    if not text.startswith(":", position):
        return Scope(kind), _end(text, position)
    if kind not in NAMED:
        raise _error(text, position, f"{kind} is for everything", f"leave it at {kind}")
    names, position = _names(text, position + 1)
    return Scope(kind, names), _end(text, position)


def _names(text: str, position: int) -> tuple[frozenset[str], int]:
    names: list[str] = []
    while True:
        name, after = _name(text, position)
        if not name:
            raise _error(text, position, "a name is missing", "run:4,nightly")
        names.append(name)
        if not text.startswith(",", after):
            return frozenset(names), after
        position = after + 1


def _name(text: str, start: int) -> tuple[str, int]:
    if not text.startswith('"', start):
        return _word(text, start)
    position = start + 1
    while (found := text.find('"', position)) >= 0:
        if not text.startswith('""', found):
            return text[start + 1 : found].replace('""', '"'), found + 1
        position = found + 2
    raise _error(text, start, "the quote is never closed", 'a quote inside is written twice: "say ""hi"""')


def _word(text: str, start: int) -> tuple[str, int]:
    found = _BARE.match(text, start)
    return (found[0], found.end()) if found else ("", start)


def _end(text: str, position: int) -> int:
    if position < len(text) and not text[position].isspace():
        hint = 'scopes are parted by blanks; a name with other letters stands in quotes: run:"day & night"'
        raise _error(text, position, f"{text[position]} cannot stand here", hint)
    return position


def _spelled(name: str) -> str:
    plain = _BARE.fullmatch(name) and name != "read"
    return name if plain else '"' + name.replace('"', '""') + '"'


def _order(name: str) -> tuple[bool, int, str]:
    return (not is_id(name), len(name) if is_id(name) else 0, name)


def is_id(name: str) -> bool:
    return name.isascii() and name.isdigit()


def _known() -> str:
    return f"scopes: {', '.join(Kind)}; also run:4,nightly, joblog:orders and joblog:read:orders"


def _error(text: str, position: int, message: str, hint: str, code: str = "scope_syntax") -> UsageError:
    first = max(0, position - _EXCERPT // 2)
    shown = "".join(c if c.isprintable() else " " for c in text[first : first + _EXCERPT])
    picture = f"  {shown}\n  {' ' * (position - first)}^" if text else ""
    return UsageError(
        code, f"scope, column {position + 1}: {message}", hint=f"{hint}\n{picture}".rstrip("\n")
    )
