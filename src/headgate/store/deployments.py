"""Deployments: begun as applying, ended once; the last good one is what stands in its environment."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field

from headgate.errors import NotFound, Refused
from headgate.model.runs import Deployment, DeploymentStatus, Run, RunKind
from headgate.store import claims, events
from headgate.store.blobs import known_digests, not_found
from headgate.store.codec import from_micros
from headgate.store.connection import Conflict, Connection, Database, Row, again
from headgate.store.statements import chunks, in_list, load

SQL = load("deployments")

NodeDigests = tuple[str, str, str | None]
"""A node's id, the digest of it as bound, and of its refresh step (None or "" where it has none)."""

ANY_NUMBER = 2**62


@dataclass(frozen=True, slots=True)
class NewDeployment:
    """What a deployment is made of. The blobs of its nodes were put already; `digests` are its named blobs."""

    environment_id: int
    manifest_digest: str
    nodes: Iterable[NodeDigests] = ()
    version: str = ""
    digests: Mapping[str, str] = field(default_factory=dict)


class Deployments:
    def __init__(self, database: Database, now_micros: Callable[[], int]) -> None:
        self._database = database
        self._now = now_micros

    def begin(
        self,
        *,
        environment_id: int,
        manifest_digest: str,
        nodes: Iterable[NodeDigests] = (),
        version: str = "",
        digests: Mapping[str, str] | None = None,
        run_id: int | None = None,
    ) -> Deployment:
        """Writes a deployment that is applying. `run_id` is the deploy that applies it; `Runs.create_deploy` writes
        both at once.

        Raises NotFound `blob_not_found` or `environment_not_found`.
        """
        new = NewDeployment(environment_id, manifest_digest, nodes, version, digests or {})
        try:
            with self._database.write() as connection:
                return insert_deployment(connection, new, run_id, self._now())
        except Conflict as error:
            raise NotFound(
                "environment_not_found",
                f"there is no environment {environment_id} or no run {run_id} to deploy",
                hint="apply the environment first",
            ) from error

    @again
    def finish(
        self,
        deployment_id: int,
        ok: bool,
        digests: Mapping[str, str] | None = None,
        *,
        fence: int | None = None,
    ) -> Deployment:
        """Ends an applying or unsettled deployment: it stands in its environment from now on and clears its
        mark, or it failed and marks it. `digests` are added to the deployment's named blobs.

        Raises NotFound, Refused `deployment_ended`, and with a `fence` LeaseLost.
        """
        now = self._now()
        status = DeploymentStatus.DEPLOYED if ok else DeploymentStatus.FAILED
        with self._database.write() as connection:
            before = _require(connection, SQL["get"], {"id": deployment_id}, str(deployment_id))
            run_id = before[6]
            if fence is not None and run_id is not None:
                claims.require_held(connection, run_id, fence)
            row = connection.row(SQL["finish"], {"id": deployment_id, "status": status, "now": now})
            if row is None:
                raise Refused("deployment_ended", f"deployment {deployment_id} is {before[3]} already")
            _set_blobs(connection, deployment_id, digests or {})
            place = {"id": deployment_id, "environment_id": row[1]}
            connection.change(SQL["stand" if ok else "mark"], place)
            deployment = _with_blobs(connection, [row])[0]
            _moved(connection, deployment, now)
        return deployment

    def get(self, deployment_id: int) -> Deployment:
        """Raises NotFound `deployment_not_found`."""
        with self._database.read() as connection:
            row = _require(connection, SQL["get"], {"id": deployment_id}, str(deployment_id))
            return _with_blobs(connection, [row])[0]

    def of_run(self, run_id: int) -> Deployment:
        """What a deploy applies. Raises NotFound `deployment_not_found`."""
        with self._database.read() as connection:
            row = _require(connection, SQL["of_run"], {"run_id": run_id}, f"of run {run_id}")
            return _with_blobs(connection, [row])[0]

    def unsettled(self, environment_id: int) -> Deployment | None:
        """The newest deployment whose run ended without saying how it went, unless a later one stands. Only
        the commit marker in the warehouse knows; until somebody looks, it counts as failed."""
        with self._database.read() as connection:
            rows = connection.rows(SQL["unsettled"], {"environment_id": environment_id})
            return _with_blobs(connection, rows)[0] if rows else None

    def by_number(self, environment_id: int, number: int) -> Deployment:
        """Raises NotFound `deployment_not_found`."""
        parameters = {"environment_id": environment_id, "number": number}
        with self._database.read() as connection:
            name = f"number {number} in environment {environment_id}"
            return _with_blobs(connection, [_require(connection, SQL["by_number"], parameters, name)])[0]

    def current(self, environment_id: int) -> Deployment | None:
        """What stands in an environment; None before the first good deploy."""
        with self._database.read() as connection:
            rows = connection.rows(SQL["current"], {"environment_id": environment_id})
            return _with_blobs(connection, rows)[0] if rows else None

    def bound_digests(self, deployment_id: int, node_ids: Iterable[str] | None = None) -> dict[str, str]:
        """The digests of bound nodes by node id; of all nodes where none are named."""
        return self._digests(SQL["bound_digests"], deployment_id, node_ids)

    def step_digests(self, deployment_id: int, node_ids: Iterable[str] | None = None) -> dict[str, str]:
        """The digests of refresh steps by node id, for the nodes that have one."""
        return self._digests(SQL["step_digests"], deployment_id, node_ids)

    def _digests(self, statement: str, deployment_id: int, node_ids: Iterable[str] | None) -> dict[str, str]:
        with self._database.read() as connection:
            if node_ids is None:
                rows = connection.rows(statement.format(only=""), {"deployment_id": deployment_id})
                return {node_id: digest for node_id, digest in rows}  # noqa: C416 - rows are wider to mypy
            found: dict[str, str] = {}
            for chunk in chunks(node_ids):
                inside, parameters = in_list(chunk)
                text = statement.format(only=f"AND node_id IN ({inside})")
                found.update(connection.rows(text, {"deployment_id": deployment_id, **parameters}))
        return found

    def list(
        self, environment_id: int, *, limit: int = 50, before_number: int | None = None
    ) -> list[Deployment]:
        """An environment's deployments, newest first, those below `before_number`."""
        parameters = {
            "environment_id": environment_id,
            "limit": limit,
            "before_number": ANY_NUMBER if before_number is None else before_number,
        }
        with self._database.read() as connection:
            return _with_blobs(connection, connection.rows(SQL["list"], parameters))


