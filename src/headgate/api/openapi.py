"""openapi.json: every call with what it takes and answers. `python -m headgate.api` writes the file."""

from __future__ import annotations

import json
from typing import Any, Literal

from fastapi import FastAPI
from fastapi.openapi.utils import get_openapi
from pydantic.json_schema import models_json_schema

from headgate.api.answers import MODELS
from headgate.wire.base import Answer
from headgate.wire.runs import EventBody

ALSO: tuple[type[Answer], ...] = (EventBody,)
"""Shapes that no answer has as a whole: they stand in streams."""

_REFERENCE = "#/components/schemas/{model}"


def install(app: FastAPI) -> None:
    """Make `app` describe itself as it is: FastAPI adds answers that are never given."""

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            app.openapi_schema = describe(app)
        return app.openapi_schema

    app.openapi = described  # type: ignore[method-assign]


def describe(app: FastAPI) -> dict[str, Any]:
    schema = get_openapi(title=app.title, version=app.version, description=app.description, routes=app.routes)
    components = schema["components"]
    for name in ("HTTPValidationError", "ValidationError"):
        components["schemas"].pop(name, None)
    mode: Literal["serialization"] = "serialization"
    asked = [(model, mode) for model in sorted({*MODELS, *ALSO}, key=lambda model: model.__name__)]
    _, answers = models_json_schema(asked, ref_template=_REFERENCE)
    components["schemas"] |= answers["$defs"]
    components["securitySchemes"] = {"token": {"type": "http", "scheme": "bearer"}}
    components["schemas"] = dict(sorted(components["schemas"].items()))
    schema["security"] = [{"token": []}]
    for path, calls in schema["paths"].items():
        for call in calls.values():
            if "HTTPValidationError" in json.dumps(call["responses"].get("422", {})):
                del call["responses"]["422"]  # a wrong request is a 400 here
            if path in ("/healthz", "/readyz"):
                call["security"] = []
    schema["paths"] = dict(sorted(schema["paths"].items()))
    return schema
