"""Reads the settings, once at the edge: file < environment variable < flag. The only reader of `os.environ`.

Also hands out the environment variables that an environment's file may name as `${NAME}`, and nothing else of the
environment.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from headgate.errors import Location, UsageError, did_you_mean
from headgate.settings.declared import KEY_VARIABLE, SETTINGS
from headgate.settings.frozen import SECRET_PREFIX, Settings, may_be_read
from headgate.settings.values import read_switch

CONFIG_VARIABLE = "HEADGATE_CONFIG"
PROFILES = "profiles"
OF_PROFILES = ("server", "token", "environment")


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
        if (name.startswith(SECRET_PREFIX) and name != KEY_VARIABLE)
        or may_be_read(name, values["allowed_env"])
    }
    return Settings(**values, sources=sources, _variables=known)


def debugging(environ: Mapping[str, str] | None = None) -> bool:
    """The setting `debug`, also where no other setting can be read. Never raises."""
    environ = os.environ if environ is None else environ
    try:
        return read_switch(environ.get(SETTINGS["debug"].variable) or False)
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
