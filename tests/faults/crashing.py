"""Runs `headgate` commands in processes of their own, in which one chosen instant ends the process.

Calls are wrapped here, in the process that is to end; nothing in Headgate knows of it. A process that has imported
everything already forks for each command, so that a kill costs milliseconds.
"""

from __future__ import annotations

import importlib
import json
import os
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import wraps
from pathlib import Path
from typing import Any

from tests.faults.points import SIGTERM_AT, Point, Scenario, When

REPOSITORY = Path(__file__).parents[2]
HOLD_SECONDS = 20.0
STOP_SECONDS = 0.3
"""How long a process that was told to stop may take to tell its runs, before the instant passes."""

_SESSIONS = {
    "session": ("headgate.warehouse.duckdb:DuckDBSession", "headgate.warehouse.postgres:PostgresSession"),
    "warehouse": (
        "headgate.warehouse.duckdb:DuckDBWarehouse",
        "headgate.warehouse.postgres:PostgresWarehouse",
    ),
}


@dataclass(frozen=True, slots=True)
class Order:
    """A command, and the instant that ends it. `fired` is a file that appears when it has come."""

    arguments: tuple[str, ...]
    folder: str
    output: str
    environ: dict[str, str] = field(default_factory=dict)
    point: Point | None = None
    number: int = signal.SIGKILL
    fired: str = ""
    host: str = ""
    """The name of the machine that the process says it is on."""


# --- in the process that is to end ----------------------------------------------------------------------------


