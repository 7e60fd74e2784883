"""OpenLineage's events, taken as they come: what one says of a run is its record in the job log."""

from __future__ import annotations

from collections.abc import Callable

from headgate.joblog.openlineage import read_event
from headgate.service.bodies import Body
from headgate.service.context import Context


def record(context: Context, event: bytes, permit: Callable[[str], None]) -> Body:
    """`permit` raises for a name that the caller may not write. Raises UsageError (`body_malformed`,
    `lineage_event_invalid`)."""
    read = read_event(event)
    if read is None:
        return {"id": None, "name": None}
    recorded = context.store.job_log_lineage.record(read, permit)
    return {"id": recorded.id, "name": recorded.name}
