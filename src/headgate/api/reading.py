"""Reads JSON bodies more strictly than the framework: no NaN, no half characters, nothing that a database refuses."""

from __future__ import annotations

from collections.abc import Callable, Coroutine
from typing import Any

import msgspec
from fastapi import Request, Response
from fastapi.routing import APIRoute

from headgate.api.failures import BadBody
from headgate.errors import UsageError

DEEPEST = 64
MOST = 2**63 - 1


class StrictRequest(Request):
    async def json(self) -> Any:
        content = await self.body()
        try:
            value = msgspec.json.decode(content)
        except (msgspec.MsgspecError, UnicodeDecodeError) as error:
            raise BadBody(UsageError("body_malformed", f"the body is not JSON: {error}")) from error
        except RecursionError as error:
            raise BadBody(_too_deep()) from error
        _check(value)
        return value


class StrictRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        handle = super().get_route_handler()

        async def strict(request: Request) -> Response:
            return await handle(StrictRequest(request.scope, request.receive))

        return strict


def _check(value: Any) -> None:
    """Raises BadBody for a NUL, a number beyond 64 bits, or what is nested too deep."""
    level = [value]
    for _ in range(DEEPEST):
        below: list[Any] = []
        for item in level:
            if isinstance(item, dict):
                below += item.keys()
                below += item.values()
            elif isinstance(item, list):
                below += item
            elif isinstance(item, str):
                if "\0" in item:
                    raise BadBody(UsageError("body_malformed", "the body holds a NUL character"))
            elif isinstance(item, int) and not -MOST <= item <= MOST:
                raise BadBody(UsageError("body_malformed", "the body holds a number of more than 64 bits"))
        if not below:
            return
        level = below
    raise BadBody(_too_deep())


def _too_deep() -> UsageError:
    return UsageError("body_malformed", f"the body is nested more than {DEEPEST} levels deep")
