"""Answers that are errors -> the errors that the server raised: their class, code, message and hint.

Pure. The class is told by the code where one status stands for several, else by the status.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headgate.errors import (
    Busy,
    Diagnostic,
    Forbidden,
    HeadgateError,
    LeaseLost,
    Location,
    NotFound,
    ProjectError,
    Refused,
    ServerUnavailable,
    StateError,
    StatementCanceled,
    StatementFailed,
    Unauthorized,
    UsageError,
    WarehouseError,
    WarehouseUnavailable,
)

_BY_STATUS: dict[int, type[HeadgateError]] = {
    400: UsageError,
    401: Unauthorized,
    403: Forbidden,
    404: NotFound,
    405: UsageError,
    408: Busy,
    409: Refused,
    413: UsageError,
    415: UsageError,
    422: UsageError,
    423: Busy,
    429: Busy,
    502: WarehouseError,
    503: ServerUnavailable,
    504: ServerUnavailable,
}
_BY_CODE: dict[str, type[HeadgateError]] = {
    "lease_lost": LeaseLost,
    "statement_canceled": StatementCanceled,
    "statement_failed": StatementFailed,
    "statement_conflict": StatementFailed,
    "statement_timeout": StatementFailed,
    "check_malformed": StatementFailed,
    "warehouse_unavailable": WarehouseUnavailable,
    "warehouse_version": WarehouseUnavailable,
    "warehouse_corrupt": WarehouseUnavailable,
}
_STATE_CODES = ("state_", "disk_full", "permission_denied", "secret_key_", "secret_swapped", "journal_failed")
INTERNAL = "internal_error"
_HINTS = {
    "token_missing": "set HEADGATE_TOKEN, or `token` in a profile; on the server's machine,"
    " `headgate token create --server local` makes one"
}
"""In the words of who has a client, and writes no header."""


def error_of(status: int, body: Any, *, url: str) -> HeadgateError:
    """The error that an answer of `status` with this decoded body tells. A body that is none of Headgate's (a proxy's
    page) makes ServerUnavailable where trying again may help, else HeadgateError `answer_unreadable`."""
    told = body.get("error") if isinstance(body, Mapping) else None
    if not isinstance(told, Mapping) or not isinstance(told.get("errorString"), str):
        return unreadable(status, url)
    code, message = str(told.get("code") or "unknown"), told["errorString"]
    hint = _HINTS.get(code) or str(told.get("hint") or told.get("errorDetail") or "")
    if status == 422 and isinstance(told.get("diagnostics"), list):
        return ProjectError([diagnostic(one) for one in told["diagnostics"]])
    if code == INTERNAL and told.get("requestID"):
        hint = f"the server's log has the details under {told['requestID']}"
    return _class_of(status, code)(code, message, hint=hint)


def unreadable(status: int, url: str) -> HeadgateError:
    kind = ServerUnavailable if status in (502, 503, 504) else HeadgateError
    code = "server_unavailable" if kind is ServerUnavailable else "answer_unreadable"
    return kind(
        code, f"{url} answered {status}, and not as Headgate does", hint="is this the address of the server?"
    )


def _class_of(status: int, code: str) -> type[HeadgateError]:
    if code in _BY_CODE:
        return _BY_CODE[code]
    if status >= 500 and code.startswith(_STATE_CODES):
        return StateError
    return _BY_STATUS.get(status, HeadgateError)


def diagnostic(body: Mapping[str, Any]) -> Diagnostic:
    return Diagnostic(
        code=body["code"],
        message=body["message"],
        location=Location(body["file"], body["line"], body["column"]),
        hint=body["hint"],
        severity=body["severity"],
    )
