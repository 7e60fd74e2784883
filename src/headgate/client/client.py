"""`Client`: everything that a server answers, as values."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from types import TracebackType
from typing import Any, Self, TypedDict, TypeVar, Unpack, cast

from headgate.client import access_reading, node_reading, reading
from headgate.client.answers import (
    AuditInfo,
    EnvironmentInfo,
    JobInfo,
    LineageInfo,
    NewTokenInfo,
    NodeInfo,
    Page,
    RunInfo,
    SecretInfo,
    SelectionInfo,
    TagInfo,
    TokenInfo,
    UserInfo,
)
from headgate.client.asked import (
    AuditAsked,
    Named,
    RunAsked,
    RunsAsked,
    TokenAsked,
    Uploaded,
    UserAsked,
    Version,
)
from headgate.client.calls import Body, Calls, every
from headgate.client.run import RunHandle
from headgate.client.transport import Patience, Transport
from headgate.errors import UsageError
from headgate.model.plan import Plan
from headgate.model.project import Parameters
from headgate.model.runs import Deployment
from headgate.model.secret import Secret
from headgate.settings import NO_SERVER, load

T = TypeVar("T")
PAGE = 200


class MoreOfRun(TypedDict, total=False):
    """What else a run can be started with; see `RunAsked`."""

    parallelism: int
    force: bool
    strict: bool
    from_: datetime
    to: datetime
    idempotency_key: str


class WhichRuns(TypedDict, total=False):
    """By which a list of runs is narrowed; see `RunsAsked`."""

    environment: Named
    job: Named
    status: str
    kind: str


class Client:
    """A Headgate server. Safe to use from several threads; close it, or use it as a context manager.

    Every call raises what the server raises (`headgate.errors`), and ServerUnavailable where none answers.
    """

    def __init__(
        self,
        url: str | None = None,
        token: str | None = None,
        *,
        profile: str | None = None,
        timeout: float = 60.0,
        busy_timeout: float | None = 60.0,
    ) -> None:
        """`url` and `token` are by default those of the settings `server` and `token`, or of that profile in the
        configuration's file; a `token` of the settings goes to no other address than theirs. `timeout` is for one
        answer; `busy_timeout` for how long to try again what is held by somebody else, None for ever.

        Raises UsageError (`server_needed`, `server_url_invalid`), and what reading the settings raises.
        """
        known = load(flags={"profile": profile}) if url is None or token is None else None
        if url is None:
            assert known is not None
            if known.server is None or known.server == NO_SERVER:
                raise UsageError(
                    "server_needed", "which server?", hint="give its address, or set HEADGATE_SERVER"
                )
            url = known.server
        secret = Secret(token) if token is not None else None
        if secret is None and known is not None and url in (known.server, None):
            secret = known.token
        self._calls = Calls(Transport(url, secret, Patience(timeout, busy_timeout)))

    @property
    def url(self) -> str:
        return self._calls.transport.url

    def __repr__(self) -> str:
        return f"Client({self.url!r})"

    def close(self) -> None:
        self._calls.transport.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    # --- runs -------------------------------------------------------------------------------------------

    def start_run(
        self,
        environment: Named,
        *,
        job: Named | None = None,
        include: str = "",
        exclude: str = "",
        parameters: Parameters | None = None,
        **more: Unpack[MoreOfRun],
    ) -> RunHandle:
        """Refresh what is deployed in an environment: a job's selection, an own one, or everything.

        It starts once, though it may be sent again. With an `idempotency_key` of your own, that holds across
        processes: the same key gets the run that was started first.
        """
        key = more.pop("idempotency_key", None)
        known = cast("dict[str, Any]", more)  # what is left is RunAsked's own
        asked = RunAsked(environment, job, include, exclude, parameters=parameters or {}, **known)
        made = self._calls.start(asked, key=key)
        return RunHandle(self._calls, made["run"]["id"], tuple(made["warnings"]))

    start_refresh = start_run

    def run(self, run_id: int) -> RunHandle:
        """A run by its number; whether there is one is seen when it is asked."""
        return RunHandle(self._calls, run_id)

    def runs(self, *, limit: int | None = None, **which: Unpack[WhichRuns]) -> Iterator[RunInfo]:
        """Runs, newest first, page by page as they are wanted. Those of `which` alone."""
        asked = RunsAsked(**which)
        return _some(
            limit,
            lambda most, after: self._calls.runs(asked, limit=most, starting_from=after),
            reading.run_info,
        )

    def rerun(self, run_id: int, *, same_version: bool = False, force: bool = False) -> RunHandle | None:
        return self.run(run_id).rerun(same_version=same_version, force=force)

    def cancel(self, run_id: int) -> None:
        self._calls.cancel(run_id)

    # --- environments, deployments ------------------------------------------------------------------------

    def environments(self) -> Iterator[EnvironmentInfo]:
        return _some(
            None,
            lambda most, after: self._calls.environments(limit=most, starting_from=after),
            reading.environment,
        )

    def environment(self, name: Named) -> EnvironmentInfo:
        return reading.environment(self._calls.environment(name))

    def deployments(self, environment: Named, *, limit: int | None = None) -> Iterator[Deployment]:
        """Newest first."""
        environment_id = int(self._calls.environment(environment)["id"])
        return _some(
            limit,
            lambda most, after: self._calls.deployments(environment, limit=most, starting_from=after),
            lambda body: reading.deployment(body, environment_id),
        )

    def plan(self, environment: Named, version: Version | None = None) -> Plan:
        """What a deploy of `version` would change; by default of the working tree that the server stands in."""
        return reading.plan(self._calls.plan(environment, version or Version()))

    def deploy(
        self, environment: Named, version: Version | None = None, *, allow_destructive: bool = False
    ) -> tuple[RunHandle | None, Plan]:
        """The run that applies the plan, None where there is nothing to deploy. Raises Refused `destructive`."""
        made = self._calls.deploy(environment, version or Version(), allow_destructive=allow_destructive)
        run = None if made["run"] is None else RunHandle(self._calls, made["run"]["id"])
        return run, reading.plan(made["plan"])

    def tags(self, project: str | None = None) -> Iterator[TagInfo]:
        return _some(
            None,
            lambda most, after: self._calls.tags(project=project, limit=most, starting_from=after),
            reading.tag,
        )

    def create_tag(
        self, name: str, *, environment: Named | None = None, manifest: Uploaded | None = None
    ) -> TagInfo:
        """Of what is deployed in an environment, of a compiled project, or of the server's working tree."""
        version = None if manifest is None else Version(manifest)
        return reading.tag(self._calls.create_tag(name, environment=environment, version=version))

    # --- jobs, nodes --------------------------------------------------------------------------------------

    def jobs(self, environment: Named) -> Iterator[JobInfo]:
        return _some(
            None,
            lambda most, after: self._calls.jobs(environment, limit=most, starting_from=after),
            node_reading.job_info,
        )

    def job(self, environment: Named, job: Named) -> JobInfo:
        return node_reading.job_info(self._calls.job(environment, job))

    def nodes(self, environment: Named, *, include: str = "", exclude: str = "") -> Iterator[NodeInfo]:
        """Of what is deployed, parents before what is made of them."""
        return _some(
            None,
            lambda most, after: self._calls.nodes(
                environment, include, exclude, limit=most, starting_from=after
            ),
            node_reading.listed_node,
        )

    def node(self, environment: Named, node: str) -> NodeInfo:
        return node_reading.node_info(self._calls.node(environment, node))

    def lineage(
        self, environment: Named, node: str, *, column: str | None = None, depth: int | None = None
    ) -> LineageInfo:
        return node_reading.lineage(self._calls.lineage(environment, node, column=column, depth=depth))

    def select(
        self, environment: Named, include: str = "", exclude: str = "", *, strict: bool = False
    ) -> SelectionInfo:
        """What two selectors select of what is deployed, and why."""
        return node_reading.selection(self._calls.selection(environment, include, exclude, strict=strict))

    # --- access -------------------------------------------------------------------------------------------

    def tokens(self, *, valid: bool = False) -> Iterator[TokenInfo]:
        return _some(
            None,
            lambda most, after: self._calls.tokens(valid=valid, limit=most, starting_from=after),
            access_reading.token,
        )

    def create_token(
        self,
        name: str,
        scopes: str,
        *,
        user: Named | None = None,
        job_id: int | None = None,
        expires_at: datetime | None = None,
    ) -> NewTokenInfo:
        """Its text is told this once."""
        asked = TokenAsked(name, scopes, user, job_id, expires_at)
        return access_reading.new_token(self._calls.create_token(asked))

    def revoke_token(self, token: Named) -> TokenInfo:
        return access_reading.token(self._calls.revoke_token(token))

    def users(self) -> Iterator[UserInfo]:
        return _some(
            None,
            lambda most, after: self._calls.users(limit=most, starting_from=after),
            access_reading.user,
        )

    def create_user(self, asked: UserAsked) -> UserInfo:
        return access_reading.user(self._calls.create_user(asked))

    def change_user(self, user: Named, asked: UserAsked) -> UserInfo:
        return access_reading.user(self._calls.change_user(user, asked))

    def secrets(self) -> Iterator[SecretInfo]:
        """Names; no call gives a value."""
        return _some(
            None,
            lambda most, after: self._calls.secrets(limit=most, starting_from=after),
            access_reading.secret,
        )

    def set_secret(self, name: str, value: str) -> SecretInfo:
        return access_reading.secret(self._calls.set_secret(name, Secret(value)))

    def delete_secret(self, name: str) -> None:
        self._calls.delete_secret(name)

    def audit(
        self, *, actor: str = "", action: str = "", subject: str = "", limit: int | None = None
    ) -> Iterator[AuditInfo]:
        """What was done, newest first."""
        asked = AuditAsked(actor, action, subject)
        return _some(
            limit,
            lambda most, after: self._calls.audit(asked, limit=most, starting_from=after),
            access_reading.audit_entry,
        )

    # --- pages --------------------------------------------------------------------------------------------

    def page_of_runs(
        self, *, limit: int = PAGE, starting_from: str | None = None, **which: Any
    ) -> Page[RunInfo]:
        """One page, for who pages by hand; `runs` goes over all of them."""
        found = self._calls.runs(RunsAsked(**which), limit=limit, starting_from=starting_from)
        return reading.page(found, reading.run_info)


def _some(
    limit: int | None, page_after: Callable[[int, str | None], Body], one: Callable[[Body], T]
) -> Iterator[T]:
    """At most `limit` items of a list, whose pages are asked for as they are wanted."""
    most = PAGE if limit is None else max(0, min(limit, PAGE))
    for count, body in enumerate(every(lambda after: page_after(most, after))):
        if limit is not None and count >= limit:
            return
        yield one(body)
        if limit is not None and count + 1 >= limit:
            return
