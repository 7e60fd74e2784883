"""Tokens and the audit trail: who asks, and what an admin does about it. Users and secrets have their own modules.

Whether the one who asks may do it is decided at the edge, by `Principal.require`. Every change is written to the audit
trail in its own transaction.
"""

from __future__ import annotations

import re
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Literal

from headgate.errors import HeadgateError, NotFound, Refused, Unauthorized, UsageError, did_you_mean
from headgate.identity import scopes
from headgate.identity.principal import Principal
from headgate.identity.private_file import write_private
from headgate.identity.redaction import process_redactor
from headgate.identity.tokens import bearer, digest_of, new_token
from headgate.model.secret import Secret
from headgate.service.context import Context
from headgate.service.paging import Page, cut
from headgate.store.audit import ANY_ENTRY, Actor, AuditEntry, AuditFilter
from headgate.store.store import Store
from headgate.store.tokens import NewToken, Token

TOKEN_FILE = "admin-token"
BOOTSTRAP = Actor("headgate serve")
NAME_MOST = 100

_UNITS = {"h": "hours", "d": "days", "w": "weeks"}


def checked_name(name: str, what: str) -> str:
    """Raises UsageError `name_invalid`."""
    if not name.strip() or len(name) > NAME_MOST or not name.isprintable():
        raise UsageError(
            "name_invalid",
            f"{name[:NAME_MOST]!r} cannot be the name of a {what}",
            hint=f"at most {NAME_MOST} characters in one line",
        )
    return name.strip()


def name_or_id(text: str) -> int | str:
    """Digits alone are an id."""
    return int(text) if scopes.is_id(text) and len(text) <= 18 else text


def key_of_list(text: str, what: str) -> int:
    """A list's key as given back. Raises UsageError `key_invalid`."""
    if not scopes.is_id(text) or len(text) > 18:
        raise UsageError(
            "key_invalid", f"{text[:40]!r} is no id of a {what}", hint="give `next` of the page before"
        )
    return int(text)


# --- who asks -------------------------------------------------------------------------------------------


def authenticate(store: Store, header: str | None) -> Principal:
    """Who sent the `Authorization` header. Costs no statement for a token that was seen in the last 5 seconds; its
    last use is written down once a minute.

    Raises Unauthorized: `token_missing`, `token_malformed`, `token_unknown`, `token_expired`, `token_revoked`.
    """
    token = store.tokens.find(digest_of(bearer(header)))
    if token is None:
        raise Unauthorized(
            "token_unknown", "this token is not known here", hint="ask an admin for another one"
        )
    if not token.valid(store.now()):
        raise _invalid(token)
    with suppress(HeadgateError):  # a state too busy to take a note does not keep anybody out
        store.tokens.use(token)
    return principal_of(token)


def principal_of(token: Token) -> Principal:
    """Named for whom the token belongs to; for itself where that is nobody."""
    name = f"token {token.name}"
    if token.account_name is not None:
        name = token.account_name
    elif token.job_id is not None:
        name = f"job {token.job_id}"
    return Principal(name, scopes.parse(token.scopes), token.id, token.account_id, token.job_id)


def _invalid(token: Token) -> Unauthorized:
    if token.revoked_at is not None:
        return Unauthorized(
            "token_revoked", f"the token {token.name} was revoked", hint="ask an admin for another one"
        )
    return Unauthorized(
        "token_expired",
        f"the token {token.name} expired at {token.expires_at:%Y-%m-%d %H:%M} UTC",
        hint="ask an admin for another one",
    )


# --- tokens ---------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class TokenRequest:
    """What a token shall be. It belongs to a user (by name or id), to a job, or to nobody."""

    name: str
    scopes: str
    user: int | str | None = None
    job_id: int | None = None
    expires_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class CreatedToken:
    """`text` is known here and now, and never again."""

    token: Token
    text: Secret


def create_token(context: Context, request: TokenRequest) -> CreatedToken:
    """Raises UsageError (`scope_syntax`, `scope_unknown`, `name_invalid`, `token_owner_ambiguous`,
    `expiry_invalid`), NotFound `user_not_found`."""
    store = context.store
    if request.user is not None and request.job_id is not None:
        raise UsageError(
            "token_owner_ambiguous", "a token belongs to a user or to a job, not to both", hint="name one"
        )
    if request.expires_at is not None and request.expires_at <= store.now():
        raise UsageError("expiry_invalid", "a token must expire in the future", hint="90d, for example")
    account = None if request.user is None else store.accounts.get(request.user)
    new = NewToken(
        name=checked_name(request.name, "token"),
        scopes=str(scopes.parse(request.scopes)),
        account_id=account.id if account else None,
        job_id=request.job_id,
        expires_at=request.expires_at,
    )
    text = new_token()
    return CreatedToken(store.tokens.create(new, digest_of(text), by=context.actor), text)


