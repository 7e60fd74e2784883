"""A project with its state and its warehouse, on the databases that go together; what a run in it does, and what must
hold in it whatever happened."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path
from time import monotonic
from typing import Any

from tests.contract.projects import Project
from tests.contract.store.whole import assert_whole

from headgate import settings
from headgate.cli.embedded import Embedded, embedded
from headgate.engine.executor import Execution, execute
from headgate.engine.stop import Stop
from headgate.model.project import WarehouseConfig
from headgate.model.runs import Event, Owner, Run, RunKind, RunRequest, RunStatus
from headgate.model.steps import LateValues, Step, StepOutcome
from headgate.service import deploying, project, running
from headgate.store import NewRun, Store
from headgate.store.content import Content
from headgate.store.journal import Journal
from headgate.warehouse.open import open_warehouse
from headgate.worker.host import Host

STEPS = ("STG.A", "STG.DAILY", "STG.B", "STG.MERGED")
TABLES = ("stg.a", "stg.b", "stg.daily", "stg.merged")
ELSEWHERE = Owner("elsewhere", 1, 1.0, "a worker that died")
PATIENCE_SECONDS = 60.0

NODES = {
    "nodes/RAW/sources.yml": "ITEMS: {}\n",
    "nodes/STG/A.sql": "/*---\nload: append\n---*/\nselect id, since from RAW.ITEMS",
    # What was appended to A is read whole: a run done twice, or half, shows here.
    "nodes/STG/B.sql": "/*---\nload: append\n---*/\nselect id from STG.A",
    "nodes/STG/DAILY.sql": (
        "/*---\nload: interval\ntime_column: since\ninterval: 1d\nstart: 2026-01-01\nmax_intervals: 2\n---*/\n"
        "select id, since from STG.A"
    ),
    "nodes/STG/MERGED.sql": (
        "/*---\nload: merge\nkey: [id]\ntests: [{row_count: {min: 1}}]\n---*/\nselect distinct id from STG.B"
    ),
}
CHANGED = {
    "nodes/STG/A.sql": "/*---\nload: append\n---*/\nselect id, since, id * 2 as twice from RAW.ITEMS",
    "nodes/STG/NEW.sql": "select count(*) as n from STG.A",
}
"""What a deploy changes: a column more in a table that keeps its rows, and a table more."""


class Place(Project):
    """A project, deployed once, with rows in its source. `state_url` is the PostgreSQL of its state, if it has one."""

    def __init__(self, root: Path, warehouse: WarehouseConfig, state_url: str | None) -> None:
        super().__init__(root, warehouse)
        self.config = warehouse
        self.environ = {"HEADGATE_LEASE_SECONDS": "1", "HEADGATE_DRAIN_SECONDS": "0"}
        if state_url is not None:
            self.environ["HEADGATE_DATABASE_URL"] = state_url
        for path, text in NODES.items():
            self.write(path, text)
        self.execute(
            "CREATE SCHEMA raw",
            "CREATE TABLE raw.items (id bigint, since timestamp)",
            "INSERT INTO raw.items VALUES (1, '2026-01-01 10:00:00'), (2, '2026-01-02 10:00:00')",
        )
        with self.opened():
            assert self.deploy().status is RunStatus.SUCCEEDED

    @contextmanager
    def opened(self) -> Iterator[Place]:
        with embedded(settings.load(self.root, environ=self.environ), self.root, label="tests") as state:
            self._open = state
            yield self

    @property
    def store(self) -> Store:
        return self.state.context.store

    @property
    def free(self) -> Embedded:
        """The state as a server uses it: what it starts belongs to no process."""
        return replace(self.state, context=replace(self.state.context, owner=None))

    def execute(self, *statements: str) -> list[tuple[Any, ...]]:
        rows: list[tuple[Any, ...]] = []
        warehouse = open_warehouse(self.config, root=self.root, label="tests")
        try:
            session = warehouse.session()
            for statement in statements:
                rows = session.execute(statement).rows
            session.close()
        finally:
            warehouse.close()
        return rows

    def contents(self) -> dict[str, list[tuple[Any, ...]]]:
        tables = [*TABLES, "stg.new"] if (self.root / "nodes/STG/NEW.sql").exists() else TABLES
        return {table: sorted(self.execute(f"SELECT * FROM {table}"), key=str) for table in tables}

    def change(self) -> None:
        for path, text in CHANGED.items():
            self.write(path, text)

    def enter_refresh(self) -> Run:
        request = RunRequest(parallelism=1)
        return self.store.queue.enter(NewRun(RunKind.REFRESH, 1, request=request, config_key="all/1"))

    def enter_deploy(self) -> Run:
        return deploying.start_deploy(self.free.context, self.prepare())

    def enter_rerun(self) -> Run:
        """The rerun of a run that died with three steps published and the end of one written down."""
        died = self.begin_elsewhere(journaled=1, published=3, lease_seconds=30)
        self.store.runs.interrupt(died.id, died.fence)
        rerun = running.rerun(self.free.context, died.id)
        assert rerun is not None
        return rerun

    def begin_elsewhere(self, *, journaled: int, published: int, lease_seconds: float = 0.0) -> Run:
        """A run that a worker on another machine began, and left when so many steps were published, and the ends of
        so many written down."""
        run = self.enter_refresh()
        claimed = self.store.queue.claim(run.id, ELSEWHERE, lease_seconds)
        assert claimed is not None
        assert claimed.deployment_id is not None
        content = Content(self.store, self.store.deployments.get(claimed.deployment_id))
        steps = list(content.steps(STEPS).values())
        self.store.steps.plan(claimed.id, claimed.fence, steps)
        warehouse = open_warehouse(self.config, root=self.root, label="elsewhere")
        with Journal(self.store, claimed) as journal:
            sink = First(journal, journaled)
            late = LateValues(run.uid, claimed.fence, claimed.started_at or now())
            execute(steps[:published], Execution(warehouse, sink, late, now, Stop(), parallelism=1))
        warehouse.close()
        return claimed

    # --- what must hold ---------------------------------------------------------------------------

    def recover(self, *, host: Host | None = None) -> None:
        """Carry out whatever is open, as the next worker does."""
        own = host or Host(self.state.worker)
        give_up_at = monotonic() + PATIENCE_SECONDS
        while self.store.runs.open():
            assert monotonic() < give_up_at, self.store.runs.open()
            own.turn()
            self.store.wakeups.wait(0.05)
        own.drain(PATIENCE_SECONDS)

    def assert_sound(self) -> None:
        """After recovery: nothing is open, held, marked, lost or done twice."""
        assert_whole(self.store)
        assert self.store.runs.open() == []
        with self.store.database.read() as connection:
            assert connection.rows("SELECT run_id, lease_until FROM work") == []
        environment = self.store.environments.get(1)
        assert not environment.marked
        assert self.store.deployments.unsettled(1) is None
        marked: dict[str, set[str]] = {}
        for uid, step_id in self.execute("SELECT run_uid, step_id FROM _headgate.commits"):
            marked.setdefault(uid, set()).add(step_id)
        for run in self.store.runs.list(limit=1000):
            rows = self.store.steps.list(run.id)
            done = {row.step_id for row in rows if row.published}
            if run.kind is RunKind.DEPLOY:
                done = {"deploy"} if run.status is RunStatus.SUCCEEDED and rows else set()
                found = marked.pop(run.uid, set())
                assert found >= done, f"run {run.id}: {found}, {rows}"
            else:
                found = marked.pop(run.uid, set())
                lags = run.status is RunStatus.FAILED  # the journal of a run that died
                assert found == done or (lags and found >= done), f"run {run.id}: {rows}"
        assert marked == {}


@dataclass
class First:
    """Passes on the reports of the first steps."""

    journal: Journal
    count: int
    begun: list[str] = field(default_factory=list)

    def step_started(self, step: Step, at: datetime) -> None:
        self.begun.append(step.id)
        self.journal.step_started(step, at)

    def step_finished(self, step: Step, outcome: StepOutcome, at: datetime) -> None:
        if len(self.begun) <= self.count:
            self.journal.step_finished(step, outcome, at)


class Reader:
    """Reads the log of events on from where it stopped, a few at a time, as a reader that resumes by the last id."""

    def __init__(self) -> None:
        self.after = 0
        self.seen: list[Event] = []

    def read(self, store: Store) -> None:
        while page := store.events.read(self.after, limit=3):
            self.after = page[-1].id
            self.seen += page

    def assert_all(self, store: Store) -> None:
        self.read(store)
        assert self.seen == store.events.read(0, limit=10_000)


def now() -> datetime:
    return datetime.now(UTC)


def apply_environments(place: Place) -> None:
    project.apply_environments(place.state.context, place.compiled())
