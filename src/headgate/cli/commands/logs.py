"""`headgate logs`: what a run sent to the warehouse, and what came back."""

from __future__ import annotations

from collections.abc import Sequence

import click

from headgate.cli import flags, output
from headgate.cli.carrying import tell_error
from headgate.cli.invocation import current
from headgate.client import reading
from headgate.model.runs import StepRow
from headgate.model.steps import Role, StatementRecord, StepStatus
from headgate.service.parameters import run_number


@flags.command()
@click.argument("run_id", metavar="RUN_ID", shell_complete=flags.complete_runs)
@click.argument("node", required=False, shell_complete=flags.complete_nodes)
@click.option("--failed", is_flag=True, help="Only what failed.")
@click.option("--sql", is_flag=True, help="With the text of every statement, not only of failed ones.")
@flags.as_json
def logs(*, run_id: str, node: str | None, failed: bool, sql: bool, as_json: bool) -> None:
    """Show what a run did: statements, rows, times, errors and samples of offending rows.

    \b
    Examples:
      headgate logs 12
      headgate logs 12 --failed
      headgate logs 12 MART.FCT_ORDERS --sql
    """
    number = run_number(run_id)
    with current().target("headgate logs") as target:
        body = target.logs(number, node=node, failed=failed)
        if as_json:
            output.show_json(body)
            return
        run = reading.run(target.run(number))
    results = reading.results(body, number)
    if run.error is not None and not node and run.error.code != "steps_failed":
        output.show(f"run {number} {output.status(run.status.value)}: {run.error.message}")
        tell_error(run.error, indent="  ", write=output.show)
    if not results:
        output.say(f"run {number} has no {'failed ' if failed else ''}steps")
    for result in results:
        _show(result.step, result.statements, sql=sql)


def _show(step: StepRow, statements: Sequence[StatementRecord], *, sql: bool) -> None:
    rows = output.rows_text(step.rows_inserted, step.rows_updated, step.rows_deleted)
    took = output.since(step.started_at, step.ended_at) if step.started_at else ""
    words = [click.style(step.step_id, bold=True), output.status(step.status.value), rows, took]
    output.show("  ".join(word for word in words if word))
    for note in step.notes:
        output.show(f"  note: {note}")
    for statement in statements:
        _show_statement(statement, sql=sql)
    if step.error is not None:
        output.show(f"  {click.style('error:', fg='red')} {output.one_line(step.error.message)}")
        tell_error(step.error, indent="  ", write=output.show)


def _rows(statement: StatementRecord) -> str:
    """Of a check, the rows that fail it."""
    if statement.rows is None or (statement.role is Role.CHECK and not statement.rows):
        return ""
    return output.plural(statement.rows, "row") + (" fail" if statement.role is Role.CHECK else "")


def _show_statement(statement: StatementRecord, *, sql: bool) -> None:
    rows = _rows(statement)
    took = output.since(statement.started_at, statement.ended_at)
    bad = not statement.status.good
    line = f"  {statement.name:<28}{statement.role:<8}{output.status(statement.status.value):<10}  {took:>8}  {rows}"
    output.show(line.rstrip())
    if sql or bad:
        for text in statement.sql.splitlines():
            output.show(click.style(f"      {text}".rstrip(), dim=True))
    if statement.error is not None and statement.status is StepStatus.WARNING:
        output.show(f"      {output.one_line(statement.error.message)}")
        tell_error(statement.error, indent="      ", write=output.show)
