"""Reads a text from left to right. What is not understood is told with its place, as `not_parsed`."""

from __future__ import annotations

import re

from headgate.joblog.refusal import Refusal, not_parsed

_IDENTIFIER = re.compile(r"[^\W_]*[\w $]*", re.UNICODE)
_NAME = re.compile(r"[\w $]+(?:-(?!>)[\w $]+)*")
_ARROW = re.compile(r"->>?")
_KEY = re.compile(r"-[0-9]+(?=->|::|\.|,|$)|[^-(:.,>)]+(?:-(?!>)[^-(:.,>)]+)*")
_BLANK = re.compile(r"[ \t]*")


class Scanner:
    def __init__(self, what: str, text: str, at: int = 0, *, shown: str | None = None) -> None:
        self.what = what
        self.text = text
        self.at = at
        self._shown = text if shown is None else shown

    @property
    def rest(self) -> str:
        return self.text[self.at :]

    @property
    def ended(self) -> bool:
        return self.at >= len(self.text)

    def refuse(self, expecting: str, at: int | None = None) -> Refusal:
        place = self.at if at is None else at
        found = f'"{self.text[place]}"' if place < len(self.text) else "end of input"
        return not_parsed(self.what, self._shown, place + 1, f"unexpected {found} expecting {expecting}")

    def peek(self, word: str) -> bool:
        return self.text.startswith(word, self.at)

    def take(self, word: str) -> bool:
        if self.peek(word):
            self.at += len(word)
            return True
        return False

    def need(self, word: str, expecting: str | None = None) -> None:
        if not self.take(word):
            raise self.refuse(expecting or f'"{word}"')

    def blank(self) -> None:
        self.at = self._matched(_BLANK)

    def lexeme(self, word: str) -> bool:
        """`word` with blanks around it."""
        before = self.at
        self.blank()
        if self.take(word):
            self.blank()
            return True
        self.at = before
        return False

    def need_lexeme(self, word: str, expecting: str | None = None) -> None:
        if not self.lexeme(word):
            self.blank()
            raise self.refuse(expecting or f'"{word}"')

    def until(self, stops: str) -> str:
        """Up to any of the characters `stops`, or to the end."""
        start = self.at
        while self.at < len(self.text) and self.text[self.at] not in stops:
            self.at += 1
        return self.text[start : self.at]

    def all(self) -> str:
        found, self.at = self.rest, len(self.text)
        return found

    def quoted(self) -> str | None:
        """A value in double quotes, in which a backslash stands before what is meant as it is; None where there is
        none, and nothing is read then."""
        if not self.peek('"'):
            return None
        at, parts = self.at + 1, list[str]()
        while at < len(self.text):
            char = self.text[at]
            if char == '"':
                self.at = at + 1
                return "".join(parts)
            if char == "\\":
                at += 1
                if at >= len(self.text):
                    return None
                char = self.text[at]
            parts.append(char)
            at += 1
        return None

    def name(self, expecting: str = "field name (* or [a..z0..9_$])") -> str:
        """The name of a column, in quotes or not; blanks around one without quotes are none of it."""
        start = self.at
        if (found := self.quoted()) is not None:
            return found
        end = self._matched(_NAME)
        found = self.text[start:end].strip(" ")
        if not found:
            raise self.refuse(expecting)
        self.at = end
        return found

    def json_path(self) -> str:
        """`->a->>b`, which leads nowhere in columns like ours; "" where there is none."""
        start = self.at
        while found := _ARROW.match(self.text, self.at):
            self.at = found.end()
            if self.quoted() is None and (key := _KEY.match(self.text, self.at)):
                self.at = key.end()
            if self.at == found.end():
                raise self.refuse("digit or any non reserved character different from: .,>()")
        return self.text[start : self.at]

    def identifier(self, expecting: str = "letter or digit") -> str:
        start = self.at
        end = self._matched(_IDENTIFIER)
        found = self.text[start:end].strip(" ")
        if not found:
            raise self.refuse(expecting)
        self.at = end
        return found

    def _matched(self, pattern: re.Pattern[str]) -> int:
        found = pattern.match(self.text, self.at)
        return self.at if found is None else found.end()
