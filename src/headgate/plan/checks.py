"""The SQL that judges rows: keys, declared tests, project tests. Each check answers how many rows fail.

A check's answer is one row `(failures)` or, for a threshold in percent, `(failures, total)`.
"""

from __future__ import annotations

from typing import assert_never

from headgate.model.bound import THIS, BoundTest
from headgate.model.project import Severity, TestKind, TestSpec
from headgate.model.steps import Check, Role, Statement
from headgate.warehouse import late
from headgate.warehouse.names import literal, quote

SAMPLE_ROWS = 5
"""How many offending rows a failed check shows."""

_ROWS = "hg_rows"
"""Names a run's new rows inside a test, where they are a query."""


def key_check(relation: str, key: tuple[str, ...], dialect: str) -> Statement:
    """Null or duplicate keys in `relation` are an error: they would make a row's identity a matter of luck."""
    columns = ", ".join(quote(column, dialect) for column in key)
    nulls = " OR ".join(f"{quote(column, dialect)} IS NULL" for column in key)
    bad = f"SELECT {columns}, count(*) AS row_count FROM {relation} GROUP BY {columns} HAVING count(*) > 1 OR {nulls}"
    return Statement(
        name=f"key {', '.join(key)}",
        role=Role.CHECK,
        sql=f"SELECT count(*) AS failures FROM ({bad}) AS bad",
        check=Check(
            probe=f"{bad} LIMIT {SAMPLE_ROWS}",
            message=f"{{failures}} null or duplicate values of the key ({said(', '.join(key))})",
        ),
    )


def not_null_check(relation: str, column: str, why: str, dialect: str) -> Statement:
    """A check of Headgate's own that `column` holds no null; `why` ends the message's sentence."""
    condition = f"FROM {relation} WHERE {quote(column, dialect)} IS NULL"
    return Statement(
        name=f"not null {column}",
        role=Role.CHECK,
        sql=f"SELECT count(*) AS failures {condition}",
        check=Check(
            probe=f"SELECT * {condition} LIMIT {SAMPLE_ROWS}",
            message=f"{{failures}} rows have no {said(column)}: {why}",
        ),
    )


def declared_test(test: TestSpec, relation: str, dialect: str, *, each_interval: bool = False) -> Statement:
    """The check of a declared test over `relation`: the table, or a query in parentheses of this run's new rows."""
    parameters, first = late_names(relation), ""
    if relation.startswith("("):
        # A test's own SQL may give the relation an alias or join it: only a name can stand everywhere.
        relation, first = _ROWS, f"WITH {_ROWS} AS {relation}\n"
    where = _condition(test.where) if test.where else ""
    failures, probe, message = _test_sql(test, relation, where, dialect)
    total = ""
    if test.kind is TestKind.ROW_COUNT or test.threshold.percent is not None:
        total = f", (SELECT count(*) FROM {relation}{f' WHERE {where}' if where else ''}) AS total"
    return Statement(
        name=test.name,
        role=Role.CHECK,
        sql=f"{first}SELECT ({failures}) AS failures{total}",
        parameters=parameters,
        check=Check(
            severity=test.severity,
            threshold=test.threshold,
            continue_on_failure=test.continue_on_failure,
            probe=first + probe if probe else None,
            message=message,
            test=test.name,
        ),
        each_interval=each_interval,
    )


def project_test_statement(test: BoundTest) -> Statement:
    """A project test: any row of its query is a failure."""
    return Statement(
        name=test.name,
        role=Role.CHECK,
        sql=f"SELECT count(*) AS failures FROM (\n{test.query}\n) AS failing",
        check=Check(
            severity=test.severity,
            threshold=test.threshold,
            probe=f"SELECT * FROM (\n{test.query}\n) AS failing LIMIT {SAMPLE_ROWS}",
            message="{failures} rows returned, none expected",
            test=test.name,
        ),
    )


def late_names(sql: str) -> tuple[str, ...]:
    """Which late values the text reads."""
    return tuple(sorted(late.late_names(sql)))


