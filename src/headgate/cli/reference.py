"""docs/reference/cli.md from the commands themselves."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from headgate.cli.main import SECTIONS, main

_INTRO = """# Command line

Made from `headgate.cli`; do not edit.

Data goes to standard output, everything else to standard error. An error is one line `error: …` and a line
`hint: …`; errors of files begin with `file:line:column`. Exit codes: 0 done (also with warnings), 1 the work failed,
2 wrong usage or configuration (also `plan --exit-code` with changes), 3 `warning` or `skipped` under `--strict`.

The flags of `headgate` itself may also stand after the command. How a server is asked is in
[client](../guides/client.md). Settings that have no flag here are in [settings](settings.md), selectors in
[selectors](selectors.md), codes of errors in [errors](../errors.md).
"""


def reference_page() -> str:
    return "\n".join([_INTRO, *_lines()]).rstrip() + "\n"


def _lines() -> Iterator[str]:
    context = click.Context(main, info_name="headgate")
    yield from _command(context, 2)
    for title, entries in SECTIONS.items():
        yield f"## {title}\n"
        for entry in entries:
            command = main.get_command(context, entry.name)
            assert command is not None
            child = click.Context(command, info_name=entry.name, parent=context)
            yield from _command(child, 3)
            if isinstance(command, click.Group):
                for name in command.list_commands(child):
                    inner = command.get_command(child, name)
                    assert inner is not None
                    yield from _command(click.Context(inner, info_name=name, parent=child), 4)


def _command(context: click.Context, level: int) -> Iterator[str]:
    command = context.command
    yield f"{'#' * level} {context.command_path}\n"
    pieces = [piece for piece in command.collect_usage_pieces(context) if piece != "[OPTIONS]"]
    yield f"`{' '.join([context.command_path, *pieces])}`\n"
    text, _, examples = inspect.cleandoc(command.help or "").partition("\b\n")
    yield text.strip() + "\n"
    rows = [param for param in command.get_params(context) if isinstance(param, click.Option)]
    shown = [param for param in rows if not param.hidden and "--help" not in param.opts]
    if shown:
        yield "| Flag | Meaning |\n| --- | --- |"
        yield "\n".join(_row(context, param) for param in shown) + "\n"
    if examples:
        body = "\n".join(line.removeprefix("  ") for line in examples.splitlines()[1:])
        yield f"```\n{body.rstrip()}\n```\n"


def _row(context: click.Context, param: click.Option) -> str:
    words = param.help or ""
    if isinstance(param.type, click.Choice):
        words += f" One of {', '.join(f'`{choice}`' for choice in param.type.choices)}."
    names = ", ".join(f"`{name}`" for name in param.opts)
    metavar = "" if param.is_flag else f" {param.make_metavar(context)}"
    metavar = "" if isinstance(param.type, click.Choice) else metavar
    return f"| {names}{metavar} | {words} |".replace("NAME=VALUE|JSON", "NAME=VALUE or JSON")
