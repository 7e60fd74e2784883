"""What a deploy changes beside tables: jobs, subgraphs, project tests, parameters, and what is only written down.
No DDL."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.model.bound import BoundTest, Catalog
from headgate.model.plan import Change, ChangeKind, Subject


def label_changes(
    old: Catalog | None,
    new: Catalog,
    old_tests: Mapping[str, BoundTest],
    new_tests: Mapping[str, BoundTest],
) -> list[Change]:
    """One change per job, subgraph, test or parameter that is new, different or gone."""
    before = old or Catalog(nodes=())
    return [
        *_compare(Subject.TEST, old_tests, new_tests),
        *_compare(
            Subject.JOB,
            {f"job {job.id} {job.name}": job for job in before.jobs.values()},
            {f"job {job.id} {job.name}": job for job in new.jobs.values()},
        ),
        *_compare(
            Subject.SUBGRAPH,
            {f"subgraph {name}": ids for name, ids in before.subgraphs.items()},
            {f"subgraph {name}": ids for name, ids in new.subgraphs.items()},
        ),
        *_compare(
            Subject.PARAMETERS,
            {f"parameter {name}": [value] for name, value in before.parameters.items()},
            {f"parameter {name}": [value] for name, value in new.parameters.items()},
        ),
    ]


def remaining_changes(environment: str, *, marked: bool, other_manifest: bool) -> list[Change]:
    """What is left to deploy where no node or label differs: a mark of a deploy that failed, which only a deploy
    takes away, and what of a manifest bears on no table."""
    changes = []
    if marked:
        reasons = ("its last deploy failed and left all as it was",)
        changes.append(Change(ChangeKind.MODIFY, Subject.ENVIRONMENT, environment, reasons=reasons))
    if other_manifest:
        reasons = ("descriptions or other details changed, no table",)
        changes.append(Change(ChangeKind.MODIFY, Subject.PROJECT, "project", reasons=reasons))
    return changes


def _compare(subject: Subject, old: Mapping[str, object], new: Mapping[str, object]) -> list[Change]:
    changes = []
    for name, value in new.items():
        if name not in old:
            changes.append(Change(ChangeKind.CREATE, subject, name))
        elif old[name] != value:
            changes.append(Change(ChangeKind.MODIFY, subject, name))
    changes += [Change(ChangeKind.DROP, subject, name) for name in old if name not in new]
    return changes