def read_expiry(text: str, now: datetime) -> datetime:
    """`90d`, `12h`, `4w` from now; or a date or instant as ISO 8601 writes it, UTC where it names no zone.

    Raises UsageError `expiry_invalid`.
    """
    duration = re.fullmatch(r"(\d{1,5})\s*([hdw])", text.strip())
    try:
        if duration:
            return now + timedelta(**{_UNITS[duration[2]]: int(duration[1])})
        at = datetime.fromisoformat(text.strip())
    except (ValueError, OverflowError):
        raise UsageError(
            "expiry_invalid",
            f"{text[:40]!r} is no time at which a token ends",
            hint="90d, 12h, 4w, or 2027-01-31",
        ) from None
    return at if at.tzinfo else at.replace(tzinfo=UTC)


def list_tokens(
    context: Context, *, limit: int = 100, starting_from: str | None = None, valid: bool = False
) -> Page[Token]:
    """By id, those after `starting_from`; with `valid`, only those that still hold."""
    after_id = 0 if starting_from is None else key_of_list(starting_from, "token")
    found = context.store.tokens.list(after_id=after_id, limit=limit + 1, valid=valid)
    return cut(found, limit, lambda token: str(token.id))


def revoke_token(context: Context, token: int | str) -> Token:
    """By id, or by the name of one that still holds. At once in this process, within five seconds in others.

    Raises NotFound `token_not_found`, Refused `token_ambiguous`.
    """
    tokens = context.store.tokens
    if isinstance(token, int):
        return tokens.revoke(token, by=context.actor)
    named = tokens.valid_named(token)
    if len(named) > 1:
        ids = ", ".join(str(one.id) for one in named)
        raise Refused("token_ambiguous", f"{len(named)} tokens have the name {token}", hint=f"by id: {ids}")
    if not named:
        names = [one.name for one in tokens.list(limit=1000, valid=True)]
        raise NotFound(
            "token_not_found",
            f"no valid token has the name {token}",
            hint=did_you_mean(token, names, "`headgate token list` shows the tokens there are"),
        )
    return tokens.revoke(named[0].id, by=context.actor)


# --- the first token ------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class BootstrapResult:
    """`made`: a new one, its text is in `path`. `given`: the setting's. `kept`: there was one already; `path` is
    where its text is, None where only its owner knows."""

    kind: Literal["made", "given", "kept"]
    path: Path | None = None

    @property
    def message(self) -> str:
        """For whoever starts a server."""
        if self.kind == "given":
            return "the admin's token is that of HEADGATE_ADMIN_TOKEN"
        if self.path is None:
            again = "headgate token create --name NAME --scope admin --server local"
            return f"there is an admin's token already, and its text is not here; `{again}` makes another"
        return f"the admin's token is in {self.path}"


def ensure_admin_token(store: Store, state_dir: Path, given: Secret | None) -> BootstrapResult:
    """Sees to it that a server has an admin's token: `given`, in place of any that was made or given before, else
    one that is written to `state_dir`, where nobody has a valid one yet. Doing it again changes nothing.

    Raises Refused `admin_token_revoked`, StateError `state_read_only`.
    """
    path = state_dir / TOKEN_FILE
    new = NewToken("admin", str(scopes.ADMIN))
    if given is not None:
        process_redactor.add(given)
        token = store.tokens.create_only(new, digest_of(given), by=BOOTSTRAP)
        if not token.valid(store.now()) or not principal_of(token).is_admin:
            raise Refused(
                "admin_token_revoked",
                f"HEADGATE_ADMIN_TOKEN holds token {token.id}, which is no admin's or does not hold any more",
                hint="choose another text: `openssl rand -hex 32` makes one",
            )
        path.unlink(missing_ok=True)  # what it holds was revoked with the others
        return BootstrapResult("given")
    text = new_token()
    made = store.tokens.create_first(
        new,
        digest_of(text),
        by=BOOTSTRAP,
        before_commit=lambda: write_private(path, f"{text.reveal()}\n"),
    )
    if made is not None:
        return BootstrapResult("made", path)
    return BootstrapResult("kept", path if _holds_admin(store, path) else None)


def _holds_admin(store: Store, path: Path) -> bool:
    try:
        token = store.tokens.find(digest_of(Secret(path.read_text(encoding="utf-8").strip())))
    except (OSError, UnicodeDecodeError):
        return False
    return token is not None and token.valid(store.now()) and principal_of(token).is_admin


# --- the audit trail ------------------------------------------------------------------------------------


def list_audit(
    context: Context, which: AuditFilter = ANY_ENTRY, *, limit: int = 100, starting_from: str | None = None
) -> Page[AuditEntry]:
    """What was done, newest first, before entry `starting_from`."""
    before_id = None if starting_from is None else key_of_list(starting_from, "audit entry")
    found = context.store.audit.list(which, limit=limit + 1, before_id=before_id)
    return cut(found, limit, lambda entry: str(entry.id))
