"""The job log, as its clients ask for it: who may see and write which names, and the whole answer to a request."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterable
from contextlib import ExitStack, suppress
from dataclasses import dataclass, field
from typing import IO, Any

from headgate.errors import Unauthorized
from headgate.identity import scopes
from headgate.identity.principal import Principal
from headgate.identity.scopes import Kind
from headgate.joblog import refusal, render
from headgate.joblog.bearer import read_jwt, unbelieved
from headgate.joblog.paging import content_range, status_of
from headgate.joblog.refusal import Refusal
from headgate.joblog.request import READING, Asked, Call, Rules, read_request
from headgate.joblog.table import JOBS, NAMES
from headgate.service.access import authenticate
from headgate.service.context import Context
from headgate.settings import Settings
from headgate.store.job_log import Abandoned, Wanted, Written
from headgate.store.job_log_marks import Names

IN_MEMORY = 1 << 20
"""Bytes of an answer that are held in memory; a larger one waits in a file until its client has read it."""

MOST_LOCATION = 8_000
Headers = list[tuple[str, str]]
_APPLIED = {
    "GET": ("count", "tx", "handling", "timezone"),
    "POST": ("resolution", "return", "count", "tx", "missing", "handling", "timezone"),
    "PATCH": ("return", "count", "tx", "missing", "handling", "timezone", "max-affected"),
    "PUT": ("return", "count", "tx", "handling", "timezone"),
    "DELETE": ("return", "count", "tx", "handling", "timezone", "max-affected"),
}
NONE: frozenset[str] = frozenset()
ANONYMOUS_ROLE = "web_anon"
"""What PostgREST's documentation calls the role of a request without a token."""


@dataclass(frozen=True, slots=True)
class Access:
    """Who asks: the names that may be read and written (None is all), and whether it showed a token."""

    reads: Names
    writes: Names
    known: bool = True
    by: str = ""


@dataclass(slots=True)
class Answer:
    """`body` is read from its start; None where there is none."""

    status: int
    headers: Headers = field(default_factory=list)
    body: IO[bytes] | None = None


def rules_of(settings: Settings) -> Rules:
    return Rules(
        aggregates=settings.joblog_aggregates,
        most_rows=settings.joblog_max_rows,
        unfiltered_writes=settings.joblog_unfiltered_writes,
        may_end_transactions=settings.joblog_tx_end.endswith("allow-override"),
    )


# --- who asks -------------------------------------------------------------------------------------------


def identify(context: Context, authorization: str | None) -> Access:
    """By a token of ours, or a JSON Web Token where a secret for them is set. Raises Refusal 401."""
    settings = context.settings
    scheme, _, text = (authorization or "").strip().partition(" ")
    text = text.strip()
    if scheme.lower() != "bearer":
        if settings.joblog_anonymous != "read":
            raise Refusal(401, "PGRST302", "Anonymous access is disabled", challenge="Bearer")
        return Access(None, NONE, known=False, by="anonymous")
    if text.count(".") != 2 and (
        text.startswith("hg_") or settings.jwt_secret is None or _known(context, text)
    ):
        return _by_token(context, authorization)
    claims = _claims(context, text)
    return _by_role(settings, claims)


def _known(context: Context, text: str) -> bool:
    """Whether a text that does not look like a token of ours is one all the same: an admin's own choice."""
    try:
        authenticate(context.store, f"Bearer {text}")
    except Unauthorized:
        return False
    return True


def _by_token(context: Context, authorization: str | None) -> Access:
    try:
        principal = authenticate(context.store, authorization)
    except Unauthorized as error:
        raise unbelieved("PGRST301", str(error), error.hint) from None
    return _access(principal)


def _claims(context: Context, text: str) -> dict[str, Any]:
    secret = context.settings.jwt_secret
    if secret is None:
        raise unbelieved("PGRST301", "this server takes no JSON Web Tokens", "HEADGATE_JWT_SECRET is not set")
    return read_jwt(text, secret, context.store.now().timestamp())


def identify_at_api(context: Context, text: str) -> Principal:
    """Who shows a JSON Web Token where Headgate's own calls of the job log are: what its role may, and nothing else.
    Raises Unauthorized `jwt_invalid`."""
    try:
        return _principal_of(context.settings, _claims(context, text))
    except Refusal as error:
        raise Unauthorized("jwt_invalid", error.message, hint=error.hint or "ask for a new one") from None


