"""Bodies -> responses.

Bodies are encoded as they are, not through a model: that costs a list of a thousand runs 2 ms instead of 60.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response

from headgate.service.bodies import Body
from headgate.wire.base import Answer
from headgate.wire.errors import ErrorAnswer

Responses = dict[int | str, dict[str, Any]]
MODELS: set[type[Answer]] = set()
"""All that routes answer with: openapi.json has their schemas."""

_encoder = msgspec.json.Encoder()

_MEANINGS = {
    400: "The request is wrong.",
    401: "No token, or one that does not hold.",
    403: "The token may not do this.",
    404: "There is no such thing.",
    408: "The body did not come in time.",
    409: "The present state forbids it.",
    413: "The body is too large.",
    415: "The body is of another type.",
    422: "The project's files have errors.",
    429: "Somebody else holds it, try again later.",
    500: "An error of the server.",
    502: "The warehouse answered with an error.",
}


def answer(body: Body, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    return Response(_encoder.encode(body), status, headers, media_type="application/json")


def nothing() -> Response:
    return Response(status_code=204)


def documented(model: type[Answer] | None, *errors: int, status: int = 200, body: bool = False) -> Responses:
    """What a route answers, for openapi.json: its model, the errors that any may answer, those of one with a body, and
    its own.

    Only names stand here. The framework would build a validator for each of them when the server starts, half a second
    in all, and none is ever used.
    """
    statuses = {400, 401, 403, 500, *errors} | ({408, 413, 415} if body else set())
    found: Responses = {code: answered(ErrorAnswer, _MEANINGS[code]) for code in sorted(statuses)}
    if model is not None:
        found = {status: answered(model, "Done."), **found}
    return found


def answered(model: type[Answer], description: str) -> dict[str, Any]:
    MODELS.add(model)
    schema = {"$ref": f"#/components/schemas/{model.__name__}"}
    return {"description": description, "content": {"application/json": {"schema": schema}}}
