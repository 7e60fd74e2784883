"""Environments: listed, told, made, changed and taken away."""

from __future__ import annotations

import operator
from collections.abc import Callable
from typing import Annotated

from fastapi import APIRouter, Path, Query
from starlette.responses import Response

from headgate.api.answers import answer, documented, nothing
from headgate.api.caller import Asking
from headgate.api.reading import StrictRoute
from headgate.identity.principal import Administer, Read
from headgate.model.project import Mapping
from headgate.service import asking, bodies, environments
from headgate.service.asking import EnvironmentReport
from headgate.service.bodies import Body
from headgate.service.context import Context, find_environment
from headgate.service.environments import EnvironmentRequest, NewEnvironment
from headgate.service.paging import cut
from headgate.service.parameters import environment_number
from headgate.store.environments import EnvironmentRow
from headgate.wire.environments import (
    ChangeEnvironmentRequest,
    EnvironmentDetail,
    EnvironmentPage,
    EnvironmentQuery,
    NewEnvironmentRequest,
)

router = APIRouter(prefix="/api/v1/environments", tags=["environments"], route_class=StrictRoute)

EnvironmentName = Annotated[
    str, Path(alias="environmentID", min_length=1, max_length=200, description="Its id, or its name.")
]


@router.get("", responses=documented(EnvironmentPage))
def list_environments(asked: Annotated[EnvironmentQuery, Query()], caller: Asking) -> Response:
    context = caller.require(Read())
    descending = asked.order_by_direction == "desc"

    def key(report: EnvironmentReport) -> int | str:
        return report.environment.name if asked.order_by == "name" else report.environment.id

    found = sorted(asking.list_environments(context), key=key, reverse=descending)
    if asked.starting_from is not None:
        position = _position(found, key, asked.starting_from, descending=descending)
        found = found[position:]
    page = cut(found[: asked.limit + 1], asked.limit, lambda report: str(key(report)))
    made = [
        _detail(context, report.environment.id)
        if asked.detail
        else bodies.environment_body(report.environment, report.row, report.running, report.deployment)
        for report in page.items
    ]
    words = {"orderBy": asked.order_by, "orderByDirection": asked.order_by_direction}
    return answer({**bodies.page(made, asked.limit, page.next), **words})


@router.get("/{environmentID}", responses=documented(EnvironmentDetail, 404))
def show_environment(environment: EnvironmentName, caller: Asking) -> Response:
    context = caller.require(Read())
    return answer(_detail(context, find_environment(context, environment).environment.id))


@router.post(
    "", status_code=201, responses=documented(EnvironmentDetail, 404, 409, 422, status=201, body=True)
)
def create_environment(asked: NewEnvironmentRequest, caller: Asking) -> Response:
    """Write an environment's connection, mappings and parameters into the state. Nothing is deployed there yet."""
    context = caller.require(Administer())
    row = environments.create_environment(
        context, NewEnvironment(_request(asked), project=asked.project, id=asked.id)
    )
    return answer(_detail(context, row.environment.id), 201)


@router.patch("/{environmentID}", responses=documented(EnvironmentDetail, 404, 409, body=True))
def change_environment(
    environment: EnvironmentName, asked: ChangeEnvironmentRequest, caller: Asking
) -> Response:
    """What is not named stays. One of a file is written anew when that file is applied: at the next deploy from it."""
    context = caller.require(Administer())
    row = _row(context, environment)
    changed = environments.change_environment(context, row, _request(asked))
    return answer(_detail(context, changed.environment.id))


@router.delete("/{environmentID}", status_code=204, responses=documented(None, 404, 409))
def delete_environment(environment: EnvironmentName, caller: Asking) -> Response:
    """Refused where there are runs or deployments: their history would go with it. Its warehouse is not touched."""
    context = caller.require(Administer())
    environments.delete_environment(context, _row(context, environment))
    return nothing()


def _position(
    found: list[EnvironmentReport],
    key: Callable[[EnvironmentReport], int | str],
    after: str,
    *,
    descending: bool,
) -> int:
    """Where in `found` the page after the key `after` begins."""
    beyond = operator.lt if descending else operator.gt
    last: int | str = after if found and isinstance(key(found[0]), str) else environment_number(after)
    return next((n for n, report in enumerate(found) if beyond(key(report), last)), len(found))


def _row(context: Context, name: str) -> EnvironmentRow:
    return find_environment(context, name)


def _detail(context: Context, environment_id: int) -> Body:
    found = asking.show_environment(context, str(environment_id))
    return bodies.environment_detail(
        found.environment, found.row, found.deployments, found.running, found.deployment
    )


def _request(asked: ChangeEnvironmentRequest | NewEnvironmentRequest) -> EnvironmentRequest:
    mappings = None
    if asked.mappings is not None:
        mappings = {name: Mapping(one.schema_, one.database) for name, one in asked.mappings.items()}
    return EnvironmentRequest(
        name=asked.name,
        description=asked.description,
        warehouse=None if asked.warehouse is None else asked.warehouse.model_dump(by_alias=True),
        mappings=mappings,
        parameters=asked.parameters,
        require_commit=asked.require_commit,
        max_running=asked.max_running,
    )
