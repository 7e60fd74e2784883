"""What became of a run whose process died: decided by the commit markers in the warehouse, not by our journal."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

from headgate.errors import Refused
from headgate.model.runs import Deployment, Run
from headgate.store.content import FACTS, Content, encode
from headgate.store.retention import undecided_since
from headgate.store.store import Store
from headgate.warehouse.base import Session, Warehouse

DEPLOY_MARKER = "deploy"
"""The step id under which a deploy's commit marker stands."""

KEEP_MARKERS = timedelta(days=90)
"""How long a warehouse remembers at least what was published by which run."""

REPEAT_WITHIN = KEEP_MARKERS - timedelta(days=1)
"""How old a run may be that is repeated. The day is for clocks that differ, and for a rerun that reads markers while a
deploy drops old ones."""


def settle_deployment(store: Store, warehouse: Warehouse, environment_id: int) -> Deployment | None:
    """Finish the records of a deploy that was interrupted: deployed where its marker stands, failed where not.

    Looks only at deployments whose run is over, so a deploy that is still at work is left alone. Returns the
    deployment that was settled, or None.
    """
    open_deployment = store.deployments.unsettled(environment_id)
    if open_deployment is None or open_deployment.run_id is None:
        return None
    run = store.runs.get(open_deployment.run_id)
    if not run.status.final:
        return None
    warehouse.prepare()
    session = warehouse.session()
    try:
        committed = DEPLOY_MARKER in session.committed(run.uid)
    finally:
        session.close()
    if not committed:
        return store.deployments.finish(open_deployment.id, ok=False)
    return finish_deployment(store, warehouse, open_deployment)


def finish_deployment(store: Store, warehouse: Warehouse, deployment: Deployment) -> Deployment:
    """Record a deploy that committed, with the facts that drift will later be compared with."""
    places = {
        (node.table.database, node.table.schema)
        for node in Content(store, deployment).bound(warehouse.dialect).nodes.values()
        if node.table is not None
    }
    (digest,) = store.blobs.put([encode(warehouse.facts(places))])
    return store.deployments.finish(deployment.id, ok=True, digests={FACTS: digest})


@dataclass(frozen=True, slots=True)
class Remaining:
    """What a rerun has to do: `step_ids` did not succeed as far as the journal knows; those of `published` did,
    as their marker in the warehouse says, and are only reused."""

    step_ids: tuple[str, ...]
    published: frozenset[str]
    notes: tuple[str, ...] = ()


def remaining_steps(store: Store, session: Session, run: Run, deployment: Deployment) -> Remaining | None:
    """What is left of the run that `run` repeats, over all its reruns until now; None where `run` is no rerun, or
    the old run died before it had written down its steps (then the whole selection is run)."""
    if run.rerun_of is None:
        return None
    family = [other for other in store.runs.history_chain(run.rerun_of) if other.id != run.id]
    require_markers(store, family)
    planned: dict[str, bool] = {}
    published: set[str] = set()
    for earlier in family:
        marked = session.committed(earlier.uid)
        for row in store.steps.list(earlier.id):
            planned[row.step_id] = planned.get(row.step_id, False) or row.status.good
        published |= marked.keys()
    if not planned:
        return None
    left = tuple(step_id for step_id, good in planned.items() if not good)
    return Remaining(
        left, frozenset(published) & frozenset(left), _version_notes(store, family, deployment, planned)
    )


def require_markers(store: Store, family: Sequence[Run]) -> None:
    """Raises Refused `run_too_old` where the warehouse may have forgotten what these runs published: a step whose end
    was not written down would be published a second time."""
    began = min((run.started_at for run in family if run.started_at is not None), default=None)
    if began is not None and store.now() - began > REPEAT_WITHIN:
        raise Refused(
            "run_too_old",
            f"run {family[0].id} began on {began:%Y-%m-%d}, and what a run published is remembered for "
            f"{REPEAT_WITHIN.days} days",
            hint="start a new run",
        )


def forget_markers(store: Store, warehouse: Warehouse) -> None:
    """Drop markers that nobody asks for any more: old ones, but for those of what is not decided yet."""
    before = store.now() - KEEP_MARKERS
    undecided = undecided_since(store)
    warehouse.forget_markers(before if undecided is None else min(before, undecided))


def _version_notes(
    store: Store, family: Sequence[Run], deployment: Deployment, planned: Mapping[str, bool]
) -> tuple[str, ...]:
    """What was deployed in between, and which succeeded nodes changed with it."""
    old = next((run.deployment_id for run in reversed(family) if run.deployment_id is not None), None)
    if old is None or old == deployment.id:
        return ()
    then = store.deployments.get(old)
    done = [step_id for step_id, good in planned.items() if good]
    before = store.deployments.step_digests(old, done)
    after = store.deployments.step_digests(deployment.id, done)
    changed = [step_id for step_id in done if step_id in after and before.get(step_id) != after[step_id]]
    notes = [f"deployment {then.number} ran before, deployment {deployment.number} runs now"]
    if changed:
        more = f" and {len(changed) - 5} more" if len(changed) > 5 else ""
        notes.append(f"succeeded before and changed since, not run again: {', '.join(changed[:5])}{more}")
    return tuple(notes)


def release_dead_runs(store: Store, host: str, started: Callable[[int], float | None]) -> list[Run]:
    """End or hand back the runs of this host whose process is gone: those attached to it fail (`interrupted`), others
    go back to the queue. `started` tells when a process with a given pid started, None where there is none."""
    gone = [
        held for held in store.queue.held_by(host) if started(held.owner.pid) != held.owner.process_started
    ]
    found = (store.queue.release(held.run, attached=held.attached, reason="its worker died") for held in gone)
    return [run for run in found if run is not None]
