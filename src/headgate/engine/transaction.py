"""Steps that succeed or fail together: a deploy, in one transaction of the warehouse."""

from __future__ import annotations

from collections.abc import Sequence

from headgate.engine.executor import Execution
from headgate.engine.marker import UNDECIDED, markers
from headgate.engine.step import Attempt, step_error
from headgate.errors import HeadgateError, StatementCanceled
from headgate.model.steps import Step, StepError, StepOutcome, StepStatus


def execute_atomically(
    steps: Sequence[Step], execution: Execution, *, marker_step: str
) -> dict[str, StepOutcome]:
    """Run `steps` in the order given, in one transaction that ends with one commit marker (`marker_step`).

    When one fails, it is reported as failed (or canceled), those before it as skipped (`rolled_back`) and those
    after it as skipped; the warehouse is as it was. The sink hears a step's end only when the transaction's is
    known. Raises a HeadgateError of the warehouse only where there is no step that it could be told of, or the commit
    was not answered and the warehouse does not say what became of it.
    """
    session = execution.warehouse.session()
    execution.stop.when_requested(session.cancel)
    attempts: list[Attempt] = []
    committing = False
    try:
        session.begin()
        for step in steps:
            execution.sink.step_started(step, execution.clock())
            attempts.append(Attempt(step, session, execution.late, execution.clock, None))
            attempts[-1].statements(())
        session.write_marker(
            run_uid=execution.late.run_uid,
            step_id=marker_step,
            fence=execution.late.fence,
            rows=None,
            table=None,
        )
        committing = True
        session.commit()
        outcomes = _done(attempts)
    except HeadgateError as error:
        session.rollback()
        undecided = error.code in UNDECIDED and (committing or error.code == "already_published")
        if undecided and marker_step in markers(execution.warehouse, execution.late.run_uid):
            outcomes = _done(attempts)
        elif steps:
            outcomes = _rolled_back(steps, attempts, error)
        else:
            raise
    finally:
        session.close()
    for step in steps:
        execution.sink.step_finished(step, outcomes[step.id], execution.clock())
    return outcomes


def _done(attempts: Sequence[Attempt]) -> dict[str, StepOutcome]:
    return {attempt.step.id: attempt.outcome(StepStatus.SUCCEEDED) for attempt in attempts}


def _rolled_back(
    steps: Sequence[Step], attempts: Sequence[Attempt], error: HeadgateError
) -> dict[str, StepOutcome]:
    status = StepStatus.CANCELED if isinstance(error, StatementCanceled) else StepStatus.FAILED
    failed = attempts[-1].step.id if attempts else steps[0].id
    undone = StepError("rolled_back", f"undone, because {failed} did not succeed")
    outcomes = {step.id: StepOutcome(StepStatus.SKIPPED, error=undone) for step in steps}
    for attempt in attempts[:-1]:
        outcomes[attempt.step.id] = attempt.outcome(StepStatus.SKIPPED, undone)
    reason = step_error(error)
    # The transaction may not even have begun: then its first step says why.
    outcomes[failed] = attempts[-1].outcome(status, reason) if attempts else StepOutcome(status, error=reason)
    return outcomes
