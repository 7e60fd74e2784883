"""One run of an ETL script, told to the job log as far as that answers."""

from __future__ import annotations

from dataclasses import replace

from headgate.client.calls import Body
from headgate.client.log_calls import Finished, LogCall, Started, hopeless
from headgate.client.log_sender import LogSender, say
from headgate.errors import HeadgateError
from headgate.identity.redaction import process_redactor

MOST_MESSAGE = 4_000
"""Characters of a traceback's or an output's end that are kept."""


class LoggedRun:
    """Started once, then finished once. Not `strict`, a log that does not take a call is told later."""

    def __init__(self, sender: LogSender, started: Started) -> None:
        self._sender = sender
        self._started = started
        self._call: LogCall | None = None

    def start(self, *, strict: bool) -> Body | None:
        """What the log answers, None where it does not. Raises Refused `job_in_progress`; with `strict`, any
        HeadgateError."""
        self._call = call = LogCall(self._started)
        try:
            answer = self._sender.tell(call)
        except HeadgateError as error:
            if strict or hopeless(error):
                self._call = None  # nor would its end be taken
            if strict or error.code == "job_in_progress":
                raise
            self._sender.keep(call, error)
            return None
        self._call = replace(call, record_id=int(answer["record"]["id"]))
        return answer

    def finish(self, finished: Finished, *, strict: bool) -> Body | None:
        """What the log answers, None where it does not, or has refused the start. With `strict`, raises
        HeadgateError."""
        if self._call is None:
            return None
        call = replace(self._call, finished=finished)
        try:
            answer = self._sender.tell(call)
        except HeadgateError as error:
            if strict:
                raise
            self._sender.keep(call, error)
            return None
        if call.record_id is None:
            say(f"the job log answers again: {finished.status} of {self._started.name} is told")
        self._sender.send_others()
        return answer


def end_of(text: str, head: str = "") -> str:
    """The end of `text`, below `head`, without secrets and without what no database takes as text."""
    shown = process_redactor.redact(text.rstrip())
    storable = shown.encode("utf-8", errors="backslashreplace").decode().replace("\0", "\\0")
    return head + storable[-(MOST_MESSAGE - len(head)) :]
