"""The `Prefer` headers of a request (RFC 7240), as PostgREST knows them (references/api/preferences)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import tzinfo

from headgate.joblog.instants import zone_named
from headgate.joblog.refusal import Refusal

_KNOWN = {
    "resolution": ("merge-duplicates", "ignore-duplicates"),
    "return": ("representation", "minimal", "headers-only"),
    "count": ("exact", "planned", "estimated"),
    "missing": ("default", "null"),
    "handling": ("strict", "lenient"),
    "tx": ("commit", "rollback"),
}
_SHOWN = ("resolution", "missing", "return", "count", "tx", "handling", "timezone", "max-affected")


@dataclass(frozen=True, slots=True)
class Preferences:
    """'' is not said. `ignored` are those that nobody knows."""

    resolution: str = ""
    returned: str = ""
    count: str = ""
    missing: str = ""
    handling: str = ""
    tx: str = ""
    timezone: str = ""
    zone: tzinfo | None = None
    max_affected: int | None = None
    ignored: tuple[str, ...] = ()

    @property
    def counted(self) -> bool:
        """Whether rows that are written are counted: a plan is not asked about them."""
        return self.count in ("exact", "estimated")

    @property
    def strict(self) -> bool:
        return self.handling == "strict"

    def applied(self, names: Sequence[str]) -> str:
        """The value of `Preference-Applied`: those of `names` that were said."""
        said = {
            "resolution": self.resolution,
            "missing": self.missing,
            "return": self.returned,
            "count": self.count,
            "tx": self.tx,
            "handling": self.handling,
            "timezone": self.timezone,
            "max-affected": "" if self.max_affected is None or not self.strict else str(self.max_affected),
        }
        return ", ".join(f"{name}={said[name]}" for name in _SHOWN if name in names and said[name])


def read_preferences(headers: Iterable[str], *, may_end_transactions: bool) -> Preferences:
    """Of what is said twice, the first counts. Raises Refusal PGRST122 where `handling=strict` meets something
    unknown."""
    said: dict[str, str] = {}
    zone: tzinfo | None = None
    most: int | None = None
    ignored: list[str] = []
    for text in (part.strip() for header in headers for part in header.split(",")):
        name, _, value = text.partition("=")
        if name in _KNOWN and value in _KNOWN[name]:
            if name != "tx" or may_end_transactions:
                said.setdefault(name, value)
        elif name == "timezone" and "timezone" not in said and (zone := zone_named(value)) is not None:
            said["timezone"] = value
        elif name == "max-affected" and value.isascii() and value.isdigit() and len(value) < 19:
            most = int(value) if most is None else most
        elif text and name != "max-affected":
            ignored.append(text)
    if said.get("handling") == "strict" and ignored:
        raise Refusal(
            400,
            "PGRST122",
            "Invalid preferences given with handling=strict",
            details=f"Invalid preferences: {', '.join(ignored)}",
        )
    return Preferences(
        resolution=said.get("resolution", ""),
        returned=said.get("return", ""),
        count=said.get("count", ""),
        missing=said.get("missing", ""),
        handling=said.get("handling", ""),
        tx=said.get("tx", ""),
        timezone=said.get("timezone", ""),
        zone=zone if "timezone" in said else None,
        max_affected=most,
        ignored=tuple(ignored),
    )
