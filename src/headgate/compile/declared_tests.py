"""Tests as declared in YAML -> `TestSpec`s, with the place of each. Short and long forms."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from headgate.compile.summary import Finding
from headgate.compile.yaml_file import Marks
from headgate.errors import did_you_mean
from headgate.model.project import Severity, TestKind, TestScope, TestSpec, TestTime, Threshold

_THIS = re.compile(r"\{\{-?\s*this\s*-?\}\}")
_KINDS = tuple(kind.value for kind in TestKind)
_COMMON = ("name", "severity", "threshold", "where", "scope", "when", "run", "continue_on_failure")
_OWN: dict[str, tuple[str, ...]] = {
    "unique": ("columns",),
    "not_null": ("columns",),
    "accepted_values": ("values",),
    "relationships": ("to", "field"),
    "row_count": ("min", "max"),
    "expression": ("expression", "sql"),
    "sql": ("sql",),
}
_SHORT: dict[str, tuple[type, str]] = {
    "unique": (list, "columns"),
    "not_null": (list, "columns"),
    "accepted_values": (list, "values"),
    "expression": (str, "expression"),
    "sql": (str, "sql"),
}


@dataclass(frozen=True, slots=True)
class DeclaredTest:
    """A test and the path of its declaration in the YAML document."""

    spec: TestSpec
    path: str


class _Bad(Exception):
    def __init__(self, message: str, hint: str, key: str = "", code: str = "bad_test") -> None:
        super().__init__(message)
        self.message, self.hint, self.key, self.code = message, hint, key, code


def read_tests(data: dict[str, Any], marks: Marks, at: str = "") -> tuple[list[DeclaredTest], list[Finding]]:
    """All tests of a node (or of a source that stands at `at`): its columns' first, then its own."""
    found: list[DeclaredTest] = []
    findings: list[Finding] = []
    taken: set[str] = set()
    prefix = f"{at}/" if at else ""
    places = [
        (name, test, f"{prefix}columns/{name}/tests/{index}")
        for name, entry in (data.get("columns") or {}).items()
        for index, test in enumerate((entry or {}).get("tests") or ())
    ]
    places += [(None, test, f"{prefix}tests/{index}") for index, test in enumerate(data.get("tests") or ())]
    for column, test, path in places:
        try:
            specs = _read_test(column, test)
        except _Bad as bad:
            line, place = _mark(marks, path, bad.key)
            findings.append(Finding(bad.code, bad.message, line, place, bad.hint))
            continue
        for spec in specs:
            if spec.name in taken and isinstance(test, dict) and _options(test).get("name") == spec.name:
                line, place = _mark(marks, path, "name")
                message = f"two tests have the name {spec.name}"
                findings.append(Finding("bad_test", message, line, place, "give each its own name"))
            name = _free(spec.name, taken)
            taken.add(name)
            found.append(DeclaredTest(_renamed(spec, name), path))
    return found, findings


def _options(test: dict[str, Any]) -> dict[str, Any]:
    body = next(iter(test.values()), None)
    return body if isinstance(body, dict) else {}


def _mark(marks: Marks, path: str, key: str) -> tuple[int, int]:
    candidates = [f"{path}/{kind}/{key}" for kind in _KINDS] if key else []
    for candidate in (*candidates, f"{path}/{key}", path):
        if candidate in marks:
            return marks[candidate][:2]
    return (1, 1)


def _free(name: str, taken: set[str]) -> str:
    number, candidate = 2, name
    while candidate in taken:
        candidate, number = f"{name}_{number}", number + 1
    return candidate


def _renamed(spec: TestSpec, name: str) -> TestSpec:
    from dataclasses import replace

    return spec if spec.name == name else replace(spec, name=name)


