"""Other job logs that are taken over, page by page. Whoever reads them sends us what they answer; nothing here asks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from headgate.joblog.importing import MOST_WHOLE, Origin, Page, Progress, read_origin, read_records
from headgate.service.bodies import Body
from headgate.service.context import Context
from headgate.service.job_log_runs import instant_text


@dataclass(frozen=True, slots=True)
class Given:
    """`records` as the other server wrote them, in the order of their ids."""

    after: int | None
    records: Sequence[Any]
    gone: Sequence[int] = ()


def show(context: Context, url: str, name: str | None, open_after: int | None = None) -> Body:
    """How far it is taken, and ids that are asked for again. Raises UsageError `import_url_invalid`."""
    origin = read_origin(url, name)
    imports = context.store.job_log_imports
    after = -MOST_WHOLE - 1 if open_after is None else open_after
    return {**_body(origin, imports.progress(origin.key)), "open": imports.open_ids(origin.key, after)}


def forget(context: Context, url: str, name: str | None) -> None:
    """The next import begins with the first record; what came stays. Raises UsageError `import_url_invalid`, NotFound
    `import_not_found`."""
    context.store.job_log_imports.forget(read_origin(url, name))


def take(context: Context, url: str, name: str | None, given: Given) -> Body:
    """Raises UsageError (`import_url_invalid`, `import_record_invalid`), Refused (`import_moved`,
    `import_overlaps`)."""
    origin = read_origin(url, name)
    records = read_records(origin, given.records, context.store.now_micros())
    done = context.store.job_log_imports.take(Page(origin, given.after, records, tuple(given.gone)))
    return {**_body(origin, done), "imported": done.imported, "updated": done.updated}


def _body(origin: Origin, progress: Progress) -> Body:
    return {
        "origin": origin.url,
        "name": origin.name,
        "lastID": progress.last_id,
        "records": progress.records,
        "inProgress": progress.in_progress,
        "startedAt": None if progress.started_at is None else instant_text(progress.started_at),
        "changedAt": None if progress.changed_at is None else instant_text(progress.changed_at),
    }
