"""Version tags: names for manifests. A tag is never moved and never taken away."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from headgate.errors import NotFound, Refused, did_you_mean
from headgate.store import events
from headgate.store.codec import from_micros
from headgate.store.connection import Database, Row
from headgate.store.statements import load

SQL = load("tags")


@dataclass(frozen=True, slots=True)
class Tag:
    project: str
    name: str
    manifest_digest: str
    created_at: datetime


class Tags:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def set(self, project: str, name: str, manifest_digest: str) -> Tag:
        """Names a manifest. The same name for the same manifest again changes nothing; for another one it is
        Refused `tag_exists`."""
        now = self._now()
        with self._database.write() as connection:
            parameters = {"project": project, "name": name, "manifest_digest": manifest_digest, "now": now}
            if connection.change(SQL["add"], parameters):
                data = {"project": project, "name": name, "manifest_digest": manifest_digest}
                events.add(connection, events.values(now, "tag_set", data))
        tag = self.get(project, name)
        if tag.manifest_digest != manifest_digest:
            raise Refused(
                "tag_exists",
                f"the tag {name} already names the manifest {tag.manifest_digest[:12]}",
                hint="a tag never moves: choose another name",
            )
        return tag

    def get(self, project: str, name: str) -> Tag:
        """Raises NotFound `tag_not_found`."""
        with self._database.read() as connection:
            row = connection.row(SQL["get"], {"project": project, "name": name})
            if row is None:
                names = [found[0] for found in connection.rows(SQL["names"], {"project": project})]
                raise NotFound(
                    "tag_not_found",
                    f"project {project} has no tag {name}",
                    hint=did_you_mean(name, names, "`headgate tag list` shows the tags there are"),
                )
        return _tag(row)

    def list(self, project: str, *, after_name: str = "", limit: int = 100) -> list[Tag]:
        """Tags by name, those after `after_name`."""
        with self._database.read() as connection:
            parameters = {"project": project, "after_name": after_name, "limit": limit}
            return [_tag(row) for row in connection.rows(SQL["list"], parameters)]


def _tag(row: Row) -> Tag:
    project, name, manifest_digest, created_at = row
    return Tag(project, name, manifest_digest, from_micros(created_at))
