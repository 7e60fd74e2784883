"""What the warehouse says of a transaction whose end is not known here: its commit marker decides."""

from __future__ import annotations

from headgate.errors import HeadgateError
from headgate.model.steps import Step, StepOutcome, StepStatus
from headgate.warehouse.base import Warehouse

UNDECIDED = ("already_published", "warehouse_unavailable")
"""Errors after which a step may stand all the same: another worker was faster, or a commit was not answered."""

FOUND = "published, as its commit marker says: by another worker, or by a commit that was not answered"


def decided(step: Step, outcome: StepOutcome, warehouse: Warehouse, run_uid: str) -> StepOutcome:
    """The outcome of a step that seems to have failed. Where the warehouse does not answer, it has."""
    if outcome.error is None or outcome.error.code not in UNDECIDED or not step.publishes:
        return outcome
    try:
        marked = markers(warehouse, run_uid)
    except HeadgateError:  # a rerun asks again
        return outcome
    if step.id not in marked:
        return outcome
    warned = any(record.status is not StepStatus.SUCCEEDED for record in outcome.statements)
    return StepOutcome(
        StepStatus.WARNING if warned else StepStatus.SUCCEEDED,
        outcome.statements,
        rows_inserted=marked[step.id],
        published=True,
        attempts=outcome.attempts,
        notes=(FOUND,),
    )


def markers(warehouse: Warehouse, run_uid: str) -> dict[str, int | None]:
    """Which steps of a run are published, with the rows that each inserted; asked on a session of its own."""
    session = warehouse.session()
    try:
        return session.committed(run_uid)
    finally:
        session.close()
