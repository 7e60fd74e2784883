"""Checks within one YAML file or header that a schema cannot say: durations, secrets, selectors, expressions."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Any

from headgate import duration
from headgate.compile.declared_tests import read_threshold
from headgate.compile.layout import FileKind
from headgate.compile.schema import place
from headgate.compile.summary import Finding
from headgate.compile.yaml_file import Marks, YamlText
from headgate.errors import UsageError, did_you_mean
from headgate.model.project import WarehouseConfig

_WORKLOADS = ("model", "orchestration", "phases", "command", "sql", "http")
_SECRET_KEYS = ("password", "token", "secret", "private_key", "private_key_passphrase", "passphrase")
_REFERENCE = re.compile(r"\$\{(secret:)?[A-Za-z_][A-Za-z0-9_.-]*\}")


def nothing(_document: YamlText) -> list[Finding]:
    return []


def project(document: YamlText) -> list[Finding]:
    from sqlglot.dialects.dialect import Dialect

    data, marks = document.data, document.marks
    findings = []
    dialect = data.get("dialect", "duckdb")
    known = sorted(name for name in Dialect.classes if name) if Dialect.get(dialect) is None else []
    if known:
        line, column = place(marks, "dialect", value=True)
        hint = did_you_mean(dialect, known, "write duckdb or postgres, for example")
        findings.append(Finding("unknown_dialect", f"there is no SQL dialect {dialect}", line, column, hint))
    seen: dict[str, str] = {}
    for index, name in enumerate(data["locations"]):
        if name.lower() in seen:
            line, column = place(marks, f"locations/{index}", value=True)
            message = f"the location {name} is listed twice"
            findings.append(Finding("duplicate_location", message, line, column, "remove one of the two"))
        seen.setdefault(name.lower(), name)
    default = data.get("default_location")
    if default is not None and default.lower() not in seen:
        line, column = place(marks, "default_location", value=True)
        hint = did_you_mean(default, seen.values(), f"the locations are {', '.join(seen.values())}")
        findings.append(Finding("unknown_location", f"there is no location {default}", line, column, hint))
    return findings


def environment(document: YamlText) -> list[Finding]:
    findings = []
    for key, value in document.data["warehouse"].items():
        secret = key in _SECRET_KEYS and isinstance(value, str) and value
        if secret and not _REFERENCE.fullmatch(value):
            line, column = place(document.marks, f"warehouse/{key}", value=True)
            message = f"{key} stands in the file as plain text"
            hint = f'write {key}: "${{{key.upper()}}}" and set that environment variable'
            findings.append(Finding("plain_secret", message, line, column, hint))
    return findings + _warehouse(document)


def _warehouse(document: YamlText) -> list[Finding]:
    """What a connection would refuse without having tried: its type and its options."""
    from headgate.warehouse.open import check_config

    options = dict(document.data["warehouse"])
    kind = options.pop("type")
    try:
        check_config(WarehouseConfig(kind, options))
    except UsageError as error:
        at = "warehouse/type" if error.code == "warehouse_type_unknown" else "warehouse"
        line, column = place(document.marks, at, value=True)
        hint = error.hint or "correct it under `warehouse`"
        return [Finding(error.code, error.message, line, column, hint)]
    return []


def drop_other_workloads(document: YamlText, findings: list[Finding]) -> None:
    """A job of another kind gets one clear finding, and is then checked as if it had an empty refresh."""
    data = document.data
    if not isinstance(data, dict):
        return
    others = [key for key in _WORKLOADS if key in data]
    for key in others:
        line, column = place(document.marks, key)
        message = f"this version runs refresh jobs only, not {key}"
        findings.append(Finding("workload_not_supported", message, line, column, "give the job a `refresh:`"))
        del data[key]
    if others:
        data.setdefault("refresh", {})


def job(document: YamlText) -> list[Finding]:
    findings = _durations(document.data, document.marks, ("timeout", "retries/delay"))
    refresh = document.data.get("refresh") or {}
    for key in ("include", "exclude"):
        text = refresh.get(key) or ""
        if not text.strip():
            continue
        from headgate.selector import parse

        try:
            parse(text)
        except UsageError as error:
            line, column = place(document.marks, f"refresh/{key}", value=True)
            message = f"{key}: {error.message}"
            findings.append(Finding(error.code, message, line, column, error.hint or "correct the selector"))
    return findings


def _durations(data: Any, marks: Marks, paths: tuple[str, ...], at: str = "") -> list[Finding]:
    findings = []
    for path in paths:
        value = data
        for part in path.split("/"):
            value = value.get(part) if isinstance(value, dict) else None
        if value is not None and duration.duration_seconds(value) is None:
            line, column = place(marks, f"{at}/{path}" if at else path, value=True)
            message = f"{path.replace('/', '.')} cannot be {value!r}"
            findings.append(Finding("bad_value", message, line, column, duration.HINT))
    return findings


def freshness(data: dict[str, Any], marks: Marks, name: str) -> list[Finding]:
    return _durations(data, marks, ("freshness/warn_after", "freshness/error_after"), name)


def threshold(data: dict[str, Any], marks: Marks) -> list[Finding]:
    if read_threshold(data.get("threshold")) is not None:
        return []
    line, column = place(marks, "threshold", value=True)
    message = f"threshold cannot be {data['threshold']!r}"
    hint = "write a number of rows (5) or a share of them (1%)"
    return [Finding("bad_value", message, line, column, hint)]


def test_expressions(data: dict[str, Any], marks: Marks, dialect: str) -> list[Finding]:
    """Conditions of the header's tests must be SQL. Those with Jinja are read when they are bound."""
    from headgate.compile.declared_tests import read_tests
    from headgate.model.project import TestKind

    findings = []
    for test in read_tests(data, marks)[0]:
        texts = [("where", f"select 1 where ({test.spec.where})")] if test.spec.where else []
        sql = test.spec.arguments.get("sql", "")
        if test.spec.kind is TestKind.EXPRESSION:
            texts.append(("expression", f"select 1 where ({sql})"))
        elif test.spec.kind is TestKind.SQL:
            texts.append(("sql", sql.replace("{this}", "this")))
        for key, text in texts:
            message = _sql_fault(text, dialect)
            if message:
                line, column = place(marks, f"{test.path}/{test.spec.kind.value}/{key}", value=True)
                findings.append(
                    Finding("sql_syntax", f"the test {test.spec.name}: {message}", line, column, "correct it")
                )
    return findings


def _sql_fault(text: str, dialect: str) -> str:
    from headgate.compile.parse import parse_query
    from headgate.compile.render import has_jinja

    if has_jinja(text):
        return ""
    problems = parse_query(text, dialect).problems
    return problems[0].message if problems else ""


def watches(document: YamlText) -> list[Finding]:
    from headgate.joblog.watch import check_name, read_watch

    findings = []
    for name, entry in (document.data or {}).items():
        try:
            check_name(name)
            read_watch(entry or {})
        except UsageError as error:
            line, column = place(document.marks, name)
            findings.append(Finding(error.code, f"{name}: {error.message}", line, column, error.hint or ""))
    return findings


CHECKS: dict[FileKind, Callable[[YamlText], list[Finding]]] = {
    FileKind.PROJECT: project,
    FileKind.ENVIRONMENT: environment,
    FileKind.JOB: job,
    FileKind.WATCHES: watches,
}
