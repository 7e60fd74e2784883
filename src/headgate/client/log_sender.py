"""Tells a job log what an ETL script does, now or later. Whether that works is never the script's concern."""

from __future__ import annotations

import math
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headgate.client.calls import Body, Calls
from headgate.client.log_address import LogAddress
from headgate.client.log_calls import LogCall, LogCalls, hopeless
from headgate.client.spool import Sent, Spool, spools
from headgate.client.transport import Patience, Transport
from headgate.errors import HeadgateError, ServerUnavailable, UsageError

PAUSES = (0.2, 0.8)
"""Before the tries after the first: a script must not wait long for its log."""


OTHERS_SECONDS = 5.0
"""How long a script that is through stays for what waits of other jobs."""


class LogSender:
    """Speaks to the log at `address`; `folder` holds what it could not be told."""

    def __init__(self, address: LogAddress, folder: Path, timeout_seconds: float = 10.0) -> None:
        self.address = address
        self._folder = folder
        self._patience = Patience(timeout_seconds, timeout_seconds, PAUSES)

    @contextmanager
    def _calls(self) -> Iterator[LogCalls]:
        """A connection for a few calls: a script works for hours between them. Raises ServerUnavailable."""
        transport = Transport(*self.address.server(), self._patience)
        try:
            yield Calls(transport)
        finally:
            transport.close()

    def tell(self, call: LogCall) -> Body:
        """Now, after what waits from before. Raises HeadgateError, and nothing was kept then."""
        with self._calls() as calls:
            late = self._catch_up(calls, call.started.name)
            if late.stopped is not None:
                raise late.stopped
            return call.send(calls, late=call.finished is not None and call.record_id is None)

    def keep(self, call: LogCall, error: HeadgateError) -> None:
        """For later, where it was not told because of `error`. Never raises: what cannot be kept is said."""
        if hopeless(error):
            say(f"the job log refuses {_what(call)}: {error}")
            return
        try:
            Spool(self._folder, self.address.place, call.started.name).add(call)
        except OSError as full:
            say(f"the job log does not take {_what(call)} ({error}), nor can it be kept for later: {full}")
        else:
            say(f"the job log does not take {_what(call)} now, it is told later: {error}")

    def send_others(self) -> None:
        """What waits for this log of other jobs, where this one's token may tell of them, for a moment: the rest waits
        for who comes next."""
        give_up_at = time.monotonic() + OTHERS_SECONDS
        try:
            for spool in spools(self._folder):
                if spool.place == self.address.place:
                    self.send(spool, give_up_at)
        except (HeadgateError, OSError):
            return  # they wait on

    def send(self, spool: Spool, give_up_at: float = math.inf) -> Sent:
        """Raises ServerUnavailable, OSError."""
        with self._calls() as calls:

            def deliver(call: LogCall) -> None:
                if time.monotonic() >= give_up_at:
                    raise ServerUnavailable("server_unavailable", "the rest is sent later")
                call.send(calls, late=True)

            return spool.send(deliver)

    def _catch_up(self, calls: LogCalls, name: str) -> Sent:
        try:
            sent = Spool(self._folder, self.address.place, name).send(
                lambda call: call.send(calls, late=True)
            )
        except OSError as error:
            say(f"what waits for the job log cannot be sent: {error}")
            return Sent()
        for reason in sent.refused:
            say(f"the job log refuses a call of {name} that waited: {reason}")
        return sent


def send_all(address: LogAddress | None, folder: Path) -> Body:
    """All that waits, of all jobs: `{sent, refused, waiting}`. For another log than that of `address` only where it
    stands beside a project, and can be found. Raises OSError."""
    sent = 0
    refused: list[str] = []
    waiting: list[Body] = []
    for spool in spools(folder):
        one = address
        if address is None or spool.place != address.place:
            one = None if "://" in spool.place else LogAddress(spool.place, None, None)
        try:
            if one is None:
                raise UsageError("server_needed", "it is another server's", hint=f"--server {spool.place}")
            done = LogSender(one, folder).send(spool)
        except HeadgateError as error:
            done = Sent(stopped=error)
        sent += done.count
        refused += done.refused
        if done.stopped is not None:
            waiting.append({"place": spool.place, "name": spool.name, "error": str(done.stopped)})
    return {"sent": sent, "refused": refused, "waiting": waiting}


def say(text: str) -> None:
    """To whoever reads what the script says on stderr; where that is closed, to nobody."""
    if sys.stderr is not None:
        try:
            print(f"headgate: {text}", file=sys.stderr, flush=True)
        except OSError:
            return


def _what(call: LogCall) -> str:
    return f"the {'start' if call.finished is None else 'end'} of {call.started.name}"
