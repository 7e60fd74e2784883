"""What commands ask, of the project's own state or of a server: the same questions, the same bodies.

A body is what the API answers and what `--json` prints; what a person reads is made of it (`headgate.client.reading`).
So the two can only differ where the state does. `local` and `remote` are the two that there are.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Protocol

from headgate.client.asked import AuditAsked, Named, RunAsked, RunsAsked, TokenAsked, UserAsked
from headgate.client.progress import Observer
from headgate.engine.stop import Stop
from headgate.model.secret import Secret

Body = dict[str, Any]


class View(Observer, Protocol):
    """Whoever watches a run on a terminal."""

    def say(self, text: str) -> None: ...

    def close(self) -> None: ...


class Planned(Protocol):
    """A plan that can be carried out."""

    @property
    def plan(self) -> Body: ...

    def start(self, *, allow_destructive: bool) -> Body:
        """The waiting run. Raises Refused `destructive`."""


class Target(Protocol):
    """A `limit` of None is all, and `limit` in the body then as many as there are."""

    @property
    def remote(self) -> bool:
        """Whether a server carries the runs out."""

    def the_environment(self, name: Named | None) -> Named:
        """`name` or, without, the only one that there is."""

    # runs

    def start(self, asked: RunAsked) -> Body: ...

    def rerun(self, run_id: int, *, same_version: bool, force: bool) -> Body:
        """Raises Refused `nothing_to_rerun`."""

    def carry_out(self, run_id: int, view: View, stop: Stop) -> None:
        """See the run to its end: do it, or watch the server do it. A requested `stop` cancels it."""

    def reused(self, run_id: int) -> Sequence[str]:
        """The steps that a rerun leaves as they are, as far as its view is told of them too."""

    def cancel(self, run_id: int) -> Body: ...

    def runs(self, asked: RunsAsked, *, limit: int, starting_from: str | None) -> Body: ...

    def run(self, run_id: int) -> Body: ...

    def logs(self, run_id: int, *, node: str | None = None, failed: bool = False) -> Body: ...

    # environments, versions

    def environments(self, *, limit: int | None, starting_from: str | None = None) -> Body: ...

    def environment(self, name: Named) -> Body: ...

    def apply_environments(self, name: str | None) -> Body:
        """Write the environments of the project's files, or one of them, into the state."""

    def prepare(self, environment: Named | None, *, to: int | None, tag: str | None, apply: bool) -> Planned:
        """Plan the project's files or, where one is named, an earlier deployment or a tag. With `apply`, the
        environments of the files are written into the project's own state first."""

    def tags(self, *, limit: int, starting_from: str | None) -> Body: ...

    def create_tag(self, name: str, *, environment: Named | None) -> Body:
        """Of what is deployed in an environment or, without, of the project's files."""

    # what is deployed

    def jobs(self, environment: Named, *, limit: int | None, starting_from: str | None) -> Body: ...

    def job(self, environment: Named, job: Named) -> Body: ...

    def selection(self, environment: Named, include: str, exclude: str, *, strict: bool) -> Body: ...

    def nodes(
        self, environment: Named, include: str, exclude: str, *, limit: int | None, starting_from: str | None
    ) -> Body: ...

    def node(self, environment: Named, name: str) -> Body: ...

    def trace(self, environment: Named, subject: str, *, depth: int | None) -> Body:
        """`subject` is `NODE` or `NODE.COLUMN`."""

    # the job log

    def start_log(self, asked: Body) -> Body: ...

    def finish_log(self, record_id: int, asked: Body) -> Body: ...

    def logged_jobs(self, *, limit: int, starting_from: str | None) -> Body: ...

    def logged_job(self, name: str) -> Body: ...

    def watches(self, states: Sequence[str], *, limit: int | None, starting_from: str | None) -> Body: ...

    def watch(self, name: str) -> Body: ...

    def set_watch(self, name: str, definition: Body) -> Body: ...

    def pause_watch(self, name: str, *, paused: bool) -> Body: ...

    def remove_watch(self, name: str) -> None: ...

    def apply_watches(self) -> Body:
        """Those of the project's files."""

    def send_watches(self, project: str, files: Body) -> Body:
        """Those of another project: path -> name -> watch."""

    def watch_changes(
        self, name: str | None, *, alerts: bool, limit: int, starting_from: str | None
    ) -> Body: ...

    def stale_runs(self, *, limit: int) -> Body: ...

    def log_import(self, origin: str, name: str | None, *, open_after: int | None = None) -> Body: ...

    def import_log(self, asked: Body) -> Body: ...

    def forget_import(self, origin: str, name: str | None) -> None: ...

    # access

    def tokens(self, *, valid: bool, limit: int, starting_from: str | None) -> Body: ...

    def create_token(self, asked: TokenAsked) -> Body: ...

    def revoke_token(self, token: Named) -> Body: ...

    def users(self, *, limit: int, starting_from: str | None) -> Body: ...

    def user(self, user: Named) -> Body: ...

    def create_user(self, asked: UserAsked) -> Body: ...

    def change_user(self, user: Named, asked: UserAsked) -> Body: ...

    def secrets(self, *, limit: int, starting_from: str | None) -> Body: ...

    def set_secret(self, name: str, value: Secret) -> Body: ...

    def delete_secret(self, name: str) -> None: ...

    def rotate_secrets(self) -> Body: ...

    def audit(self, asked: AuditAsked, *, limit: int, starting_from: str | None) -> Body: ...

    def now(self) -> datetime: ...
