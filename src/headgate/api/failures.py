"""Errors -> answers, in one shape. What nobody expected shows its request's id and nothing else."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from typing import Any

from fastapi import FastAPI
from fastapi.exceptions import RequestValidationError
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from headgate.api.answers import answer
from headgate.errors import Busy, HeadgateError, ProjectError, Unauthorized, UsageError
from headgate.identity.redaction import process_redactor
from headgate.service.bodies import diagnostic_body
from headgate.wire.base import spelled

log = logging.getLogger("headgate.api")

RETRY_AFTER_SECONDS = 2
MOST_SHOWN = 10
_UNEXPECTED = HeadgateError(
    "internal_error",
    "the server failed in a way that nobody expected",
    hint="its log has the details under this request's id",
)


class BadBody(HTTPException):
    """Raised where a body is read, which FastAPI does by itself, so that it passes through there."""

    def __init__(self, error: HeadgateError, status: int = 400) -> None:
        super().__init__(status, error.message)
        self.error = error


def failure(error: HeadgateError, request_id: str, status: int | None = None) -> Response:
    """Without the secrets that a driver may have quoted in its error."""
    body: dict[str, Any] = {
        "errorString": str(error),
        "errorDetail": error.hint,
        "code": error.code,
        "hint": error.hint,
        "requestID": request_id,
    }
    if isinstance(error, ProjectError):
        body["diagnostics"] = [diagnostic_body(found) for found in error.diagnostics]
    headers = {}
    if isinstance(error, Unauthorized):
        headers["WWW-Authenticate"] = 'Bearer realm="headgate"'
    if isinstance(error, Busy):
        headers["Retry-After"] = str(RETRY_AFTER_SECONDS)
    return answer({"error": process_redactor.redact_values(body)}, status or status_of(error), headers)


def status_of(error: HeadgateError) -> int:
    # 423 is what Busy means; 429 is what the clients that we must please know to wait for.
    return 429 if isinstance(error, Busy) else error.http_status


def unexpected(error: BaseException, request_id: str) -> Response:
    log.error("request %s failed", request_id, exc_info=error)
    return failure(_UNEXPECTED, request_id)


def add_handlers(app: FastAPI) -> None:
    def expected(request: Request, error: Exception) -> Response:
        assert isinstance(error, HeadgateError)
        if error.http_status >= 500:
            log.warning("request %s: %s: %s", request.state.request_id, error.code, error)
        return failure(error, request.state.request_id)

    def invalid(request: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        return failure(_told(error.errors()), request.state.request_id)

    def refused(request: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        if isinstance(error, BadBody):
            return failure(error.error, request.state.request_id, error.status_code)
        if error.status_code != 405:
            return failure(_of_status(error, request), request.state.request_id, error.status_code)
        methods = {"Allow": ", ".join(_methods(request))}
        if request.method == "OPTIONS":
            return Response(status_code=204, headers=methods)
        response = failure(_of_status(error, request), request.state.request_id, 405)
        response.headers.update(methods)
        return response

    def failed(request: Request, error: Exception) -> Response:
        request.state.failed = True  # the framework raises it again after the answer; the gate lets it rest
        return unexpected(error, request.state.request_id)

    app.add_exception_handler(Exception, failed)
    app.add_exception_handler(HeadgateError, expected)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, refused)


def _methods(request: Request) -> list[str]:
    """What a path takes, by all its routes."""
    found = {"OPTIONS"}
    for template, calls in request.app.openapi()["paths"].items():
        if re.fullmatch(re.sub(r"\\{\w+\\}", "[^/]+", re.escape(template)), request.scope["path"]):
            found |= {method.upper() for method in calls} | ({"HEAD"} if "get" in calls else set())
    return sorted(found)


def _told(problems: Sequence[Any]) -> UsageError:
    shown = [_sentence(problem) for problem in problems[:MOST_SHOWN]]
    if len(problems) > MOST_SHOWN:
        shown.append(f"and {len(problems) - MOST_SHOWN} more")
    return UsageError("request_invalid", "the request is not as it should be", hint="; ".join(shown))


def _sentence(problem: Any) -> str:
    """Where it is and what it should be; never the value, which may be a secret."""
    where, *path = problem["loc"]
    name = ".".join(spelled(str(part)) if where != "body" else str(part) for part in path)
    place = f"{where} {name}".strip()
    match problem["type"]:
        case "missing":
            return f"{place} is missing"
        case "extra_forbidden":
            return f"{place} is not known here"
        case _:
            return f"{place}: {problem['msg']}"


def _of_status(error: HTTPException, request: Request) -> HeadgateError:
    path = request.url.path
    match error.status_code:
        case 404:
            return HeadgateError(
                "route_not_found", f"there is nothing at {path[:200]}", hint="/openapi.json lists every call"
            )
        case 405:
            return HeadgateError(
                "method_not_allowed",
                f"{path[:200]} does not take {request.method}",
                hint="/openapi.json lists every call",
            )
    return HeadgateError("request_invalid", str(error.detail), hint="")
