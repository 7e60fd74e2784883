"""One setting from text (a variable, a flag) or from a TOML value. Each raises ValueError with what it must be."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from headgate.model.secret import Secret

NO_SERVER = "local"
"""In place of a server's address: no server, also where one runs."""


def read_text(value: Any) -> str:
    if not isinstance(value, str) or not value:
        raise ValueError("text that is not empty")
    return value


def read_path(value: Any) -> Path:
    return Path(value if isinstance(value, Path) else read_text(value)).expanduser()


def read_address(value: Any) -> Secret:
    if not isinstance(value, str) or not value.startswith(("postgresql://", "postgres://")):
        raise ValueError("postgresql://user:password@host:port/database")
    return Secret(value)


def read_count(value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdecimal() or int(value) < 1:
        raise ValueError("a whole number from 1")
    return int(value)


def read_seconds(value: Any) -> float:
    try:
        seconds = float(value) if not isinstance(value, bool) else -1.0
    except (TypeError, ValueError):
        seconds = -1.0
    if not 0 <= seconds < float("inf"):
        raise ValueError("a number of seconds, not negative")
    return seconds


def read_port(value: Any) -> int:
    if isinstance(value, bool) or not str(value).isdecimal() or int(value) > 65535:
        raise ValueError("a port from 0 to 65535")
    return int(value)


def read_lease(value: Any) -> float:
    # Three heartbeats fit into a lease; below a second, a busy disk alone would lose runs.
    seconds = read_seconds(value)
    if seconds < 1:
        raise ValueError("a number of seconds from 1")
    return seconds


def read_wait(value: Any) -> float | None:
    if value is None or value == "forever":
        return None
    try:
        return read_seconds(value)
    except ValueError:
        raise ValueError("a number of seconds, or forever") from None


def read_days(value: Any) -> float | None:
    if value == "forever":
        return None
    try:
        days = float(value) if not isinstance(value, bool) else 0.0
    except (TypeError, ValueError):
        days = 0.0
    if not 1 <= days <= 36_500:
        raise ValueError("a number of days from 1, or forever")
    return days


def read_color(value: Any) -> str:
    if value not in ("auto", "always", "never"):
        raise ValueError("auto, always or never")
    return str(value)


def read_switch(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if str(value).lower() in ("1", "true", "yes", "on"):
        return True
    if str(value).lower() in ("0", "false", "no", "off"):
        return False
    raise ValueError("1 or 0")


def read_names(value: Any) -> tuple[str, ...]:
    parts = value.split(",") if isinstance(value, str) else value
    if not isinstance(parts, list | tuple) or not all(isinstance(part, str) for part in parts):
        raise ValueError("names or globs of environment variables")
    return tuple(part.strip() for part in parts if part.strip())


def read_secret(value: Any) -> Secret:
    return Secret(read_text(value).strip())


def read_server(value: Any) -> str:
    text = read_text(value).strip()
    if text != NO_SERVER and not re.match(r"https?://[^\s/]", text):
        raise ValueError(f"an address such as http://host:8600, or {NO_SERVER}")
    return text


def read_public_url(value: Any) -> str:
    text = read_text(value).strip().rstrip("/")
    if not re.match(r"https?://[^\s/]", text):
        raise ValueError("an address such as https://headgate.example.com")
    return text


def read_admin_token(value: Any) -> Secret:
    # Looked up by a fast hash: a text that can be guessed would be found.
    if not isinstance(value, str) or not re.fullmatch(r"[!-~]{16,512}", value):
        raise ValueError("16 to 512 letters, digits and signs, without blanks")
    return Secret(value)


def read_most(value: Any) -> int | None:
    return None if value is None else read_count(value)


def read_jwt_secret(value: Any) -> Secret:
    if not isinstance(value, str) or len(value) < 32:
        raise ValueError("32 characters at least")
    return Secret(value)


def read_roles(value: Any) -> tuple[tuple[str, str], ...]:
    parts = [part.partition("=") for part in read_text(value).split(",") if part.strip()]
    if not parts or not all(role.strip() and scope.strip() for role, _, scope in parts):
        raise ValueError("role=scope, parted by commas, such as etl_writer=joblog,etl_reader=joblog:read")
    return tuple((role.strip(), scope.strip()) for role, _, scope in parts)


def read_one_of(*words: str) -> Callable[[Any], str]:
    def read(value: Any) -> str:
        if value not in words:
            raise ValueError(" or ".join(words))
        return str(value)

    return read
