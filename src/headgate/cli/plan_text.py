"""Which version a plan is of, and the plan as a person reads it. Pure: a plan in, lines out."""

from __future__ import annotations

from collections.abc import Iterator

import click

from headgate.cli.errors import usage
from headgate.cli.output import names, one_line, plural
from headgate.model.plan import Change, ChangeKind, Plan

_SIGNS = {
    ChangeKind.CREATE: ("+", "green"),
    ChangeKind.ALTER: ("~", "yellow"),
    ChangeKind.REPLACE: ("!", "red"),
    ChangeKind.RENAME: (">", "yellow"),
    ChangeKind.DROP: ("-", "red"),
    ChangeKind.ADOPT: ("!", "red"),
    ChangeKind.MODIFY: ("*", "blue"),
}


def check_version(to: int | None, tag: str | None) -> None:
    """Raises UsageError `flags_exclude`."""
    if to is not None and tag is not None:
        raise usage("flags_exclude", "--to and --tag exclude each other", "give one of them")


def plan_lines(plan: Plan, *, ddl: bool) -> Iterator[str]:
    """With `ddl`, every statement as it will run."""
    yield headline(plan)
    for change in plan.changes:
        yield _change(change)
        for reason in change.reasons:
            yield f"      {one_line(reason)}"
        if change.drift:
            yield f"      {click.style('drifted', fg='yellow')}: the warehouse is not as the last deploy left it"
        if change.destroys:
            yield f"      {click.style('destroys', fg='red', bold=True)} {one_line(change.destroys)}"
        if ddl:
            for statement in change.statements:
                for line in statement.sql.splitlines():
                    yield click.style(f"      {line}".rstrip(), dim=True)
    if plan.needs_refresh:
        count = plural(len(plan.needs_refresh), "node needs", "nodes need")
        yield f"{count} a refresh afterwards: {names(plan.needs_refresh, 8)}"


def headline(plan: Plan) -> str:
    moved = plan.from_version and plan.from_version != plan.to_version
    versions = f" ({plan.from_version} -> {plan.to_version})" if moved else ""
    if plan.empty:
        return f"{plan.environment}: no changes{versions}"
    lost = len(plan.destructive)
    loss = f"{lost} of them {'destroys' if lost == 1 else 'destroy'} data"
    warned = f", {click.style(loss, fg='red')}" if lost else ""
    return f"{plan.environment}: {plural(len(plan.changes), 'change')}{versions}{warned}"


def _change(change: Change) -> str:
    sign, color = _SIGNS[change.kind]
    table = f" ({change.table})" if change.table is not None else ""
    return f"  {click.style(sign, fg=color)} {change.kind:<8}{click.style(change.id, bold=True)}{table}"