class Trap:
    """Ends this process at its point."""

    def __init__(self, order: Order) -> None:
        assert order.point is not None
        self._point = order.point
        self._number = order.number
        self._file = order.fired
        self._count = 0
        self._lock = threading.Lock()
        self._armed = threading.local()
        self._over = threading.Event()

    def set(self) -> None:
        point = self._point
        wrap(point.call, self._called)
        if point.when in (When.BEFORE_COMMIT, When.AFTER_COMMIT):
            wrap("headgate.store.sqlite:SqliteConnection.change", self._sqlite_commit)
            wrap("headgate.store.postgres:PostgresDatabase._commit", self._commit)
        if point.held:
            wrap(point.held, self._hold)
        if point.scenario is Scenario.STOPPING:
            wrap(SIGTERM_AT, self._stop_at_the_second)
            self._begun = 0

    def _called(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        with self._lock:
            self._count += 1
            now = self._count == self._point.turn
        if not now:
            return call(*args, **kwargs)
        if self._point.when is When.BEFORE:
            self._fire()
        elif self._point.when is not When.AFTER:
            self._armed.now = True
        answer = call(*args, **kwargs)
        if self._point.when is When.AFTER:
            self._fire()
        return answer

    def _sqlite_commit(self, call: Callable[..., Any], connection: Any, sql: str, *rest: Any) -> Any:
        return self._commit(call, connection, sql) if sql == "COMMIT" else call(connection, sql, *rest)

    def _commit(self, call: Callable[..., Any], *args: Any) -> Any:
        armed, self._armed.now = getattr(self._armed, "now", False), False
        if armed and self._point.when is When.BEFORE_COMMIT:
            self._fire()
        answer = call(*args)
        if armed and self._point.when is When.AFTER_COMMIT:
            self._fire()
        return answer

    def _hold(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        self._over.wait(HOLD_SECONDS)
        return call(*args, **kwargs)

    def _stop_at_the_second(self, call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        answer = call(*args, **kwargs)
        self._begun += 1
        if self._begun == 2:
            told_to_stop(signal.SIGTERM)
        return answer

    def _fire(self) -> None:
        Path(self._file).touch()
        told_to_stop(self._number)
        self._over.set()


def told_to_stop(number: int) -> None:
    """Sends this process a signal; where it lives on, waits until its runs were told, if it has any."""
    from headgate.engine.stop import Stop

    told = threading.Semaphore(0)

    def request(call: Callable[..., Any], *args: Any, **kwargs: Any) -> Any:
        try:
            return call(*args, **kwargs)
        finally:
            told.release()

    with wrapped(Stop, "request", request):
        os.kill(os.getpid(), number)
        for _ in range(2):  # the process is told, then its run
            told.acquire(timeout=STOP_SECONDS)


Wrapper = Callable[..., Any]
"""Gets the call and its arguments."""


def wrap(name: str, wrapper: Wrapper) -> None:
    place, _, what = name.partition(":")
    for target in _SESSIONS.get(place, (name.rpartition(".")[0],)):
        module, _, owner = target.partition(":")
        _replace(getattr(importlib.import_module(module), owner), what.rpartition(".")[2], wrapper)


def _replace(owner: type, name: str, wrapper: Wrapper) -> Callable[..., Any]:
    call: Callable[..., Any] = getattr(owner, name)

    @wraps(call)
    def replacement(*args: Any, **kwargs: Any) -> Any:
        return wrapper(call, *args, **kwargs)

    setattr(owner, name, replacement)
    return call


@contextmanager
def wrapped(owner: type, name: str, wrapper: Wrapper) -> Iterator[None]:
    call = _replace(owner, name, wrapper)
    try:
        yield
    finally:
        setattr(owner, name, call)


def carry_out(order: Order) -> int:
    """The command, in this process."""
    with open(order.output, "ab", buffering=0) as file:
        os.dup2(file.fileno(), 1)
        os.dup2(file.fileno(), 2)
    os.chdir(order.folder)
    os.environ.update(order.environ)
    if order.host:
        wrap_host(order.host)
    if order.point is not None:
        Trap(order).set()
    from headgate.cli.main import run

    return run(order.arguments)


def wrap_host(name: str) -> None:
    socket.gethostname = lambda: name


# --- the process that forks, and whoever asks it to -----------------------------------------------------------


def serve() -> None:
    """Reads orders, a line each, and answers with the pid; a line with a pid waits for the end of that process."""
    for module in ("cli.commands.worker", "cli.commands.deploy", "service.rebinding", "store.postgres"):
        importlib.import_module(f"headgate.{module}")
    importlib.import_module("headgate.warehouse.duckdb")
    importlib.import_module("headgate.warehouse.postgres")
    while line := sys.stdin.readline():
        if not line.strip().isdigit():
            order = read_order(line)
            pid = os.fork()
            if pid == 0:
                code = 70
                try:
                    code = carry_out(order)
                    sys.stdout.flush()
                    sys.stderr.flush()
                finally:
                    os._exit(code)
            print(pid, flush=True)
        else:
            print(os.waitstatus_to_exitcode(os.waitpid(int(line), 0)[1]), flush=True)


def read_order(line: str) -> Order:
    fields = json.loads(line)
    if point := fields.pop("point"):
        point = Point(**{**point, "scenario": Scenario(point["scenario"]), "when": When(point["when"])})
    return Order(**{**fields, "arguments": tuple(fields["arguments"]), "point": point})


class Process:
    """A forked command."""

    def __init__(self, forker: Forker, pid: int) -> None:
        self._forker = forker
        self.pid = pid
        self.code: int | None = None

    def send(self, number: int) -> None:
        os.kill(self.pid, number)

    @property
    def alive(self) -> bool:
        if self.code is not None:
            return False
        with open(f"/proc/{self.pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] != "Z"

    def end(self) -> int:
        """Waits for its end: its exit code, negative where a signal ended it."""
        if self.code is None:
            self.code = int(self._forker.ask(str(self.pid)))
        return self.code


class Forker:
    """Forks commands."""

    def __init__(self) -> None:
        kept = {name: value for name, value in os.environ.items() if not name.startswith("HEADGATE_")}
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.faults.crashing"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=REPOSITORY,
            env={**kept, "HOME": "/nonexistent"},
        )

    def ask(self, line: str) -> str:
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        self._process.stdin.write(line + "\n")
        self._process.stdin.flush()
        return self._process.stdout.readline().strip()

    def start(self, order: Order) -> Process:
        return Process(self, int(self.ask(json.dumps(asdict(order)))))

    def close(self) -> None:
        self._process.communicate()


if __name__ == "__main__":
    serve()
