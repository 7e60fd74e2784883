"""A server as a `Target`: the client's calls, and what a command needs beside them.

A server that was found by itself runs over the project that the command stands in, and sees the same files.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli.target import Body, View
from headgate.cli.watching import Watch
from headgate.client.asked import Named, Uploaded, Version
from headgate.client.calls import Calls
from headgate.client.transport import Transport
from headgate.engine.stop import Stop
from headgate.errors import NotFound, Refused, UsageError

if TYPE_CHECKING:
    from headgate.compile import Compiled
    from headgate.model.project import Environment


@dataclass(frozen=True, slots=True)
class Here:
    """What a command has beside the server: the project's folder, None where it stands in none; `beside` says that
    the server runs over that very project. `wait_seconds` is how long a run may wait for its turn, None for ever."""

    root: Path | None
    cache: Path
    beside: bool
    wait_seconds: float | None = None


@dataclass(frozen=True, slots=True)
class RemotePlanned:
    """Its start plans anew: a server keeps no plan."""

    calls: Calls
    environment: Named
    version: Version
    plan: Body

    def start(self, *, allow_destructive: bool) -> Body:
        made = self.calls.deploy(self.environment, self.version, allow_destructive=allow_destructive)
        if made["run"] is None:
            name = self.plan["environment"]
            raise Refused("plan_outdated", f"another deploy of {name} came first", hint="plan again")
        run: Body = made["run"]
        return run


class RemoteTarget(Calls):
    remote = True

    def __init__(self, transport: Transport, here: Here) -> None:
        super().__init__(transport)
        self._here = here

    def now(self) -> datetime:
        return datetime.now(UTC)

    def carry_out(self, run_id: int, view: View, stop: Stop) -> None:
        Watch(self, run_id, view.say).until_the_end(view, stop, self._here.wait_seconds)

    def reused(self, run_id: int) -> Sequence[str]:  # noqa: ARG002
        return ()  # the client's `Teller` leaves them out by itself

    # --- the project's files --------------------------------------------------------------------------------

    def prepare(
        self,
        environment: Named | None,
        *,
        to: int | None,
        tag: str | None,
        apply: bool,  # noqa: ARG002
    ) -> RemotePlanned:
        if to is not None or tag is not None:
            return self._planned(self.the_environment(environment), Version(to=to, tag=tag))
        compiled = self._compiled()
        if self._here.beside:  # it takes the files itself, with their environments, which nobody may upload
            from headgate.service.project import environment_of

            name = None if environment is None else str(environment)
            return self._planned(environment_of(compiled, name).name, Version())
        return self._planned(self.the_environment(environment), self._uploaded(compiled))

    def _planned(self, environment: Named, version: Version) -> RemotePlanned:
        return RemotePlanned(self, environment, version, self.plan(environment, version))

    def _uploaded(self, compiled: Compiled) -> Version:
        from headgate.service.versions import tree_version

        assert self._here.root is not None  # it was compiled
        label = tree_version(self._here.root)
        return Version(Uploaded(compiled.manifest_digest, compiled.manifest_json, label))

    def _compiled(self) -> Compiled:
        from headgate.cli.output import show_diagnostics
        from headgate.compile import compile_project

        if self._here.root is None:
            raise UsageError(
                "not_a_project",
                "this needs a project folder",
                hint="run it where headgate.yml is, or name --to or --tag",
            )
        compiled = compile_project(self._here.root, cache_dir=self._here.cache)
        show_diagnostics(compiled.warnings)
        return compiled

    def create_tag(
        self, name: str, *, environment: Named | None = None, version: Version | None = None
    ) -> Body:
        if environment is None and version is None:
            version = self._uploaded(self._compiled())
        return super().create_tag(name, environment=environment, version=version)

    def tags(self, *, project: str | None = None, limit: int, starting_from: str | None = None) -> Body:
        if project is None and self._here.root is not None:
            project = self._compiled().manifest.name
        return super().tags(project=project, limit=limit, starting_from=starting_from)

    def apply_environments(self, name: str | None) -> Body:
        from headgate.service.project import environment_of

        compiled = self._compiled()
        named = [environment_of(compiled, name)] if name else [*compiled.environments.values()]
        applied = [self._apply(one, compiled.manifest.name)["id"] for one in named]
        listed = {one["id"]: one for one in self.environments(limit=None)["data"]}
        data = [listed[id_] for id_ in applied]
        return {"data": data, "next": None, "limit": max(len(data), 1)}

    def apply_watches(self) -> Body:
        from headgate.service.job_watches import definition_body

        compiled = self._compiled()
        files: dict[str, Body] = {}
        for name, one in compiled.watches.items():
            files.setdefault(one.path, {})[name] = definition_body(one.watch)
        return self.send_watches(compiled.manifest.name, files)

    def _apply(self, environment: Environment, project: str) -> Body:
        body = {
            "name": environment.name,
            "description": environment.description,
            "warehouse": {"type": environment.warehouse.type, **environment.warehouse.options},
            "mappings": {
                location: {"schema": place.schema, "database": place.database}
                for location, place in environment.mappings.items()
            },
            "parameters": environment.parameters,
            "requireCommit": environment.require_commit,
            "maxRunning": environment.max_running,
        }
        try:
            return self.change_environment(environment.id, body)
        except NotFound:
            return self.create_environment({"id": environment.id, "project": project, **body})

    # --- what asks in another way -----------------------------------------------------------------------------

    def trace(self, environment: Named, subject: str, *, depth: int | None) -> Body:
        """As `service.lineage.find_subject` reads it: a node where there is one of that name, else its column."""
        try:
            return self.lineage(environment, subject, depth=depth)
        except NotFound as error:
            node, _, column = subject.rpartition(".")
            if not node or error.code != "node_not_found":
                raise
            try:
                return self.lineage(environment, node, column=column, depth=depth)
            except NotFound as other:
                raise (error if other.code == "node_not_found" else other) from None

    def rotate_secrets(self) -> Body:
        raise UsageError(
            "not_over_http",
            "secrets are sealed anew on the server's machine alone",
            hint="run it there, with --server local",
        )
