"""What is deployed in an environment: nodes with columns and lineage, subgraphs, and what selectors select."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from headgate.api.answers import answer, documented
from headgate.api.caller import Asking
from headgate.api.environments import EnvironmentName
from headgate.api.reading import StrictRoute
from headgate.identity.principal import Read
from headgate.model.bound import Selectable
from headgate.service import asking, bodies, node_bodies
from headgate.service.bodies import Body
from headgate.service.context import Context, find_environment
from headgate.service.lineage import find_column, find_node, lineage
from headgate.service.paging import Page, cut
from headgate.store.content import Content
from headgate.store.environments import EnvironmentRow
from headgate.wire.nodes import (
    LineageBody,
    LineageQuery,
    NodeDetail,
    NodePage,
    NodeQuery,
    SelectionBody,
    SelectionRequest,
    SubgraphBody,
    SubgraphPage,
)
from headgate.wire.paging import CoalescePageQuery

router = APIRouter(prefix="/api/v1/environments/{environmentID}", tags=["nodes"], route_class=StrictRoute)

NodeName = Annotated[
    str, Path(alias="nodeID", min_length=1, max_length=400, description="Its id, or a name that is unique.")
]
SubgraphName = Annotated[str, Path(alias="name", min_length=1, max_length=200)]


@router.get("/nodes", responses=documented(NodePage, 404, 409))
def list_nodes(
    environment: EnvironmentName, asked: Annotated[NodeQuery, Query()], caller: Asking
) -> Response:
    """By location and name, as the manifest has them."""
    context = caller.require(Read())
    row = find_environment(context, environment)
    content = asking.deployed_content(context, row)
    page = asking.list_nodes(
        content.runnable(),
        asked.include,
        asked.exclude,
        limit=asked.limit,
        starting_from=asked.starting_from,
    )
    made = _details(context, row, page) if asked.detail else _lines(content, page)
    return answer(bodies.page(made, page.limit, page.next))


def _lines(content: Content, page: Page[Selectable]) -> list[Body]:
    mappings = content.environment().mappings
    return [node_bodies.located_body(node, mappings.get(node.location)) for node in page.items]


def _details(context: Context, row: EnvironmentRow, page: Page[Selectable]) -> list[Body]:
    ids = [node.id for node in page.items]
    found = asking.deployed_nodes(context, row, ids)
    return [node_bodies.deployed_detail(*found[name]) for name in ids]


@router.get("/nodes/{nodeID}", responses=documented(NodeDetail, 404, 409))
def show_node(environment: EnvironmentName, node: NodeName, caller: Asking) -> Response:
    """SQL as written and as sent to the warehouse, columns with where they come from, load and tests."""
    context = caller.require(Read())
    row = find_environment(context, environment)
    found = find_node(asking.deployed_manifest(context, row).nodes, node)
    return answer(node_bodies.deployed_detail(*asking.deployed_nodes(context, row, [found.id])[found.id]))


@router.get("/nodes/{nodeID}/lineage", responses=documented(LineageBody, 404, 409))
def show_lineage(
    environment: EnvironmentName, node: NodeName, asked: Annotated[LineageQuery, Query()], caller: Asking
) -> Response:
    """What a node or one of its columns is made of, and what is made of it; nearest first."""
    context = caller.require(Read())
    nodes = asking.deployed_manifest(context, find_environment(context, environment)).nodes
    found = find_node(nodes, node)
    column = find_column(found, asked.column) if asked.column is not None else None
    return answer(node_bodies.lineage_body(lineage(nodes, found, column, asked.depth)))


@router.post("/selection", responses=documented(SelectionBody, 404, 409, body=True))
def evaluate(environment: EnvironmentName, asked: SelectionRequest, caller: Asking) -> Response:
    """What two selectors select of what is deployed: each block's own match, and every node with the reason."""
    context = caller.require(Read())
    catalog = asking.deployed_content(context, find_environment(context, environment)).runnable()
    explanation = asking.explain_selection(catalog, asked.include, asked.exclude, strict=asked.strict)
    return answer(node_bodies.explanation_body(catalog, explanation))


@router.get("/subgraphs", responses=documented(SubgraphPage, 404, 409))
def list_subgraphs(
    environment: EnvironmentName, asked: Annotated[CoalescePageQuery, Query()], caller: Asking
) -> Response:
    context = caller.require(Read())
    found = asking.deployed_content(context, find_environment(context, environment)).catalog().subgraphs
    names = [name for name in sorted(found) if asked.starting_from is None or name > asked.starting_from]
    page = cut(names[: asked.limit + 1], asked.limit, str)
    made = [node_bodies.subgraph_body(name, found[name]) for name in page.items]
    return answer(bodies.page(made, page.limit, page.next))


@router.get("/subgraphs/{name}", responses=documented(SubgraphBody, 404, 409))
def show_subgraph(environment: EnvironmentName, name: SubgraphName, caller: Asking) -> Response:
    context = caller.require(Read())
    found = asking.deployed_content(context, find_environment(context, environment)).catalog().subgraphs
    return answer(node_bodies.subgraph_body(name, asking.find_subgraph(found, name)))
