"""Users, tokens, secrets and the audit trail as bodies that programs read; see `bodies`. Pure.

None of them holds a token's text or digest, a secret's value, or an address with its password.
"""

from __future__ import annotations

from datetime import datetime

from headgate.service.access import CreatedToken
from headgate.service.bodies import Body, instant
from headgate.store.accounts import Account
from headgate.store.audit import AuditEntry
from headgate.store.secrets import SecretRow
from headgate.store.tokens import Token


def token_body(token: Token, now: datetime) -> Body:
    """`GET /api/v1/tokens/{id}`."""
    return {
        "id": token.id,
        "name": token.name,
        "status": token_status(token, now),
        "scopes": token.scopes,
        "userID": token.account_id,
        "userName": token.account_name,
        "jobID": None if token.job_id is None else str(token.job_id),
        "createdAt": instant(token.created_at),
        "createdBy": token.created_by,
        "expiresAt": instant(token.expires_at),
        "revokedAt": instant(token.revoked_at),
        "lastUsedAt": instant(token.last_used_at),
    }


def created_token_body(created: CreatedToken, now: datetime) -> Body:
    """`POST /api/v1/tokens`: the only body with a token's text."""
    return {**token_body(created.token, now), "token": created.text.reveal()}


def token_status(token: Token, now: datetime) -> str:
    if token.revoked_at is not None:
        return "revoked"
    return "valid" if token.valid(now) else "expired"


def user_body(account: Account) -> Body:
    """`GET /api/v1/users`; of addresses only the scheme."""
    return {
        "id": account.id,
        "name": account.name,
        "email": account.email,
        "notify": [f"{address.scheme}://***" for address in account.notify],
        "createdAt": instant(account.created_at),
    }


def secret_body(secret: SecretRow) -> Body:
    """`GET /api/v1/secrets`: that there is one, never what it is."""
    return {"name": secret.name, "updatedAt": instant(secret.updated_at), "updatedBy": secret.updated_by}


def audit_body(entry: AuditEntry) -> Body:
    """`GET /api/v1/audit`."""
    return {
        "id": entry.id,
        "at": instant(entry.at),
        "actor": entry.actor,
        "action": entry.action,
        "subject": entry.subject,
        "requestID": entry.request_id or None,
        "data": entry.data,
    }