def _read_test(column: str | None, test: Any) -> list[TestSpec]:
    kind, body = _kind_and_body(test)
    own, options = dict[str, Any](), dict[str, Any]()
    if isinstance(body, dict):
        for key, value in body.items():
            if key in _OWN[kind]:
                own[key] = value
            elif key in _COMMON:
                options[key] = value
            else:
                known = (*_OWN[kind], *_COMMON)
                hint = did_you_mean(key, known, f"the keys are {', '.join(known)}")
                raise _Bad(f"unknown key {key} in the test {kind}", hint, key, "unknown_key")
    elif body is not None:
        wanted, key = _SHORT.get(kind, (dict, ""))
        if not isinstance(body, wanted):
            raise _Bad(f"the test {kind} cannot be {body!r}", _example(kind))
        own[key] = body
    columns, arguments = _ARGUMENTS[kind](column, own)
    common = _common(options)
    specs = []
    for target in columns:
        name = options.get("name") or _default_name(kind, target, arguments)
        specs.append(TestSpec(name, TestKind(kind), target, arguments, **common))
    return specs


def _kind_and_body(test: Any) -> tuple[str, Any]:
    if isinstance(test, str):
        kind, body = test, None
    elif isinstance(test, dict) and len(test) == 1:
        kind, body = next(iter(test.items()))
    else:
        raise _Bad("a test is a word or one key with its value", "for example `- accepted_values: [A, B]`")
    if kind not in _KINDS:
        otherwise = f"the tests are {', '.join(_KINDS)}"
        raise _Bad(f"there is no test {kind}", did_you_mean(kind, _KINDS, otherwise), kind, "unknown_test")
    return kind, body


def _default_name(kind: str, column: str | None, arguments: dict[str, Any]) -> str:
    columns = arguments.get("columns") or ([column] if column else [])
    return "_".join((kind, *columns))


def _example(kind: str) -> str:
    examples = {
        "accepted_values": "accepted_values: [A, B]",
        "relationships": "relationships: {to: STG.CUSTOMER, field: customer_id}",
        "row_count": "row_count: {min: 1}",
        "expression": 'expression: "amount >= 0"',
        "sql": 'sql: "select * from {{ this }} where amount < 0"',
        "unique": "unique: {columns: [a, b]}",
        "not_null": "not_null: {columns: [a, b]}",
    }
    return f"write `{examples[kind]}`"


Arguments = tuple[list[str | None], dict[str, Any]]


def _columns(own: dict[str, Any], kind: str) -> list[str]:
    columns = own.get("columns") or []
    if isinstance(columns, str):
        columns = [columns]
    if not isinstance(columns, list) or not all(isinstance(name, str) for name in columns):
        raise _Bad(f"columns of the test {kind} must be a list of names", _example(kind), "columns")
    return columns


def _unique(column: str | None, own: dict[str, Any]) -> Arguments:
    columns = _columns(own, "unique")
    if column is not None:
        if columns:
            raise _Bad(
                "a column's own test takes no columns", "move the test to the node's `tests`", "columns"
            )
        return [column], {}
    if not columns:
        raise _Bad("the node's test unique names no columns", _example("unique"))
    return [None], {"columns": columns}


def _not_null(column: str | None, own: dict[str, Any]) -> Arguments:
    columns = _columns(own, "not_null")
    if column is not None and columns:
        raise _Bad("a column's own test takes no columns", "move the test to the node's `tests`", "columns")
    if column is None and not columns:
        raise _Bad("the node's test not_null names no columns", _example("not_null"))
    return [column] if column is not None else list(columns), {}


def _accepted_values(column: str | None, own: dict[str, Any]) -> Arguments:
    values = own.get("values")
    if column is None:
        raise _Bad("accepted_values belongs to a column", "put it under `columns: {name: {tests: […]}}`")
    plain = (str, int, float, bool)
    if not isinstance(values, list) or not values or not all(isinstance(v, plain) for v in values):
        raise _Bad("accepted_values needs a list of values", _example("accepted_values"))
    return [column], {"values": values}


def _relationships(column: str | None, own: dict[str, Any]) -> Arguments:
    if column is None:
        raise _Bad("relationships belongs to a column", "put it under `columns: {name: {tests: […]}}`")
    to, target = own.get("to"), own.get("field")
    if not isinstance(to, str) or not isinstance(target, str):
        raise _Bad("relationships needs `to` (a node) and `field` (its column)", _example("relationships"))
    return [column], {"to": to, "field": target}


