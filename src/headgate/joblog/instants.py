"""`timestamp with time zone` as PostgreSQL reads and writes it: text <-> microseconds since 1970.

Read are the ISO forms (`2018-06-16 05:00:00-05:00`, `20180616T050000Z`, a date alone), times with AM and PM, names of
time zones behind them, and the words `now`, `today`, `tomorrow`, `yesterday`, `epoch`, `infinity`, `-infinity`
(PostgreSQL's documentation, 8.5.1). Years are 1 to 9999. Written is ISO 8601, in UTC or the zone asked for.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone, tzinfo
from zoneinfo import ZoneInfo, available_timezones

from headgate.joblog.refusal import Refusal

DAY = 86_400_000_000
EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
INFINITY = 2**63 - 1
MINUS_INFINITY = -(2**63) + 1

_FORM = re.compile(
    r"""\s*(?P<date>\d{4,}-\d{1,2}-\d{1,2}|\d{4,}/\d{1,2}/\d{1,2}|\d{8})
    (?:(?:[ \t]*T|[ \t]+)
       (?P<hour>\d{1,2})(?:(?::(?P<minute>\d{1,2})|(?P<minutes>\d{2}))
         (?:(?::(?P<second>\d{1,2})|(?P<seconds>\d{2}))(?:\.(?P<fraction>\d*))?)?)
       \s*(?P<half>(?:AM|PM)\b)?
    )?
    \s*(?P<zone>Z|[+-]\d{1,2}(?::?\d{2}(?::?\d{2})?)?|[A-Z][\w/+-]*)?\s*$""",
    re.VERBOSE | re.IGNORECASE,
)
_ONLY_DIGITS = re.compile(r"\s*[0-9]{9,}\s*", re.ASCII)
_NAMES_OF_MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_MONTHS = {name: str(number) for number, name in enumerate(_NAMES_OF_MONTHS, start=1)}
_MONTH = (
    r"(?P<month>jan(?:uary)?|feb(?:ruary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|"
    r"oct(?:ober)?|nov(?:ember)?|dec(?:ember)?)"
)
_WEEKDAY = r"\s*(?:(?:mon|tues?|wed(?:nes)?|thu(?:rs)?|fri|sat(?:ur)?|sun)(?:day)?,?\s+)?"
_OTHER_FORMS = tuple(
    re.compile(_WEEKDAY + form, re.IGNORECASE | re.ASCII)
    for form in (
        _MONTH + r"\s+(?P<day>\d{1,2})\s+(?P<time>\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)\s+(?P<year>\d{4})",
        _MONTH + r"[\s-]+(?P<day>\d{1,2}),?[\s-]+(?P<year>\d{4})",
        r"(?P<day>\d{1,2})[\s-]+" + _MONTH + r"[\s-]+(?P<year>\d{4})",
        r"(?P<year>\d{4})[\s-]+" + _MONTH + r"[\s-]+(?P<day>\d{1,2})(?!\d)",
        r"(?P<month>\d{1,2})/(?P<day>\d{1,2})/(?P<year>\d{4})(?!\d)",
        r"(?P<year>\d{4})\.(?P<month>\d{1,2})\.(?P<day>\d{1,2})(?!\d)",
    )
)
_WORDS = ("now", "today", "tomorrow", "yesterday", "epoch", "infinity", "+infinity", "-infinity")
_ABBREVIATIONS = {"utc": 0, "gmt": 0, "zulu": 0, "est": -5, "edt": -4, "cst": -6, "cdt": -5}
_ABBREVIATIONS |= {"mst": -7, "mdt": -6, "pst": -8, "pdt": -7, "cet": 1, "cest": 2, "bst": 1}
_MOST_OFFSET = timedelta(hours=15, minutes=59, seconds=59)


def zone_named(name: str) -> tzinfo | None:
    """A zone of the time zone database, as `America/Chicago`; None for any other text."""
    return ZoneInfo(name) if name in available_timezones() else None


def read_instant(text: str, zone: tzinfo, now_micros: int) -> int:
    """`zone` is that of a text without one. Raises Refusal 22007, 22008, 22009 or 22023."""
    word = text.strip().lower()
    if word in _WORDS:
        return _word(word, zone, now_micros)
    found = _FORM.match(text) or _FORM.match(_numbered(text))
    if found is None and _ONLY_DIGITS.fullmatch(text):
        raise Refusal(400, "22008", f'date/time field value out of range: "{text}"')
    if found is None:
        raise Refusal(400, "22007", f'invalid input syntax for type timestamp with time zone: "{text}"')
    out_of_range = Refusal(400, "22008", f'date/time field value out of range: "{text}"')
    year, month, day = _date(found["date"])
    hour, minute, second = (
        int(found[one] or found[other] or 0)
        for one, other in (("hour", "hour"), ("minute", "minutes"), ("second", "seconds"))
    )
    if found["half"]:
        if not 1 <= hour <= 12:
            raise out_of_range
        hour = hour % 12 + (12 if found["half"].upper() == "PM" else 0)
    ends_day = hour == 24 and minute == second == 0 and not (found["fraction"] or "").strip("0")
    if (hour > 23 and not ends_day) or minute > 59 or second > 60:
        raise out_of_range
    micros = _micros(found["fraction"])
    try:
        local = datetime(year, month, day) + timedelta(
            hours=hour, minutes=minute, seconds=second, microseconds=micros
        )
        return micros_of(local.replace(tzinfo=_zone(found["zone"], zone, text)))
    except (ValueError, OverflowError):
        raise out_of_range from None


def micros_of(moment: datetime) -> int:
    """`moment` has a zone."""
    return (moment - EPOCH) // timedelta(microseconds=1)


def moment_of(micros: int, zone: tzinfo) -> datetime:
    moment = EPOCH + timedelta(microseconds=micros)
    return moment if zone is UTC else moment.astimezone(zone)


def write_instant(micros: int, zone: tzinfo, between: str = "T") -> str:
    """`2018-06-16T05:00:00.25+00:00`, with as many digits as there are. With a blank between, the offset is as short
    as in PostgreSQL's text: `2018-06-16 05:00:00.25+00`."""
    if micros in (INFINITY, MINUS_INFINITY):
        return "infinity" if micros > 0 else "-infinity"
    text = moment_of(micros, zone).isoformat(between)
    if "." in text:
        text = text[:26].rstrip("0") + text[26:]
    return text[:-3] if between == " " and text.endswith(":00") else text


