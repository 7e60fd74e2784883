"""The settings as everybody gets them: one frozen value, which also hands out what `${NAME}` stands for."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path

from headgate.errors import Refused, UsageError
from headgate.model.secret import Secret

SECRET_PREFIX = "HEADGATE_SECRET_"
NEVER_GIVEN = ("HEADGATE_*TOKEN*", "HEADGATE_DATABASE_URL", "HEADGATE_CONFIG", "HEADGATE_SECRET_*")
"""Headgate's own credentials: no project may read them, whatever `allowed_env` says."""

_CREDENTIAL = re.compile("PASS|PWD|SECRET|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\{(?:(secret):)?([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Settings:
    """`sources` says for each setting where its value comes from: `default`, a file, a variable or a flag."""

    state_dir: Path
    database_url: Secret | None = None
    environment: str | None = None
    server: str | None = None
    token: Secret | None = None
    profile: str | None = None
    parallelism: int = 16
    lease_seconds: float = 30.0
    wait_seconds: float | None = None
    color: str = "auto"
    debug: bool = False
    allowed_env: tuple[str, ...] = ("HEADGATE_*", "PG*", "SNOWFLAKE_*")
    host: str = "127.0.0.1"
    port: int = 8600
    public_url: str | None = None
    max_running: int = 4
    drain_seconds: float = 10.0
    keep_runs_days: float | None = 90.0
    keep_events_days: float | None = 30.0
    admin_token: Secret | None = None
    jwt_secret: Secret | None = None
    jwt_roles: tuple[tuple[str, str], ...] = ()
    joblog_anonymous: str = "none"
    joblog_aggregates: bool = False
    joblog_max_rows: int | None = None
    joblog_unfiltered_writes: bool = False
    joblog_tx_end: str = "commit"
    import_token: Secret | None = None
    secret_key: Secret | None = None
    sources: Mapping[str, str] = field(default_factory=dict)
    _variables: Mapping[str, str] = field(default_factory=dict, repr=False, compare=False)

    def resolve(
        self,
        text: str,
        *,
        stored: Callable[[str], Secret | None] = lambda _: None,
        on_secret: Callable[[Secret], None] = lambda _: None,
    ) -> str:
        """`text` with `${NAME}` replaced by that environment variable and `${secret:NAME}` by the secret of that
        name: its variable, else what `stored` knows. Values never stand in an error; `on_secret` is told each
        value that is a secret, by its place or by its variable's name.

        Raises Refused `variable_not_allowed`, UsageError (`variable_missing`, `secret_missing`).
        """

        def value(found: re.Match[str]) -> str:
            name = found[2]
            if not found[1]:
                text = self._variable(name)
                if _CREDENTIAL.search(name):
                    on_secret(Secret(text))
                return text
            own = self._variables.get(SECRET_PREFIX + name)
            secret = stored(name) if own is None else Secret(own)
            if secret is None:
                raise UsageError(
                    "secret_missing",
                    f"the secret {name} is not set",
                    hint=f"headgate secret set {name}, or export {SECRET_PREFIX}{name}=…",
                )
            on_secret(secret)
            return secret.reveal()

        return _REFERENCE.sub(value, text)

    def _variable(self, name: str) -> str:
        if not may_be_read(name, self.allowed_env):
            raise Refused(
                "variable_not_allowed",
                f"an environment's file may not read the variable {name}",
                hint=f"allowed are {', '.join(self.allowed_env)}; add it with HEADGATE_ALLOWED_ENV",
            )
        if name not in self._variables:
            raise UsageError(
                "variable_missing", f"the environment variable {name} is not set", hint=f"export {name}=…"
            )
        return self._variables[name]


def may_be_read(name: str, patterns: tuple[str, ...]) -> bool:
    """Whether an environment's file may name this variable."""
    return any(fnmatchcase(name, pattern) for pattern in patterns) and not any(
        fnmatchcase(name, pattern) for pattern in NEVER_GIVEN
    )
