"""Settings, read once at the edge into one frozen value: file < environment variable < flag.

The only reader of `os.environ`. Also hands out the environment variables that an environment's file may name as
`${NAME}`, and nothing else of the environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from fnmatch import fnmatchcase
from pathlib import Path
from typing import Any

from headgate.errors import Location, Refused, UsageError, did_you_mean
from headgate.model.secret import Secret

CONFIG_VARIABLE = "HEADGATE_CONFIG"
PROFILES = "profiles"
OF_PROFILES = ("server", "token", "environment")
NO_SERVER = "local"
"""In place of a server's address: no server, also where one runs."""
SECRET_PREFIX = "HEADGATE_SECRET_"
NEVER_GIVEN = ("HEADGATE_*TOKEN*", "HEADGATE_DATABASE_URL", "HEADGATE_CONFIG", "HEADGATE_SECRET_*")
"""Headgate's own credentials: no project may read them, whatever `allowed_env` says."""

KEY_VARIABLE = "HEADGATE_SECRET_KEY"
"""Looks like the variable of a secret named KEY, and is none: it opens all others."""

_CREDENTIAL = re.compile("PASS|PWD|SECRET|TOKEN|KEY|CREDENTIAL", re.IGNORECASE)
_REFERENCE = re.compile(r"\$\{(?:(secret):)?([^}]*)\}")


@dataclass(frozen=True, slots=True)
class Setting:
    """One setting. `read` makes its value from text (a variable, a flag) or from a TOML value, and raises
    ValueError with what it must be. `default_text` is the default as people read it."""

    name: str
    variable: str
    read: Callable[[Any], Any]
    default: Any
    default_text: str
    meaning: str
    flag: str = ""
    secret: bool = False
    """Its value is never shown, in no error either."""


def _text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("text that is not empty")
    return value


def _path(value: Any) -> Path:
    return Path(value if isinstance(value, Path) else _text(value)).expanduser()


def _address(value: Any) -> Secret:
    if not isinstance(value, str) or not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("postgresql://user:password@host:port/database")
    return Secret(value)


