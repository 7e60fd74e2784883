"""The state, the use cases and the worker of a command that runs in the project's folder, without a server.

Before anything else, runs whose process died are ended or handed back, so that no command meets a run that seems to
go on for ever.
"""

from __future__ import annotations

import getpass
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from headgate.cli.wiring import Opener, worker_for
from headgate.engine.stop import Stop
from headgate.model.project import Environment
from headgate.recovery import release_dead_runs
from headgate.service.context import Context
from headgate.settings import Settings
from headgate.store.store import open_store
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
    owner = this_process(label)
    with open_store(settings) as store:
        release_dead_runs(store, owner.host, process_started)
        opener = Opener(settings, store, lambda _: root, on_wait)

        def open_for(environment: Environment, who: str) -> Warehouse:
            return (
                opener.open(environment, who) if stop is None else opener.open_until(environment, who, stop)
            )

        context = Context(
            store=store,
            settings=settings,
            open_warehouse=open_for,
            root=root,
            requested_by=_user(),
            owner=owner,
        )
        yield Embedded(context, worker_for(context, owner, opener.open_until))


def _user() -> str:
    """Who asks; empty where the system does not know the user (a container with a number for a user)."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return ""
