"""The one tree of errors. Each error carries a code, a message, a hint and, for files, a location.

One subclass per thing that a caller may do differently:

    HeadgateError
    ├── UsageError              the request is wrong: a flag, a selector, a parameter        exit 2, HTTP 400
    ├── ProjectError            the project's files are wrong; holds all diagnostics         exit 2, HTTP 422
    ├── Unauthorized            nobody knows who asks: no token, or one that does not hold   exit 2, HTTP 401
    ├── Forbidden               who asks is known, but may not do this                       exit 2, HTTP 403
    ├── NotFound                the named thing does not exist                               exit 2, HTTP 404
    ├── Refused                 well-formed, but the present state forbids it                exit 2, HTTP 409
    ├── Busy                    somebody else holds it; the same request may work later      exit 1, HTTP 423
    ├── StateError              our own state cannot be used (corrupt, full, other version)  exit 1, HTTP 500
    │   └── StateUnavailable    its database does not answer; the same request may work later  HTTP 503
    ├── LeaseLost               another worker took the run over; stop, write nothing        exit 1, HTTP 409
    ├── ServerUnavailable       no server answers; the same request may work later           exit 1, HTTP 503
    └── WarehouseError          the warehouse answered with an error                         exit 1, HTTP 502
        ├── StatementFailed     one statement failed; the connection can still be used
        ├── StatementCanceled   one statement was cancelled on request
        └── WarehouseUnavailable  no connection; the same request may work later
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import ClassVar


@dataclass(frozen=True, slots=True)
class Location:
    """A place in a project file. `line` and `column` count from 1; 0 means unknown."""

    file: str
    line: int = 0
    column: int = 0

    def __str__(self) -> str:
        if not self.line:
            return self.file
        return f"{self.file}:{self.line}:{self.column}" if self.column else f"{self.file}:{self.line}"


class HeadgateError(Exception):
    """Root of all errors that a user may see.

    `code` is a stable word listed in docs/errors.md; `message` says what is wrong and names the subject;
    `hint` says what to do next.
    """

    exit_code: ClassVar[int] = 1
    http_status: ClassVar[int] = 500

    def __init__(self, code: str, message: str, *, hint: str = "", location: Location | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.hint = hint
        self.location = location

    def __str__(self) -> str:
        return f"{self.location}: {self.message}" if self.location else self.message


class UsageError(HeadgateError):
    exit_code = 2
    http_status = 400


class Unauthorized(HeadgateError):
    exit_code = 2
    http_status = 401


class Forbidden(HeadgateError):
    exit_code = 2
    http_status = 403


class NotFound(HeadgateError):
    exit_code = 2
    http_status = 404


class Refused(HeadgateError):
    exit_code = 2
    http_status = 409


class Busy(HeadgateError):
    http_status = 423


class StateError(HeadgateError):
    pass


class StateUnavailable(StateError):
    http_status = 503


class LeaseLost(HeadgateError):
    http_status = 409


class ServerUnavailable(HeadgateError):
    http_status = 503


class WarehouseError(HeadgateError):
    http_status = 502


class StatementFailed(WarehouseError):
    """`sqlstate` is the engine's own class of the error, where it has one."""

    def __init__(self, code: str, message: str, *, hint: str = "", sqlstate: str | None = None) -> None:
        super().__init__(code, message, hint=hint)
        self.sqlstate = sqlstate


class StatementCanceled(WarehouseError):
    pass


class WarehouseUnavailable(WarehouseError):
    pass


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """One finding about a project file. `severity` is `error` or `warning`."""

    code: str
    message: str
    location: Location
    hint: str = ""
    severity: str = "error"


class ProjectError(HeadgateError):
    """The project does not compile. Holds every error found, in the order of files and lines."""

    exit_code = 2
    http_status = 422

    def __init__(self, diagnostics: Sequence[Diagnostic]) -> None:
        count = len(diagnostics)
        super().__init__(
            "project_invalid",
            f"the project has {count} error{'s' if count != 1 else ''}",
            hint="mend the files named above, then run the command again",
        )
        self.diagnostics = tuple(diagnostics)


def nearest(name: str, known: Iterable[str], *, count: int = 3) -> list[str]:
    """The known names that look most like `name`, best first, compared without case."""
    by_folded: dict[str, str] = {}
    for candidate in known:
        by_folded.setdefault(candidate.lower(), candidate)
    return [by_folded[m] for m in difflib.get_close_matches(name.lower(), by_folded, n=count, cutoff=0.5)]


def did_you_mean(name: str, known: Iterable[str], otherwise: str = "") -> str:
    """A hint that offers the nearest known names, or `otherwise` where none is near."""
    names = nearest(name, known)
    return f"did you mean {' or '.join(names)}?" if names else otherwise