def write_local(moment: datetime, between: str) -> str:
    """Without its zone."""
    text = moment.replace(tzinfo=None).isoformat(between)
    return text.rstrip("0") if "." in text else text


def _word(word: str, zone: tzinfo, now_micros: int) -> int:
    if word.endswith("infinity"):
        return MINUS_INFINITY if word.startswith("-") else INFINITY
    if word == "epoch":
        return 0
    if word == "now":
        return now_micros
    days = {"today": 0, "tomorrow": 1, "yesterday": -1}[word]
    day = moment_of(now_micros, zone).replace(tzinfo=None, hour=0, minute=0, second=0, microsecond=0)
    return micros_of((day + timedelta(days=days)).replace(tzinfo=zone))


def _numbered(text: str) -> str:
    """A date with the name of its month (`16 June 2018`, `Sat Jun 16 05:00:00 2018`), with its month first
    (`6/16/2018`, as PostgreSQL's DateStyle has it where nobody changed it), or with dots, as year, month and day."""
    for form in _OTHER_FORMS:
        if found := form.match(text):
            parts = found.groupdict("")
            month = _MONTHS.get(parts["month"][:3].lower(), parts["month"])
            return f"{parts['year']}-{month}-{parts['day']} {parts.get('time', '')}{text[found.end() :]}"
    return text


def _date(text: str) -> tuple[int, int, int]:
    if text.isdigit():
        return int(text[:4]), int(text[4:6]), int(text[6:])
    year, month, day = re.split("[-/]", text)
    return int(year), int(month), int(day)


def _micros(fraction: str | None) -> int:
    """Rounded to the nearest; may be a whole second."""
    return round(int(fraction[:12]) * 1_000_000 / 10 ** len(fraction[:12])) if fraction else 0


def _zone(name: str | None, usual: tzinfo, text: str) -> tzinfo:
    if name is None:
        return usual
    if name[0] in "+-":
        digits = name[1:].replace(":", "")
        digits = digits.zfill(2) if len(digits) < 3 else digits.zfill(4 if len(digits) < 5 else 6)
        hours, minutes, seconds = (int(digits[at : at + 2] or 0) for at in (0, 2, 4))
        offset = timedelta(hours=hours, minutes=minutes, seconds=seconds)
        if offset > _MOST_OFFSET or minutes > 59 or seconds > 59:
            raise Refusal(400, "22009", f'time zone displacement out of range: "{text}"')
        return timezone(-offset if name[0] == "-" else offset)
    if name.lower() in ("z", *_ABBREVIATIONS):
        return timezone(timedelta(hours=_ABBREVIATIONS.get(name.lower(), 0)))
    found = zone_named(name) or next(
        (ZoneInfo(one) for one in available_timezones() if one.lower() == name.lower()), None
    )
    if found is None:
        if "/" in name:
            raise Refusal(400, "22023", f'time zone "{name}" not recognized')
        raise Refusal(400, "22007", f'invalid input syntax for type timestamp with time zone: "{text}"')
    return found
