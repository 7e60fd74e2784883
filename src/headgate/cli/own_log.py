"""The job log of a project's own state, for commands that log a run: by its server while one runs, else the state
itself, opened for each call."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from headgate.cli.invocation import Invocation
from headgate.client import beside
from headgate.client.log_address import LogAddress
from headgate.client.log_calls import LogCalls
from headgate.client.log_sender import LogSender
from headgate.settings import NO_SERVER


class OwnLogSender(LogSender):
    def __init__(self, address: LogAddress, folder: Path, invocation: Invocation) -> None:
        super().__init__(address, folder)
        self._invocation = invocation

    @contextmanager
    def _calls(self) -> Iterator[LogCalls]:
        asks_none = self._invocation.settings().server == NO_SERVER
        if self.address.url is None and (asks_none or beside.read(Path(self.address.place)) is None):
            with self._invocation.local("headgate job-log") as target:
                yield target
        else:
            with super()._calls() as calls:
                yield calls
