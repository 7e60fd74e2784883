"""Who asks, and whether they may: a closed set of permissions, and the scopes that give each."""

from __future__ import annotations

from dataclasses import dataclass
from typing import assert_never

from headgate.errors import Forbidden
from headgate.identity.scopes import ADMIN, Kind, Scope, Scopes, is_id
from headgate.model.runs import Run, RunKind


@dataclass(frozen=True, slots=True)
class Administer:
    """Users, tokens, secrets, the audit trail, and whatever else has no permission of its own."""


@dataclass(frozen=True, slots=True)
class Deploy:
    """Plan, deploy, go back, apply environments, change jobs; stop a deploy."""


@dataclass(frozen=True, slots=True)
class Read:
    """Look at everything that is not `Administer`: environments, nodes, jobs, deployments, all runs."""


@dataclass(frozen=True, slots=True)
class RunJob:
    """Start, rerun and cancel refreshes of one job; of anything else (a selection, a whole environment, a job
    with other selectors than its own) where no job is named."""

    job_id: int | None = None
    job_name: str | None = None


@dataclass(frozen=True, slots=True)
class Watch:
    """See one job and its runs; a run of no job where none is named."""

    job_id: int | None = None
    job_name: str | None = None


@dataclass(frozen=True, slots=True)
class WriteLog:
    """Write the job log under a name, under all names where none is given. It includes reading that name."""

    name: str | None


@dataclass(frozen=True, slots=True)
class ReadLog:
    """Read the job log of a name; of all names where none is given."""

    name: str | None = None


Permission = Administer | Deploy | Read | RunJob | Watch | WriteLog | ReadLog


def to_watch(run: Run) -> Permission:
    """What somebody needs to see a run."""
    return Watch(run.job_id, run.job_name)


def to_steer(run: Run) -> Permission:
    """What somebody needs to repeat or cancel a run."""
    if run.kind is RunKind.DEPLOY:
        return Deploy()
    if run.request.include or run.request.exclude:
        return RunJob()
    return RunJob(run.job_id, run.job_name)


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. `name` is what runs and the audit trail say; the ids are of the token and of whom it belongs to,
    None for whoever needs none: the command line in the project's folder."""

    name: str
    scopes: Scopes
    token_id: int | None = None
    account_id: int | None = None
    job_id: int | None = None

    @property
    def is_admin(self) -> bool:
        return self.scopes.has(Kind.ADMIN)

    def may(self, permission: Permission) -> bool:
        return self.is_admin or any(_covers(self.scopes, scope) for scope in _giving(permission))

    def require(self, permission: Permission) -> None:
        """Raises Forbidden `scope_missing`, which names the narrowest scope that would do."""
        if self.may(permission):
            return
        needed = _giving(permission)[0]
        raise Forbidden(
            "scope_missing",
            f"{self.name} may not {_verb(permission)}: the token lacks the scope {needed}",
            hint=f"its scopes are: {self.scopes or 'none'}; an admin makes another with "
            f"`headgate token create --scope '{needed}'`",
        )

    @property
    def watched_jobs(self) -> frozenset[str] | None:
        """Ids and names of the jobs whose runs a list may show; None is all runs, also those of no job."""
        return None if self.may(Watch()) else self.scopes.names(Kind.RUN)

    @property
    def readable_logs(self) -> frozenset[str] | None:
        """The names that a question to the job log may read; None is all."""
        if self.may(ReadLog()):
            return None
        return self.scopes.names(Kind.JOBLOG_READ) | self.scopes.names(Kind.JOBLOG)


def local(name: str) -> Principal:
    """Whoever runs the command line on the embedded state: who can open its file may do everything."""
    return Principal(name, ADMIN)


def _giving(permission: Permission) -> tuple[Scope, ...]:
    """The scopes that give it, the narrowest first; `admin` gives all. This is the one table of what includes
    what."""
    match permission:
        case Administer():
            return (Scope(Kind.ADMIN),)
        case Deploy():
            return (Scope(Kind.DEPLOY),)
        case Read():
            return (Scope(Kind.READ), Scope(Kind.RUN), Scope(Kind.DEPLOY))
        case RunJob():
            return (*_of_job(permission), Scope(Kind.RUN), Scope(Kind.DEPLOY))
        case Watch():
            return (Scope(Kind.READ), *_of_job(permission), Scope(Kind.RUN), Scope(Kind.DEPLOY))
        case WriteLog(name):
            every = Scope(Kind.JOBLOG)
            return (every,) if name is None else (Scope(Kind.JOBLOG, frozenset({name})), every)
        case ReadLog(name):
            kinds = (Kind.JOBLOG_READ, Kind.JOBLOG)
            named = [Scope(kind, frozenset({name})) for kind in kinds if name is not None]
            return (*named, *(Scope(kind) for kind in kinds))
    assert_never(permission)


def _of_job(permission: RunJob | Watch) -> list[Scope]:
    """By its id, which is what digits alone always mean, and by its name."""
    names = [] if permission.job_id is None else [str(permission.job_id)]
    if permission.job_name is not None and not is_id(permission.job_name):
        names.append(permission.job_name)
    return [Scope(Kind.RUN, frozenset({name})) for name in names]


def _covers(scopes: Scopes, scope: Scope) -> bool:
    return scopes.has(scope.kind) if scope.names is None else scope.names <= scopes.names(scope.kind)


def _verb(permission: Permission) -> str:
    match permission:
        case Administer():
            return "administer"
        case Deploy():
            return "plan or deploy"
        case Read():
            return "read this"
        case RunJob(job_id, job_name):
            return f"start or stop runs of {_job(job_id, job_name, 'anything but named jobs')}"
        case Watch(job_id, job_name):
            return f"see runs of {_job(job_id, job_name, 'anything but named jobs')}"
        case WriteLog(name):
            return f"write the job log of {'all names' if name is None else name}"
        case ReadLog(name):
            return "read the job log" if name is None else f"read the job log of {name}"
    assert_never(permission)


def _job(job_id: int | None, job_name: str | None, otherwise: str) -> str:
    if job_id is None:
        return otherwise
    return f"job {job_id} {job_name or ''}".rstrip()
