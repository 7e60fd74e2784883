"""What a deploy changes beside tables: jobs, subgraphs, project tests and parameters. No DDL."""

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


def _compare(subject: Subject, old: Mapping[str, object], new: Mapping[str, object]) -> list[Change]:
    changes = []
    for name, value in new.items():
        if name not in old:
            changes.append(Change(ChangeKind.CREATE, subject, name))
        elif old[name] != value:
            changes.append(Change(ChangeKind.MODIFY, subject, name))
    changes += [Change(ChangeKind.DROP, subject, name) for name in old if name not in new]
    return changes
