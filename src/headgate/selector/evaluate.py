"""Expression and catalog -> nodes: what a selector means, what each of its blocks matched, and what missed."""

from __future__ import annotations

from collections.abc import Iterable
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from functools import cached_property
from typing import assert_never

from headgate.errors import Location, UsageError
from headgate.graph import find_cycle, invert, order, reach
from headgate.model.bound import Catalog
from headgate.selector.attributes import ATTRIBUTES, JOB, Index, Scope
from headgate.selector.expression import And, Block, Condition, Expression, Lineage, Not, Or, blocks
from headgate.selector.missing import explain
from headgate.selector.parser import parse
from headgate.selector.pattern import matching
from headgate.selector.scanner import Source

_EXPLAINED = 10
"""Looking for near names costs milliseconds each; a list of stale names needs only a few."""

_FEW = 20
"""Below one node in so many, sorting the nodes found is cheaper than filtering the whole catalog."""


@dataclass(frozen=True, slots=True)
class TermMatch:
    """What one block matched by itself, before lineage and operators.

    `side` is `include` or `exclude`; `position` its first character, from 0; `ids` in the catalog's order.
    """

    side: str
    text: str
    position: int
    ids: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Selection:
    """The selected nodes in the catalog's order, each block's own match, and a warning for each that missed."""

    ids: tuple[str, ...]
    terms: tuple[TermMatch, ...] = ()
    warnings: tuple[str, ...] = ()


def select(catalog: Catalog, include: str = "", exclude: str = "", *, strict: bool = False) -> Selection:
    """Include minus exclude; a blank include means all nodes, a blank exclude none.

    UsageError `selector_syntax`, `selector_job_cycle` where a job selects by itself, and with `strict`
    `selector_no_match` where a block matches nothing. That nothing is selected at all is no error here.
    """
    sides = {
        side: (Source(text, f"{side} selector"), parse(text, subject=f"{side} selector"))
        for side, text in (("include", include), ("exclude", exclude))
        if text.strip()
    }
    evaluation = _Evaluation(catalog, [expression for _, expression in sides.values()])
    chosen = evaluation.nodes(sides["include"][1]) if "include" in sides else evaluation.all
    if "exclude" in sides:
        chosen = chosen - evaluation.nodes(sides["exclude"][1])
    terms: list[TermMatch] = []
    misses: list[tuple[str, str]] = []
    for side, (source, expression) in sides.items():
        for block in blocks(expression):
            ids = evaluation.in_order(evaluation.nodes(block))
            text = source.text[block.start : block.end]
            terms.append(TermMatch(side, text, block.start, ids))
            if not ids:
                message = f"{source.place(block.start)}: {text} matches nothing"
                hint = explain(block, evaluation.index) if len(misses) < _EXPLAINED else ""
                misses.append((message, hint))
    if strict and misses:
        message, hint = misses[0]
        more = f" (and {len(misses) - 1} more)" if len(misses) > 1 else ""
        raise UsageError("selector_no_match", message + more, hint=hint)
    warnings = tuple(f"{message}; {hint}" if hint else message for message, hint in misses)
    return Selection(evaluation.in_order(chosen), tuple(terms), warnings)


