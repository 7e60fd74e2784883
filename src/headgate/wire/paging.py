"""The query of a list. What Coalesce has too takes parameters that mean nothing here; the others do not: a filter that
is misspelled must not be passed over."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import ConfigDict, Field

from headgate.wire.base import Answer, CoalesceRequest, Request

MOST_ITEMS = 1000
Limit = Annotated[int, Field(ge=0, le=MOST_ITEMS, description="How many at most.")]
After = Annotated[
    str, Field(min_length=1, max_length=400, description="Go on after this: the `next` of the page before.")
]
Direction = Literal["asc", "desc"]


class PageQuery(Request):
    model_config = ConfigDict(strict=False)  # a query is text

    limit: Limit = 100
    starting_from: After | None = None


class CoalescePageQuery(CoalesceRequest):
    limit: Limit = 100
    starting_from: After | None = None
    detail: Annotated[bool, Field(description="With everything that one of them alone would show.")] = False


class PageAnswer(Answer):
    """A list; the `data` is each list's own."""

    next: str | None
    limit: int
    order_by: str | None = None
    order_by_direction: Direction | None = None
