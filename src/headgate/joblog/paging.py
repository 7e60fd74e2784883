"""Which rows of a result: `limit`, `offset` and the `Range` header; and what `Content-Range` says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headgate.joblog.refusal import not_satisfiable

_RANGE = re.compile(r"([0-9]{1,18})-([0-9]{0,18})", re.ASCII)
_WHOLE = re.compile(r"\s*(-?[0-9]{1,18})\s*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Slice:
    """`limit` is None where there is none."""

    offset: int = 0
    limit: int | None = None

    def at_most(self, most: int | None) -> Slice:
        if most is None:
            return self
        return Slice(self.offset, most if self.limit is None else min(most, self.limit))


WHOLE = Slice()


def read_slice(limit: str | None, offset: str | None, range_header: str | None) -> Slice:
    """What is no number is as if it were not there. Raises Refusal PGRST103."""
    asked = Slice(max(_number(offset) or 0, 0), _number(limit))
    if asked.limit is not None and asked.limit < 0:
        raise not_satisfiable("Limit should be greater than or equal to zero.")
    found = _RANGE.fullmatch(range_header) if range_header else None
    if found is None:
        return asked
    lower, upper = int(found[1]), int(found[2]) if found[2] else None
    if upper is not None and upper < lower:
        raise not_satisfiable(
            "The lower boundary must be lower than or equal to the upper boundary in the Range header."
        )
    ends = [one for one in (upper, _end(asked)) if one is not None]
    start = max(lower, asked.offset)
    return Slice(start, max(min(ends) - start + 1, 0) if ends else None)


def _end(asked: Slice) -> int | None:
    return None if asked.limit is None else asked.offset + asked.limit - 1


def _number(text: str | None) -> int | None:
    found = _WHOLE.fullmatch(text) if text else None
    return None if found is None else int(found[1])


def content_range(lower: int, upper: int, total: int | None) -> str:
    """Both ends are part of the range; it is empty where `upper` is below `lower`."""
    shown = f"{lower}-{upper}" if lower <= upper and total != 0 else "*"
    return f"{shown}/{'*' if total is None else total}"


def status_of(asked: Slice, count: int, total: int | None) -> int:
    """200, 206 for a part of what there is. Raises Refusal PGRST103 for an offset beyond it."""
    if total is None:
        return 200
    if asked.offset > total:
        raise not_satisfiable(
            f"An offset of {asked.offset} was requested, but there are only {total} rows.",
            content_range(asked.offset, asked.offset - 1, total),
        )
    return 206 if count < total else 200