class _Evaluation:
    """One call of `select`: everything that is computed once and asked for many times."""

    def __init__(self, catalog: Catalog, expressions: Iterable[Expression]) -> None:
        self._catalog = catalog
        self._depends_on = {node.id: node.depends_on for node in catalog.nodes}
        self.all: AbstractSet[str] = self._depends_on.keys()
        self._indexes: dict[str, Index] = {}
        self._matches: dict[Condition, AbstractSet[str]] = {}
        self._jobs: dict[int, AbstractSet[str]] = {}
        self._prepare_jobs(expressions)

    @cached_property
    def _position(self) -> dict[str, int]:
        return {node: position for position, node in enumerate(self._depends_on)}

    @cached_property
    def _needed_by(self) -> dict[str, list[str]]:
        return invert(self._depends_on)

    def in_order(self, ids: AbstractSet[str]) -> tuple[str, ...]:
        if len(ids) <= 1:
            return tuple(ids)
        if len(ids) * _FEW < len(self.all):
            return tuple(sorted(ids, key=self._position.__getitem__))
        return tuple(filter(ids.__contains__, self._depends_on))

    def nodes(self, expression: Expression) -> AbstractSet[str]:
        match expression:
            case Block(conditions):
                return _intersection([self._matching(condition) for condition in conditions])
            case Lineage(operand, upstream, downstream):
                return self._with_lineage(self.nodes(operand), upstream, downstream)
            case Not(operand):
                return self.all - self.nodes(operand)
            case And(operands):
                return _intersection([self.nodes(operand) for operand in operands])
            case Or(operands):
                return self._union(operands)
            case _:
                assert_never(expression)

    def _with_lineage(
        self, starts: AbstractSet[str], upstream: int | None, downstream: int | None
    ) -> set[str]:
        found = set(starts)
        if upstream != 0:
            found |= reach(self._depends_on, starts, upstream)
        if downstream != 0:
            found |= reach(self._needed_by, starts, downstream)
        return found

    def _union(self, operands: Iterable[Expression]) -> set[str]:
        """Operands with the same lineage are walked together: `+{A} OR +{B}` is `+({A} OR {B})`."""
        found: set[str] = set()
        starts: dict[tuple[int | None, int | None], set[str]] = {}
        for operand in operands:
            if isinstance(operand, Lineage):
                together = starts.setdefault((operand.upstream, operand.downstream), set())
                together |= self.nodes(operand.operand)
            else:
                found |= self.nodes(operand)
        for (upstream, downstream), together in starts.items():
            found |= self._with_lineage(together, upstream, downstream)
        return found

    def index(self, attribute: str) -> Index:
        if attribute not in self._indexes:
            scope = Scope(self._catalog, self.all, self._jobs)
            self._indexes[attribute] = ATTRIBUTES[attribute.lower()].index(scope)
        return self._indexes[attribute]

    def _matching(self, condition: Condition) -> AbstractSet[str]:
        found = self._matches.get(condition)
        if found is None:
            index = self.index(condition.attribute)
            found = index.nodes(matching(condition.pattern, index.first))
            self._matches[condition] = found
        return found

    # Jobs select by selectors of their own. They are evaluated first, the innermost first, so that a chain of
    # them costs no recursion.

    def _prepare_jobs(self, expressions: Iterable[Expression]) -> None:
        pending = [job for expression in expressions for job in self._jobs_of(expression)]
        parsed: dict[int, tuple[Expression | None, Expression | None]] = {}
        refers_to: dict[str, list[str]] = {}
        while pending:
            job_id = pending.pop()
            if job_id in parsed:
                continue
            job = self._catalog.jobs[job_id]
            sides = [
                parse(text, subject=f"job {job.name}: {side} selector") if text.strip() else None
                for side, text in (("include", job.refresh.include), ("exclude", job.refresh.exclude))
            ]
            parsed[job_id] = (sides[0], sides[1])
            inner = [other for side in sides if side for other in self._jobs_of(side)]
            refers_to[str(job_id)] = [str(other) for other in inner]
            pending += inner
        if cycle := find_cycle(refers_to):
            raise self._cycle_error(cycle)
        for key in order(refers_to):
            include, exclude = parsed[int(key)]
            chosen = self.nodes(include) if include else self.all
            self._jobs[int(key)] = chosen - self.nodes(exclude) if exclude else chosen
            # The job's nodes are new values of the attribute.
            self._indexes.pop(JOB, None)

    def _jobs_of(self, expression: Expression) -> list[int]:
        """Ids of the jobs that the expression's own blocks name."""
        patterns = {c.pattern for b in blocks(expression) for c in b.conditions if c.attribute == JOB}
        if not patterns:
            return []
        by_value: dict[str, set[int]] = {}
        for job in self._catalog.jobs.values():
            for value in (job.name.lower(), str(job.id)):
                by_value.setdefault(value, set()).add(job.id)
        return sorted({job for p in patterns for value in matching(p, by_value) for job in by_value[value]})

    def _cycle_error(self, cycle: list[str]) -> UsageError:
        jobs = [self._catalog.jobs[int(key)] for key in cycle]
        return UsageError(
            "selector_job_cycle",
            f"job {jobs[0].name} selects by itself: {' -> '.join(job.name for job in jobs)}",
            hint="name the nodes, a tag or a subgraph in one of them in place of the job",
            location=Location(jobs[0].path) if jobs[0].path else None,
        )


def _intersection(sets: list[AbstractSet[str]]) -> AbstractSet[str]:
    smallest, *others = sorted(sets, key=len)
    for other in others:
        smallest = smallest & other
    return smallest
