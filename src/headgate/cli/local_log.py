"""The job log of the project's own state: a part of `LocalTarget`."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.cli.local_access import ALL, LocalAccess, whole
from headgate.cli.target import Body


class LocalLog(LocalAccess):
    """Bodies are those of the API."""

    __slots__ = ()

    def start_log(self, asked: Body, *, key: str | None = None) -> Body:
        from headgate.service import job_log_runs

        late = job_log_runs.Late(asked.get("startDate"), asked.get("clock"), key)
        return job_log_runs.begin(
            self.context,
            asked["name"],
            asked["source"],
            asked["destination"],
            asked.get("overlap"),
            late,
        )

    def finish_log(self, record_id: int, asked: Body, *, key: str | None = None) -> Body:
        from headgate.service import job_log_runs

        outcome = job_log_runs.Outcome(
            asked["status"], asked.get("message"), asked.get("recordsProcessed"), asked.get("watermark")
        )
        late = job_log_runs.Late(asked.get("endDate"), asked.get("clock"), key)
        return job_log_runs.finish(self.context, record_id, outcome, late)

    def logged_jobs(self, *, limit: int, starting_from: str | None) -> Body:
        from headgate.service import job_watches

        return job_watches.list_jobs(self.context, None, limit=limit, starting_from=starting_from)

    def logged_job(self, name: str) -> Body:
        from headgate.service import job_log_runs

        return job_log_runs.about(self.context, name)

    def watches(self, states: Sequence[str], *, limit: int | None, starting_from: str | None) -> Body:
        from headgate.service import job_watches

        most = limit or ALL
        return whole(
            job_watches.list_watches(self.context, None, states, limit=most, starting_from=starting_from),
            limit,
        )

    def watch(self, name: str) -> Body:
        from headgate.service import job_watches

        return job_watches.show_watch(self.context, name)

    def set_watch(self, name: str, definition: Body) -> Body:
        from headgate.service import job_watches

        return job_watches.set_watch(self.context, name, job_watches.definition_of(definition))

    def pause_watch(self, name: str, *, paused: bool) -> Body:
        from headgate.service import job_watches

        return job_watches.pause_watch(self.context, name, paused=paused)

    def remove_watch(self, name: str) -> None:
        from headgate.service import job_watches

        job_watches.remove_watch(self.context, name)

    def apply_watches(self) -> Body:
        from headgate.service import job_watches
        from headgate.service.project import apply_watches, compile_tree

        compiled = compile_tree(self.context)
        apply_watches(self.context, compiled)
        return job_watches.watches_of(self.context, compiled.watches)

    def send_watches(self, project: str, files: Body) -> Body:
        from headgate.service import job_watches

        return job_watches.apply_definitions(self.context, project, files)

    def watch_changes(self, name: str | None, *, alerts: bool, limit: int, starting_from: str | None) -> Body:
        from headgate.service import job_watches

        return job_watches.list_changes(
            self.context, None, name, alerts=alerts, limit=limit, starting_from=starting_from
        )

    def stale_runs(self, *, limit: int) -> Body:
        from headgate.service import job_watches

        return job_watches.list_stale(self.context, None, limit=limit)

    def log_import(self, origin: str, name: str | None, *, open_after: int | None = None) -> Body:
        from headgate.service import job_log_imports

        return job_log_imports.show(self.context, origin, name, open_after)

    def forget_import(self, origin: str, name: str | None) -> None:
        from headgate.service import job_log_imports

        job_log_imports.forget(self.context, origin, name)

    def import_log(self, asked: Body) -> Body:
        from headgate.service import job_log_imports

        given = job_log_imports.Given(asked["afterID"], asked["records"], asked.get("gone", ()))
        return job_log_imports.take(self.context, asked["origin"], asked["name"], given)
