"""Takes secrets out of what a run reports, before anybody keeps or sees it: a driver's error may quote a connection
string, a warehouse's a value, and a person may have written a password into SQL."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime

from headgate.identity.redaction import Redactor, process_redactor
from headgate.model.steps import StatementRecord, Step, StepError, StepOutcome, StepSink


class RedactingSink:
    """Passes reports on without the secrets that this process knows. A report without an error costs nothing where no
    secret is known."""

    def __init__(self, sink: StepSink, redactor: Redactor = process_redactor) -> None:
        self._sink = sink
        self._redactor = redactor
        self.step_started: Callable[[Step, datetime], None] = sink.step_started

    def step_finished(self, step: Step, outcome: StepOutcome, at: datetime) -> None:
        self._sink.step_finished(step, self._clean(outcome), at)

    def _clean(self, outcome: StepOutcome) -> StepOutcome:
        if not self._redactor.knows_any and outcome.error is None and not _failures(outcome):
            return outcome
        return replace(
            outcome,
            error=redacted(outcome.error, self._redactor),
            notes=tuple(self._redactor.redact(note) for note in outcome.notes),
            statements=tuple(self._record(record) for record in outcome.statements),
        )

    def _record(self, record: StatementRecord) -> StatementRecord:
        sql = self._redactor.redact(record.sql) if self._redactor.knows_any else record.sql
        return replace(record, sql=sql, error=redacted(record.error, self._redactor))


def redacted(error: StepError | None, redactor: Redactor = process_redactor) -> StepError | None:
    if error is None:
        return None
    return replace(
        error,
        message=redactor.redact(error.message),
        hint=redactor.redact(error.hint),
        sample=redactor.redact_values(error.sample),
    )


def _failures(outcome: StepOutcome) -> bool:
    return any(record.error is not None for record in outcome.statements)
