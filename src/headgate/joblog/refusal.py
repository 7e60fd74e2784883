"""Why a request is not answered: PostgREST's and PostgreSQL's codes, and the HTTP status that goes with each.

PostgREST's own codes begin with PGRST and are listed in its documentation (references/errors); five characters are an
SQLSTATE of PostgreSQL (its appendix A).
"""

from __future__ import annotations

from collections.abc import Sequence

Body = dict[str, str | None]


class Refusal(Exception):
    """Nothing was done. `challenge` is the value of `WWW-Authenticate`, `content_range` that of `Content-Range`."""

    def __init__(  # noqa: PLR0913 - what an answer says
        self,
        status: int,
        code: str,
        message: str,
        *,
        details: str | None = None,
        hint: str | None = None,
        challenge: str | None = None,
        content_range: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.details = details
        self.hint = hint
        self.challenge = challenge
        self.content_range = content_range

    def body(self) -> Body:
        return {"code": self.code, "details": self.details, "hint": self.hint, "message": self.message}


def not_parsed(what: str, text: str, column: int, details: str) -> Refusal:
    """`what` is a part of the address (filter, order, …), `column` the character, from 1, that is not understood."""
    shown = text if len(text) <= 200 else text[:200] + "…"
    return Refusal(
        400, "PGRST100", f'"failed to parse {what} ({shown})" (line 1, column {column})', details=details
    )


def unknown_column(table: str, name: str) -> Refusal:
    return Refusal(400, "42703", f"column {table}.{name} does not exist")


def unknown_key(table: str, name: str) -> Refusal:
    """A key of a body, or a name in `columns`."""
    return Refusal(400, "PGRST204", f"Could not find the '{name}' column of '{table}' in the schema cache")


def not_embedded(name: str) -> Refusal:
    return Refusal(
        400,
        "PGRST108",
        f"'{name}' is not an embedded resource in this request",
        hint=f"Verify that '{name}' is included in the 'select' query parameter.",
    )


def no_relationship(table: str, other: str) -> Refusal:
    return Refusal(
        400,
        "PGRST200",
        f"Could not find a relationship between '{table}' and '{other}' in the schema cache",
        details=f"Searched for a foreign key relationship between '{table}' and '{other}' in the schema 'api', "
        "but no matches were found.",
    )


def no_operator(left: str, operator: str, right: str = "unknown") -> Refusal:
    return Refusal(
        404,
        "42883",
        f"operator does not exist: {left} {operator} {right}",
        hint="No operator matches the given name and argument types. You might need to add explicit type casts.",
    )


def invalid_body(message: str, details: str | None = None) -> Refusal:
    return Refusal(400, "PGRST102", message, details=details)


def no_such_table(name: str, schema: str, known: Sequence[str]) -> Refusal:
    near = next((one for one in known if one.startswith(name[:3])), None)
    return Refusal(
        404,
        "PGRST205",
        f"Could not find the table '{schema}.{name}' in the schema cache",
        hint=None if near is None else f"Perhaps you meant the table '{schema}.{near}'",
    )


def no_such_path(path: Sequence[str], method: str) -> Refusal:
    """`path` has more than one word, of which none is a table."""
    if len(path) != 2 or path[0] != "rpc":
        return Refusal(404, "PGRST125", "Invalid path specified in request URL")
    if method not in ("GET", "HEAD", "POST", "OPTIONS"):
        return Refusal(405, "PGRST101", f"Cannot use the {method} method on RPC")
    name = f"api.{path[1]} without parameters"
    return Refusal(
        404,
        "PGRST202",
        f"Could not find the function {name} in the schema cache",
        details=f"Searched for the function {name}, but no matches were found in the schema cache.",
    )


def no_such_schema(name: str, known: Sequence[str]) -> Refusal:
    return Refusal(
        406,
        "PGRST106",
        f"The schema must be one of the following: {', '.join(known)}",
        hint=f"{name} is not",
    )


def not_single(count: int) -> Refusal:
    return Refusal(
        406,
        "PGRST116",
        "Cannot coerce the result to a single JSON object",
        details=f"The result contains {count} rows",
    )


def not_satisfiable(details: str, content_range: str | None = None) -> Refusal:
    return Refusal(
        416, "PGRST103", "Requested range not satisfiable", details=details, content_range=content_range
    )


def unfiltered(statement: str) -> Refusal:
    """`statement` is UPDATE or DELETE."""
    return Refusal(
        400,
        "21000",
        f"{statement} requires a WHERE clause",
        hint="name the rows, as in ?id=eq.1; all of them are ?id=gte.0",
    )


def null_refused(table: str, column: str) -> Refusal:
    return Refusal(
        400,
        "23502",
        f'null value in column "{column}" of relation "{table}" violates not-null constraint',
    )


def key_taken(table: str, value: int) -> Refusal:
    return Refusal(
        409,
        "23505",
        f'duplicate key value violates unique constraint "{table}_pkey"',
        details=f"Key (id)=({value}) already exists.",
    )


def too_complex(message: str) -> Refusal:
    return Refusal(400, "54001", message, hint="ask for less at once")
