"""Version tags: names for manifests. A tag never moves and is never taken away."""

from __future__ import annotations

from typing import Annotated

from fastapi import APIRouter, Query
from starlette.responses import Response

from headgate.api.answers import answer, documented
from headgate.api.caller import Asking
from headgate.api.reading import StrictRoute
from headgate.errors import UsageError
from headgate.identity.principal import Deploy, Read
from headgate.service import asking, bodies, targets
from headgate.wire.environments import NewTagRequest, TagBody, TagPage, TagQuery

router = APIRouter(prefix="/api/v1/tags", tags=["tags"], route_class=StrictRoute)


@router.get("", responses=documented(TagPage, 404))
def list_tags(asked: Annotated[TagQuery, Query()], caller: Asking) -> Response:
    """Of one project, by name; of the only one where none is named."""
    context = caller.require(Read())
    project = asking.find_project(context, asked.project)
    page = asking.list_tags(context, project, limit=asked.limit, starting_from=asked.starting_from)
    return answer(bodies.page([bodies.tag_body(tag) for tag in page.items], page.limit, page.next))


@router.post("", status_code=201, responses=documented(TagBody, 404, 409, 422, status=201, body=True))
def create_tag(asked: NewTagRequest, caller: Asking) -> Response:
    """Name what is deployed, an uploaded manifest or the server's working tree."""
    context = caller.require(Deploy())
    if asked.environment is not None and asked.manifest is not None:
        raise UsageError("version_ambiguous", "environment and manifest exclude each other")
    return answer(bodies.tag_body(targets.tag(context, asked.name, asked.environment, asked.manifest)), 201)