def _count(value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdecimal() or int(value) < 1:
        raise ValueError("a whole number from 1")
    return int(value)


def _seconds(value: Any) -> float:
    try:
        seconds = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValueError("a number of seconds, not negative")
    return seconds


def _port(value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdecimal() or int(value) > 65535:
        raise ValueError("a port from 0 to 65535")
    return int(value)


def _lease(value: Any) -> float:
    # Three heartbeats fit into a lease; below a second, a busy disk alone would lose runs.
    seconds = _seconds(value)
    if seconds < 1:
        raise ValueError("a number of seconds from 1")
    return seconds


def _wait(value: Any) -> float | None:
    if value is None or value == "forever":
        return None
    try:
        return _seconds(value)
    except ValueError:
        raise ValueError("a number of seconds, or forever") from None


def _days(value: Any) -> float | None:
    if value == "forever":
        return None
    try:
        days = float(value) if not isinstance(value, bool) else 0.0
    except (TypeError, ValueError):
        days = 0.0
    if not 1 <= days <= 36_500:
        raise ValueError("a number of days from 1, or forever")
    return days


def _color(value: Any) -> str:
    if value not in ("auto", "always", "never"):
        raise ValueError("auto, always or never")
    return str(value)


def _switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("1", "true", "yes", "on"):
        return True
    if str(value).lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("1 or 0")


def _names(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError("names or globs of environment variables")
    return tuple(part.strip() for part in parts if part.strip())


def _secret(value: Any) -> Secret:
    return Secret(_text(value).strip())


def _server(value: Any) -> str:
    text = _text(value).strip()
    if text != NO_SERVER and not re.match(r"https?://[^\s/]", text):
        raise ValueError(f"an address such as http://host:8600, or {NO_SERVER}")
    return text


def _public_url(value: Any) -> str:
    text = _text(value).strip().rstrip("/")
    if not re.match(r"https?://[^\s/]", text):
        raise ValueError("an address such as https://headgate.example.com")
    return text


def _admin_token(value: Any) -> Secret:
    # Looked up by a fast hash: a text that can be guessed would be found.
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]{16,512}", value):
        raise ValueError("16 to 512 letters, digits and signs, without blanks")
    return Secret(value)


def _most(value: Any) -> int | None:
    return None if value is None else _count(value)


def _jwt_secret(value: Any) -> Secret:
    if not isinstance(value, str) or len(value) < 32:
        raise ValueError("32 characters at least")
    return Secret(value)


def _roles(value: Any) -> tuple[tuple[str, str], ...]:
    parts = [part.partition("=") for part in _text(value).split(",") if part.strip()]
    if not parts or not all(role.strip() and scope.strip() for role, _, scope in parts):
        raise ValueError("role=scope, parted by commas, such as etl_writer=joblog,etl_reader=joblog:read")
    return tuple((role.strip(), scope.strip()) for role, _, scope in parts)


def _one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(" or ".join(words))
        return str(value)

    return read


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(
            "state_dir",
            "HEADGATE_STATE_DIR",
            _path,
            None,
            "`.headgate` in the project's folder",
            "The folder of Headgate's own state and caches.",
            "--state-dir",
        ),
        Setting(
            "database_url",
            "HEADGATE_DATABASE_URL",
            _address,
            None,
            "a file in the state folder",
            "The PostgreSQL database (14 or newer) that keeps the state instead, in its schema `headgate`: "
            "`postgresql://user:password@host:port/database`.",
            secret=True,
        ),
        Setting(
            "environment",
            "HEADGATE_ENVIRONMENT",
            _text,
            None,
            "the only one there is",
            "The environment that a command means when it names none.",
            "-e",
        ),
        Setting(
            "server",
            "HEADGATE_SERVER",
            _server,
            None,
            "the one that runs on this project",
            "The address of the server that commands ask, `http://host:8600`; `local` is none, also where one runs.",
            "--server",
        ),
        Setting(
            "token",
            "HEADGATE_TOKEN",
            _secret,
            None,
            "the admin's, for a server that runs on this project",
            "What is shown to that server. In a file, it goes to the server that stands beside it and to no other.",
            secret=True,
        ),
        Setting(
            "profile",
            "HEADGATE_PROFILE",
            _text,
            None,
            "none",
            "Which `[profiles.NAME]` of the file gives `server`, `token` and `environment`.",
            "--profile",
        ),
        Setting(
            "parallelism",
            "HEADGATE_PARALLELISM",
            _count,
            16,
            "16",
            "How many steps of a run are carried out at once, where neither the command nor the job says.",
            "--parallelism",
        ),
        Setting(
            "lease_seconds",
            "HEADGATE_LEASE_SECONDS",
            _lease,
            30.0,
            "30",
            "How long a run stays with a worker that is not heard of, in seconds.",
        ),
        Setting(
            "wait_seconds",
            "HEADGATE_WAIT_SECONDS",
            _wait,
            None,
            "forever",
            "How long a command waits for what another run holds, in seconds, or `forever`.",
            "--wait",
        ),
        Setting(
            "color",
            "HEADGATE_COLOR",
            _color,
            "auto",
            "auto",
            "Whether answers are coloured: `auto` (on a terminal), `always` or `never`. `NO_COLOR` means `never`.",
        ),
        Setting(
            "debug",
            "HEADGATE_DEBUG",
            _switch,
            False,
            "0",
            "Whether an error that nobody expected also shows where in the program it happened.",
        ),
        Setting(
            "allowed_env",
            "HEADGATE_ALLOWED_ENV",
            _names,
            ("HEADGATE_*", "PG*", "SNOWFLAKE_*"),
            "`HEADGATE_*, PG*, SNOWFLAKE_*`",
            "Which environment variables `${NAME}` in `environments/*.yml` may name: names or globs, "
            "separated by commas. Headgate's own credentials are never among them.",
        ),
        Setting(
            "host",
            "HEADGATE_HOST",
            _text,
            "127.0.0.1",
            "127.0.0.1",
            "The address that `serve` listens on.",
            "--host",
        ),
        Setting(
            "port",
            "HEADGATE_PORT",
            _port,
            8600,
            "8600",
            "The port that `serve` listens on; 0 takes a free one.",
            "--port",
        ),
        Setting(
            "public_url",
            "HEADGATE_PUBLIC_URL",
            _public_url,
            None,
            "made of host and port",
            "The address at which people reach the server, for links in its answers.",
        ),
        Setting(
            "max_running",
            "HEADGATE_MAX_RUNNING",
            _count,
            4,
            "4",
            "How many runs one `serve` or `worker` carries out at once.",
            "--max-running",
        ),
        Setting(
            "drain_seconds",
            "HEADGATE_DRAIN_SECONDS",
            _seconds,
            10.0,
            "10",
            "How long a `serve` or `worker` that is told to stop lets its runs go on, in seconds, before it hands them "
            "back.",
        ),
        Setting(
            "keep_runs_days",
            "HEADGATE_KEEP_RUNS_DAYS",
            _days,
            90.0,
            "90",
            "How long runs that are over stay in the state, with their steps and statements, in days, or `forever`. "
            "The newest 20 of each job, and of each environment, stay in any case.",
        ),
        Setting(
            "keep_events_days",
            "HEADGATE_KEEP_EVENTS_DAYS",
            _days,
            30.0,
            "30",
            "How long events of runs that are over stay in the state, in days, or `forever`.",
        ),
        Setting(
            "admin_token",
            "HEADGATE_ADMIN_TOKEN",
            _admin_token,
            None,
            "made by the first `serve`",
            "The token of a server's admin, in place of the one that the first `serve` makes and writes to "
            "`admin-token` in the state's folder.",
            secret=True,
        ),
        Setting(
            "jwt_secret",
            "HEADGATE_JWT_SECRET",
            _jwt_secret,
            None,
            "none: such tokens are refused",
            "The secret of JSON Web Tokens (HS256) that the job log takes beside tokens of Headgate, 32 characters "
            "at least.",
            secret=True,
        ),
        Setting(
            "jwt_roles",
            "HEADGATE_JWT_ROLES",
            _roles,
            (),
            "none",
            "What the `role` in such a token may do: `etl_writer=joblog,etl_reader=joblog:read`.",
        ),
        Setting(
            "joblog_anonymous",
            "HEADGATE_JOBLOG_ANONYMOUS",
            _one_of("none", "read"),
            "none",
            "none",
            "Whether the job log can be read without a token: `none` or `read`.",
        ),
        Setting(
            "joblog_aggregates",
            "HEADGATE_JOBLOG_AGGREGATES",
            _switch,
            False,
            "0",
            "Whether the job log answers `select=count()` and the other aggregates.",
        ),
        Setting(
            "joblog_max_rows",
            "HEADGATE_JOBLOG_MAX_ROWS",
            _most,
            None,
            "all there are",
            "How many records of the job log one answer holds at most.",
        ),
        Setting(
            "joblog_unfiltered_writes",
            "HEADGATE_JOBLOG_UNFILTERED_WRITES",
            _switch,
            False,
            "0",
            "Whether a PATCH or DELETE of the job log that names no records is carried out on all of them.",
        ),
        Setting(
            "joblog_tx_end",
            "HEADGATE_JOBLOG_TX_END",
            _one_of("commit", "commit-allow-override", "rollback", "rollback-allow-override"),
            "commit",
            "commit",
            "What becomes of a write to the job log: `commit` or `rollback`; with `-allow-override`, "
            "`Prefer: tx=rollback` or `tx=commit` of a request decides.",
        ),
        Setting(
            "import_token",
            "HEADGATE_IMPORT_TOKEN",
            _secret,
            None,
            "none",
            "What `headgate job-log import` shows to the server that it imports from.",
            "--token",
            secret=True,
        ),
        Setting(
            "secret_key",
            KEY_VARIABLE,
            _secret,
            None,
            "a file in the state's folder",
            "The key that seals stored secrets: 32 bytes in base 64. Several are parted by commas: the first seals, "
            "any opens. By default `secret.key` in the state's folder, made at first use.",
            secret=True,
        ),
    )
}


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
        if not _allowed(name, self.allowed_env):
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


