"""The job log: what ETL jobs that run elsewhere say of their runs, asked for and written as PostgREST's clients do.

Pure: requests as text -> trees, rows -> answers; `store` turns trees into SQL. From outside in:

- `request`: one HTTP request, read. `address`: its query string. `preferences`, `paging`, `media`, `payload`.
- `filters`, `selects`: the grammar of a parameter's value, over `scanner`. `tree`: what they read.
- `table`: the nine columns. `literals`, `instants`: PostgreSQL's spelling of their values.
- `render`: rows -> JSON and CSV. `refusal`: why a request is not answered, in PostgREST's words.
- `importing`: another job log, taken over into ours.
- `openlineage`: an event of OpenLineage, read. `lineage`: what such events tell of one run, and its record.
- `runs`: one run, as our own client tells it. `Job` is that client; it stands in `headgate.client.job`.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgate.client.job import Job, Previous

__all__ = ["Job", "Previous"]


def __getattr__(name: str) -> Any:
    """`headgate.joblog.Job`, imported when it is first named: a server that keeps the log needs no client of it."""
    if name in __all__:
        from headgate.client import job

        return getattr(job, name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
