"""Contents by their SHA-256: manifests, bound nodes, steps, catalogues. Knows nothing of what is inside."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Callable, Iterable
from datetime import timedelta

from headgate.errors import NotFound
from headgate.store.codec import MICROSECOND
from headgate.store.connection import Connection, Database, again
from headgate.store.statements import chunks, in_list, load

SQL = load("blobs")

COMPRESS_FROM_BYTES = 256
COMPRESSION_LEVEL = 1  # 15 µs for a step of 2 kB; level 6 takes three times as long for a tenth less
TOUCH_AFTER = timedelta(hours=1) // MICROSECOND
KEEP_UNUSED = timedelta(days=1)


class Blobs:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def put(self, contents: Iterable[bytes]) -> list[str]:
        """Keeps each of `contents`; returns their digests, in order. What is here costs a look-up."""
        digests = []
        by_digest = {}
        for content in contents:
            digest = hashlib.sha256(content).hexdigest()
            digests.append(digest)
            by_digest[digest] = content
        now = self._now()
        known = self._known(by_digest, now)
        missing = [
            {"digest": digest, "now": now, **_packed(content)}
            for digest, content in sorted(by_digest.items())  # two at once wait for each other in one order
            if digest not in known
        ]
        if missing:
            with self._database.write() as connection:
                connection.change_many(SQL["put"], missing)
        return digests

    def _known(self, digests: Iterable[str], now: int) -> set[str]:
        known: set[str] = set()
        stale = False
        with self._database.read() as connection:
            for chunk in chunks(digests):
                inside, parameters = in_list(chunk)
                rows = connection.rows(SQL["known"].format(digests=inside), parameters)
                known.update(digest for digest, _ in rows)
                stale = stale or any(used_at < now - TOUCH_AFTER for _, used_at in rows)
        return self._touched(known, now) if stale else known

    @again
    def _touched(self, digests: set[str], now: int) -> set[str]:
        """Keeps them from being pruned; says which are still there."""
        with self._database.write() as connection:
            for chunk in chunks(sorted(digests)):
                inside, parameters = in_list(chunk)
                statement = SQL["touch"].format(digests=inside)
                connection.change(statement, {"now": now, "stale": now - TOUCH_AFTER, **parameters})
            return known_digests(connection, digests)

    def get(self, digest: str) -> bytes:
        """Raises NotFound `blob_not_found`."""
        return self.get_many((digest,))[digest]

    def get_many(self, digests: Iterable[str]) -> dict[str, bytes]:
        """The contents by digest. Raises NotFound `blob_not_found` for the first that is missing."""
        found: dict[str, bytes] = {}
        with self._database.read() as connection:
            for chunk in chunks(digests):
                inside, parameters = in_list(chunk)
                for digest, compressed, content in connection.rows(
                    SQL["get"].format(digests=inside), parameters
                ):
                    found[digest] = zlib.decompress(content) if compressed else content
                for digest in chunk:
                    if digest not in found:
                        raise not_found(digest)
        return found

    def unused(self) -> list[int]:
        """The ids of what no deployment and no tag names, and was not put within the last day (a deploy puts its
        blobs before it names them)."""
        with self._database.read() as connection:
            return [row[0] for row in connection.rows(SQL["unused"], {"before": self._unused_before()})]

    def drop(self, ids: Iterable[int]) -> int:
        """Drops what `unused` found, but for what was put since. Returns how many."""
        rows = [{"id": blob_id, "before": self._unused_before()} for blob_id in sorted(ids)]
        with self._database.write() as connection:
            return connection.change_many(SQL["drop"], rows)

    def _unused_before(self) -> int:
        return self._now() - KEEP_UNUSED // MICROSECOND


def known_digests(connection: Connection, digests: Iterable[str]) -> set[str]:
    """Which of `digests` are here, asked inside the caller's transaction."""
    known: set[str] = set()
    for chunk in chunks(digests):
        inside, parameters = in_list(chunk)
        known.update(row[0] for row in connection.rows(SQL["known"].format(digests=inside), parameters))
    return known


def not_found(digest: str) -> NotFound:
    return NotFound(
        "blob_not_found",
        f"the state holds nothing under the digest {digest[:12]}",
        hint="deploy again: that writes every part of the deployment anew",
    )


def _packed(content: bytes) -> dict[str, object]:
    if len(content) >= COMPRESS_FROM_BYTES:
        packed = zlib.compress(content, COMPRESSION_LEVEL)
        if len(packed) < 0.9 * len(content):
            return {"compressed": 1, "contents": packed}
    return {"compressed": 0, "contents": content}
