"""Which form an answer has (`Accept`), and which form a body has (`Content-Type`)."""

from __future__ import annotations

from collections.abc import Sequence
from enum import StrEnum

from headgate.joblog.refusal import Refusal, invalid_body


class Media(StrEnum):
    JSON = "application/json"
    STRIPPED = "application/vnd.pgrst.array+json;nulls=stripped"
    OBJECT = "application/vnd.pgrst.object+json"
    STRIPPED_OBJECT = "application/vnd.pgrst.object+json;nulls=stripped"
    CSV = "text/csv"
    OPENAPI = "application/openapi+json"
    FORM = "application/x-www-form-urlencoded"

    @property
    def single(self) -> bool:
        """Whether the answer is one object instead of a list."""
        return self in (Media.OBJECT, Media.STRIPPED_OBJECT)

    @property
    def without_nulls(self) -> bool:
        return self in (Media.STRIPPED, Media.STRIPPED_OBJECT)

    @property
    def content_type(self) -> str:
        return f"{self.value}; charset=utf-8"


ROWS = (Media.JSON, Media.STRIPPED, Media.OBJECT, Media.STRIPPED_OBJECT, Media.CSV)
ROOT = (Media.OPENAPI, Media.JSON)


def negotiated(accept: str | None, offered: Sequence[Media]) -> Media:
    """The best of `offered`; its first where anything will do. Raises Refusal PGRST107."""
    wanted = _ranked(accept or "*/*")
    for text in wanted:
        if text == "*/*":
            return offered[0]
        found = _media(text)
        if found in offered:
            assert found is not None
            return found
    raise Refusal(406, "PGRST107", f"None of these media types are available: {', '.join(wanted) or accept}")


def body_media(content_type: str | None) -> Media:
    """JSON where nothing is said. Raises Refusal PGRST102."""
    if not content_type:
        return Media.JSON
    bare = content_type.split(";")[0].strip().lower()
    for one in (Media.JSON, Media.CSV, Media.FORM):
        if bare == one.value:
            return one
    if bare.startswith("application/vnd.pgrst.array") and _media(bare) is Media.JSON:
        return Media.JSON
    raise invalid_body(f"Content-Type not acceptable: {bare}")


def _ranked(accept: str) -> list[str]:
    """Without their weights, the heaviest first; of the same weight, the most particular first."""
    weighed = []
    for place, part in enumerate(accept.split(",")):
        words = [word.strip() for word in part.split(";")]
        weight = next((word[2:] for word in words[1:] if word.lower().startswith("q=")), "1")
        rest = [word for word in words if not word.lower().startswith("q=")]
        if rest[0]:
            text = ";".join(rest).lower()
            weighed.append((-_weight(weight), text.count("*") - text.count(";"), place, text))
    return [text for *_, text in sorted(weighed)]


def _weight(text: str) -> float:
    try:
        return min(max(float(text), 0.0), 1.0)
    except ValueError:
        return 1.0


def _media(text: str) -> Media | None:
    bare, *rest = text.split(";")
    stripped = rest == ["nulls=stripped"]
    match bare:
        case "application/vnd.pgrst.object+json" | "application/vnd.pgrst.object":
            return Media.STRIPPED_OBJECT if stripped else Media.OBJECT
        case "application/vnd.pgrst.array+json" | "application/vnd.pgrst.array":
            return Media.STRIPPED if stripped else Media.JSON
        case "application/json" | "text/csv" | "application/openapi+json":
            return Media(bare)
    return None
