"""The state, the use cases and the worker of a command that runs in the project's folder, without a server.

Before anything else, runs whose process died are marked as failed, so that no command meets a run that seems to
go on for ever.
"""

from __future__ import annotations

import getpass
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.engine.step import Reshape
from headgate.engine.stop import Stop
from headgate.errors import Busy
from headgate.model.project import Environment, Parameters
from headgate.model.runs import Deployment
from headgate.model.steps import Shapes, Step
from headgate.recovery import release_dead_runs
from headgate.service.context import Context
from headgate.settings import Settings
from headgate.store.store import Store, open_store
from headgate.warehouse.open import open_warehouse
from headgate.worker import Worker, process_started, this_process

if TYPE_CHECKING:
    from headgate.warehouse.base import Warehouse


@dataclass(frozen=True, slots=True)
class Embedded:
    context: Context
    worker: Worker


@contextmanager
def embedded(
    settings: Settings,
    root: Path,
    *,
    label: str,
    on_wait: Callable[[str], None] | None = None,
    stop: Stop | None = None,
) -> Iterator[Embedded]:
    """Open the project's state; closed at the end. `label` names the command to whoever has to wait for it.

    `stop` also ends the wait for a warehouse, as Ctrl-C does where it is not given (KeyboardInterrupt).
    """

    def resolve(text: str) -> str:
        if "${" not in text:
            return text  # most files hold nothing that wants more imports
        from headgate.service.secrets import resolver

        return resolver(settings, store)(text)

    def open_for(environment: Environment, who: str) -> Warehouse:
        def opened(wait_seconds: float | None) -> Warehouse:
            return open_warehouse(
                environment.warehouse,
                root=root,
                label=who,
                resolve=resolve,
                on_wait=on_wait,
                wait_seconds=wait_seconds,
            )

        if stop is None:
            return opened(settings.wait_seconds)
        return _open_unless_stopped(opened, stop, settings.wait_seconds, on_wait)

    owner = this_process(label)
    with open_store(settings) as store:
        release_dead_runs(store, owner.host, process_started)
        context = Context(
            store=store,
            settings=settings,
            open_warehouse=open_for,
            root=root,
            requested_by=_user(),
            owner=owner,
        )
        yield Embedded(context, _worker(context, store, settings))


def _open_unless_stopped(
    opened: Callable[[float | None], Warehouse],
    stop: Stop,
    wait_seconds: float | None,
    on_wait: Callable[[str], None] | None,
) -> Warehouse:
    give_up_at = None if wait_seconds is None else time.monotonic() + wait_seconds
    pause_seconds = 0.02
    told = ""
    while True:
        try:
            return opened(0)
        except Busy as busy:
            if busy.code != "warehouse_locked" or (give_up_at is not None and time.monotonic() >= give_up_at):
                raise
            if on_wait is not None and told != busy.message:
                told = busy.message
                on_wait(f"waiting: {told}")
        if stop.wait(pause_seconds):
            raise KeyboardInterrupt
        pause_seconds = min(pause_seconds * 1.5, 0.25)


def _worker(context: Context, store: Store, settings: Settings) -> Worker:
    # What a plain refresh does not need, the template engine and the SQL parser, is imported when it is needed.
    def rebind(
        deployment: Deployment, environment: Environment, parameters: Parameters, ids: Sequence[str]
    ) -> dict[str, Step]:
        from headgate.service import rebinding

        return rebinding.rebind(context, deployment, environment, parameters, ids)

    def reshape(deployment: Deployment) -> Reshape:
        def rebuild(step: Step, shapes: Shapes) -> Step:
            from headgate.service import rebinding

            environment = store.environments.get(deployment.environment_id).environment
            return rebinding.reshape(context, deployment, environment)(step, shapes)

        return rebuild

    assert context.owner is not None
    return Worker(
        store=store,
        owner=context.owner,
        open_warehouse=context.open_warehouse,
        lease_seconds=settings.lease_seconds,
        wait_seconds=settings.wait_seconds,
        rebind=rebind,
        reshape=reshape,
    )


def _user() -> str:
    """Who asks; empty where the system does not know the user (a container with a number for a user)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
