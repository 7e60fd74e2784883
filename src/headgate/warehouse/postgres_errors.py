"""PostgreSQL's errors as Headgate's, by SQLSTATE. Nothing is retried here, and no password is ever quoted."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict

from headgate.errors import HeadgateError, StatementCanceled, StatementFailed, WarehouseUnavailable

_CONFLICTS = {"40001", "40P01", "55P03", "55006"}
"""Serialization failure, deadlock, lock timeout, object in use."""

_HINTS = {
    "42501": "grant this right to the environment's user",
    "53100": "free some space on the server; committed data stands",
    "53200": "the server is short of memory: lower work_mem or parallelism",
    "25006": "the server or session is read-only: is this a standby?",
}


def statement_error(error: psycopg.Error, sent: str) -> HeadgateError:
    """`sent` is the text that the server saw, to turn its position into a line and a column."""
    state = error.sqlstate
    line = _line(error, sent)
    hint = error.diag.message_hint or error.diag.message_detail or ""
    if state is None:
        if isinstance(error, psycopg.OperationalError):
            return session_ended()
        return StatementFailed("statement_failed", line)
    if state == "57014":
        if "user request" in line:
            return StatementCanceled("statement_canceled", "the statement was canceled")
        return StatementFailed("statement_timeout", line, hint="raise statement_timeout", sqlstate=state)
    if state in _CONFLICTS:
        return StatementFailed(
            "statement_conflict", line, hint="another transaction was in the way; try again", sqlstate=state
        )
    if state.startswith(("08", "57P")) or state == "53300":
        return WarehouseUnavailable(
            "warehouse_unavailable", line, hint="the server closed the connection; committed data stands"
        )
    if state in ("XX001", "XX002"):
        return WarehouseUnavailable(
            "warehouse_corrupt", line, hint="the server found damaged data: see its log"
        )
    code = {
        "42501": "permission_denied",
        "53100": "disk_full",
        "53200": "out_of_memory",
        "25006": "permission_denied",
    }.get(state, "statement_failed")
    return StatementFailed(code, line, hint=_HINTS.get(state, " ".join(hint.split())), sqlstate=state)


def connect_error(error: psycopg.Error, conninfo: str) -> WarehouseUnavailable:
    """Why no connection could be made, naming the server."""
    given = conninfo_to_dict(conninfo)
    server = given.get("host") or "the local server"
    if given.get("port"):
        server = f"{server}:{given['port']}"
    reason = " ".join(str(error).split()).removeprefix("connection failed: ")
    if password := given.get("password"):
        reason = reason.replace(str(password), "***")
    if "password" in reason or "no pg_hba.conf entry" in reason or "authentication" in reason:
        code, hint = "permission_denied", "check user, password and sslmode of the environment"
    elif "does not exist" in reason:
        code, hint = "warehouse_unavailable", "create it, or correct the environment's connection"
    else:
        code, hint = "warehouse_unavailable", "is the server running, and reachable from here?"
    return WarehouseUnavailable(code, f"cannot connect to PostgreSQL at {server}: {reason}", hint=hint)


def session_ended() -> WarehouseUnavailable:
    return WarehouseUnavailable(
        "warehouse_unavailable",
        "the connection to PostgreSQL ended",
        hint="the server closed it or the network failed; committed data stands",
    )


def _line(error: psycopg.Error, sent: str) -> str:
    message = error.diag.message_primary or str(error).strip().split("\n", 1)[0]
    if not (error.diag.statement_position or "").isdigit():
        return message
    before = sent[: int(error.diag.statement_position or 1) - 1]
    line = before.count("\n") + 1
    column = len(before) - (before.rfind("\n") + 1) + 1
    return f"{message} (line {line}, column {column})"
