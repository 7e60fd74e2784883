"""Text -> tokens with their places, and the error that shows a place. What tokens mean is `parser`'s."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from typing import Final

from headgate.errors import UsageError
from headgate.selector.expression import KEYWORDS, PUNCTUATION

_EXCERPT: Final = 72
_OUTSIDE: Final = frozenset("{}()+|\"'")
_DIGITS: Final = frozenset("0123456789")


class Kind(Enum):
    OPEN = "{"
    CLOSE = "}"
    LEFT = "("
    RIGHT = ")"
    PLUS = "+"
    COLON = ":"
    COMMA = ","
    AND = "AND"
    OR = "OR"
    NOT = "NOT"
    NUMBER = "number"
    WORD = "word"
    STRING = "string"
    END = "end"


_MARKS: Final = {kind.value: kind for kind in Kind if len(kind.value) == 1}


@dataclass(frozen=True, slots=True)
class Token:
    """Characters [start, end) of the text; `text` is a string's content without its quotes."""

    kind: Kind
    text: str
    start: int
    end: int


@dataclass(frozen=True, slots=True)
class Source:
    """A selector's text; `subject` is what errors call it."""

    text: str
    subject: str

    def place(self, position: int) -> str:
        """Where a character stands, for people: `column 3`, with the line where there are several."""
        column = position - self.text.rfind("\n", 0, position)
        if "\n" not in self.text.strip():
            return f"{self.subject}, column {column}"
        return f"{self.subject}, line {self.text.count(chr(10), 0, position) + 1}, column {column}"

    def error(self, position: int, message: str, hint: str = "") -> UsageError:
        """`selector_syntax`, with the place in the message, and the text with a caret after the hint."""
        shown = self._excerpt(position)
        return UsageError(
            "selector_syntax",
            f"{self.place(position)}: {message}",
            hint=f"{hint}\n{shown}" if hint else shown,
        )

    def _excerpt(self, position: int) -> str:
        begin = self.text.rfind("\n", 0, position) + 1
        line = self.text[begin:].partition("\n")[0]
        at = position - begin
        first = max(0, at - _EXCERPT // 2)
        shown = "".join(c if c.isprintable() else " " for c in line[first : first + _EXCERPT])
        lead = "…" if first else ""
        trail = "…" if first + _EXCERPT < len(line) else ""
        return f"  {lead}{shown}{trail}\n  {' ' * (len(lead) + at - first)}^"


def scan(source: Source) -> Iterator[Token]:
    """The tokens of the text, the last of them END. Inside a block `+` and `(` are letters like any other."""
    text, position, inside = source.text, 0, False
    while position < len(text):
        start, character = position, text[position]
        if character.isspace():
            position += 1
            continue
        ends = PUNCTUATION if inside else _OUTSIDE
        if character in "\"'":
            position, content = _string(source, start)
            yield Token(Kind.STRING, content, start, position)
        elif character in ends and character in _MARKS:
            position += 1
            inside = character == "{" or (inside and character != "}")
            yield Token(_MARKS[character], character, start, position)
        elif text.startswith("||", start):
            position += 2
            yield Token(Kind.OR, "||", start, position)
        else:
            position = _word_end(text, start, ends, only_digits=not inside and character in _DIGITS)
            word = text[start:position]
            kind = Kind.NUMBER if not inside and character in _DIGITS else Kind.WORD
            yield Token(Kind(word.upper()) if word.upper() in KEYWORDS else kind, word, start, position)
    yield Token(Kind.END, "", len(text), len(text))


def _word_end(text: str, start: int, ends: frozenset[str], *, only_digits: bool) -> int:
    position = start + 1
    while position < len(text):
        character = text[position]
        if character.isspace() or character in ends or (only_digits and character not in _DIGITS):
            break
        position += 1
    return position


def _string(source: Source, start: int) -> tuple[int, str]:
    """The end and the content of the string at `start`; its own quote is written twice inside."""
    mark = source.text[start]
    position = start + 1
    while (found := source.text.find(mark, position)) >= 0:
        if source.text[found + 1 : found + 2] != mark:
            return found + 1, source.text[start + 1 : found].replace(mark * 2, mark)
        position = found + 2
    raise source.error(start, f"the quote {mark} is never closed")
