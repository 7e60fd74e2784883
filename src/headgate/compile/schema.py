"""Which keys each file kind has and of what kind their values are, and a checker that says what does not fit.

Small on purpose, and not pydantic: importing that costs a quarter of compiling one changed file, and a checker
that knows the places of keys speaks more plainly. What values mean together is checked elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from headgate.compile.summary import Finding
from headgate.compile.yaml_file import Marks, YamlText
from headgate.errors import did_you_mean


@dataclass(frozen=True, slots=True)
class Value:
    """A single value: `name` says it in an error, `fits` tells."""

    name: str
    fits: Callable[[Any], bool]


@dataclass(frozen=True, slots=True)
class ListOf:
    item: Kind
    least: int = 0


@dataclass(frozen=True, slots=True)
class MapOf:
    """Free keys, values of one kind. `empty`: a value may be left out (`name:`)."""

    value: Kind
    empty: bool = False


@dataclass(frozen=True, slots=True)
class Either:
    """A short form, or a long one: a list or mapping is held against `long`, all else against `short`."""

    short: Value
    long: ListOf | MapOf | Keys


@dataclass(frozen=True, slots=True)
class Keys:
    """Named keys. An absent one, or one without a value, is fine unless it is `required`."""

    keys: Mapping[str, Kind]
    required: tuple[str, ...] = ()
    open: bool = False
    """Other keys are taken as they are."""


Kind = Value | ListOf | MapOf | Either | Keys


def _whole(least: int, most: int | None = None) -> Value:
    bound = f"from {least} to {most}" if most is not None else f"of at least {least}"

    def fits(value: Any) -> bool:
        is_int = isinstance(value, int) and not isinstance(value, bool)
        return is_int and value >= least and (most is None or value <= most)

    return Value(f"a whole number {bound}", fits)


def _one_of(*words: str) -> Value:
    return Value(f"one of {', '.join(words)}", lambda value: value in words)


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


TEXT = Value("text", lambda value: isinstance(value, str))
BOOL = Value("true or false", lambda value: isinstance(value, bool))
ANY = Value("a value", lambda _value: True)
DURATION = Value("a duration", lambda value: isinstance(value, str) or _is_number(value))
FACTOR = Value("a number of at least 1", lambda value: _is_number(value) and value >= 1)
THRESHOLD = Value("a number of rows or a share", lambda value: isinstance(value, (str, int)))
PLAIN = MapOf(ANY, empty=True)
TEXTS = Either(TEXT, ListOf(TEXT))
TESTS = ListOf(Either(TEXT, MapOf(ANY, empty=True)))

COLUMNS = MapOf(
    Keys({"type": TEXT, "description": TEXT, "tests": TESTS, "nullable": BOOL}),
    empty=True,
)
_LOAD_OPTIONS: dict[str, Kind] = {
    "key": TEXTS,
    "time_column": TEXT,
    "interval": TEXT,
    "start": TEXT,
    "lookback": _whole(0),
    "max_intervals": _whole(1),
    "delete": _one_of("keep", "not_in_source", "close"),
    "updated_at": TEXT,
}

PROJECT = Keys(
    {
        "name": TEXT,
        "dialect": TEXT,
        "locations": ListOf(TEXT, least=1),
        "default_location": TEXT,
        "parameters": PLAIN,
        "description": TEXT,
    },
    required=("name", "locations"),
)
ENVIRONMENT = Keys(
    {
        "id": _whole(1),
        "name": TEXT,
        "warehouse": Keys({"type": TEXT}, required=("type",), open=True),
        "mappings": MapOf(Keys({"schema": TEXT, "database": TEXT}, required=("schema",))),
        "parameters": PLAIN,
        "require_commit": BOOL,
        "max_running": _whole(1),
        "description": TEXT,
    },
    required=("id", "name", "warehouse", "mappings"),
)
NODE = Keys(
    {
        "id": TEXT,
        "type": TEXT,
        "load": Either(TEXT, Keys({"strategy": TEXT, **_LOAD_OPTIONS}, required=("strategy",))),
        **_LOAD_OPTIONS,
        "on_schema_change": _one_of("fail", "add_columns", "sync", "ignore"),
        "tags": TEXTS,
        "description": TEXT,
        "columns": COLUMNS,
        "tests": TESTS,
        "pre_sql": TEXTS,
        "post_sql": TEXTS,
        "renamed_from": TEXT,
        "enabled": BOOL,
        "config": PLAIN,
    }
)
SOURCE = Keys(
    {
        "id": TEXT,
        "table": TEXT,
        "file": TEXT,
        "loaded_by": TEXT,
        "freshness": Keys(
            {"loaded_at": TEXT, "warn_after": DURATION, "error_after": DURATION}, required=("loaded_at",)
        ),
        "columns": COLUMNS,
        "tests": TESTS,
        "tags": TEXTS,
        "description": TEXT,
    }
)
SUBGRAPH = Keys({"name": TEXT, "nodes": ListOf(TEXT), "description": TEXT}, required=("name", "nodes"))
JOB = Keys(
    {
        "id": _whole(1, 99_999),
        "name": TEXT,
        "description": TEXT,
        "refresh": Keys({"include": TEXT, "exclude": TEXT, "parallelism": _whole(1)}),
        "parameters": PLAIN,
        "environments": MapOf(
            Keys({"active": BOOL, "triggers": ListOf(PLAIN), "conditions": ListOf(PLAIN)}), empty=True
        ),
        "overlap": _one_of("queue", "coalesce", "skip", "replace"),
        "retries": Keys(
            {"max": _whole(0), "delay": DURATION, "backoff": FACTOR, "from": _one_of("failure", "start")}
        ),
        "timeout": DURATION,
        "tags": TEXTS,
    },
    required=("id", "name", "refresh"),
)
WATCHES = MapOf(
    Keys(
        {
            "every": DURATION,
            "cron": TEXT,
            "timezone": TEXT,
            "grace": DURATION,
            "stale_after": DURATION,
            "close_stale": BOOL,
            "records": _one_of("any", "some", "usual"),
            "overlap": _one_of("allow", "refuse", "take_over"),
        }
    ),
    empty=True,
)
TEST = Keys(
    {
        "severity": _one_of("error", "warn"),
        "threshold": THRESHOLD,
        "tags": TEXTS,
        "description": TEXT,
    }
)
NODE_TYPE = Keys(
    {
        "name": TEXT,
        "description": TEXT,
        "materialization": _one_of("table", "view"),
        "load": _one_of("builtin", "template"),
        "default_load": _one_of("full", "append", "merge", "interval", "scd2"),
        "config": PLAIN,
    }
)


def validate(kind: Kind, document: YamlText, findings: list[Finding], at: str = "") -> bool:
    """Hold the document (or what stands at `at`) against its kind. False where it does not fit."""
    value = document.data
    for part in filter(None, at.split("/")):
        value = value[part]
    checker = _Checker(document.marks)
    checker.check(kind, {} if value is None else value, at)
    findings += checker.findings
    return not checker.findings


class _Checker:
    def __init__(self, marks: Marks) -> None:
        self.marks = marks
        self.findings: list[Finding] = []

    def complain(self, code: str, message: str, path: str, hint: str, *, value: bool = False) -> None:
        line, column = place(self.marks, path, value=value)
        self.findings.append(Finding(code, message, line, column, hint))

    def wrong(self, path: str, wanted: str, value: Any) -> None:
        shown = path.replace("/", ".") or "the file"
        but = f", not {value!r}" if isinstance(value, (str, int, float)) else ""
        hint = "put it in quotes" if wanted == "text" and but else f"write {wanted}"
        if wanted == "text" and isinstance(value, (dict, list)):  # as YAML takes a selector without quotes
            but = ", not a mapping" if isinstance(value, dict) else ", not a list"
            hint = "write text; what begins with a brace or a bracket stands in quotes"
        self.complain("bad_value", f"{shown} must be {wanted}{but}", path, hint, value=True)

    def check(self, kind: Kind, value: Any, path: str) -> None:
        match kind:
            case Value():
                if not kind.fits(value):
                    self.wrong(path, kind.name, value)
            case Either():
                long = isinstance(value, list if isinstance(kind.long, ListOf) else dict)
                self.check(kind.long if long else kind.short, value, path)
            case ListOf():
                self.items(kind, value, path)
            case MapOf():
                if not isinstance(value, dict):
                    self.wrong(path, "a mapping of names to values", value)
                    return
                prefix = f"{path}/" if path else ""
                for key, item in value.items():
                    if item is not None or not kind.empty:
                        self.check(kind.value, item, prefix + key)
            case Keys():
                self.keys(kind, value, path)

    def items(self, kind: ListOf, value: Any, path: str) -> None:
        if not isinstance(value, list):
            self.wrong(path, "a list", value)
            return
        if len(value) < kind.least:
            self.wrong(path, "a list with at least one value", None)
        for index, item in enumerate(value):
            self.check(kind.item, item, f"{path}/{index}")

    def keys(self, kind: Keys, value: Any, path: str) -> None:
        if not isinstance(value, dict):
            self.wrong(path, "a mapping of keys and values", value)
            return
        prefix = f"{path}/" if path else ""
        for key, item in value.items():
            own = kind.keys.get(key)
            if own is not None:
                if item is not None:
                    self.check(own, item, prefix + key)
            elif not kind.open:
                hint = did_you_mean(key, kind.keys, f"the keys are {', '.join(kind.keys)}")
                word, blank, rest = key.partition(" ")
                if blank and item is None and word in kind.keys:
                    hint = f"a colon is missing: write `{word}: {rest.strip()}`"
                self.complain("unknown_key", f"unknown key {key}", prefix + key, hint)
        for key in kind.required:
            own = kind.keys[key]
            # `refresh:` with nothing behind it is a value: everything by default.
            may_be_empty = key in value and isinstance(own, Keys) and not own.required
            if value.get(key) is None and not may_be_empty:
                owner = f" in {path.replace('/', '.')}" if path else ""
                self.complain("missing_key", f"the key {key} is missing{owner}", path, f"add `{key}: …`")


def place(marks: Marks, path: str, *, value: bool = False) -> tuple[int, int]:
    """Line and column of a key (or of its value); of the nearest enclosing key where it has none."""
    while path not in marks:
        if not path:
            return (1, 1)
        path = path.rpartition("/")[0]
    found = marks[path]
    return found[2:] if value else found[:2]
