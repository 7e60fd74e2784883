"""Writes what the engine reports about one run's steps: one thread, many reports in one transaction.

The journal serves people and estimates. What was published is decided by the commit marker in the warehouse,
so a report may wait a moment to share its transaction with others; `flush` waits for none.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from hashlib import blake2b
from types import TracebackType
from typing import Any, Self

from headgate.errors import HeadgateError, StateError
from headgate.model.runs import Run
from headgate.model.steps import Step, StepOutcome, StepStatus
from headgate.store import claims, events
from headgate.store.codec import MICROSECOND, optional_json, to_json, to_micros
from headgate.store.connection import Connection, insist
from headgate.store.statements import load
from headgate.store.steps import move
from headgate.store.store import Store

SQL = load("steps")

LINGER_SECONDS = 0.03
"""How long the first report of a transaction waits for company. At 3 ms a step, a transaction for each report
would cost more than the reports themselves."""

TOUCH_TEXTS = timedelta(days=1)
"""How exact it is known when a text was last used: one write a day, not one for each run."""


@dataclass(slots=True)
class _Report:
    step: Step
    at: datetime
    outcome: StepOutcome | None = None


class _Flush(threading.Event):
    pass


class Journal:
    """A StepSink for one claimed run. Its methods may be called from any thread and return at once.

    The first failure to write (LeaseLost, a full disk, a refused move) ends the journal: nothing more is
    written, `on_failure` is called once from the journal's thread, so that running statements can be stopped,
    and the next call of any method raises that failure, also every later one.
    """

    def __init__(
        self, store: Store, run: Run, *, on_failure: Callable[[HeadgateError], None] | None = None
    ) -> None:
        self._database = store.database
        self._run = run
        self._on_failure = on_failure
        self._queue: queue.SimpleQueue[_Report | _Flush | None] = queue.SimpleQueue()
        self._hurry = threading.Event()
        self._failure: HeadgateError | None = None
        self._texts: set[str] = set()
        self._closed = False
        self._thread = threading.Thread(target=self._write_all, name=f"journal-{run.id}", daemon=True)
        self._thread.start()

    def step_started(self, step: Step, at: datetime) -> None:
        self._put(_Report(step, at))

    def step_finished(self, step: Step, outcome: StepOutcome, at: datetime) -> None:
        self._put(_Report(step, at, outcome))

    def flush(self) -> None:
        """Waits until all that was reported is committed. Raises what went wrong."""
        if self._thread.is_alive():
            done = _Flush()
            self._queue.put(done)
            self._hurry.set()
            while not done.wait(timeout=1.0) and self._thread.is_alive():
                pass
        self._raise_failure()

    def close(self) -> None:
        """Writes what is left and ends the thread. Raises what went wrong, however often it is called."""
        if not self._closed:
            self._closed = True
            self._queue.put(None)
            self._hurry.set()
            self._thread.join()
        self._raise_failure()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            self.close()
        except HeadgateError:
            if error is None:  # an error on its way out is the one to tell
                raise

    def _put(self, report: _Report) -> None:
        self._raise_failure()
        if self._closed:
            raise RuntimeError("the journal is closed")
        self._queue.put(report)

    def _raise_failure(self) -> None:
        if self._failure is not None:
            raise self._failure

    def _write_all(self) -> None:
        open_ = True
        while open_:
            taken = [self._queue.get()]
            if isinstance(taken[0], _Report):
                self._hurry.wait(LINGER_SECONDS)
            self._hurry.clear()
            while not self._queue.empty():  # the only reader: what is there stays there
                taken.append(self._queue.get())
            open_ = None not in taken
            reports = [item for item in taken if isinstance(item, _Report)]
            try:
                if reports and self._failure is None:
                    self._write(reports)
            finally:
                for item in taken:
                    if isinstance(item, _Flush):
                        item.set()

    def _write(self, reports: list[_Report]) -> None:
        try:
            batch = _Batch(self._run, self._texts)
            for report in reports:
                batch.add(report)
            self._commit(batch)
            self._texts.update(batch.texts)
        except Exception as error:  # the thread's outermost loop: the engine's threads get it instead
            self._failure = (
                error
                if isinstance(error, HeadgateError)
                else StateError("journal_failed", f"run {self._run.id} cannot be recorded: {error!r}")
            )
            if self._on_failure:
                self._on_failure(self._failure)

    def _commit(self, batch: _Batch) -> None:
        """Waits for a state that does not answer, or is busy, as long as the run is likely to be ours."""

        def commit() -> None:
            with self._database.write() as connection:
                claims.require_held(connection, self._run.id, self._run.fence)
                batch.write(connection)

        insist(commit)


class _Batch:
    """Reports gathered by the statement that writes them, so that each kind is one call to the database."""

    def __init__(self, run: Run, known_texts: set[str]) -> None:
        self._run = run
        self._known = known_texts
        self.texts: dict[str, str] = {}
        self._started: list[dict[str, Any]] = []
        self._finished: dict[StepStatus, list[dict[str, Any]]] = {}
        self._statements: list[dict[str, Any]] = []
        self._durations: list[dict[str, Any]] = []
        self._events: list[dict[str, Any]] = []

    def add(self, report: _Report) -> None:
        step, outcome, at = report.step, report.outcome, to_micros(report.at)
        if outcome is None:
            self._started.append({"run_id": self._run.id, "step_id": step.id, "at": at})
            self._event(at, "step_status", step, _RUNNING)
            return
        error = outcome.error
        self._finished.setdefault(outcome.status, []).append(
            {
                "run_id": self._run.id,
                "step_id": step.id,
                "at": at,
                "status": outcome.status.value,
                "rows_inserted": outcome.rows_inserted,
                "rows_updated": outcome.rows_updated,
                "rows_deleted": outcome.rows_deleted,
                "published": int(outcome.published),
                "attempts": outcome.attempts,
                "error": optional_json(error),
                "notes": optional_json(outcome.notes),
            }
        )
        self._add_statements(step, outcome)
        data: dict[str, Any] = {"status": outcome.status}
        if error:
            data["error"] = {"code": error.code, "message": error.message}
        self._event(at, "step_status", step, to_json(data) if error else _status_json(outcome.status))
        if outcome.published and step.table is not None:
            counts = {
                "table": str(step.table),
                "rows_inserted": outcome.rows_inserted,
                "rows_updated": outcome.rows_updated,
                "rows_deleted": outcome.rows_deleted,
            }
            self._event(at, "table_published", step, to_json(counts))
        if outcome.status in (StepStatus.SUCCEEDED, StepStatus.WARNING):
            self._durations.append({"run_id": self._run.id, "step_id": step.id})

    def _add_statements(self, step: Step, outcome: StepOutcome) -> None:
        for position, record in enumerate(outcome.statements):
            digest = blake2b(record.sql.encode(), digest_size=16).hexdigest()
            if digest not in self._known:
                self.texts[digest] = record.sql
            self._statements.append(
                {
                    "run_id": self._run.id,
                    "step_id": step.id,
                    "position": position,
                    "name": record.name,
                    "role": record.role.value,
                    "status": record.status.value,
                    "text_digest": digest,
                    "started_at": to_micros(record.started_at),
                    "ended_at": to_micros(record.ended_at),
                    "rows": record.rows,
                    "counts": record.counts and record.counts.value,
                    "query_id": record.query_id,
                    "test": record.test,
                    "error": optional_json(record.error),
                }
            )

    def _event(self, at: int, kind: str, step: Step, data: str) -> None:
        self._events.append(
            {
                "at": at,
                "kind": kind,
                "run_id": self._run.id,
                "step_id": step.id,
                "environment_id": self._run.environment_id,
                "data": data,
            }
        )

    def write(self, connection: Connection) -> None:
        # Starts go before ends: a step's own order is kept, and steps do not mind one another's.
        if self._started:
            move(connection, self._run.id, StepStatus.RUNNING, SQL["start"], self._started)
        for status, rows in self._finished.items():
            move(connection, self._run.id, status, SQL["finish"], rows)
        now = max((row["ended_at"] for row in self._statements), default=0)
        used = {"now": now, "stale": now - TOUCH_TEXTS // MICROSECOND}
        for statement, rows in (
            (
                "add_text",
                # Several runs keep texts and durations at once: each in the same order, or they block each other.
                [{"digest": digest, "sql": sql, **used} for digest, sql in sorted(self.texts.items())],
            ),
            ("add_statement", self._statements),
            ("learn_duration", sorted(self._durations, key=lambda row: row["step_id"])),
        ):
            if rows:
                connection.change_many(SQL[statement], rows)
        events.add(connection, *self._events)


def _status_json(status: StepStatus) -> str:
    return f'{{"status":"{status.value}"}}'


_RUNNING = _status_json(StepStatus.RUNNING)
