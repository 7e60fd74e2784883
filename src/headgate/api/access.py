"""Users, tokens, secrets and the audit trail: for admins only."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from pydantic import SecretStr
from starlette.responses import Response

from headgate.api.answers import answer, documented, nothing
from headgate.api.caller import Asking
from headgate.api.reading import StrictRoute
from headgate.errors import UsageError
from headgate.identity.principal import Administer
from headgate.model.secret import Secret
from headgate.service import access, access_bodies, bodies, secrets, users
from headgate.service.parameters import read_instant
from headgate.store.audit import AuditFilter
from headgate.wire.access import (
    AuditPage,
    AuditQuery,
    CreatedTokenBody,
    GitAccountPage,
    NewTokenRequest,
    SecretBody,
    SecretPage,
    SecretRequest,
    TokenBody,
    TokenPage,
    TokenQuery,
    UserBody,
    UserPage,
    UserQuery,
    UserRequest,
)
from headgate.wire.paging import CoalescePageQuery, PageQuery

router = APIRouter(prefix="/api/v1", tags=["access"], route_class=StrictRoute)

UserName = Annotated[
    str, Path(alias="userID", min_length=1, max_length=200, description="Its id, or its name.")
]
TokenName = Annotated[
    str, Path(alias="tokenID", min_length=1, max_length=200, description="Its id, or its name.")
]
SecretName = Annotated[str, Path(alias="name", min_length=1, max_length=200)]


# --- tokens -------------------------------------------------------------------------------------------


@router.get("/tokens", responses=documented(TokenPage))
def list_tokens(asked: Annotated[TokenQuery, Query()], caller: Asking) -> Response:
    """By id. Never their texts: those are known only where they were made."""
    context = caller.require(Administer())
    page = access.list_tokens(
        context, limit=asked.limit, starting_from=asked.starting_from, valid=asked.valid
    )
    now = context.store.now()
    return answer(bodies.page([access_bodies.token_body(t, now) for t in page.items], page.limit, page.next))


@router.post("/tokens", status_code=201, responses=documented(CreatedTokenBody, 404, status=201, body=True))
def create_token(asked: NewTokenRequest, caller: Asking) -> Response:
    """The answer is the only place where the token's text is ever shown."""
    context = caller.require(Administer())
    request = access.TokenRequest(
        name=asked.name,
        scopes=asked.scopes,
        user=asked.user,
        job_id=asked.job_id,
        expires_at=read_instant(asked.expires_at, "expiresAt"),
    )
    made = access.create_token(context, request)
    return answer(access_bodies.created_token_body(made, context.store.now()), 201)


@router.delete("/tokens/{tokenID}", responses=documented(TokenBody, 404, 409))
def revoke_token(token: TokenName, caller: Asking) -> Response:
    """It does not hold any more: at once in this process, within five seconds in others."""
    context = caller.require(Administer())
    number = token.isascii() and token.isdigit() and len(token) <= 18
    revoked = access.revoke_token(context, int(token) if number else token)
    return answer(access_bodies.token_body(revoked, context.store.now()))


# --- users --------------------------------------------------------------------------------------------


@router.get("/users", responses=documented(UserPage))
def list_users(asked: Annotated[UserQuery, Query()], caller: Asking) -> Response:
    context = caller.require(Administer())
    page = users.list_users(context, limit=asked.limit, starting_from=asked.starting_from)
    return answer(bodies.page([access_bodies.user_body(u) for u in page.items], page.limit, page.next))


@router.post("/users", status_code=201, responses=documented(UserBody, 409, status=201, body=True))
def create_user(asked: UserRequest, caller: Asking) -> Response:
    context = caller.require(Administer())
    if asked.name is None:
        raise UsageError("request_invalid", "name is missing", hint='{"name": "ann"}')
    return answer(access_bodies.user_body(users.create_user(context, _user(asked))), 201)


@router.get("/users/{userID}", responses=documented(UserBody, 404))
def show_user(user: UserName, caller: Asking) -> Response:
    return answer(access_bodies.user_body(users.find_user(caller.require(Administer()), user)))


@router.patch("/users/{userID}", responses=documented(UserBody, 404, 409, body=True))
def change_user(user: UserName, asked: UserRequest, caller: Asking) -> Response:
    """What is not named stays as it is."""
    context = caller.require(Administer())
    return answer(access_bodies.user_body(users.update_user(context, user, _user(asked))))


@router.get("/gitAccounts", responses=documented(GitAccountPage))
def list_git_accounts(asked: Annotated[CoalescePageQuery, Query()], caller: Asking) -> Response:
    """None: a server works with what its machine has, and keeps no account of git."""
    caller.require(Administer())
    return answer(bodies.page([], asked.limit))


def _user(asked: UserRequest) -> users.UserRequest:
    notify = None if asked.notify is None else tuple(_secret(address) for address in asked.notify)
    return users.UserRequest(asked.name, asked.email, notify)


# --- secrets ------------------------------------------------------------------------------------------


@router.get("/secrets", responses=documented(SecretPage))
def list_secrets(asked: Annotated[PageQuery, Query()], caller: Asking) -> Response:
    """Names, with who set them when. No call gives a value."""
    context = caller.require(Administer())
    page = secrets.list_secrets(context, limit=asked.limit, starting_from=asked.starting_from)
    return answer(bodies.page([access_bodies.secret_body(s) for s in page.items], page.limit, page.next))


@router.put("/secrets/{name}", responses=documented(SecretBody, 409, body=True))
def set_secret(name: SecretName, asked: SecretRequest, caller: Asking) -> Response:
    """Keep a value, in place of the one that there was. Environments name it as `${secret:NAME}`."""
    context = caller.require(Administer())
    return answer(access_bodies.secret_body(secrets.set_secret(context, name, _secret(asked.value))))


@router.delete("/secrets/{name}", status_code=204, responses=documented(None, 404))
def delete_secret(name: SecretName, caller: Asking) -> Response:
    secrets.delete_secret(caller.require(Administer()), name)
    return nothing()


def _secret(given: SecretStr) -> Secret:
    return Secret(given.get_secret_value())


# --- the audit trail ----------------------------------------------------------------------------------


@router.get("/audit", responses=documented(AuditPage))
def list_audit(asked: Annotated[AuditQuery, Query()], caller: Asking) -> Response:
    """What was done, newest first."""
    context = caller.require(Administer())
    which = AuditFilter(asked.actor, asked.action, asked.subject)
    page = access.list_audit(context, which, limit=asked.limit, starting_from=asked.starting_from)
    return answer(bodies.page([access_bodies.audit_body(e) for e in page.items], page.limit, page.next))