def load(
    root: Path | None = None,
    *,
    flags: Mapping[str, Any] | None = None,
    environ: Mapping[str, str] | None = None,
) -> Settings:
    """Reads the settings for a project in `root` (the working folder where there is none). `flags` are by
    setting's name; None there means not given. `environ` replaces the process's own in tests.

    Raises UsageError: `config_not_found`, `config_syntax`, `setting_unknown`, `setting_invalid`.
    """
    environ = os.environ if environ is None else environ
    place = root if root is not None else Path.cwd()
    values: dict[str, Any] = {name: setting.default for name, setting in SETTINGS.items()}
    values["state_dir"] = place / ".headgate"
    sources = dict.fromkeys(SETTINGS, "default")
    config = _config_path(environ)
    for source, name, raw in _given(config, environ, flags or {}):
        setting = SETTINGS[name]
        try:
            value = setting.read(raw)
        except ValueError as error:
            given = "" if setting.secret else f", not {raw!r}"
            raise UsageError(
                "setting_invalid", f"{name} must be {error}{given}", hint=f"it is set by {source}"
            ) from None
        values[name] = place / value if isinstance(value, Path) else value
        sources[name] = source
    if (
        config is not None
        and sources["token"].startswith(str(config))
        and sources["server"] != sources["token"]
    ):
        values["token"] = None  # it is the token of another server
    known = {
        name: value
        for name, value in environ.items()
        if (name.startswith(SECRET_PREFIX) and name != KEY_VARIABLE) or _allowed(name, values["allowed_env"])
    }
    return Settings(**values, sources=sources, _variables=known)