def _test_sql(test: TestSpec, relation: str, where: str, dialect: str) -> tuple[str, str | None, str]:
    """`(failures, probe, message)`: a scalar query, a query of offending rows, and the sentence."""
    column, name = quote(test.column, dialect) if test.column else "", said(test.column or "")

    def rows_where(condition: str) -> tuple[str, str]:
        full = f"{condition} AND {where}" if where else condition
        return (
            f"SELECT count(*) FROM {relation} WHERE {full}",
            f"SELECT * FROM {relation} WHERE {full} LIMIT {SAMPLE_ROWS}",
        )

    match test.kind:
        case TestKind.UNIQUE:
            names = tuple(test.arguments.get("columns") or (test.column,))
            columns = ", ".join(quote(str(name), dialect) for name in names)
            present = " AND ".join(f"{quote(str(name), dialect)} IS NOT NULL" for name in names)
            full = f"{present} AND {where}" if where else present
            groups = f"FROM {relation} WHERE {full} GROUP BY {columns} HAVING count(*) > 1"
            return (
                f"SELECT coalesce(sum(n), 0) FROM (SELECT count(*) AS n {groups}) AS repeated",
                f"SELECT {columns}, count(*) AS row_count {groups} LIMIT {SAMPLE_ROWS}",
                f"{{failures}} rows share their {said(', '.join(map(str, names)))} with another",
            )
        case TestKind.NOT_NULL:
            return (*rows_where(f"{column} IS NULL"), f"{{failures}} rows have no {name}")
        case TestKind.ACCEPTED_VALUES:
            values = ", ".join(literal(value, dialect) for value in test.arguments["values"])
            message = f"{{failures}} rows hold a {name} that is not accepted"
            return (*rows_where(f"{column} IS NOT NULL AND {column} NOT IN ({values})"), message)
        case TestKind.RELATIONSHIPS:
            to, field = test.arguments["to"], quote(str(test.arguments["field"]), dialect)
            orphan = (
                f"{column} IS NOT NULL AND NOT EXISTS "
                f"(SELECT 1 FROM {to} AS hg_to WHERE hg_to.{field} = hg_from.{column})"
            )
            full = f"{orphan} AND {where}" if where else orphan
            source = f"FROM {relation} AS hg_from WHERE {full}"
            return (
                f"SELECT count(*) {source}",
                f"SELECT * {source} LIMIT {SAMPLE_ROWS}",
                f"{{failures}} rows hold a {name} that is not in {said(str(to))}",
            )
        case TestKind.ROW_COUNT:
            low, high = test.arguments.get("min"), test.arguments.get("max")
            bounds = [f"count(*) < {int(low)}"] if low is not None else []
            bounds += [f"count(*) > {int(high)}"] if high is not None else []
            source = f"FROM {relation}{f' WHERE {where}' if where else ''}"
            return (
                f"SELECT CASE WHEN {' OR '.join(bounds)} THEN 1 ELSE 0 END {source}",
                None,
                f"{{total}} rows, expected {_range_text(low, high)}",
            )
        case TestKind.EXPRESSION:
            broken = f"NOT {_condition(str(test.arguments['sql']))}"
            return (*rows_where(broken), "{failures} rows break the expression")
        case TestKind.SQL:
            query = str(test.arguments["sql"]).replace(THIS, relation)
            failing = f"FROM (\n{query}\n) AS failing{f' WHERE {where}' if where else ''}"
            return (
                f"SELECT count(*) {failing}",
                f"SELECT * {failing} LIMIT {SAMPLE_ROWS}",
                "{failures} rows returned, none expected",
            )
    assert_never(test.kind)


def _condition(text: str) -> str:
    """A person's condition in parentheses; it may end in a comment, which would swallow what follows."""
    return f"({text}\n)" if "--" in text else f"({text})"


def said(name: str) -> str:
    """A name as part of a message, which is formatted later."""
    return name.replace("{", "{{").replace("}", "}}")


def _range_text(low: int | None, high: int | None) -> str:
    if low is None:
        return f"at most {high}"
    return f"at least {low}" if high is None else f"{low} to {high}"


def guards(test: TestSpec) -> bool:
    """Whether a failure of the test keeps a load from being published."""
    return test.severity is Severity.ERROR and not test.continue_on_failure
