"""Bodies -> values: tokens, users, secrets, the audit trail. The inverse of `service.access_bodies`. Pure."""

from __future__ import annotations

from headgate.client.answers import AuditInfo, NewTokenInfo, SecretInfo, TokenInfo, UserInfo
from headgate.client.reading import Body, instant, optional_id, optional_instant
from headgate.model.secret import Secret


def token(body: Body) -> TokenInfo:
    return TokenInfo(
        id=body["id"],
        name=body["name"],
        status=body["status"],
        scopes=body["scopes"],
        user_id=body["userID"],
        user_name=body["userName"],
        job_id=optional_id(body["jobID"]),
        created_at=instant(body["createdAt"]),
        created_by=body["createdBy"],
        expires_at=optional_instant(body["expiresAt"]),
        revoked_at=optional_instant(body["revokedAt"]),
        last_used_at=optional_instant(body["lastUsedAt"]),
    )


def new_token(body: Body) -> NewTokenInfo:
    return NewTokenInfo(token(body), Secret(body["token"]))


def user(body: Body) -> UserInfo:
    return UserInfo(
        body["id"], body["name"], body["email"], tuple(body["notify"]), instant(body["createdAt"])
    )


def secret(body: Body) -> SecretInfo:
    return SecretInfo(body["name"], instant(body["updatedAt"]), body["updatedBy"])


def audit_entry(body: Body) -> AuditInfo:
    return AuditInfo(
        id=body["id"],
        at=instant(body["at"]),
        actor=body["actor"],
        action=body["action"],
        subject=body["subject"],
        request_id=body["requestID"],
        data=body["data"],
    )
