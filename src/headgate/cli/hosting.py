"""What `serve` and `worker` are made of: the state, a context for requests, a host for the queue, and how they stop."""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType

import click

from headgate.cli import output
from headgate.cli.wiring import Opener, worker_for
from headgate.engine.stop import Stop
from headgate.errors import HeadgateError, NotFound, UsageError
from headgate.model.project import Environment
from headgate.recovery import release_dead_runs
from headgate.service.context import Context
from headgate.service.secrets import check_key
from headgate.settings import Settings
from headgate.store.store import Store, open_store
from headgate.worker import process_started, this_process
from headgate.worker.host import Host
from headgate.worker.warehouses import KeptWarehouses


@dataclass(frozen=True, slots=True)
class Hosted:
    """`context` belongs to no process: what it starts is carried out by any worker."""

    context: Context
    host: Host


@contextmanager
def hosted(settings: Settings, root: Path | None, *, label: str) -> Iterator[Hosted]:
    """Open the state with a host for its queue; closed at the end. `root` is the project that is served, None where
    there is none: then environments bring their own folders."""
    owner = this_process(label)
    with open_store(settings) as store:
        _look_at_key(settings, store)
        release_dead_runs(store, owner.host, process_started)

        def root_of(environment: Environment) -> Path:
            try:
                own = store.environments.get(environment.id).root
            except NotFound:  # planned for the first time
                own = None
            return Path(own) if own else root or Path.cwd()

        opener = Opener(settings, store, root_of, label=label)
        context = Context(
            store=store, settings=settings, open_warehouse=opener.open, root=root, requested_by=label
        )
        kept = KeptWarehouses(opener.open_until)
        worker = worker_for(context, owner, kept.open)
        yield Hosted(context, Host(worker, max_running=settings.max_running, warehouses=kept))


def _look_at_key(settings: Settings, store: Store) -> None:
    """A key that is none ends the start; one that does not fit is only told, because no run may need it."""
    try:
        check_key(settings, store)
    except UsageError:
        raise
    except HeadgateError as error:
        output.warn(f"runs that need a stored secret will fail here: {error.message}")
        output.say(f"{click.style('hint:', fg='cyan')} {error.hint}")


class Signals:
    """SIGINT and SIGTERM of a server: the first stops it in good order, a second hands its runs back at once, a third
    ends the process. Handlers only start threads: to stop takes locks that the interrupted code may hold."""

    def __init__(self, host: Host, stop: Stop) -> None:
        self._host = host
        self._stop = stop
        self._received = 0

    def install(self) -> None:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, self._handle)

    def _handle(self, number: int, _: FrameType | None) -> None:
        self._received += 1
        threading.Thread(target=self._answer, args=(self._received, number), name="stop", daemon=True).start()

    def _answer(self, count: int, number: int) -> None:
        if count == 1:
            self._stop.request(f"stopped by {signal.Signals(number).name}")
        elif count == 2:
            self._host.hurry()
        else:
            os._exit(1)


def talk(*, debug: bool = False) -> None:
    """Send what a server has to say to stderr, a line each. Secrets that this process knows are taken out."""
    from headgate.identity.redaction import process_redactor

    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    handler.addFilter(process_redactor)
    for name in ("headgate", "uvicorn.error"):
        logger = logging.getLogger(name)
        logger.addHandler(handler)
        logger.setLevel(logging.DEBUG if debug else logging.INFO if name == "headgate" else logging.WARNING)
        logger.propagate = False