def _by_role(settings: Settings, claims: dict[str, Any]) -> Access:
    if settings.joblog_anonymous == "read" and _scopes_of(settings, claims) is None:
        return Access(None, NONE, known=False, by="anonymous")
    return _access(_principal_of(settings, claims))


def _scopes_of(settings: Settings, claims: dict[str, Any]) -> str | None:
    """None for nobody in particular; '' for a role that is not known."""
    role = claims.get("role")
    text = dict(settings.jwt_roles).get(str(role))
    return None if role is None or (text is None and role == ANONYMOUS_ROLE) else text or ""


def _principal_of(settings: Settings, claims: dict[str, Any]) -> Principal:
    role, text = claims.get("role"), _scopes_of(settings, claims)
    if text is None:
        raise Refusal(401, "PGRST302", "Anonymous access is disabled", challenge="Bearer")
    if not text:
        raise Refusal(
            401,
            "22023",
            f'role "{role}" does not exist',
            hint=f"HEADGATE_JWT_ROLES maps it to scopes: {role}=joblog",
            challenge="Bearer",
        )
    who = claims.get("email") or claims.get("sub") or role
    return Principal(f"role {who}", scopes.parse(text))


def _access(principal: Principal) -> Access:
    every = principal.is_admin or principal.scopes.has(Kind.JOBLOG)
    writes = None if every else principal.scopes.names(Kind.JOBLOG)
    return Access(principal.readable_logs, writes, by=principal.name)


# --- what is asked --------------------------------------------------------------------------------------


def answer(context: Context, access: Access, call: Call) -> Answer:
    """Raises Refusal; nothing was done then."""
    rules, now = rules_of(context.settings), context.store.now_micros()
    asked = read_request(call, rules, now, lambda: _permit(call, access))
    if call.method in READING:
        return _read(context, access, asked)
    changed = _Change(context, access, asked)
    return changed.answer()


def _permit(call: Call, access: Access) -> None:
    names = access.reads if call.method in READING else access.writes
    if names is not None and not names:
        status = 403 if access.known else 401
        raise Refusal(
            status,
            "42501",
            f"permission denied for table {call.table}",
            hint=f"this needs the scope joblog{':read' if call.method in READING else ''}",
            challenge=None if access.known else "Bearer",
        )


def _read(context: Context, access: Access, asked: Asked) -> Answer:
    wanted = Wanted(asked.table, asked.conditions, asked.fields, asked.orders, asked.slice, access.reads)
    counted = asked.preferences.count != ""
    with ExitStack() as opened:
        with context.store.job_log.reading(wanted, counted=counted) as (rows, total):
            body, count = _body(asked, rows, opened)
        if asked.media.single and count != 1:
            raise refusal.not_single(count)
        lower = asked.slice.offset
        headers: Headers = [
            ("Content-Range", content_range(lower, lower + count - 1, total)),
            *_location(asked),
            *_content(asked),
            *_applied(asked, "GET"),
        ]
        status = status_of(asked.slice, count, total)
        if asked.method == "GET":
            opened.pop_all()  # whoever sends it closes it
        return Answer(status, headers, body)


def _location(asked: Asked) -> Headers:
    """The question, unless it is longer than clients read a header."""
    location = f"/{asked.table}{'?' if asked.canonical else ''}{asked.canonical}"
    return [("Content-Location", location)] if len(location) <= MOST_LOCATION else []


def _body(asked: Asked, rows: Iterable[Any], opened: ExitStack) -> tuple[IO[bytes], int]:
    """The answer's body, whole, and how many rows there are."""
    count = 0

    def counting() -> Iterable[Any]:
        nonlocal count
        for row in rows:
            count += 1
            if count == 1 or not asked.media.single:
                yield row

    body: IO[bytes] = opened.enter_context(tempfile.SpooledTemporaryFile(IN_MEMORY))  # noqa: SIM115
    pieces = render.body_pieces(asked.media, asked.fields, counting(), asked.zone)
    if asked.media.single:
        body.write(b"".join(pieces)[1:-1])
    else:
        for piece in pieces:  # `writelines` would hold all of them before it looks at their size
            body.write(piece)
    return body, count


