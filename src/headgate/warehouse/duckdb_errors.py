"""DuckDB's errors as Headgate's: codes, one line with its position, hints. Nothing is retried here."""

from __future__ import annotations

import re

import duckdb

from headgate.errors import (
    HeadgateError,
    StatementCanceled,
    StatementFailed,
    UsageError,
    WarehouseUnavailable,
)
from headgate.warehouse.lease import UNKNOWN_HOLDER, Holder
from headgate.warehouse.ledger import UNIQUE_VIOLATION

_POSITION = re.compile(r"^LINE (\d+): .*$", re.MULTILINE)
_LOCK_HOLDER = re.compile(r"held in (.+?) \(PID (\d+)\)")
_DUPLICATE = re.compile(
    r"violates (primary key|unique) constraint|PRIMARY KEY or UNIQUE constraint violation"
)
_CONFLICT = re.compile(
    r"conflict|has been altered by a different transaction|Could not commit", re.IGNORECASE
)


def statement_error(error: duckdb.Error, *, skipped_lines: int = 0) -> HeadgateError:
    """`skipped_lines` is how many lines stood before the caller's own text in what was sent."""
    text = str(error)
    line, hint = _first_line(text, skipped_lines)
    match error:
        case duckdb.InterruptException():
            return StatementCanceled("statement_canceled", "the statement was canceled")
        case duckdb.OutOfMemoryException():
            return StatementFailed(
                "out_of_memory",
                line,
                hint="raise memory_limit, lower threads, or free disk space for spilling",
            )
        case duckdb.TransactionException() | duckdb.ConstraintException() if _DUPLICATE.search(text):
            return StatementFailed("statement_failed", line, hint=hint, sqlstate=UNIQUE_VIOLATION)
        case duckdb.TransactionException() if _CONFLICT.search(text):
            return StatementFailed(
                "statement_conflict", line, hint="another transaction changed the same table; try again"
            )
        case duckdb.FatalException() | duckdb.InternalException():
            return WarehouseUnavailable(
                "warehouse_unavailable", line, hint="the database must be opened again; committed data stands"
            )
        case duckdb.ConnectionException():
            return WarehouseUnavailable("warehouse_unavailable", line, hint="the session is closed")
        case duckdb.IOException() if reason := _file_error(text):
            return StatementFailed(reason[0], line, hint=reason[1])
    if text.startswith("Corrupt database file"):
        return _corrupt(line)
    return StatementFailed("statement_failed", line, hint=hint)


def open_error(error: duckdb.Error, name: str) -> HeadgateError:
    """Why the database file `name` could not be opened."""
    text = str(error)
    line, _ = _first_line(text, 0)
    if "options were not recognized" in text or isinstance(error, duckdb.InvalidInputException):
        return UsageError("setting_unknown", f"{name}: {line}", hint="see DuckDB's list of settings")
    if "not a valid DuckDB database file" in text:
        return WarehouseUnavailable(
            "warehouse_corrupt", f"{name} is not a DuckDB database", hint="check the path in the environment"
        )
    if re.search(r"newer version|with version number", text):
        return WarehouseUnavailable(
            "warehouse_version",
            f"{name} was written by a newer DuckDB than {duckdb.__version__}",
            hint="upgrade the duckdb package, or export the database with the newer one",
        )
    if "No such file or directory" in text:
        return WarehouseUnavailable(
            "warehouse_unavailable",
            f"{name}: its folder does not exist",
            hint="create it, or correct the path",
        )
    if "Is a directory" in text:
        return WarehouseUnavailable("warehouse_unavailable", f"{name} is a folder", hint="name a file in it")
    if "Corrupt database file" in text or "Could not read enough bytes" in text or "WAL" in text:
        return _corrupt(f"{name}: {line}")
    code, hint = _file_error(text) or ("warehouse_unavailable", "")
    return WarehouseUnavailable(code, f"{name}: {line}", hint=hint)


def lock_holder(error: duckdb.Error, host: str) -> Holder | None:
    """The process that holds the file, where that is why it could not be opened."""
    text = str(error)
    if "Could not set lock on file" not in text:
        return None
    if found := _LOCK_HOLDER.search(text):
        return Holder(host=host, pid=int(found[2]), label=found[1].rsplit("/", 1)[-1])
    return UNKNOWN_HOLDER


def _file_error(text: str) -> tuple[str, str] | None:
    """Code and hint where the operating system refused."""
    if "No space left on device" in text or "Disk quota exceeded" in text or "File too large" in text:
        return "disk_full", "free some space; committed data stands"
    if "Permission denied" in text or "Read-only file system" in text:
        return "permission_denied", "this user may not write the file or its folder"
    return None


def _corrupt(line: str) -> WarehouseUnavailable:
    return WarehouseUnavailable(
        "warehouse_corrupt",
        line,
        hint="the file is damaged: restore it from a copy, or rebuild the environment",
    )


def _first_line(text: str, skipped_lines: int) -> tuple[str, str]:
    """The engine's first line with the position it points at, and what it says on the lines after."""
    body, _, _ = text.partition("\n\nLINE ")
    first, _, rest = body.partition("\n")
    if found := _POSITION.search(text):
        number = int(found[1]) - skipped_lines
        excerpt, caret_line = found[0], text[found.end() + 1 :].split("\n", 1)[0]
        prefix = excerpt.index(": ") + 2
        if "^" in caret_line and not excerpt[prefix:].startswith("..."):
            first += f" (line {number}, column {caret_line.index('^') - prefix + 1})"
        else:
            first += f" (line {number})"
    return first, " ".join(rest.split())
