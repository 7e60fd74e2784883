"""`headgate nodes`: the nodes of the project's files, or of what is deployed where an environment is named."""

from __future__ import annotations

from dataclasses import replace

import click

from headgate.cli import flags, output
from headgate.cli.commands.node_text import lineage_lines, node_lines
from headgate.cli.invocation import Invocation, current
from headgate.cli.selecting import tell_missed
from headgate.compile import Compiled
from headgate.model.bound import Catalog, Selectable
from headgate.model.project import Manifest
from headgate.selector import select
from headgate.service import asking, bodies, node_bodies
from headgate.service.context import find_environment
from headgate.service.lineage import Reached, find_node, find_subject
from headgate.service.lineage import lineage as trace
from headgate.service.working_tree import compile_folder, tree_catalog


@flags.group("nodes")
def nodes() -> None:
    """List nodes; show one, its columns, tests and lineage."""


@nodes.command("list", short_help="List the nodes that selectors select.")
@flags.include
@flags.exclude
@flags.deployed_in
@flags.strict
@flags.limit(None)
@flags.starting_from
@flags.as_json
def list_(
    *,
    include: str,
    exclude: str,
    environment: str | None,
    strict: bool,
    limit: int | None,
    starting_from: str | None,
    as_json: bool,
) -> None:
    """List the nodes that selectors select; all of them without.

    \b
    Examples:
      headgate nodes list
      headgate nodes list --include '+{ name: FCT_ORDERS }' --exclude '{ nodeType: source }'
      headgate nodes list --include '{ state: modified }+'
    """
    invocation = current()
    catalog = _catalog(invocation, environment, include + exclude)
    selection = select(catalog, include, exclude, strict=strict)
    tell_missed(selection)
    chosen = set(selection.ids)
    found = [node for node in catalog.nodes if node.id in chosen]
    if starting_from is not None:
        found = _after(found, starting_from)
    most = limit or max(len(found), 1)
    page, following = found[:most], found[most:]
    if as_json:
        body = bodies.page([node_bodies.node_body(n) for n in page], most, page[-1].id if following else None)
        output.show_json(body)
        return
    if not page:
        output.say("no nodes")
        return
    changed = any(node.state != "unchanged" for node in page)
    head = ("NODE", "TYPE", "TAGS", "STATE") if changed else ("NODE", "TYPE", "TAGS")
    rows = [(n.id, n.node_type, ", ".join(n.tags), n.state)[: len(head)] for n in page]
    output.show_table(head, rows)
    if following:
        output.say(f"{len(following):,} more: --startingFrom {page[-1].id}")


def _after(found: list[Selectable], key: str) -> list[Selectable]:
    folded = key.lower()
    for position, node in enumerate(found):
        if node.id.lower() == folded:
            return found[position + 1 :]
    return [node for node in found if node.id > key]


def _catalog(invocation: Invocation, environment: str | None, selectors: str) -> Catalog:
    """Of the files, or of what is deployed. `state` is known only where a selector asks for it."""
    if environment is not None:
        with invocation.open("headgate nodes") as opened:
            row = find_environment(opened.context, environment)
            return asking.deployed_content(opened.context, row).runnable()
    compiled = compile_folder(invocation.root, invocation.settings())
    catalog = tree_catalog(compiled)
    return _with_states(invocation, compiled, catalog) if "state" in selectors.lower() else catalog


def _with_states(invocation: Invocation, compiled: Compiled, catalog: Catalog) -> Catalog:
    with invocation.open("headgate nodes") as opened:
        row = find_environment(opened.context, invocation.settings().environment)
        states = asking.node_states(compiled.manifest, asking.deployed_manifest(opened.context, row))
    marked = [replace(node, state=states.get(node.id, node.state)) for node in catalog.nodes]
    return replace(catalog, nodes=tuple(marked))


def _manifest(invocation: Invocation, environment: str | None) -> Manifest:
    if environment is None:
        return compile_folder(invocation.root, invocation.settings()).manifest
    with invocation.open("headgate nodes") as opened:
        return asking.deployed_manifest(opened.context, find_environment(opened.context, environment))


@nodes.command("show", short_help="Show a node: SQL, columns, load, tests.")
@click.argument("node", metavar="NODE", shell_complete=flags.complete_nodes)
@flags.deployed_in
@click.option("--compiled", is_flag=True, help="The SQL as deployed: what a refresh sends to the warehouse.")
@flags.as_json
def show(*, node: str, environment: str | None, compiled: bool, as_json: bool) -> None:
    """Show a node: its SQL as written, columns with their types and where they come from, load and tests.

    \b
    Examples:
      headgate nodes show MART.FCT_ORDERS
      headgate nodes show FCT_ORDERS --compiled -e dev
    """
    invocation = current()
    if compiled:
        _show_compiled(invocation, node, environment, as_json=as_json)
        return
    found = find_node(_manifest(invocation, environment).nodes, node)
    if as_json:
        output.show_json(node_bodies.node_detail(found))
    else:
        output.show_lines(node_lines(found))


def _show_compiled(invocation: Invocation, name: str, environment: str | None, *, as_json: bool) -> None:
    with invocation.open("headgate nodes") as opened:
        context = opened.context
        row = find_environment(context, environment or invocation.settings().environment)
        node = find_node(asking.deployed_manifest(context, row).nodes, name)
        bound, step = asking.deployed_node(context, row, node.id)
    if as_json:
        output.show_json(node_bodies.bound_body(bound, step))
        return
    output.show(f"-- {bound.id} in {row.environment.name}, as deployed: {bound.table or bound.relation}")
    if bound.query is not None:
        output.show(bound.query)
    for statement in step.statements:
        output.show(f"\n-- refresh: {statement.name} ({statement.role})")
        output.show(statement.sql)


@nodes.command("lineage", short_help="Show what a node or column is made of.")
@click.argument("name", metavar="NODE[.COLUMN]", shell_complete=flags.complete_nodes)
@flags.deployed_in
@click.option("--up", "up", is_flag=True, help="Only what it is made of.")
@click.option("--down", "down", is_flag=True, help="Only what is made of it.")
@click.option("--depth", type=click.IntRange(1), metavar="N", help="At most so many edges away.")
@flags.as_json
def lineage(
    *, name: str, environment: str | None, up: bool, down: bool, depth: int | None, as_json: bool
) -> None:
    """Show what a node or one of its columns is made of, and what is made of it.

    \b
    Examples:
      headgate nodes lineage MART.FCT_ORDERS
      headgate nodes lineage MART.FCT_ORDERS.revenue --up
    """
    manifest = _manifest(current(), environment)
    node, column = find_subject(manifest.nodes, name)
    traced = trace(manifest.nodes, node, column, depth)
    nothing: tuple[Reached, ...] = ()
    traced = replace(
        traced,
        upstream=nothing if down and not up else traced.upstream,
        downstream=nothing if up and not down else traced.downstream,
    )
    if as_json:
        output.show_json(node_bodies.lineage_body(traced))
    else:
        output.show_lines(lineage_lines(traced))
