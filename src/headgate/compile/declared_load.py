"""A node's load as declared in its header -> `Load`, and what contradicts itself in it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from headgate.compile.summary import Finding
from headgate.compile.yaml_file import Marks
from headgate.errors import UsageError, did_you_mean
from headgate.interval import Interval
from headgate.model.project import DeletePolicy, Load, LoadStrategy

BUILT_IN_TYPES = ("source", "view", "work", "stage", "persistent_stage", "dimension", "fact")
_BUILT_IN_LOADS = ("full", "append", "merge", "interval", "scd2")
_DEFAULTS = {
    "work": LoadStrategy.FULL,
    "stage": LoadStrategy.FULL,
    "persistent_stage": LoadStrategy.MERGE,
    "dimension": LoadStrategy.MERGE,
}
_USED_BY = {
    "time_column": ("append", "interval"),
    "interval": ("interval",),
    "start": ("interval",),
    "lookback": ("interval",),
    "max_intervals": ("interval",),
    "delete": ("merge", "scd2"),
    "updated_at": ("scd2",),
}
_NEEDS = {
    LoadStrategy.MERGE: ("key",),
    LoadStrategy.SCD2: ("key",),
    LoadStrategy.INTERVAL: ("time_column", "interval", "start"),
}
_EXAMPLES = {
    "key": "key: [id]",
    "time_column": "time_column: loaded_at",
    "interval": "interval: 1d",
    "start": "start: 2024-01-01",
}
_DELETES = {"keep": ("merge", "scd2"), "not_in_source": ("merge",), "close": ("scd2",)}


@dataclass(frozen=True, slots=True)
class LoadRules:
    """What a node's type says of its load. `strategy` None: the type has no load (view, source)."""

    strategy: LoadStrategy | None
    template: bool = False


def rules_of(node_type: str, *, has_key: bool) -> LoadRules:
    """The default of a built-in type."""
    if node_type in ("view", "source"):
        return LoadRules(None)
    if node_type == "fact":
        return LoadRules(LoadStrategy.MERGE if has_key else LoadStrategy.FULL)
    return LoadRules(_DEFAULTS[node_type])


def key_of(data: dict[str, Any]) -> tuple[str, ...]:
    return tuple(as_list(_option(data, "key")[0]))


def as_list(value: Any) -> list[Any]:
    if value is None:
        return []
    return value if isinstance(value, list) else [value]


def _option(data: dict[str, Any], name: str) -> tuple[Any, str]:
    """The option's value and path: in the header, or inside `load: {…}`."""
    load = data.get("load")
    if isinstance(load, dict) and load.get(name) is not None:
        return load[name], f"load/{name}"
    return data.get(name), name


def read_load(
    data: dict[str, Any], marks: Marks, node_type: str, rules: LoadRules
) -> tuple[Load | None, list[Finding]]:
    """The load of a table; None for what is not loaded, and where a finding forbids it."""
    reader = _LoadReader(data, marks, node_type)
    return reader.read(rules), reader.findings


class _LoadReader:
    def __init__(self, data: dict[str, Any], marks: Marks, node_type: str) -> None:
        self.data = data
        self.marks = marks
        self.node_type = node_type
        self.findings: list[Finding] = []

    def complain(self, code: str, message: str, path: str, hint: str, *, value: bool = False) -> None:
        mark = self.marks.get(path) or self.marks.get("type") or (1, 1, 1, 1)
        line, column = mark[2:] if value else mark[:2]
        self.findings.append(Finding(code, message, line, column, hint))

    def read(self, rules: LoadRules) -> Load | None:
        written = self.data.get("load")
        word = written.get("strategy") if isinstance(written, dict) else written
        if rules.strategy is None:
            for name in ("load", "key", *_USED_BY):
                if self.data.get(name) is not None:
                    self.not_loaded(name)
            return None
        strategy = rules.strategy
        if word is not None:
            if word not in _BUILT_IN_LOADS:
                path = "load/strategy" if isinstance(written, dict) else "load"
                hint = did_you_mean(str(word), _BUILT_IN_LOADS, f"the loads are {', '.join(_BUILT_IN_LOADS)}")
                self.complain("unknown_load", f"there is no load {word}", path, hint, value=True)
                return None
            strategy = LoadStrategy(word)
        if rules.template:
            strategy = LoadStrategy.TEMPLATE
        self.check_needs(strategy, defaulted=word is None)
        if strategy is not LoadStrategy.TEMPLATE:
            self.check_unused(strategy)
        if self.findings:
            return None
        load = self.build(strategy)
        return None if self.findings else load

    def not_loaded(self, name: str) -> None:
        message = f"a {self.node_type} is not loaded, so {name} has no meaning"
        self.complain("load_conflict", message, name, f"remove {name}, or choose a type that is a table")

    def check_needs(self, strategy: LoadStrategy, *, defaulted: bool) -> None:
        for name in _NEEDS.get(strategy, ()):
            if _option(self.data, name)[0] in (None, [], ""):
                path = "type" if defaulted and "type" in self.marks else "load"
                because = (
                    f"{strategy.value}, the default of {self.node_type}," if defaulted else strategy.value
                )
                otherwise = ", or choose `load: full`" if name == "key" else ""
                self.complain(
                    "load_incomplete",
                    f"the load {because} needs {name}",
                    path,
                    f"add `{_EXAMPLES[name]}` to the header{otherwise}",
                )

    def check_unused(self, strategy: LoadStrategy) -> None:
        for name, users in _USED_BY.items():
            value, path = _option(self.data, name)
            if value is not None and strategy.value not in users:
                hint = f"remove it, or choose `load: {' or '.join(users)}`"
                self.complain("load_conflict", f"the load {strategy.value} does not use {name}", path, hint)
        delete, path = _option(self.data, "delete")
        if (
            delete in _DELETES
            and strategy.value in ("merge", "scd2")
            and strategy.value not in _DELETES[delete]
        ):
            allowed = [word for word, users in _DELETES.items() if strategy.value in users]
            message = f"the load {strategy.value} cannot delete: {delete}"
            self.complain("load_conflict", message, path, f"write {' or '.join(allowed)}", value=True)

    def build(self, strategy: LoadStrategy) -> Load:
        def get(name: str) -> Any:
            return _option(self.data, name)[0]

        return Load(
            strategy,
            key=tuple(as_list(get("key"))),
            time_column=get("time_column"),
            interval=self.interval(),
            start=self.start(),
            lookback=get("lookback") or 0,
            max_intervals=get("max_intervals"),
            delete=DeletePolicy(get("delete") or "keep"),
            updated_at=get("updated_at"),
        )

    def interval(self) -> str | None:
        text, path = _option(self.data, "interval")
        if text is None:
            return None
        try:
            return str(Interval.parse(text))
        except UsageError as error:
            self.complain("bad_value", error.message, path, error.hint, value=True)
            return None

    def start(self) -> str | None:
        text, path = _option(self.data, "start")
        if text is None:
            return None
        try:
            instant = datetime.fromisoformat(text)
        except ValueError:
            hint = "write a date or an instant, such as 2024-01-31 or 2024-01-31T06:00:00Z"
            self.complain("bad_value", f"start cannot be {text!r}", path, hint, value=True)
            return None
        instant = instant.replace(tzinfo=UTC) if instant.tzinfo is None else instant.astimezone(UTC)
        return instant.isoformat()
