"""`headgate sources`: what compile cannot know of tables that others make."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import click

from headgate.cli import flags, output
from headgate.cli.errors import FAILED
from headgate.cli.invocation import current
from headgate.model.bound import BoundColumn
from headgate.model.project import Node
from headgate.service import bodies, node_bodies
from headgate.service.project import compile_tree, environment_of
from headgate.service.sources import Found, read_columns, undeclared, with_columns


@flags.group("sources")
def sources() -> None:
    """List undeclared sources; write their columns into sources.yml."""


@sources.command("list", short_help="List sources without columns.")
@flags.as_json
def list_(*, as_json: bool) -> None:
    """List the sources whose columns are not declared.

    \b
    Example:
      headgate sources
    """
    with current().open("headgate sources") as opened:
        found = undeclared(compile_tree(opened.context))
    if as_json:
        output.show_json(bodies.page([node_bodies.node_body(node) for node in found], max(len(found), 1)))
    elif found:
        output.show_table(("UNDECLARED", "FILE"), [(node.id, node.path) for node in found])
    else:
        output.say("every source declares its columns")


@sources.command("sync", short_help="Write columns into sources.yml.")
@flags.environment
@flags.as_json
@flags.wait
@click.pass_context
def sync(ctx: click.Context, *, environment: str | None, as_json: bool, wait: float | None) -> None:
    """Write the columns of undeclared sources into their sources.yml, as the warehouse says them.

    Comments stay. Sources that declare columns are left alone.

    \b
    Example:
      headgate sources sync -e dev
    """
    invocation = current()
    settings = invocation.settings(wait_seconds=wait)
    with invocation.open("headgate sources sync") as opened:
        compiled = compile_tree(opened.context)
        chosen = environment_of(compiled, environment or settings.environment)
        found = read_columns(opened.context, compiled, chosen)
    nodes = compiled.manifest.nodes
    for path, changed in _by_file(found, nodes).items():
        file = invocation.root / path
        _replace(file, with_columns(file.read_text(encoding="utf-8"), changed, path))
    if as_json:
        output.show_json(_body(found))
    else:
        for node_id, columns in found.columns.items():
            output.show(f"{node_id}: {output.plural(len(columns), 'column')} -> {nodes[node_id].path}")
        if not found.columns and not found.missing:
            output.say("every source declares its columns")
    for node_id, reason in found.missing.items():
        output.warn(f"{node_id}: {reason}")
    ctx.exit(FAILED if found.missing else 0)


def _by_file(found: Found, nodes: dict[str, Node]) -> dict[str, dict[str, tuple[BoundColumn, ...]]]:
    files: dict[str, dict[str, tuple[BoundColumn, ...]]] = {}
    for node_id, columns in found.columns.items():
        node = nodes[node_id]
        files.setdefault(node.path, {})[node.name] = columns
    return files


def _body(found: Found) -> bodies.Body:
    data = [
        {"nodeID": node_id, "columns": [{"name": c.name, "type": c.type} for c in columns]}
        for node_id, columns in found.columns.items()
    ]
    missing = [{"nodeID": node_id, "reason": reason} for node_id, reason in found.missing.items()]
    return {**bodies.page(data, max(len(data), 1)), "missing": missing}


def _replace(file: Path, text: str) -> None:
    """Whole or not at all: an editor may have the file open."""
    descriptor, temporary = tempfile.mkstemp(dir=file.parent, prefix=f".{file.name}-")
    try:
        with os.fdopen(descriptor, "w", encoding="utf-8") as out:
            out.write(text)
        os.chmod(temporary, file.stat().st_mode & 0o777)
        os.replace(temporary, file)
    except BaseException:
        os.unlink(temporary)
        raise