def _content(asked: Asked) -> Headers:
    headers = [("Content-Type", asked.media.content_type)]
    if asked.profile is not None:
        headers.append(("Content-Profile", asked.profile))
    return headers


def _applied(asked: Asked, method: str) -> Headers:
    said = asked.preferences.applied(_APPLIED[method])
    return [("Preference-Applied", said)] if said else []


class _Change:
    """One request that writes."""

    def __init__(self, context: Context, access: Access, asked: Asked) -> None:
        self._context = context
        self._access = access
        self._asked = asked
        self._written = Written([], 0)
        self._body: IO[bytes] | None = None
        self._opened = ExitStack()

    def answer(self) -> Answer:
        with self._opened:
            with suppress(Abandoned):
                if self._nothing_to_do():
                    self._check(self._written)
                else:
                    self._change()
            told = self._told(self._written)
            self._opened.pop_all()  # whoever sends the body closes it
        return told

    def _nothing_to_do(self) -> bool:
        asked = self._asked
        if asked.method == "DELETE":
            return False
        return not asked.records or (asked.method == "PATCH" and not asked.records[0])

    def _change(self) -> None:
        asked, log = self._asked, self._context.store.job_log
        writes, check = self._access.writes, self._check
        match asked.method:
            case "DELETE":
                log.delete(asked.conditions, names=writes, check=check)
            case "PATCH":
                log.update(asked.conditions, asked.records[0], names=writes, check=check)
            case _:
                merge = None
                if asked.conflict is not None:
                    merge = asked.preferences.resolution != "ignore-duplicates"
                log.insert(asked.records, asked.keys, names=writes, merge=merge, check=check)

    def _check(self, written: Written) -> None:
        """Inside the transaction: whatever is raised here undoes it."""
        asked, count = self._asked, len(written.rows)
        self._written = written
        if asked.media.single and count != 1:
            raise refusal.not_single(count)
        most = asked.preferences.max_affected
        if (
            asked.preferences.strict
            and most is not None
            and count > most
            and asked.method in ("PATCH", "DELETE")
        ):
            raise Refusal(
                400,
                "PGRST124",
                "Query result exceeds max-affected preference constraint",
                details=f"The query affects {count} rows",
            )
        if asked.represented:
            self._body, _ = _body(asked, _selected(asked, written), self._opened)
        end = self._context.settings.joblog_tx_end
        ends = asked.preferences.tx or ("rollback" if end.startswith("rollback") else "commit")
        if ends == "rollback":
            raise Abandoned

    def _told(self, written: Written) -> Answer:
        asked, count = self._asked, len(written.rows)
        total = count if asked.preferences.counted else None
        upper = count - 1 if asked.method == "PATCH" else -1
        headers: Headers = (
            [] if asked.method == "PUT" else [("Content-Range", content_range(0, upper, total))]
        )
        if asked.represented:
            headers += _content(asked)
        headers += _applied(asked, asked.method)
        if asked.method == "POST" and asked.preferences.returned == "headers-only" and count == 1:
            headers.append(("Location", f"/{JOBS}?id=eq.{written.rows[0][0]}"))
        return Answer(self._status(written), headers, self._body)

    def _status(self, written: Written) -> int:
        asked = self._asked
        usual = 200 if asked.represented else 204
        match asked.method:
            case "POST":
                merged = asked.preferences.resolution == "merge-duplicates"
                return 200 if merged and not written.created else 201
            case "PUT":
                return 201 if written.created and asked.represented else usual
        return usual


def _selected(asked: Asked, written: Written) -> Iterable[tuple[Any, ...]]:
    rows = written.rows
    for order in reversed(asked.orders):
        at = NAMES.index(order.column)
        rows = sorted(rows, key=_sort_key(at), reverse=order.descending)
        nulls = [row for row in rows if row[at] is None]
        others = [row for row in rows if row[at] is not None]
        rows = nulls + others if order.nulls_first else others + nulls
    places = [NAMES.index(one.column) for one in asked.fields if one.column is not None]
    return (tuple(row[place] for place in places) for row in rows)


def _sort_key(at: int) -> Callable[[Any], Any]:
    return lambda row: (row[at] is not None, row[at] if row[at] is not None else 0)
