"""`Job`: an ETL script says what it does, and learns how far it came the last time.

with Job("orders", source="crm", destination="lake") as job:
    rows = extract(since=job.watermark)
    job.records += load(rows)
    job.watermark = rows.newest
"""

from __future__ import annotations

import inspect
import os
import traceback
from collections.abc import Callable
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import wraps
from types import TracebackType
from typing import Any, Literal, Self, TypedDict, TypeVar, Unpack, cast

import msgspec

from headgate.client.calls import Body
from headgate.client.log_address import log_address
from headgate.client.log_calls import Finished, Started
from headgate.client.log_sender import LogSender
from headgate.client.logged_run import LoggedRun, end_of
from headgate.client.terminating import Terminating

T = TypeVar("T")
MOST_WATERMARK = 64 * 1024
Overlap = Literal["allow", "refuse", "take_over"]


@dataclass(frozen=True, slots=True)
class Previous:
    """The success of a job that ended last. `watermark` is how far the job has come, as JSON can say it."""

    id: int
    start_date: datetime
    end_date: datetime | None
    records: int | None
    watermark: Any


class Where(TypedDict, total=False):
    """Which log, and how a Job deals with it; see `JobOptions`."""

    url: str
    token: str
    profile: str
    strict: bool
    timeout: float


@dataclass(frozen=True, slots=True)
class JobOptions:
    """`url` and `token` are by default those of the settings, and then those of the server that runs on this project.
    With `strict`, a log that does not take a call is an error. `timeout` is for one answer, in seconds."""

    name: str
    source: str = ""
    destination: str = ""
    overlap: Overlap | None = None
    url: str | None = None
    token: str | None = None
    profile: str | None = None
    strict: bool = False
    timeout: float = 10.0


class Job:
    """One run, as a context manager; or each call of a function, as its decorator. A parameter `job` of the function
    gets the run.

    An exception makes it an error with the end of the traceback, and so do Ctrl-C and SIGTERM; they go on as they
    would without it. A log that does not answer is told later, by the next Job or by `headgate job-log send`.
    """

    def __init__(
        self,
        name: str,
        *,
        source: str = "",
        destination: str = "",
        overlap: Overlap | None = None,
        **where: Unpack[Where],
    ) -> None:
        """`overlap` says what becomes of it while another run of this name is in progress; without it the job's watch
        does. For the rest see `JobOptions`."""
        self._options = JobOptions(name, source, destination, overlap, **where)
        self._forget()

    def _forget(self) -> None:
        self.previous: Previous | None = None
        """None the first time, and where the log did not answer (`reached`)."""
        self.id: int | None = None
        """The record's; None where the log did not answer."""
        self.reached = False
        self.message: str | None = None
        """What is told with a success."""
        self._records: int | None = None
        self._known_watermark: Any = None
        self._new_watermark: Any = None
        self._run: LoggedRun | None = None
        self._signals = Terminating()
        self._stack = ExitStack()
        self._pid = os.getpid()

    # --- what a script says -------------------------------------------------------------------------------

    @property
    def name(self) -> str:
        return self._options.name

    @property
    def records(self) -> int:
        """How many were processed; not told where it is never set."""
        return self._records or 0

    @records.setter
    def records(self, count: int) -> None:
        if count < 0:
            raise ValueError(f"{self.name} cannot have processed {count} records")
        self._records = int(count)

    @property
    def watermark(self) -> Any:
        """How far the job has come: what was set here, else what the last success that set it has set; None where none
        did."""
        return self._known_watermark if self._new_watermark is None else self._new_watermark

    @watermark.setter
    def watermark(self, value: Any) -> None:
        """Kept by a success alone. A date or an instant is kept as ISO text. Raises TypeError for what JSON cannot
        say, ValueError for what no log keeps: here, and not when the run ends."""
        text = msgspec.json.encode(value)
        if len(text) > MOST_WATERMARK or b"\\u0000" in text:
            raise ValueError(
                f"a watermark has {MOST_WATERMARK:,} bytes as JSON at most, and no NUL characters"
            )
        self._new_watermark = msgspec.json.decode(text)

    # --- a run ----------------------------------------------------------------------------------------------

    def __enter__(self) -> Self:
        """Raises UsageError where no server is named at all, and Refused `job_in_progress` where `overlap` says so;
        with `strict`, whatever the log answers."""
        self._forget()
        address, folder = log_address(self._options.url, self._options.token, self._options.profile)
        options = self._options
        started = Started(options.name, options.source, options.destination, options.overlap)
        self._run = LoggedRun(LogSender(address, folder, options.timeout), started)
        self._stack.enter_context(self._signals.watched())
        try:
            answer = self._run.start(strict=options.strict)
            if answer is not None:
                self._learn(answer)
        except BaseException as error:
            self.__exit__(type(error), error, error.__traceback__)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if os.getpid() != self._pid:
            return  # a child that was forked inside: the run is its parent's
        with self._stack, self._signals.held():
            assert self._run is not None
            if _is_success(error):
                finished = Finished(
                    "success", self.message and end_of(self.message), self._records, self._new_watermark
                )
            else:
                finished = Finished(
                    "error", end_of("".join(traceback.format_exception(error))), self._records
                )
            self._run.finish(finished, strict=self._options.strict and _is_success(error))

    def _learn(self, answer: Body) -> None:
        self.reached = True
        self.id = answer["record"]["id"]
        self._known_watermark = answer["watermark"]
        self.previous = _previous(answer)

    def __call__(self, function: Callable[..., T]) -> Callable[..., T]:
        """The decorated function: each call of it is a run. The callers leave its parameter `job` out."""
        wants_job = "job" in inspect.signature(function).parameters
        options = self._options

        def given(job: Job, named: dict[str, Any]) -> dict[str, Any]:
            return {**named, "job": job} if wants_job else named

        if inspect.iscoroutinefunction(function):

            @wraps(function)
            async def awaited(*args: Any, **named: Any) -> Any:
                with _job_of(options) as job:
                    return await function(*args, **given(job, named))

            return cast("Callable[..., T]", awaited)  # its T is what is awaited

        @wraps(function)
        def called(*args: Any, **named: Any) -> Any:
            with _job_of(options) as job:
                return function(*args, **given(job, named))

        return called


def _job_of(options: JobOptions) -> Job:
    job = Job(options.name)
    job._options = options
    return job


def _is_success(error: BaseException | None) -> bool:
    """Also `sys.exit()` and `sys.exit(0)`."""
    return error is None or (isinstance(error, SystemExit) and error.code in (None, 0))


def _previous(answer: Body) -> Previous | None:
    found = answer["previous"]
    if found is None:
        return None
    ended = found["endDate"]
    return Previous(
        found["id"],
        _moment(found["startDate"]),
        None if ended is None else _moment(ended),
        found["recordsProcessed"],
        answer["watermark"],
    )


def _moment(text: str) -> datetime:
    bounds = {"infinity": datetime.max, "-infinity": datetime.min}
    return bounds[text].replace(tzinfo=UTC) if text in bounds else datetime.fromisoformat(text)
