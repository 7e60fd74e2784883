"""Values that must not be arguments: typed without echo, or piped in."""

from __future__ import annotations

import sys

import click

from headgate.cli.errors import usage
from headgate.model.secret import Secret


def read_hidden(what: str) -> Secret:
    """Asks twice on a terminal; else reads standard input to its end, without its last line break.

    Raises UsageError `secret_value_invalid` for what is no UTF-8.
    """
    if sys.stdin.isatty():
        return Secret(click.prompt(what, hide_input=True, confirmation_prompt=True, err=True))
    content = sys.stdin.buffer.read()
    try:
        text = content.decode()
    except UnicodeDecodeError:
        raise usage(
            "secret_value_invalid",
            f"{what[0].lower()}{what[1:]}: not UTF-8",
            hint="encode it first, as base 64",
        ) from None
    return Secret(text.removesuffix("\n").removesuffix("\r"))
