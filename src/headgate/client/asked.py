"""What is asked of a server, as values. Each knows how its body is spelled."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from headgate.model.project import Parameters
from headgate.model.secret import Secret

Named = int | str
"""An id or a name."""


def _given(**values: Any) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not None}


def _instant(at: datetime | None) -> str | None:
    return None if at is None else at.isoformat()


@dataclass(frozen=True, slots=True)
class RunAsked:
    """A refresh: of a job, of a selection (which replaces both of a job's selectors), or of everything. `parallelism`
    is by default what the job says. `from_` and `to` bound the intervals to load again."""

    environment: Named
    job: Named | None = None
    include: str = ""
    exclude: str = ""
    parallelism: int | None = None
    parameters: Parameters = field(default_factory=dict)
    force: bool = False
    strict: bool = False
    from_: datetime | None = None
    to: datetime | None = None

    def body(self) -> dict[str, Any]:
        return _given(
            environment=self.environment,
            job=self.job,
            include=self.include,
            exclude=self.exclude,
            parallelism=self.parallelism,
            parameters=self.parameters,
            force=self.force,
            strict=self.strict,
            **{"from": _instant(self.from_)},
            to=_instant(self.to),
        )


@dataclass(frozen=True, slots=True)
class RunsAsked:
    """Which runs a list holds; None is any."""

    environment: Named | None = None
    job: Named | None = None
    status: str | None = None
    kind: str | None = None

    def query(self) -> dict[str, Any]:
        return _given(environmentID=self.environment, jobID=self.job, status=self.status, kind=self.kind)


@dataclass(frozen=True, slots=True)
class Uploaded:
    """A compiled project: its bytes, their digest, and what people call it (a commit, or `dirty`)."""

    digest: str
    content: bytes = field(repr=False)
    label: str = ""


@dataclass(frozen=True, slots=True)
class Version:
    """Which version of a project is to be planned or deployed: a compiled one, what a tag names, an earlier
    deployment by its number, or the working tree that the server stands in."""

    manifest: Uploaded | None = None
    tag: str | None = None
    to: int | None = None

    def body(self) -> dict[str, Any]:
        if self.manifest is not None:
            return {"manifest": self.manifest.digest, "version": self.manifest.label}
        return _given(tag=self.tag, to=self.to)


@dataclass(frozen=True, slots=True)
class TokenAsked:
    """It belongs to a user, to a job, or to nobody. Without `expires_at` it holds until it is revoked."""

    name: str
    scopes: str
    user: Named | None = None
    job_id: int | None = None
    expires_at: datetime | None = None

    def body(self) -> dict[str, Any]:
        expires = _instant(self.expires_at)
        return _given(
            name=self.name, scopes=self.scopes, user=self.user, jobID=self.job_id, expiresAt=expires
        )


@dataclass(frozen=True, slots=True)
class UserAsked:
    """What is None stays as it is; what is empty is taken away."""

    name: str | None = None
    email: str | None = None
    notify: Sequence[Secret] | None = None

    def body(self) -> dict[str, Any]:
        notify = None if self.notify is None else [address.reveal() for address in self.notify]
        return _given(name=self.name, email=self.email, notify=notify)


@dataclass(frozen=True, slots=True)
class AuditAsked:
    """Which entries a list holds; empty is any."""

    actor: str = ""
    action: str = ""
    subject: str = ""

    def query(self) -> dict[str, Any]:
        return {"actor": self.actor, "action": self.action, "subject": self.subject}
