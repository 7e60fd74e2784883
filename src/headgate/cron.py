"""Times that a cron expression names, in a time zone. Pure: the time to count from is passed in.

Five fields, also with `L`, `#` and names, or a word such as `@daily`. A local time that a change of clocks leaves out
comes once, after the gap; one that comes twice fires once where the expression names it, and each time where a field
says "every".
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Self

from headgate.errors import UsageError, did_you_mean

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

_WORDS = {
    "@hourly": "0 * * * *",
    "@daily": "0 0 * * *",
    "@midnight": "0 0 * * *",
    "@weekly": "0 0 * * 0",
    "@monthly": "0 0 1 * *",
    "@yearly": "0 0 1 1 *",
    "@annually": "0 0 1 1 *",
}
_MOST = 200
"""Characters of an expression."""


@dataclass(frozen=True, slots=True)
class Cron:
    expression: str
    timezone: str = "UTC"

    @classmethod
    def parse(cls, expression: str, timezone: str = "UTC") -> Self:
        """Raises UsageError `cron_invalid` or `timezone_unknown`."""
        from cronsim import CronSim, CronSimError

        zone = _zone(timezone)
        fields = _fields(expression)
        if len(fields.split()) != 5 or len(fields) > _MOST:
            raise _invalid(expression, "it has five fields: minute, hour, day, month and day of the week")
        try:
            CronSim(fields, datetime(2000, 1, 1, tzinfo=zone))
        except CronSimError as error:
            raise _invalid(expression, str(error)) from None
        return cls(expression.strip(), timezone)

    def after(self, instant: datetime) -> datetime | None:
        """The first time later than `instant` (aware); None where there is none within fifty years."""
        from cronsim import CronSim

        found = next(CronSim(_fields(self.expression), instant.astimezone(_zone(self.timezone))), None)
        return None if found is None else found.astimezone(UTC)

    def __str__(self) -> str:
        return self.expression if self.timezone == "UTC" else f"{self.expression} {self.timezone}"


def _fields(expression: str) -> str:
    text = expression.strip()
    return _WORDS.get(text.lower(), text)


def _zone(name: str) -> ZoneInfo:
    from zoneinfo import ZoneInfo, available_timezones

    try:
        return ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # a name that no file can have is a ValueError or an OSError
        hint = did_you_mean(name, sorted(available_timezones()), "write a name such as Europe/Berlin")
        raise UsageError("timezone_unknown", f"there is no time zone {name!r}", hint=hint) from None


def _invalid(expression: str, reason: str) -> UsageError:
    hint = "write '0 6 * * 1-5' for 6:00 on working days, or @hourly, @daily, @weekly, @monthly"
    return UsageError("cron_invalid", f"{expression!r} is no cron expression: {reason}", hint=hint)
