"""What an error of PostgreSQL means for our own state, by its SQLSTATE. No message quotes a password."""

from __future__ import annotations

import psycopg
from psycopg.conninfo import conninfo_to_dict

from headgate.errors import Busy, StateError, StateUnavailable
from headgate.store.connection import Conflict, too_long, value_invalid


def mapped(error: Exception, where: str) -> Exception:
    """Errors that only a mistake of ours can cause stay as they are."""
    if isinstance(error, psycopg.IntegrityError):
        return Conflict(str(error))
    if isinstance(error, psycopg.DataError | OverflowError | UnicodeEncodeError):
        return value_invalid(error)
    state = error.sqlstate or "" if isinstance(error, psycopg.Error) else ""
    match state:
        case "40001" | "40P01":
            return busy(where, "another change was in the way at the same moment")
        case "55P03":
            return StateError(
                "state_locked",
                f"another process has kept a part of the state {where} locked for ten seconds",
                hint="look for a session that is idle in a transaction: SELECT * FROM pg_stat_activity",
            )
        case "57014":
            return too_long()
        case "53100":
            return StateError(
                "disk_full",
                f"no space is left for the state {where}",
                hint="free some space on the server; nothing that was committed is lost",
            )
        case "25006" | "42501":
            return StateError(
                "state_read_only",
                f"cannot write the state {where}: {_line(error)}",
                hint="its user must own the schema headgate, or be allowed to make it "
                "(GRANT CREATE ON DATABASE); a standby cannot be written",
            )
        case "XX001" | "XX002":
            return StateError(
                "state_corrupt",
                f"the state {where} is damaged: {_line(error)}",
                hint="restore the database from a backup; the warehouse's tables are not touched",
            )
    if isinstance(error, psycopg.OperationalError):
        return unavailable(where, _line(error))
    return error


def busy(where: str, reason: str) -> Busy:
    return Busy(
        "state_conflict", f"the state {where} is busy: {reason}", hint="nothing was changed: try again"
    )


def uncertain(where: str) -> StateError:
    # PostgreSQL can be asked what became of a transaction by its number. But after a crash it gives out numbers anew
    # that it had not written down, and would answer for another transaction.
    return StateError(
        "state_uncertain",
        f"the connection to the state {where} ended during a commit: the change may have been made or not",
        hint="look before you repeat it; a start with an idempotency key can be sent again as it is",
    )


def unavailable(where: str, reason: str) -> StateError:
    return StateUnavailable(
        "state_unavailable",
        f"the state {where} does not answer: {reason}",
        hint="is the server running? Nothing was changed: the same request works once it is back",
    )


def unreachable(error: psycopg.Error, where: str, conninfo: str) -> StateError:
    """Why no connection could be made."""
    reason = " ".join(str(error).split()).removeprefix("connection failed: ")
    if password := conninfo_to_dict(conninfo).get("password"):
        reason = reason.replace(str(password), "***")
    if "password" in reason or "no pg_hba.conf entry" in reason or "authentication" in reason:
        hint = "check user, password and sslmode of HEADGATE_DATABASE_URL"
    elif "does not exist" in reason:
        hint = "create it, or correct HEADGATE_DATABASE_URL"
    else:
        hint = "is the server running, and reachable from here?"
    return StateUnavailable("state_unavailable", f"cannot connect to the state {where}: {reason}", hint=hint)


def _line(error: Exception) -> str:
    primary = error.diag.message_primary if isinstance(error, psycopg.Error) else None
    return primary or str(error).strip().split("\n", 1)[0]
