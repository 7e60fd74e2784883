"""How a process of ours is put together: a way to open warehouses, and a worker. Shared by commands that carry out
their own run and by servers."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

from headgate.engine.step import Reshape
from headgate.engine.stop import Stop
from headgate.errors import Busy
from headgate.model.project import Environment, Parameters
from headgate.model.runs import Deployment, Owner
from headgate.model.steps import Shapes, Step
from headgate.service.context import Context
from headgate.settings import Settings
from headgate.store.retention import Keep, Retention
from headgate.store.store import Store
from headgate.warehouse.base import Warehouse
from headgate.warehouse.open import open_warehouse
from headgate.worker import OpenWarehouse, Worker


@dataclass(frozen=True, slots=True)
class Opener:
    """Opens warehouses with the settings and secrets of this process. `root_of` is the folder that an environment's
    relative paths start from. A `label` takes the place of who asks, for those who wait for a file."""

    settings: Settings
    store: Store
    root_of: Callable[[Environment], Path]
    on_wait: Callable[[str], None] | None = None
    label: str = ""

    def open(self, environment: Environment, who: str) -> Warehouse:
        """Waits for a file that another process has, as long as the settings say; Ctrl-C ends the wait."""
        return self._open(environment, who, self.settings.wait_seconds, self.on_wait)

    def open_until(self, environment: Environment, who: str, stop: Stop) -> Warehouse:
        """The same; a requested `stop` ends the wait (KeyboardInterrupt)."""
        wait_seconds = self.settings.wait_seconds
        give_up_at = None if wait_seconds is None else time.monotonic() + wait_seconds
        pause_seconds = 0.02
        told = ""
        while True:
            try:
                return self._open(environment, who, 0, None)
            except Busy as busy:
                if busy.code != "warehouse_locked" or (
                    give_up_at is not None and time.monotonic() >= give_up_at
                ):
                    raise
                if self.on_wait is not None and told != busy.message:
                    told = busy.message
                    self.on_wait(f"waiting: {told}")
            if stop.wait(pause_seconds):
                raise KeyboardInterrupt
            pause_seconds = min(pause_seconds * 1.5, 0.25)

    def _open(
        self,
        environment: Environment,
        who: str,
        wait_seconds: float | None,
        on_wait: Callable[[str], None] | None,
    ) -> Warehouse:
        return open_warehouse(
            environment.warehouse,
            root=self.root_of(environment),
            label=self.label or who,
            resolve=self._resolve,
            on_wait=on_wait,
            wait_seconds=wait_seconds,
        )

    def _resolve(self, text: str) -> str:
        if "${" not in text:
            return text  # most files hold nothing that wants more imports
        from headgate.service.secrets import resolver

        return resolver(self.settings, self.store)(text)


def worker_for(context: Context, owner: Owner, open_until: OpenWarehouse) -> Worker:
    """A worker that can also bind again. What a plain refresh does not need, the template engine and the SQL parser,
    is imported when it is needed."""

    def rebind(
        deployment: Deployment, environment: Environment, parameters: Parameters, ids: Sequence[str]
    ) -> dict[str, Step]:
        from headgate.service import rebinding

        return rebinding.rebind(context, deployment, environment, parameters, ids)

    def reshape(deployment: Deployment) -> Reshape:
        def rebuild(step: Step, shapes: Shapes) -> Step:
            from headgate.service import rebinding

            environment = context.store.environments.get(deployment.environment_id).environment
            return rebinding.reshape(context, deployment, environment)(step, shapes)

        return rebuild

    return Worker(
        store=context.store,
        owner=owner,
        open_warehouse=open_until,
        lease_seconds=context.settings.lease_seconds,
        wait_seconds=context.settings.wait_seconds,
        rebind=rebind,
        reshape=reshape,
        retention=_retention_for(context),
    )


def _retention_for(context: Context) -> Retention:
    """What drops runs and events that the settings keep no longer."""
    runs, events = context.settings.keep_runs_days, context.settings.keep_events_days
    keep = Keep(
        runs=None if runs is None else timedelta(days=runs),
        events=None if events is None else timedelta(days=events),
    )
    return Retention(context.store, keep)
