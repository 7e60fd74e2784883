"""The job log of the project's own state: a part of `LocalTarget`."""

from __future__ import annotations

from headgate.cli.local_access import LocalAccess
from headgate.cli.target import Body


class LocalLog(LocalAccess):
    """Bodies are those of the API."""

    __slots__ = ()

    def start_log(self, asked: Body) -> Body:
        from headgate.service import job_log_runs

        return job_log_runs.begin(
            self.context, asked["name"], asked["source"], asked["destination"], asked["overlap"]
        )

    def finish_log(self, record_id: int, asked: Body) -> Body:
        from headgate.service import job_log_runs

        outcome = job_log_runs.Outcome(
            asked["status"], asked.get("message"), asked.get("recordsProcessed"), asked.get("watermark")
        )
        return job_log_runs.finish(self.context, record_id, outcome)

    def logged_job(self, name: str) -> Body:
        from headgate.service import job_log_runs

        return job_log_runs.about(self.context, name)
