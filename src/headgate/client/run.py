"""A run that was started on a server: how it stands, what it did, waiting for its end."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator

from headgate.client import reading
from headgate.client.answers import RunInfo, StepResult
from headgate.client.calls import Calls
from headgate.client.events import Following
from headgate.client.progress import Observer, Printer, Teller
from headgate.errors import HeadgateError, Refused
from headgate.model.runs import Event, Run, RunStatus, StepRow

TURN_SECONDS = 1.5
"""A run that has not begun by then is said to wait."""


class RunHandle:
    """Everything is asked of the server when it is wanted; nothing is kept but the number."""

    def __init__(self, calls: Calls, run_id: int, warnings: tuple[str, ...] = ()) -> None:
        self._calls = calls
        self.id = run_id
        self.warnings = warnings
        """What is odd about its selectors, where it was started here."""

    def __repr__(self) -> str:
        return f"<run {self.id} of {self._calls.transport.url}>"

    @property
    def info(self) -> RunInfo:
        return reading.run_info(self._calls.run(self.id))

    @property
    def run(self) -> Run:
        return self.info.run

    @property
    def status(self) -> RunStatus:
        return self.run.status

    @property
    def steps(self) -> tuple[StepRow, ...]:
        return tuple(result.step for result in self.results())

    def results(self) -> tuple[StepResult, ...]:
        """Each step with every statement that it sent."""
        return reading.results(self._calls.results(self.id), self.id)

    def logs(self, *, failed: bool = False) -> str:
        """The same as text: statements with their status, errors of what failed."""
        found = reading.results(self._calls.logs(self.id, failed=failed), self.id)
        return "\n".join(line for result in found for line in _told(result))

    def events(self) -> Iterator[Event]:
        """What the run did and does, until it has ended. Goes on by itself after a break."""
        for heard in Following(self._calls, self.id).events():
            if isinstance(heard, Event):
                yield heard

    def wait(self, *, progress: bool | Observer = False, timeout: float | None = None) -> Run:
        """The run as it ended, however it ended. `progress` writes a line to stderr for each step, or tells an
        observer of your own. The server may be restarted meanwhile.

        Raises TimeoutError after `timeout` seconds (the run goes on), ServerUnavailable where the server stays away.
        """
        printer = Printer()
        observer = printer if progress is True else (progress or None)
        give_up_at = None if timeout is None else time.monotonic() + timeout
        following = Following(
            self._calls, self.id, told=printer.say if progress else lambda _: None, give_up_at=give_up_at
        )
        return follow(following, observer)

    def cancel(self) -> Run:
        """Stop it, with its statements in the warehouse; it ends a moment later. Raises Refused `run_ended`."""
        return reading.run(self._calls.cancel(self.id))

    def rerun(self, *, same_version: bool = False, force: bool = False) -> RunHandle | None:
        """A new run over what did not succeed; None where nothing is left to do."""
        try:
            made = self._calls.rerun(self.id, same_version=same_version, force=force)
        except Refused as refused:
            if refused.code == "nothing_to_rerun":
                return None
            raise
        return RunHandle(self._calls, made["run"]["id"], tuple(made["warnings"]))


def follow(following: Following, observer: Observer | None) -> Run:
    """The run as it ended; `observer` is told what it does, and that it waits where it does not begin soon."""
    if observer is None:
        return _follow(following, None)
    turn = threading.Timer(TURN_SECONDS, _tell_of_turn, (following, observer))
    turn.daemon = True
    turn.start()
    try:
        return _follow(following, observer)
    finally:
        turn.cancel()


def _tell_of_turn(following: Following, observer: Observer) -> None:
    try:
        if reading.run(following.calls.run(following.run_id)).status is RunStatus.WAITING:
            observer.waiting(f"run {following.run_id} waits for its turn")
    except HeadgateError:
        pass  # whoever follows the run says so


def _follow(following: Following, observer: Observer | None) -> Run:
    teller: Teller | None = None
    ended: Run | None = None
    for heard in following.events():
        if isinstance(heard, Run):
            ended = heard
            continue
        if observer is not None:
            if teller is None:
                teller = Teller(reading.run(following.calls.run(following.run_id)), observer)
            teller.hear(heard)
    if teller is not None:
        teller.close()
    assert ended is not None
    return ended


def _told(result: StepResult) -> Iterator[str]:
    step = result.step
    yield f"{step.step_id} {step.status}"
    for statement in result.statements:
        yield f"  {statement.name} {statement.status}"
        if not statement.status.good:
            yield from (f"    {line}" for line in statement.sql.splitlines())
    if step.error is not None:
        yield f"  {step.error.code}: {step.error.message}"
