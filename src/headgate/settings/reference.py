"""Writes docs/reference/settings.md."""

from __future__ import annotations

from headgate.settings.declared import SETTINGS
from headgate.settings.frozen import NEVER_GIVEN, SECRET_PREFIX
from headgate.settings.loading import CONFIG_VARIABLE


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
