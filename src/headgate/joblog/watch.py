"""What is expected of a job: how often it succeeds, how many records it has, what becomes of runs that do not end.

Read from a project's file, an API's body or the flags of a command, all with the same keys.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from headgate.cron import Cron
from headgate.duration import HINT, duration_seconds
from headgate.errors import UsageError, did_you_mean
from headgate.joblog.runs import Overlap

HOUR, DAY = 3_600.0, 86_400.0
MOST_SECONDS = 10 * 366 * DAY
LEAST_SECONDS = 1.0
MOST_NAME = 200


class Records(StrEnum):
    """Which counts of records are well."""

    ANY = "any"
    SOME = "some"
    """At least one."""
    USUAL = "usual"
    """What the successes before had, about."""


class State(StrEnum):
    NEW = "new"
    """Nothing has been heard of it, and nothing is due yet."""
    UP = "up"
    LATE = "late"
    """A success is due; its grace is not over."""
    DOWN = "down"
    PAUSED = "paused"


@dataclass(frozen=True, slots=True, kw_only=True)
class Watch:
    """A success is expected every so many seconds, or when `cron` fires, and `grace` seconds later at the latest (None:
    the interval, at most an hour). With neither, nothing is ever due."""

    every: float | None = None
    cron: str | None = None
    timezone: str = "UTC"
    grace: float | None = None
    stale_after: float = DAY
    """A run in progress for longer, in seconds, is taken for dead."""
    close_stale: bool = False
    """It is then ended, as an error."""
    records: Records = Records.USUAL
    overlap: Overlap = Overlap.ALLOW

    @property
    def schedule(self) -> Cron | None:
        return None if self.cron is None else Cron(self.cron, self.timezone)


@dataclass(frozen=True, slots=True)
class FileWatch:
    """A watch of a project's file, whose path is relative to the project."""

    watch: Watch
    path: str


KEYS = ("every", "cron", "timezone", "grace", "stale_after", "close_stale", "records", "overlap")
SPELLED = {**{key: key for key in KEYS}, "stale_after": "staleAfter", "close_stale": "closeStale"}
"""Key -> as bodies of the API have it."""

Word = TypeVar("Word", bound=StrEnum)
_DURATIONS = ("every", "grace", "stale_after")


def read_watch(data: Mapping[str, Any]) -> Watch:
    """Keys as the fields of Watch; durations are texts (`1d`) or seconds, and None is what it is by itself.

    Raises UsageError `watch_invalid`, `cron_invalid` or `timezone_unknown`.
    """
    given = {key: value for key, value in data.items() if value is not None}
    for key in given:
        if key not in KEYS:
            raise _invalid(f"there is no {key}", did_you_mean(key, KEYS, f"there are {', '.join(KEYS)}"))
    seconds = {key: _seconds(key, given[key]) for key in _DURATIONS if key in given}
    cron, zone = given.get("cron"), given.get("timezone", "UTC")
    if cron is not None and "every" in given:
        raise _invalid("`every` and `cron` exclude each other", "give one of the two")
    if "timezone" in given and cron is None:
        raise _invalid("`timezone` belongs to `cron`", "give a cron expression, or leave the zone out")
    if "grace" in given and cron is None and "every" not in given:
        raise _invalid("`grace` belongs to `every` or `cron`", "say when a success is due")
    if cron is not None:
        if not isinstance(cron, str) or not isinstance(zone, str):
            raise _invalid("`cron` and `timezone` are texts", "put them in quotes")
        cron = Cron.parse(cron, zone).expression
    close = given.get("close_stale", False)
    if not isinstance(close, bool):
        raise _invalid("`close_stale` is true or false", "write true or false")
    return Watch(
        cron=cron,
        timezone=zone,
        close_stale=close,
        records=_word(Records, "records", given.get("records", Records.USUAL)),
        overlap=_word(Overlap, "overlap", given.get("overlap", Overlap.ALLOW)),
        **seconds,
    )


def check_name(name: str) -> None:
    """Raises UsageError `watch_invalid` for a name that no record of our own client can have."""
    if not 0 < len(name) <= MOST_NAME or "\0" in name:
        raise _invalid(
            f"a name has 1 to {MOST_NAME} characters", "give the name under which the job logs its runs"
        )


def _seconds(key: str, value: Any) -> float:
    found = duration_seconds(value) if isinstance(value, str | int | float) else None
    if found is None:
        raise _invalid(f"`{key}` is no duration: {value!r}", HINT)
    least = 0.0 if key == "grace" else LEAST_SECONDS
    if not least <= found <= MOST_SECONDS:  # also what is no number at all
        raise _invalid(
            f"`{key}` is too {'short' if found < least else 'long'}: {value!s:.40}", "1s to 10 years"
        )
    return found


def _word(words: type[Word], key: str, value: Any) -> Word:
    try:
        return words(value)
    except ValueError:
        known = [str(word) for word in words]
        raise _invalid(
            f"`{key}` cannot be {value!r}", did_you_mean(str(value), known, f"write {', '.join(known)}")
        ) from None


def _invalid(message: str, hint: str) -> UsageError:
    return UsageError("watch_invalid", message, hint=hint)
