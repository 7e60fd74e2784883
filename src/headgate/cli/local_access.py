"""Users, tokens, secrets and the audit trail of the project's own state: a part of `LocalTarget`."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from headgate.cli.target import Body
from headgate.client.asked import AuditAsked, Named, TokenAsked, UserAsked
from headgate.model.secret import Secret
from headgate.service import bodies
from headgate.service.context import Context

if TYPE_CHECKING:
    from headgate.cli.embedded import Embedded
    from headgate.service.users import UserRequest


ALL = 10**9


def whole(body: Body, limit: int | None) -> Body:
    """`limit` says how many there are, where all were asked for."""
    return {**body, "limit": max(len(body["data"]), 1)} if limit is None else body


class LocalAccess:
    """Its modules are imported where they are asked for: a refresh needs none of them."""

    __slots__ = ()
    opened: Embedded

    @property
    def context(self) -> Context:
        return self.opened.context

    def now(self) -> datetime:
        return self.context.store.now()

    def tokens(self, *, valid: bool, limit: int, starting_from: str | None) -> Body:
        from headgate.service import access, access_bodies

        page = access.list_tokens(self.context, limit=limit, starting_from=starting_from, valid=valid)
        now = self.now()
        data = [access_bodies.token_body(one, now) for one in page.items]
        return bodies.page(data, page.limit, page.next)

    def create_token(self, asked: TokenAsked) -> Body:
        from headgate.service import access, access_bodies

        request = access.TokenRequest(asked.name, asked.scopes, asked.user, asked.job_id, asked.expires_at)
        return access_bodies.created_token_body(access.create_token(self.context, request), self.now())

    def revoke_token(self, token: Named) -> Body:
        from headgate.service import access, access_bodies

        return access_bodies.token_body(access.revoke_token(self.context, token), self.now())

    def users(self, *, limit: int, starting_from: str | None) -> Body:
        from headgate.service import access_bodies, users

        page = users.list_users(self.context, limit=limit, starting_from=starting_from)
        return bodies.page(map(access_bodies.user_body, page.items), page.limit, page.next)

    def user(self, user: Named) -> Body:
        from headgate.service import access_bodies, users

        return access_bodies.user_body(users.find_user(self.context, str(user)))

    def create_user(self, asked: UserAsked) -> Body:
        from headgate.service import access_bodies, users

        return access_bodies.user_body(users.create_user(self.context, _user_request(asked)))

    def change_user(self, user: Named, asked: UserAsked) -> Body:
        from headgate.service import access_bodies, users

        return access_bodies.user_body(users.update_user(self.context, str(user), _user_request(asked)))

    def secrets(self, *, limit: int, starting_from: str | None) -> Body:
        from headgate.service import access_bodies, secrets

        page = secrets.list_secrets(self.context, limit=limit, starting_from=starting_from)
        return bodies.page(map(access_bodies.secret_body, page.items), page.limit, page.next)

    def set_secret(self, name: str, value: Secret) -> Body:
        from headgate.service import access_bodies, secrets

        return access_bodies.secret_body(secrets.set_secret(self.context, name, value))

    def delete_secret(self, name: str) -> None:
        from headgate.service import secrets

        secrets.delete_secret(self.context, name)

    def rotate_secrets(self) -> Body:
        from headgate.service import secrets

        rotation = secrets.rotate_secrets(self.context)
        return {"count": rotation.count, "source": rotation.source, "newKey": rotation.made}

    def audit(self, asked: AuditAsked, *, limit: int, starting_from: str | None) -> Body:
        from headgate.service import access, access_bodies
        from headgate.store.audit import AuditFilter

        which = AuditFilter(asked.actor, asked.action, asked.subject)
        page = access.list_audit(self.context, which, limit=limit, starting_from=starting_from)
        return bodies.page(map(access_bodies.audit_body, page.items), page.limit, page.next)


def _user_request(asked: UserAsked) -> UserRequest:
    from headgate.service.users import UserRequest

    notify = None if asked.notify is None else tuple(asked.notify)
    return UserRequest(asked.name, asked.email, notify)
