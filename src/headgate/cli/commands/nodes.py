"""`headgate nodes`: the nodes of the project's files, or of what is deployed where an environment is named."""

from __future__ import annotations

from dataclasses import dataclass, replace

import click

from headgate.cli import flags, output
from headgate.cli.commands.node_text import lineage_lines, node_lines
from headgate.cli.invocation import Invocation, current
from headgate.cli.selecting import tell_missed
from headgate.cli.target import Body
from headgate.client import node_reading, reading
from headgate.client.answers import NodeInfo
from headgate.compile import Compiled
from headgate.errors import UsageError
from headgate.model.bound import Catalog, Selectable
from headgate.selector import parse, select
from headgate.selector.attributes import STATE
from headgate.selector.expression import blocks
from headgate.service import asking, bodies, node_bodies
from headgate.service.context import find_environment
from headgate.service.lineage import find_node, find_subject
from headgate.service.lineage import lineage as trace
from headgate.service.working_tree import compile_folder, tree_catalog
from headgate.settings import NO_SERVER


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
    """List the nodes that selectors select; all of them without. Where a selector asks for `state`, the nodes of the
    files, compared with what is deployed in the environment.

    \b
    Examples:
      headgate nodes list
      headgate nodes list --include '+{ name: FCT_ORDERS }' --exclude '{ nodeType: source }'
      headgate nodes list -e dev --include '{ state: modified }+'
    """
    asked = Listed(include, exclude, strict, limit, starting_from)
    compared = _asks_state(include) or _asks_state(exclude)
    if environment is None or compared:
        body = _of_files(asked, _compared(environment) if compared else _catalog())
    else:
        body = _deployed(environment, asked)
    if as_json:
        output.show_json(body)
        return
    page = reading.page(body, node_reading.selectable)
    if not page.items:
        output.say("no nodes")
        return
    changed = any(node.state != "unchanged" for node in page.items)
    head = ("NODE", "TYPE", "TAGS", "STATE") if changed else ("NODE", "TYPE", "TAGS")
    rows = [(n.id, n.node_type, ", ".join(n.tags), n.state)[: len(head)] for n in page.items]
    output.show_table(head, rows)
    if page.next:
        output.say(f"more: --startingFrom {page.next}")


@dataclass(frozen=True, slots=True)
class Listed:
    include: str
    exclude: str
    strict: bool
    limit: int | None
    starting_from: str | None


def _deployed(environment: str, asked: Listed) -> Body:
    with current().target("headgate nodes") as target:
        if asked.include or asked.exclude:
            found = target.selection(environment, asked.include, asked.exclude, strict=asked.strict)
            tell_missed(found["warnings"])
        return target.nodes(
            environment, asked.include, asked.exclude, limit=asked.limit, starting_from=asked.starting_from
        )


def _of_files(asked: Listed, catalog: Catalog) -> Body:
    selection = select(catalog, asked.include, asked.exclude, strict=asked.strict)
    tell_missed(selection.warnings)
    chosen = set(selection.ids)
    found = [node for node in catalog.nodes if node.id in chosen]
    if asked.starting_from is not None:
        found = _after(found, asked.starting_from)
    most = asked.limit or max(len(found), 1)
    page, following = found[:most], found[most:]
    return bodies.page([node_bodies.node_body(n) for n in page], most, page[-1].id if following else None)


def _after(found: list[Selectable], key: str) -> list[Selectable]:
    folded = key.lower()
    for position, node in enumerate(found):
        if node.id.lower() == folded:
            return found[position + 1 :]
    return [node for node in found if node.id > key]


def _asks_state(selector: str) -> bool:
    try:
        expression = parse(selector)
    except UsageError:
        return False  # there is none, or whoever evaluates it says what is wrong
    return any(condition.attribute == STATE for block in blocks(expression) for condition in block.conditions)


def _catalog() -> Catalog:
    return tree_catalog(_compiled(current()))


def _compared(environment: str | None) -> Catalog:
    """Of the files, each node with how it differs from what is deployed in the environment; the project's own state
    alone tells."""
    invocation = current()
    compiled = _compiled(invocation)
    settings = invocation.settings()
    if settings.server not in (None, NO_SERVER):
        raise UsageError(
            "not_over_http",
            "how the files differ from what a server deployed cannot be asked by a selector",
            hint="headgate plan shows it; `--server local` asks the project's own state",
        )
    with invocation.open("headgate nodes") as opened:
        row = find_environment(opened.context, environment or settings.environment)
        states = asking.node_states(compiled.manifest, asking.deployed_manifest(opened.context, row))
    catalog = tree_catalog(compiled)
    marked = [replace(node, state=states.get(node.id, node.state)) for node in catalog.nodes]
    return replace(catalog, nodes=tuple(marked))


def _compiled(invocation: Invocation) -> Compiled:
    return compile_folder(invocation.root_of_files, invocation.settings())


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
    if environment is None and not compiled:
        body = node_bodies.node_detail(find_node(_compiled(invocation).manifest.nodes, node))
    else:
        settings = invocation.settings()
        with invocation.target("headgate nodes") as target:
            place = target.the_environment(environment or settings.environment)
            body = target.node(place, node)
    if as_json:
        output.show_json(body)
    elif compiled:
        _show_compiled(node_reading.node_info(body), str(place))
    else:
        output.show_lines(node_lines(node_reading.node(body)))


def _show_compiled(found: NodeInfo, environment: str) -> None:
    deployed = found.deployed
    assert deployed is not None  # it was asked of an environment
    place = ".".join(part for part in (found.database, found.schema, deployed.table) if part)
    output.show(f"-- {found.node.id} in {environment}, as deployed{f': {place}' if place else ''}")
    if deployed.sql is not None:
        output.show(deployed.sql)
    for statement, role in zip(deployed.statements, deployed.roles, strict=True):
        output.show(f"\n-- refresh: {statement.name} ({role})")
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
    invocation = current()
    if environment is None:
        nodes_ = _compiled(invocation).manifest.nodes
        node, column = find_subject(nodes_, name)
        body = node_bodies.lineage_body(trace(nodes_, node, column, depth))
    else:
        with invocation.target("headgate nodes") as target:
            body = target.trace(environment, name, depth=depth)
    if up != down:
        body["downstream" if up else "upstream"] = []
    if as_json:
        output.show_json(body)
    else:
        output.show_lines(lineage_lines(node_reading.lineage(body)))
