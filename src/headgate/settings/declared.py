"""Every setting there is: its name, variable, flag, default and meaning. A new one is one entry here, and one field of
`Settings`."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headgate.settings.values import (
    read_address,
    read_admin_token,
    read_color,
    read_count,
    read_days,
    read_jwt_secret,
    read_lease,
    read_most,
    read_names,
    read_one_of,
    read_path,
    read_port,
    read_public_url,
    read_roles,
    read_seconds,
    read_secret,
    read_server,
    read_switch,
    read_text,
    read_wait,
)

KEY_VARIABLE = "HEADGATE_SECRET_KEY"
"""Looks like the variable of a secret named KEY, and is none: it opens all others."""


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


SETTINGS = {
    setting.name: setting
    for setting in (
        Setting(
            "state_dir",
            "HEADGATE_STATE_DIR",
            read_path,
            None,
            "`.headgate` in the project's folder",
            "The folder of Headgate's own state and caches.",
            "--state-dir",
        ),
        Setting(
            "database_url",
            "HEADGATE_DATABASE_URL",
            read_address,
            None,
            "a file in the state folder",
            "The PostgreSQL database (14 or newer) that keeps the state instead, in its schema `headgate`: "
            "`postgresql://user:password@host:port/database`.",
            secret=True,
        ),
        Setting(
            "environment",
            "HEADGATE_ENVIRONMENT",
            read_text,
            None,
            "the only one there is",
            "The environment that a command means when it names none.",
            "-e",
        ),
        Setting(
            "server",
            "HEADGATE_SERVER",
            read_server,
            None,
            "the one that runs on this project",
            "The address of the server that commands ask, `http://host:8600`; `local` is none, also where one runs.",
            "--server",
        ),
        Setting(
            "token",
            "HEADGATE_TOKEN",
            read_secret,
            None,
            "the admin's, for a server that runs on this project",
            "What is shown to that server. In a file, it goes to the server that stands beside it and to no other.",
            secret=True,
        ),
        Setting(
            "profile",
            "HEADGATE_PROFILE",
            read_text,
            None,
            "none",
            "Which `[profiles.NAME]` of the file gives `server`, `token` and `environment`.",
            "--profile",
        ),
        Setting(
            "parallelism",
            "HEADGATE_PARALLELISM",
            read_count,
            16,
            "16",
            "How many steps of a run are carried out at once, where neither the command nor the job says.",
            "--parallelism",
        ),
        Setting(
            "lease_seconds",
            "HEADGATE_LEASE_SECONDS",
            read_lease,
            30.0,
            "30",
            "How long a run stays with a worker that is not heard of, in seconds.",
        ),
        Setting(
            "wait_seconds",
            "HEADGATE_WAIT_SECONDS",
            read_wait,
            None,
            "forever",
            "How long a command waits for what another run holds, in seconds, or `forever`.",
            "--wait",
        ),
        Setting(
            "color",
            "HEADGATE_COLOR",
            read_color,
            "auto",
            "auto",
            "Whether answers are coloured: `auto` (on a terminal), `always` or `never`. `NO_COLOR` means `never`.",
        ),
        Setting(
            "debug",
            "HEADGATE_DEBUG",
            read_switch,
            False,
            "0",
            "Whether an error that nobody expected also shows where in the program it happened.",
        ),
        Setting(
            "allowed_env",
            "HEADGATE_ALLOWED_ENV",
            read_names,
            ("HEADGATE_*", "PG*", "SNOWFLAKE_*"),
            "`HEADGATE_*, PG*, SNOWFLAKE_*`",
            "Which environment variables `${NAME}` in `environments/*.yml` may name: names or globs, "
            "separated by commas. Headgate's own credentials are never among them.",
        ),
        Setting(
            "host",
            "HEADGATE_HOST",
            read_text,
            "127.0.0.1",
            "127.0.0.1",
            "The address that `serve` listens on.",
            "--host",
        ),
        Setting(
            "port",
            "HEADGATE_PORT",
            read_port,
            8600,
            "8600",
            "The port that `serve` listens on; 0 takes a free one.",
            "--port",
        ),
        Setting(
            "public_url",
            "HEADGATE_PUBLIC_URL",
            read_public_url,
            None,
            "made of host and port",
            "The address at which people reach the server, for links in its answers.",
        ),
        Setting(
            "max_running",
            "HEADGATE_MAX_RUNNING",
            read_count,
            4,
            "4",
            "How many runs one `serve` or `worker` carries out at once.",
            "--max-running",
        ),
        Setting(
            "drain_seconds",
            "HEADGATE_DRAIN_SECONDS",
            read_seconds,
            10.0,
            "10",
            "How long a `serve` or `worker` that is told to stop lets its runs go on, in seconds, before it hands them "
            "back.",
        ),
        Setting(
            "keep_runs_days",
            "HEADGATE_KEEP_RUNS_DAYS",
            read_days,
            90.0,
            "90",
            "How long runs that are over stay in the state, with their steps and statements, in days, or `forever`. "
            "The newest 20 of each job, and of each environment, stay in any case.",
        ),
        Setting(
            "keep_events_days",
            "HEADGATE_KEEP_EVENTS_DAYS",
            read_days,
            30.0,
            "30",
            "How long events of runs that are over stay in the state, in days, or `forever`.",
        ),
        Setting(
            "admin_token",
            "HEADGATE_ADMIN_TOKEN",
            read_admin_token,
            None,
            "made by the first `serve`",
            "The token of a server's admin, in place of the one that the first `serve` makes and writes to "
            "`admin-token` in the state's folder.",
            secret=True,
        ),
        Setting(
            "jwt_secret",
            "HEADGATE_JWT_SECRET",
            read_jwt_secret,
            None,
            "none: such tokens are refused",
            "The secret of JSON Web Tokens (HS256) that the job log takes beside tokens of Headgate, 32 characters "
            "at least.",
            secret=True,
        ),
        Setting(
            "jwt_roles",
            "HEADGATE_JWT_ROLES",
            read_roles,
            (),
            "none",
            "What the `role` in such a token may do: `etl_writer=joblog,etl_reader=joblog:read`.",
        ),
        Setting(
            "joblog_anonymous",
            "HEADGATE_JOBLOG_ANONYMOUS",
            read_one_of("none", "read"),
            "none",
            "none",
            "Whether the job log can be read without a token: `none` or `read`.",
        ),
        Setting(
            "joblog_aggregates",
            "HEADGATE_JOBLOG_AGGREGATES",
            read_switch,
            False,
            "0",
            "Whether the job log answers `select=count()` and the other aggregates.",
        ),
        Setting(
            "joblog_max_rows",
            "HEADGATE_JOBLOG_MAX_ROWS",
            read_most,
            None,
            "all there are",
            "How many records of the job log one answer holds at most.",
        ),
        Setting(
            "joblog_unfiltered_writes",
            "HEADGATE_JOBLOG_UNFILTERED_WRITES",
            read_switch,
            False,
            "0",
            "Whether a PATCH or DELETE of the job log that names no records is carried out on all of them.",
        ),
        Setting(
            "joblog_tx_end",
            "HEADGATE_JOBLOG_TX_END",
            read_one_of("commit", "commit-allow-override", "rollback", "rollback-allow-override"),
            "commit",
            "commit",
            "What becomes of a write to the job log: `commit` or `rollback`; with `-allow-override`, "
            "`Prefer: tx=rollback` or `tx=commit` of a request decides.",
        ),
        Setting(
            "import_token",
            "HEADGATE_IMPORT_TOKEN",
            read_secret,
            None,
            "none",
            "What `headgate job-log import` shows to the server that it imports from.",
            "--token",
            secret=True,
        ),
        Setting(
            "secret_key",
            KEY_VARIABLE,
            read_secret,
            None,
            "a file in the state's folder",
            "The key that seals stored secrets: 32 bytes in base 64. Several are parted by commas: the first seals, "
            "any opens. By default `secret.key` in the state's folder, made at first use.",
            secret=True,
        ),
    )
}
