"""Takes another job log over, from wherever an earlier import came to: its pages, one by one, into ours.

Nothing is kept here. Ours says how far it is, and refuses a page that does not go on from there; so an import may be
killed, repeated, or be one of several at once.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import msgspec

from headgate.client.other_log import IDS_AT_ONCE, OtherLog
from headgate.errors import Refused, UsageError
from headgate.joblog.importing import read_id, read_records

PIECE_BYTES = 4 * 2**20
"""Of one request: long messages make pages large."""

Body = dict[str, Any]


class OwnLog(Protocol):
    """What an import asks of the log that it writes."""

    def log_import(self, origin: str, name: str | None, *, open_after: int | None = None) -> Body: ...

    def import_log(self, asked: Body) -> Body: ...


@dataclass(frozen=True, slots=True)
class Told:
    """How far it is. `newest` is the last id there as it began."""

    imported: int
    updated: int
    last_id: int | None
    newest: int | None


class Import:
    """`skipped` are ids there that are left out. `newest` is the largest one as it began."""

    def __init__(
        self, other: OtherLog, own: OwnLog, tell: Callable[[Told], None], skipped: Collection[int] = ()
    ) -> None:
        self._other = other
        self._own = own
        self._tell = tell
        self._skipped = skipped
        self._origin = other.origin
        self.newest: int | None = None
        self._last: int | None = None
        self.imported = 0
        self.updated = 0

    def run(self) -> Body:
        """What there is as it begins; what comes meanwhile may come with it, or with the next one. The answer is our
        log's, `imported` and `updated` those of the whole import. Raises what the two logs raise."""
        self.newest = self._other.newest()
        body = self._standing()
        self._ask_again(body["open"])
        after = self._last
        while self.newest is not None and (after is None or after < self.newest):
            records = self._other.page(after)
            if not records:
                break
            whole = all(self._sent(piece) for piece in _pieces(self._kept(records)))
            after = read_id(self._origin, records[-1]) if whole else self._last
        body = self._standing()
        del body["open"]
        return {**body, "imported": self.imported, "updated": self.updated}

    def _ask_again(self, ids: Sequence[int]) -> None:
        """For the records that may have changed since they were taken."""
        while ids:
            for start in range(0, len(ids), IDS_AT_ONCE):
                some = ids[start : start + IDS_AT_ONCE]
                found = self._kept(self._other.among(some))
                there = {read_id(self._origin, one) for one in found}
                gone = [number for number in some if number not in there]
                while not self._sent(found, gone):
                    pass
            ids = self._standing(open_after=ids[-1])["open"]

    def _kept(self, records: Sequence[Any]) -> list[Any]:
        return [one for one in records if read_id(self._origin, one) not in self._skipped]

    def _sent(self, records: Sequence[Any], gone: Sequence[int] = ()) -> bool:
        """False where nothing of it was written, because our log is taken up to another place by now."""
        asked = {
            "origin": self._origin.url,
            "name": self._origin.name,
            "afterID": self._last,
            "records": list(records),
            "gone": list(gone),
        }
        try:
            done = self._own.import_log(asked)
        except Refused as error:
            if error.code != "import_moved":
                raise
            self._standing()
            return False
        except UsageError as error:
            if error.code == "body_malformed":  # said of the whole body: which record is it?
                read_records(self._origin, records, 0)
            raise
        self._last = done["lastID"]
        self.imported += done["imported"]
        self.updated += done["updated"]
        self._tell(Told(self.imported, self.updated, self._last, self.newest))
        return True

    def _standing(self, *, open_after: int | None = None) -> Body:
        body = self._own.log_import(self._origin.url, self._origin.name, open_after=open_after)
        self._last = body["lastID"]
        return body


def _pieces(records: Sequence[Any]) -> Iterator[list[Any]]:
    """In their order, each small enough for one request; one record at least."""
    piece: list[Any] = []
    size = 0
    for record in records:
        more = len(msgspec.json.encode(record))
        if piece and size + more > PIECE_BYTES:
            yield piece
            piece, size = [], 0
        piece.append(record)
        size += more
    if piece:
        yield piece
