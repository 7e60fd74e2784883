"""Which rows of a result: `limit`, `offset` and the `Range` header; and what `Content-Range` says of it."""

from __future__ import annotations

import re
from dataclasses import dataclass

from headgate.joblog.refusal import Refusal, not_satisfiable

_RANGE = re.compile(r"([0-9]{1,4000})-([0-9]{0,4000})", re.ASCII)
_WHOLE = re.compile(r"\s*(-?[0-9]{1,4000})\s*", re.ASCII)
MOST = 2**63 - 1


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
NONE = Slice(0, 0)


def read_slice(limit: str | None, offset: str | None, range_header: str | None) -> Slice:
    """What is no number is as if it were not there. Raises Refusal PGRST103.

    The arithmetic is that of PostgREST's `RangeQuery` and `getRanges`: both parameters make one range of places, and
    so does the header; what they share is asked for, and sharing nothing is refused. `limit=0` is the exception.
    """
    lower, upper = _asked(limit, offset)
    if upper == -1:
        return NONE
    first, last = _header(range_header)
    if last is not None and last < first:
        raise not_satisfiable(
            "The lower boundary must be lower than or equal to the upper boundary in the Range header."
        )
    start = max(lower, first, 0)
    ends = [one for one in (upper, last) if one is not None]
    if ends and min(ends) < start:
        raise not_satisfiable("Limit should be greater than or equal to zero.")
    return Slice(start, min(ends) - start + 1 if ends else None)


def check_bounds(asked: Slice) -> None:
    """Raises Refusal 22003 for a place or a count that no row has."""
    for number in (asked.limit or 0, asked.offset):
        if number > MOST:
            raise Refusal(400, "22003", f'value "{number}" is out of range for type bigint')


def _asked(limit: str | None, offset: str | None) -> tuple[int, int | None]:
    """The first and the last place of `limit` and `offset`. A limit that is no number is 0 beside an offset."""
    most, start = _number(limit), _number(offset)
    lower = 0 if start is None else start
    if limit is None or (most is None and offset is None):
        return lower, None
    return lower, lower + (most or 0) - 1


def _header(text: str | None) -> tuple[int, int | None]:
    found = _RANGE.fullmatch(text) if text else None
    if found is None:
        return 0, None
    return int(found[1]), int(found[2]) if found[2] else None


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
