"""A project folder on a real warehouse, driven through the use cases: compile, plan, deploy, refresh."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import msgspec

from headgate import settings
from headgate.cli.embedded import Embedded, embedded
from headgate.compile import Compiled
from headgate.model.plan import Plan
from headgate.model.project import WarehouseConfig
from headgate.model.runs import Run, RunRequest, StepRow
from headgate.service import deploying, planning, project, running

HEADGATE_YML = """
name: test
dialect: duckdb
locations: [RAW, STG, MART]
default_location: STG
parameters: {low: 1}
"""


class Project:
    """One project folder with one environment `dev`; `state` is its open embedded state."""

    def __init__(self, root: Path, warehouse: WarehouseConfig) -> None:
        self.root = root
        self.write("headgate.yml", HEADGATE_YML)
        environment = {
            "id": 1,
            "name": "dev",
            "warehouse": {"type": warehouse.type, **warehouse.options},
            "mappings": {name: {"schema": name.lower()} for name in ("RAW", "STG", "MART")},
        }
        # JSON is YAML; a path or an address needs no quoting rules this way.
        self.write("environments/dev.yml", msgspec.json.encode(environment).decode())
        self._open: Embedded | None = None

    @property
    def state(self) -> Embedded:
        assert self._open is not None
        return self._open

    @contextmanager
    def opened(self) -> Iterator[Project]:
        with embedded(settings.load(self.root, environ={}), self.root, label="tests") as state:
            self._open = state
            yield self

    def write(self, path: str, text: str) -> None:
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)

    def remove(self, path: str) -> None:
        (self.root / path).unlink()

    def sql(self, text: str) -> list[tuple[Any, ...]]:
        environment = project.environment_of(self.compiled(), "dev")
        warehouse = self.state.context.open_warehouse(environment, "tests")
        try:
            session = warehouse.session()
            try:
                return session.execute(text).rows
            finally:
                session.close()
        finally:
            warehouse.close()

    def compiled(self) -> Compiled:
        return project.compile_tree(self.state.context)

    def prepare(self) -> planning.Prepared:
        compiled = self.compiled()
        project.apply_environments(self.state.context, compiled)
        environment = project.environment_of(compiled, "dev")
        return planning.prepare_deploy(self.state.context, environment, project.wanted_tree(compiled, "test"))

    def plan(self) -> Plan:
        return self.prepare().plan

    def deploy(self) -> Run:
        run = deploying.start_deploy(self.state.context, self.prepare(), allow_destructive=True)
        return self.state.worker.run_one(run.id)

    def refresh(self, request: RunRequest | None = None, job_id: int | None = None) -> Run:
        environment = self.state.context.store.environments.get(1)
        run, _ = running.start_refresh(
            self.state.context, environment, request or RunRequest(), job_id=job_id
        )
        return self.state.worker.run_one(run.id)

    def rerun(self, run_id: int) -> Run | None:
        run = running.rerun(self.state.context, run_id)
        return self.state.worker.run_one(run.id) if run else None

    def steps(self, run: Run) -> dict[str, StepRow]:
        return {row.step_id: row for row in self.state.context.store.steps.list(run.id)}

    def statuses(self, run: Run) -> dict[str, str]:
        return {name: str(row.status) for name, row in self.steps(run).items()}
