"""One method for each call of the API: bodies in, bodies out. `Client` reads them; the command line prints them as they
are."""

from __future__ import annotations

import uuid
from collections.abc import Callable, Iterator, Sequence
from typing import Any
from urllib.parse import quote

from headgate.client.asked import AuditAsked, Named, RunAsked, RunsAsked, TokenAsked, UserAsked, Version
from headgate.client.transport import Query, Transport
from headgate.errors import NotFound, Refused, UsageError
from headgate.model.secret import Secret

Body = dict[str, Any]

MOST_ITEMS = 1000
"""What a server gives in one page at most."""


class Calls:
    """Raises the server's own errors, and ServerUnavailable."""

    def __init__(self, transport: Transport) -> None:
        self.transport = transport

    def _get(self, path: str, query: Query | None = None) -> Body:
        body: Body = self.transport.call("GET", path, query=query)
        return body

    def _list(
        self, path: str, limit: int | None, starting_from: str | None, query: Query | None = None
    ) -> Body:
        """A page of `limit`, put together where that is more than a server gives at once; all where it is None."""
        data: list[Body] = []
        after = starting_from
        while True:
            most = MOST_ITEMS if limit is None else min(limit - len(data), MOST_ITEMS)
            body = self._get(path, {**(query or {}), "limit": most, "startingFrom": after})
            data += body["data"]
            after = body["next"]
            if after is None or len(data) == limit:
                return {"data": data, "next": after, "limit": max(len(data), 1) if limit is None else limit}

    # --- runs -------------------------------------------------------------------------------------------

    def start(self, asked: RunAsked, *, key: str | None = None) -> Body:
        """`{run, warnings}`. It starts once, though it may be sent again; with a `key` of one's own, also across
        processes."""
        key = key or uuid.uuid4().hex
        body: Body = self.transport.call("POST", "/api/v1/runs", body=asked.body(), key=key)
        return body

    def runs(self, asked: RunsAsked, *, limit: int, starting_from: str | None = None) -> Body:
        return self._list("/api/v1/runs", limit, starting_from, asked.query())

    def run(self, run_id: int) -> Body:
        return self._get(f"/api/v1/runs/{run_id}")

    def results(self, run_id: int) -> Body:
        return self._get(f"/api/v1/runs/{run_id}/results")

    def logs(self, run_id: int, *, node: str | None = None, failed: bool = False) -> Body:
        """The results of one node, or of what failed."""
        return self._get(f"/api/v1/runs/{run_id}/logs", {"nodeID": node, "failed": failed})

    def rerun(self, run_id: int, *, same_version: bool = False, force: bool = False) -> Body:
        """`{run, warnings}`. Raises Refused `nothing_to_rerun`."""
        asked = {"sameVersion": same_version, "force": force}
        body: Body = self.transport.call("POST", f"/api/v1/runs/{run_id}/rerun", body=asked)
        return body

    def cancel(self, run_id: int) -> Body:
        body: Body = self.transport.call("POST", f"/api/v1/runs/{run_id}/cancel")
        return body

    # --- environments -----------------------------------------------------------------------------------

    def environments(self, *, limit: int | None, starting_from: str | None = None) -> Body:
        return self._list("/api/v1/environments", limit, starting_from)

    def environment(self, name: Named) -> Body:
        return self._get(_environment(name))

    def the_environment(self, name: Named | None) -> Named:
        """`name`, or the only one that there is. Raises UsageError `environment_needed`, Refused `not_deployed`."""
        if name is not None:
            return name
        found = [one["name"] for one in self.environments(limit=20)["data"]]
        if len(found) == 1:
            return str(found[0])
        if not found:
            raise Refused("not_deployed", "no environment has been deployed yet", hint="deploy one")
        raise UsageError(
            "environment_needed",
            f"which environment? There are {', '.join(found)}",
            hint="name one with -e, or set HEADGATE_ENVIRONMENT",
        )

    def create_environment(self, body: Body) -> Body:
        made: Body = self.transport.call("POST", "/api/v1/environments", body=body)
        return made

    def change_environment(self, name: Named, body: Body) -> Body:
        changed: Body = self.transport.call("PATCH", _environment(name), body=body)
        return changed

    def deployments(self, environment: Named, *, limit: int, starting_from: str | None = None) -> Body:
        return self._list(f"{_environment(environment)}/deployments", limit, starting_from)

    # --- plan, deploy, tags -----------------------------------------------------------------------------

    def upload(self, version: Version) -> None:
        """Make the manifest of `version` known to the server, where it is not yet."""
        if version.manifest is None:
            return
        path = f"/api/v1/manifests/{version.manifest.digest}"
        try:
            self._get(path)
        except NotFound:
            self.transport.call("PUT", path, body=version.manifest.content)

    def plan(self, environment: Named, version: Version) -> Body:
        self.upload(version)
        body: Body = self.transport.call("POST", f"{_environment(environment)}/plan", body=version.body())
        return body

    def deploy(self, environment: Named, version: Version, *, allow_destructive: bool = False) -> Body:
        """`{run, plan}`; the run is null where there is nothing to deploy. Raises Refused `destructive`."""
        self.upload(version)
        asked = {**version.body(), "allowDestructive": allow_destructive}
        body: Body = self.transport.call("POST", f"{_environment(environment)}/deploy", body=asked)
        return body

    def tags(self, *, project: str | None = None, limit: int, starting_from: str | None = None) -> Body:
        return self._list("/api/v1/tags", limit, starting_from, {"project": project})

    def create_tag(
        self, name: str, *, environment: Named | None = None, version: Version | None = None
    ) -> Body:
        """Of what is deployed in an environment, or of an uploaded manifest."""
        asked: Body = {"name": name}
        if environment is not None:
            asked["environment"] = str(environment)
        if version is not None and version.manifest is not None:
            self.upload(version)
            asked["manifest"] = version.manifest.digest
        body: Body = self.transport.call("POST", "/api/v1/tags", body=asked)
        return body

    # --- jobs, nodes ------------------------------------------------------------------------------------

    def jobs(self, environment: Named, *, limit: int | None, starting_from: str | None = None) -> Body:
        return self._list(f"{_environment(environment)}/jobs", limit, starting_from)

    def job(self, environment: Named, job: Named) -> Body:
        return self._get(f"{_environment(environment)}/jobs/{_part(job)}")

    def selection(self, environment: Named, include: str, exclude: str, *, strict: bool = False) -> Body:
        asked = {"include": include, "exclude": exclude, "strict": strict}
        body: Body = self.transport.call("POST", f"{_environment(environment)}/selection", body=asked)
        return body

    def nodes(
        self,
        environment: Named,
        include: str = "",
        exclude: str = "",
        *,
        limit: int | None,
        starting_from: str | None = None,
    ) -> Body:
        query = {"include": include, "exclude": exclude}
        return self._list(f"{_environment(environment)}/nodes", limit, starting_from, query)

    def node(self, environment: Named, node: str) -> Body:
        return self._get(f"{_environment(environment)}/nodes/{_part(node)}")

    def lineage(
        self, environment: Named, node: str, *, column: str | None = None, depth: int | None = None
    ) -> Body:
        query = {"column": column, "depth": depth}
        return self._get(f"{_environment(environment)}/nodes/{_part(node)}/lineage", query)

    # --- the job log ------------------------------------------------------------------------------------

    def start_log(self, asked: Body, *, key: str | None = None) -> Body:
        """`{record, previous, watermark}`. It starts once, though it may be sent again. Raises Refused
        `job_in_progress`."""
        key = key or uuid.uuid4().hex
        body: Body = self.transport.call("POST", "/api/v1/jobLog", body=asked, key=key)
        return body

    def finish_log(self, record_id: int, asked: Body, *, key: str | None = None) -> Body:
        """`{record, previous, watermark}`. Raises NotFound `job_record_not_found`, Refused `job_record_finished`."""
        path = f"/api/v1/jobLog/records/{record_id}/finish"
        body: Body = self.transport.call("POST", path, body=asked, key=key or uuid.uuid4().hex)
        return body

    def logged_jobs(self, *, limit: int | None, starting_from: str | None = None) -> Body:
        """`{name, state, record}` of each."""
        return self._list("/api/v1/jobLog/jobs", limit, starting_from)

    def logged_job(self, name: str) -> Body:
        """`{name, record, previous, watermark}`, null for a name that nobody has used."""
        return self._get(f"/api/v1/jobLog/jobs/{_part(name)}")

    def watches(
        self, states: Sequence[str] = (), *, limit: int | None, starting_from: str | None = None
    ) -> Body:
        query = {"state": ",".join(states) or None}
        return self._list("/api/v1/jobLog/watches", limit, starting_from, query)

    def watch(self, name: str) -> Body:
        return self._get(_watch(name))

    def set_watch(self, name: str, definition: Body) -> Body:
        body: Body = self.transport.call("PUT", _watch(name), body=definition)
        return body

    def pause_watch(self, name: str, *, paused: bool) -> Body:
        body: Body = self.transport.call("PATCH", _watch(name), body={"paused": paused})
        return body

    def remove_watch(self, name: str) -> None:
        self.transport.call("DELETE", _watch(name))

    def send_watches(self, project: str, files: Body) -> Body:
        """All watches of a project's files: path -> name -> watch."""
        asked = {"project": project, "files": files}
        body: Body = self.transport.call("PUT", "/api/v1/jobLog/watches", body=asked)
        return body

    def watch_changes(
        self, name: str | None = None, *, alerts: bool = False, limit: int, starting_from: str | None = None
    ) -> Body:
        query = {"name": name, "alerts": alerts}
        return self._list("/api/v1/jobLog/changes", limit, starting_from, query)

    def stale_runs(self, *, limit: int) -> Body:
        return self._get("/api/v1/jobLog/stale", {"limit": limit})

    def log_import(self, origin: str, name: str | None = None, *, open_after: int | None = None) -> Body:
        """How far another job log is taken over, and ids there that are asked for again."""
        query = {"origin": origin, "name": name, "openAfter": open_after}
        return self._get("/api/v1/jobLog/imports", query)

    def forget_import(self, origin: str, name: str | None = None) -> None:
        """Raises NotFound `import_not_found`."""
        self.transport.call("DELETE", "/api/v1/jobLog/imports", query={"origin": origin, "name": name})

    def import_log(self, asked: Body) -> Body:
        """Sent again it is refused, where it was carried out: it says what it goes on from. Raises Refused
        `import_moved`."""
        key = uuid.uuid4().hex
        body: Body = self.transport.call("POST", "/api/v1/jobLog/imports", body=asked, key=key)
        return body

    # --- access -----------------------------------------------------------------------------------------

    def tokens(self, *, valid: bool = False, limit: int, starting_from: str | None = None) -> Body:
        return self._list("/api/v1/tokens", limit, starting_from, {"valid": valid})

    def create_token(self, asked: TokenAsked) -> Body:
        body: Body = self.transport.call("POST", "/api/v1/tokens", body=asked.body())
        return body

    def revoke_token(self, token: Named) -> Body:
        body: Body = self.transport.call("DELETE", f"/api/v1/tokens/{_part(token)}")
        return body

    def users(self, *, limit: int, starting_from: str | None = None) -> Body:
        return self._list("/api/v1/users", limit, starting_from)

    def user(self, user: Named) -> Body:
        return self._get(f"/api/v1/users/{_part(user)}")

    def create_user(self, asked: UserAsked) -> Body:
        body: Body = self.transport.call("POST", "/api/v1/users", body=asked.body())
        return body

    def change_user(self, user: Named, asked: UserAsked) -> Body:
        body: Body = self.transport.call("PATCH", f"/api/v1/users/{_part(user)}", body=asked.body())
        return body

    def secrets(self, *, limit: int, starting_from: str | None = None) -> Body:
        return self._list("/api/v1/secrets", limit, starting_from)

    def set_secret(self, name: str, value: Secret) -> Body:
        asked = {"value": value.reveal()}
        body: Body = self.transport.call("PUT", f"/api/v1/secrets/{_part(name)}", body=asked)
        return body

    def delete_secret(self, name: str) -> None:
        self.transport.call("DELETE", f"/api/v1/secrets/{_part(name)}")

    def audit(self, asked: AuditAsked, *, limit: int, starting_from: str | None = None) -> Body:
        return self._list("/api/v1/audit", limit, starting_from, asked.query())


def every(page_after: Callable[[str | None], Body]) -> Iterator[Body]:
    """The items of all pages; `page_after` gives the page that comes after a key."""
    after: str | None = None
    while True:
        body = page_after(after)
        yield from body["data"]
        after = body["next"]
        if after is None:
            return


def _part(text: Named) -> str:
    """A part of a path. Of nothing, `.` and `..` a client would make another path."""
    quoted = quote(str(text), safe="")
    if not quoted:
        raise UsageError("request_invalid", "a name is empty", hint="write an id or a name")
    return quoted.replace(".", "%2E") if not quoted.strip(".") else quoted


def _environment(name: Named) -> str:
    return f"/api/v1/environments/{_part(name)}"


def _watch(name: str) -> str:
    return f"/api/v1/jobLog/watches/{_part(name)}"