def debugging(environ: Mapping[str, str] | None = None) -> bool:
    """The setting `debug`, also where no other setting can be read. Never raises."""
    environ = os.environ if environ is None else environ
    try:
        return _switch(environ.get(SETTINGS["debug"].variable) or False)
    except ValueError:
        return False


def _given(
    config: Path | None, environ: Mapping[str, str], flags: Mapping[str, Any]
) -> list[tuple[str, str, Any]]:
    """(where, setting, value as given), the weakest first."""
    content = {} if config is None else _read(config)
    profiles = content.pop(PROFILES, {})
    found = [(str(config), name, value) for name, value in content.items()]
    chosen = _profile(
        config, profiles, flags.get("profile") or environ.get("HEADGATE_PROFILE") or content.get("profile")
    )
    if flags.get("profile") is None:
        found += chosen
    if environ.get("NO_COLOR"):  # any value that is not empty, as no-color.org says
        found.append(("NO_COLOR", "color", "never"))
    found += [(s.variable, s.name, environ[s.variable]) for s in SETTINGS.values() if environ.get(s.variable)]
    if flags.get("profile") is not None:
        found += chosen
    found += [
        (SETTINGS[name].flag or f"the flag of {name}", name, value)
        for name, value in flags.items()
        if value is not None
    ]
    return found