def insert_deployment(connection: Connection, new: NewDeployment, run_id: int | None, now: int) -> Deployment:
    """Writes an applying deployment inside the caller's transaction. Raises NotFound `blob_not_found`, or Conflict
    where its environment or its run is unknown."""
    claims.lock_environment(connection, new.environment_id)  # its deployments are numbered in a row
    nodes = list(new.nodes)
    _require_blobs(connection, nodes)
    parameters = {
        "environment_id": new.environment_id,
        "manifest_digest": new.manifest_digest,
        "version": new.version,
        "run_id": run_id,
        "now": now,
    }
    row = connection.rows(SQL["begin"], parameters)[0]
    connection.change_many(
        SQL["add_node"],
        (
            {"deployment_id": row[0], "node_id": node, "bound_digest": bound, "step_digest": step}
            for node, bound, step in nodes
        ),
    )
    _set_blobs(connection, row[0], new.digests)
    deployment = _deployment(row, dict(new.digests))
    _moved(connection, deployment, now)
    return deployment


def fail_applying(connection: Connection, run: Run, now: int) -> int:
    """Fails the deployment that a run which is over left unfinished. Where the run had written down its steps,
    which it does just before the first statement, the environment is marked and the deployment unsettled; else
    nothing was touched. Returns how many; none where the run is no deploy."""
    if run.kind is not RunKind.DEPLOY:
        return 0
    started = connection.row(SQL["has_steps"], {"run_id": run.id}) is not None
    rows = connection.rows(SQL["leave"], {"run_id": run.id, "now": now, "unsettled": int(started)})
    for row in rows:
        if started:
            connection.change(SQL["mark"], {"environment_id": row[1]})
        _moved(connection, _deployment(row, {}), now)
    return len(rows)


def _require(connection: Connection, statement: str, parameters: dict[str, int], name: str) -> Row:
    row = connection.row(statement, parameters)
    if row is None:
        raise NotFound(
            "deployment_not_found",
            f"there is no deployment {name}",
            hint="headgate environments show <environment> lists them",
        )
    return row


def _require_blobs(connection: Connection, nodes: list[NodeDigests]) -> None:
    digests = [digest for _, bound, step in nodes for digest in (bound, step) if digest]
    known = known_digests(connection, digests)
    for digest in digests:
        if digest not in known:
            raise not_found(digest)


def _set_blobs(connection: Connection, deployment_id: int, digests: Mapping[str, str]) -> None:
    connection.change_many(
        SQL["set_blob"],
        (
            {"deployment_id": deployment_id, "name": name, "digest": digest}
            for name, digest in digests.items()
        ),
    )


def _with_blobs(connection: Connection, rows: list[Row]) -> list[Deployment]:
    named: dict[int, dict[str, str]] = {row[0]: {} for row in rows}
    if rows:
        ids = ", ".join(str(int(row[0])) for row in rows)
        for deployment_id, name, digest in connection.rows(SQL["blobs"].format(ids=ids)):
            named[deployment_id][name] = digest
    return [_deployment(row, named[row[0]]) for row in rows]


def _deployment(row: Row, digests: dict[str, str]) -> Deployment:
    return Deployment(
        id=row[0],
        environment_id=row[1],
        number=row[2],
        status=DeploymentStatus(row[3]),
        manifest_digest=row[4],
        created_at=from_micros(row[5]),
        run_id=row[6],
        version=row[7],
        digests=digests,
    )


def _moved(connection: Connection, deployment: Deployment, now: int) -> None:
    data = {"deployment_id": deployment.id, "number": deployment.number, "status": deployment.status}
    event = events.values(
        now, "deployment_status", data, run_id=deployment.run_id, environment_id=deployment.environment_id
    )
    events.add(connection, event)
