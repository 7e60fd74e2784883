"""The table of engines, and the one way to open a warehouse. Adding an engine adds one entry here.

An engine's module, and with it its driver, is imported when such a warehouse is opened.
"""

from __future__ import annotations

import importlib
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

from headgate.errors import UsageError, did_you_mean
from headgate.model.project import WarehouseConfig
from headgate.warehouse.base import Opening, Warehouse


@dataclass(frozen=True, slots=True)
class Engine:
    """`adapter` is "module:Class"; `options` maps an option to its kind; `required` have no default. Of an `embedded`
    one, the data are a file that one process of one machine has."""

    adapter: str
    dialect: str
    options: Mapping[str, type]
    required: tuple[str, ...] = ()
    embedded: bool = False


ENGINES: Mapping[str, Engine] = {
    "duckdb": Engine(
        adapter="headgate.warehouse.duckdb:DuckDBWarehouse",
        dialect="duckdb",
        options={"path": str, "threads": int, "memory_limit": str, "settings": dict},
        required=("path",),
        embedded=True,
    ),
    "postgres": Engine(
        adapter="headgate.warehouse.postgres:PostgresWarehouse",
        dialect="postgres",
        options={
            "host": str,
            "port": int,
            "database": str,
            "user": str,
            "password": str,
            "sslmode": str,
            "url": str,
            "options": str,
            "max_connections": int,
        },
    ),
}


def refuse_placeholders(text: str) -> str:
    """The default for `resolve`: `${…}` cannot be read here, anything else stands for itself."""
    if re.search(r"\$\{[^}]*\}", text):
        raise UsageError(
            "placeholder_unresolved",
            "the warehouse's options hold ${…}, which cannot be read here",
            hint="placeholders are resolved only where a run connects to its warehouse",
        )
    return text


def check_config(config: WarehouseConfig) -> Engine:
    """The engine of `config`. Raises UsageError for a type, an option or a kind of value that is unknown.

    Reads no placeholder and imports no driver, so it also serves to check files.
    """
    engine = ENGINES.get(config.type)
    if engine is None:
        known = ", ".join(sorted(ENGINES))
        raise UsageError(
            "warehouse_type_unknown",
            f"unknown warehouse type {config.type!r}",
            hint=did_you_mean(config.type, ENGINES, f"known are {known}"),
        )
    for name, value in config.options.items():
        kind = engine.options.get(name)
        if kind is None:
            raise UsageError(
                "warehouse_option_unknown",
                f"a {config.type} warehouse has no option {name!r}",
                hint=did_you_mean(name, engine.options, f"its options are {', '.join(engine.options)}"),
            )
        if not _fits(value, kind):
            raise UsageError(
                "warehouse_option_invalid",
                f"option {name!r} of a {config.type} warehouse must be {_KINDS[kind]}",
            )
    if missing := [name for name in engine.required if name not in config.options]:
        raise UsageError(
            "warehouse_option_missing",
            f"a {config.type} warehouse needs the option {missing[0]!r}",
            hint="add it under `warehouse` in the environment's file",
        )
    return engine


def open_warehouse(
    config: WarehouseConfig,
    *,
    root: Path,
    label: str,
    resolve: Callable[[str], str] = refuse_placeholders,
    on_wait: Callable[[str], None] | None = None,
    wait_seconds: float | None = None,
) -> Warehouse:
    """Connect. `root` is the project's folder, `label` says who we are ("headgate refresh, run 12").

    `resolve` replaces `${ENV_NAME}` and `${secret:NAME}` in option strings. Where a database belongs to one
    process at a time, waits for it up to `wait_seconds` (None: for ever) and tells `on_wait` for whom.
    Raises UsageError, Busy (`warehouse_locked`) or WarehouseUnavailable.
    """
    engine = check_config(config)
    options = {name: _resolved(value, resolve) for name, value in config.options.items()}
    for name, value in options.items():
        if engine.options[name] is int:
            options[name] = _integer(config.type, name, value)
    module, _, attribute = engine.adapter.partition(":")
    adapter = getattr(importlib.import_module(module), attribute)
    warehouse = adapter.open(options, Opening(root, label, on_wait, wait_seconds))
    return cast("Warehouse", warehouse)


_KINDS: Mapping[type, str] = {str: "text", int: "a whole number", dict: "a mapping of names to values"}


def _fits(value: Any, kind: type) -> bool:
    if kind is int:  # text may hold a placeholder, or digits from one
        return isinstance(value, int | str) and not isinstance(value, bool)
    return isinstance(value, kind)


def _resolved(value: Any, resolve: Callable[[str], str]) -> Any:
    match value:
        case str():
            return resolve(value)
        case dict():
            return {name: _resolved(inner, resolve) for name, inner in value.items()}
        case _:
            return value


def _integer(type_: str, name: str, value: Any) -> int:
    try:
        return int(value)
    except ValueError:
        raise UsageError(
            "warehouse_option_invalid", f"option {name!r} of a {type_} warehouse must be a whole number"
        ) from None
