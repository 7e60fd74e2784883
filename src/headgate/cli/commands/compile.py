"""`headgate compile`: all errors of the project at once."""

from __future__ import annotations

import click

from headgate.cli import flags, output
from headgate.cli.invocation import current
from headgate.errors import ProjectError
from headgate.service import bodies
from headgate.service.working_tree import compile_folder


@flags.command("compile")
@flags.as_json
@click.pass_context
def compile_(ctx: click.Context, *, as_json: bool) -> None:
    """Check the project and say all that is wrong at once, with file, line, column and a hint.

    Nothing is sent to a warehouse. Exits 2 when there are errors.

    \b
    Example:
      headgate compile
    """
    invocation = current()
    try:
        compiled = compile_folder(invocation.root, invocation.settings())
    except ProjectError as error:
        if not as_json:
            raise
        found = [bodies.diagnostic_body(one) for one in error.diagnostics]
        output.show_json({"valid": False, "diagnostics": found})
        ctx.exit(error.exit_code)
    manifest = compiled.manifest
    if as_json:
        output.show_json(
            {
                "valid": True,
                "project": manifest.name,
                "manifestDigest": compiled.manifest_digest,
                "nodes": len(manifest.nodes),
                "tests": len(manifest.tests),
                "jobs": len(manifest.jobs),
                "environments": [e.name for e in compiled.environments.values()],
                "filesSeen": compiled.stats.files_seen,
                "filesParsed": compiled.stats.files_parsed,
                "diagnostics": [bodies.diagnostic_body(one) for one in compiled.warnings],
            }
        )
        return
    output.show_diagnostics(compiled.warnings)
    tests = len(manifest.tests) + sum(len(node.tests) for node in manifest.nodes.values())
    parts = [
        output.plural(len(manifest.nodes), "node"),
        output.plural(tests, "test"),
        output.plural(len(manifest.jobs), "job"),
        output.plural(len(compiled.environments), "environment"),
    ]
    warned = f", {output.plural(len(compiled.warnings), 'warning')}" if compiled.warnings else ""
    output.show(f"{manifest.name} compiles: {', '.join(parts)}{warned}")