def _profile(
    config: Path | None, profiles: Mapping[str, Mapping[str, Any]], name: str | None
) -> list[tuple[str, str, Any]]:
    if name is None:
        return []
    if name not in profiles:
        raise UsageError(
            "profile_not_found",
            f"there is no profile {name}",
            hint=did_you_mean(
                name, profiles, f"write [{PROFILES}.{name}] into ~/.config/headgate/config.toml"
            ),
        )
    return [(f"{config} [{PROFILES}.{name}]", setting, value) for setting, value in profiles[name].items()]


def _config_path(environ: Mapping[str, str]) -> Path | None:
    named = environ.get(CONFIG_VARIABLE)
    if named:
        path = Path(named).expanduser()
        if not path.is_file():
            raise UsageError(
                "config_not_found", f"{CONFIG_VARIABLE} names {path}, which is not a file", hint="unset it"
            )
        return path
    home = environ.get("HOME")
    path = (Path(home) if home else Path.home()) / ".config" / "headgate" / "config.toml"
    return path if path.is_file() else None


def _read(path: Path) -> dict[str, Any]:
    import tomllib

    try:
        content = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        line = re.search(r"line (\d+)(?:, column (\d+))?", str(error))
        place = Location(str(path), int(line[1]), int(line[2] or 0)) if line else Location(str(path))
        raise UsageError("config_syntax", f"not TOML: {error}", location=place) from error
    except OSError as error:
        raise UsageError("config_not_found", f"cannot read {path}: {error.strerror}") from error
    for name in content.keys() - {PROFILES}:
        _check_known(name, SETTINGS, path)
    profiles = content.get(PROFILES, {})
    if not isinstance(profiles, dict) or not all(isinstance(one, dict) for one in profiles.values()):
        raise UsageError(
            "config_syntax", "a profile is a table", hint=f"[{PROFILES}.prod]", location=Location(str(path))
        )
    for profile in profiles.values():
        for name in profile:
            _check_known(name, OF_PROFILES, path)
    return content


def _check_known(name: str, known: Iterable[str], path: Path) -> None:
    if name not in known:
        raise UsageError(
            "setting_unknown",
            f"there is no setting {name}",
            hint=did_you_mean(name, known, f"there are {', '.join(known)}"),
            location=Location(str(path)),
        )


def _allowed(name: str, patterns: tuple[str, ...]) -> bool:
    return any(fnmatchcase(name, pattern) for pattern in patterns) and not any(
        fnmatchcase(name, pattern) for pattern in NEVER_GIVEN
    )


def reference_page() -> str:
    """docs/reference/settings.md, whole."""
    lines = [
        "# Settings",
        "",
        "Made from `headgate.settings`; do not edit.",
        "",
        "A value is taken from the first of these that gives one: the command's flag, the environment variable,",
        f"the file `~/.config/headgate/config.toml` (another one with `{CONFIG_VARIABLE}`), the default. In the",
        "file, settings stand at the top by their name: `parallelism = 8`. A relative folder counts from the",
        "project's. A table `[profiles.NAME]` of the file holds `server`, `token` and `environment` of one server;",
        "`--profile NAME` chooses it above the environment's variables, `HEADGATE_PROFILE` below them.",
        "",
        "| Setting | Variable | Flag | Default | Meaning |",
        "| --- | --- | --- | --- | --- |",
    ]
    lines += [
        f"| `{s.name}` | `{s.variable}` | {s.flag and f'`{s.flag}`'} | {s.default_text} | {s.meaning} |"
        for s in SETTINGS.values()
    ]
    lines += [
        "",
        "## Variables and secrets in an environment's file",
        "",
        "`${NAME}` stands for an environment variable that `allowed_env` allows; `${secret:NAME}` for the variable",
        f"`{SECRET_PREFIX}NAME` where it is set, else for what `headgate secret set NAME` has stored. They are read",
        "where the connection is made, and never shown. Whatever `allowed_env` says, these cannot be read as",
        f"`${{NAME}}`: {', '.join(f'`{name}`' for name in NEVER_GIVEN)}.",
        "",
    ]
    return "\n".join(lines)
