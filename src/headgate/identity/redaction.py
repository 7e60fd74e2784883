"""Takes secrets out of texts on their way out: errors of drivers, log lines, answers.

It is the net below the rope: secrets are not put into texts in the first place, but a driver's error may quote a
connection string, and a warehouse's error a value.
"""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any
from urllib.parse import quote, quote_plus, unquote, urlsplit

from headgate.errors import HeadgateError
from headgate.identity.tokens import PATTERN
from headgate.model.secret import SHOWN, Secret

if TYPE_CHECKING:
    from logging import LogRecord

SHORTEST = 4
"""A shorter value is left: taking `a` out of every text would hide the text, and everybody can guess it."""

_TOKEN = PATTERN.pattern
_IN_URL = r"(?<=://)[^\s/@:'\"]*:[^\s/@'\"]+(?=@)"
"""User and password in the address of anything."""

_IN_DSN = re.compile(r"\b(?:password|pwd|token|secret)\s*=\s*('(?:[^'\\]|\\.)*'|[^\s;]+)", re.IGNORECASE)


class Redactor:
    """Knows the secret values of this process. Safe to use from any thread; adding one is rare, reading cheap."""

    def __init__(self) -> None:
        self._adding = threading.Lock()
        self._known: frozenset[str] = frozenset()
        self._pattern = _pattern(self._known)

    def __repr__(self) -> str:
        return f"Redactor({len(self._known)} texts)"

    def add(self, value: Secret | str) -> None:
        """From now on, `value` is taken out, also as it stands in a URL, in JSON, in Python's and in SQL's quotes;
        so is the password within it where it is an address or a connection string."""
        text = value.reveal() if isinstance(value, Secret) else value
        forms = {form for part in _parts(text) for form in _forms(part)}
        if forms <= self._known:
            return
        with self._adding:
            self._known |= forms
            self._pattern = _pattern(self._known)

    @property
    def knows_any(self) -> bool:
        """Whether any secret was made known here; tokens and addresses are taken out in any case."""
        return bool(self._known)

    def redact(self, text: str) -> str:
        return self._pattern.sub(SHOWN, text)

    def redact_error(self, error: HeadgateError) -> None:
        """Changes what the error says, in place."""
        error.message, error.hint = self.redact(error.message), self.redact(error.hint)
        error.args = tuple(self.redact_values(value) for value in error.args)

    def filter(self, record: LogRecord) -> bool:
        """For `logging.Handler.addFilter(redactor)`: redacts the message, its arguments and its traceback."""
        record.msg, record.args = self.redact(record.getMessage()), None
        if record.exc_info and not record.exc_text:
            import logging

            record.exc_text = logging.Formatter().formatException(record.exc_info)
        if record.exc_text:
            record.exc_text = self.redact(record.exc_text)
            record.exc_info = None  # the handler's formatter would write it out once more
        return True

    def redact_values(self, value: Any) -> Any:
        """The same for the texts inside lists, tuples and mappings (a sample of rows, the body of an answer)."""
        match value:
            case str():
                return self.redact(value)
            case dict():
                return {self.redact_values(key): self.redact_values(inner) for key, inner in value.items()}
            case list():
                return [self.redact_values(inner) for inner in value]
            case tuple():
                return tuple(self.redact_values(inner) for inner in value)
            case _:
                return value


def _parts(text: str) -> Iterator[str]:
    yield text
    if "://" in text:
        try:
            password = urlsplit(text).password
        except ValueError:
            password = None
        if password:
            yield password
            yield unquote(password)
    for found in _IN_DSN.finditer(text):
        yield found[1].strip("'")
    if "\n" in text:  # a private key: a driver may quote one line of it
        yield " ".join(text.split())
        yield from (line.strip() for line in text.splitlines() if len(line.strip()) >= 16)


def _forms(text: str) -> set[str]:
    forms = {
        text,
        text.strip(),
        quote(text, safe=""),
        quote(text),
        quote_plus(text),
        json.dumps(text)[1:-1],
        json.dumps(text, ensure_ascii=False)[1:-1],
        repr(text)[1:-1],
        text.replace("'", "''"),
    }
    return {form for form in forms if len(form) >= SHORTEST}


def _pattern(known: frozenset[str]) -> re.Pattern[str]:
    # The longest first: of two that begin alike, nothing of the longer one may stay.
    words = [re.escape(text) for text in sorted(known, key=len, reverse=True)]
    return re.compile("|".join([*words, _TOKEN, _IN_URL]))


process_redactor = Redactor()
"""The one of this process: what a secret is, is known where it is resolved, and matters wherever a text leaves."""