def _row_count(column: str | None, own: dict[str, Any]) -> Arguments:
    if column is not None:
        raise _Bad("row_count belongs to the node", "move it to the node's `tests`")
    least, most = own.get("min"), own.get("max")
    for bound in (least, most):
        if bound is not None and (not isinstance(bound, int) or isinstance(bound, bool) or bound < 0):
            raise _Bad("min and max of row_count are whole numbers", _example("row_count"))
    if least is None and most is None:
        raise _Bad("row_count needs min or max", _example("row_count"))
    if least is not None and most is not None and least > most:
        raise _Bad(f"row_count can never hold: min {least} is above max {most}", "swap them")
    return [None], {"min": least, "max": most}


def _expression(column: str | None, own: dict[str, Any]) -> Arguments:
    sql = own.get("expression", own.get("sql"))
    if not isinstance(sql, str) or not sql.strip():
        raise _Bad("expression needs an SQL condition that every row must meet", _example("expression"))
    return [column], {"sql": sql.strip()}


def _sql(column: str | None, own: dict[str, Any]) -> Arguments:
    sql = own.get("sql")
    if not isinstance(sql, str) or not sql.strip():
        raise _Bad("the test sql needs a SELECT of the failing rows", _example("sql"))
    return [column], {"sql": _THIS.sub("{this}", sql.strip().rstrip(";").rstrip())}


_ARGUMENTS: dict[str, Callable[[str | None, dict[str, Any]], Arguments]] = {
    "unique": _unique,
    "not_null": _not_null,
    "accepted_values": _accepted_values,
    "relationships": _relationships,
    "row_count": _row_count,
    "expression": _expression,
    "sql": _sql,
}


def _common(options: dict[str, Any]) -> dict[str, Any]:
    if "when" in options and "run" in options:
        raise _Bad("`when` and `run` say the same", "keep one of them", "run")
    result: dict[str, Any] = {}
    words = (("severity", "severity", Severity), ("scope", "scope", TestScope))
    words += (("when", "when", TestTime), ("run", "when", TestTime))  # type: ignore[assignment]
    for key, name, enum in words:
        if key in options:
            allowed = [member.value for member in enum]
            if options[key] not in allowed:
                hint = f"write {' or '.join(allowed)}"
                raise _Bad(f"{key} of a test cannot be {options[key]!r}", hint, key, "bad_value")
            result[name] = enum(options[key])
    for key, wanted in (("where", str), ("continue_on_failure", bool), ("name", str)):
        if key in options and not isinstance(options[key], wanted):
            hint = "write true or false" if wanted is bool else "write text"
            raise _Bad(f"{key} of a test cannot be {options[key]!r}", hint, key, "bad_value")
    if "where" in options:
        result["where"] = options["where"]
    if "continue_on_failure" in options:
        result["continue_on_failure"] = options["continue_on_failure"]
    if "threshold" in options:
        threshold = read_threshold(options["threshold"])
        if threshold is None:
            hint = "write a number of rows (5) or a share of them (1%)"
            raise _Bad(f"threshold cannot be {options['threshold']!r}", hint, "threshold", "bad_value")
        result["threshold"] = threshold
    return result


def read_threshold(value: object) -> Threshold | None:
    """`5` is rows, `1%` or `"0.5 %"` a share; None where it is neither."""
    if value is None:
        return Threshold()
    if isinstance(value, bool):
        return None
    if isinstance(value, int):
        return Threshold(rows=value) if value >= 0 else None
    match = re.fullmatch(r"(\d+(?:\.\d+)?)\s*(%?)", value.strip()) if isinstance(value, str) else None
    if match is None:
        return None
    if match[2]:
        percent = float(match[1])
        return Threshold(percent=percent) if percent <= 100 else None
    return Threshold(rows=int(match[1])) if match[1].isdigit() else None
