"""Users, tokens, secrets and the audit trail."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import Field, SecretStr

from headgate.wire.base import Answer, Instant, Name, Number, Request
from headgate.wire.paging import CoalescePageQuery, PageAnswer, PageQuery


class TokenBody(Answer):
    """It belongs to a user, to a job, or to nobody."""

    id: int
    name: str
    status: Literal["valid", "expired", "revoked"]
    scopes: str
    user_id: int | None
    user_name: str | None
    job_id: str | None
    created_at: Instant
    created_by: str
    expires_at: Instant | None
    revoked_at: Instant | None
    last_used_at: Instant | None


class CreatedTokenBody(TokenBody):
    """`token` is shown here and never again."""

    token: str


class TokenPage(PageAnswer):
    data: list[TokenBody]


class TokenQuery(PageQuery):
    valid: bool = False


class NewTokenRequest(Request):
    """`scopes` as docs/guides/access.md has them: `run:4,nightly read`."""

    name: Name
    scopes: Annotated[str, Field(min_length=1, max_length=10_000)]
    user: Name | Number | None = None
    job_id: Number | None = None
    expires_at: Name | None = None


class UserBody(Answer):
    """`notify` tells of each address only its kind."""

    id: int
    name: str
    email: str | None
    notify: list[str]
    created_at: Instant


class UserPage(PageAnswer):
    data: list[UserBody]


class UserQuery(CoalescePageQuery):
    pass


class UserRequest(Request):
    """What is not named stays as it is; empty takes it away. `notify` are addresses as apprise writes them."""

    name: Name | None = None
    email: Annotated[str, Field(max_length=300)] | None = None
    notify: Annotated[list[SecretStr], Field(max_length=50)] | None = None


class GitAccountPage(PageAnswer):
    """Headgate keeps no accounts of git: a server works with what its machine has. The list is empty."""

    data: list[dict[str, Any]]


class SecretBody(Answer):
    name: str
    updated_at: Instant
    updated_by: str


class SecretPage(PageAnswer):
    data: list[SecretBody]


class SecretRequest(Request):
    value: SecretStr


class AuditBody(Answer):
    id: int
    at: Instant
    actor: str
    action: str
    subject: str
    request_id: str | None
    data: dict[str, Any]


class AuditPage(PageAnswer):
    data: list[AuditBody]


class AuditQuery(PageQuery):
    actor: Annotated[str, Field(max_length=200)] = ""
    action: Annotated[str, Field(max_length=200)] = ""
    subject: Annotated[str, Field(max_length=200)] = ""
