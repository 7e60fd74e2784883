"""A run that a server carries out while a command watches: how it is stopped, and how long it may wait for its turn."""

from __future__ import annotations

import threading
from collections.abc import Callable

from headgate.client.calls import Calls
from headgate.client.events import Following
from headgate.client.progress import Observer
from headgate.client.run import TURN_SECONDS, follow
from headgate.engine.stop import Stop
from headgate.errors import Busy, HeadgateError, ServerUnavailable


class Watch:
    """`say` hears in words what becomes of the server and of a cancel."""

    def __init__(self, calls: Calls, run_id: int, say: Callable[[str], None]) -> None:
        self._calls = calls
        self._run_id = run_id
        self._say = say
        self._unheard: ServerUnavailable | None = None
        self._given_up = threading.Event()
        self._waited: Busy | None = None

    def until_the_end(self, observer: Observer, stop: Stop, wait_seconds: float | None) -> None:
        """Tells the observer what the run does. A requested `stop` cancels it; so does a wait for its turn of more than
        `wait_seconds`, None for ever.

        Raises Busy `run_busy` after such a wait, ServerUnavailable where the run goes on because no cancel arrived.
        """
        stop.when_requested(self._cancel)
        # A server needs a moment to take a run up: that is no wait.
        turn = threading.Timer(max(wait_seconds or 0, TURN_SECONDS), self._wait_no_more, (wait_seconds,))
        turn.daemon = True
        if wait_seconds is not None:
            turn.start()
        try:
            follow(Following(self._calls, self._run_id, told=self._say, sleep=self._pause), observer)
        finally:
            turn.cancel()
        if turn.is_alive():
            turn.join()  # the end of the run can be heard before the answer to the cancel that ended it
        if self._waited is not None:
            raise self._waited

    def _cancel(self) -> None:
        try:
            self._calls.cancel(self._run_id)
        except HeadgateError as error:
            if error.code == "run_ended":
                return
            message = f"run {self._run_id} goes on, it could not be canceled: {error.message}"
            if not isinstance(error, ServerUnavailable):
                self._say(message)
                return
            hint = f"`headgate cancel {self._run_id}` once the server is back"
            self._unheard = ServerUnavailable(error.code, message, hint=hint)
            self._given_up.set()

    def _pause(self, seconds: float) -> None:
        if self._given_up.wait(seconds) and self._unheard is not None:
            raise self._unheard

    def _wait_no_more(self, wait_seconds: float) -> None:
        try:
            if self._calls.run(self._run_id)["status"] != "waiting":
                return
            self._calls.cancel(self._run_id)
        except HeadgateError:
            return  # it began or ended meanwhile, or whoever follows it says what is wrong
        self._waited = Busy(
            "run_busy",
            f"run {self._run_id} has waited {wait_seconds:g} seconds for its turn, and was canceled",
            hint="`headgate runs` shows what runs; try again later, or wait longer with --wait",
        )
