"""User-defined node types: their definition, and a node's configuration checked against it. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from headgate.compile.declared_load import BUILT_IN_TYPES, LoadRules, rules_of
from headgate.compile.manifest_file import sorted_data
from headgate.compile.summary import FileSummary, Finding
from headgate.errors import did_you_mean
from headgate.model.project import LoadStrategy, Materialization, NodeType

_KINDS: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "integer": (int,),
    "number": (int, float),
    "boolean": (bool,),
    "array": (list,),
    "object": (dict,),
}


def build_type(name: str, definition: FileSummary, templates: Mapping[str, str], path: str) -> NodeType:
    data = definition.data
    return NodeType(
        name,
        Materialization(data.get("materialization", "table")),
        data.get("load", "builtin"),
        LoadStrategy(data.get("default_load") or "full"),
        sorted_data(config_properties(data.get("config") or {})),
        templates.get("create"),
        templates.get("run"),
        path,
    )


def config_properties(config: Mapping[str, Any]) -> dict[str, Any]:
    """The properties by name, from either way of writing them: by name, or as a JSON schema's `properties`."""
    properties = config.get("properties") if isinstance(config.get("properties"), dict) else None
    if properties is None:
        return {name: _property(schema) for name, schema in config.items()}
    required = config.get("required") or []
    return {
        name: {**_property(schema), **({"required": True} if name in required else {})}
        for name, schema in properties.items()
    }


def _property(schema: Any) -> dict[str, Any]:
    if isinstance(schema, dict):
        return schema
    return {"type": schema} if schema in _KINDS else {"default": schema}


def config_defaults(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {name: schema["default"] for name, schema in properties.items() if "default" in schema}


def check_definition(name: str, summary: FileSummary, templates: Mapping[str, str]) -> list[Finding]:
    findings = []
    if name.lower() in BUILT_IN_TYPES:
        message = f"{name} is a built-in node type"
        findings.append(Finding("duplicate_node_type", message, 1, 1, "rename the folder"))
    if summary.data.get("load") == "template" and "run" not in templates:
        line, column = summary.marks.get("load", (1, 1))[:2]
        message = f"the node type {name} loads by a template, but has none"
        findings.append(Finding("missing_template", message, line, column, "add run.sql.j2 beside this file"))
    for key, schema in config_properties(summary.data.get("config") or {}).items():
        kind = schema.get("type")
        if kind is not None and kind not in _KINDS:
            path = f"config/{key}"
            line, column = summary.marks.get(path, summary.marks.get("config", (1, 1, 1, 1)))[:2]
            hint = did_you_mean(str(kind), _KINDS, f"the types are {', '.join(_KINDS)}")
            findings.append(Finding("bad_value", f"{key} cannot be of type {kind}", line, column, hint))
    return findings


def load_rules(node_type: str, types: Mapping[str, NodeType], *, has_key: bool) -> LoadRules:
    own = types.get(node_type)
    if own is None:
        return rules_of(node_type, has_key=has_key)
    if own.materialization is not Materialization.TABLE:
        return LoadRules(None)
    return LoadRules(own.default_load, template=own.load == "template")


def materialization_of(node_type: str, types: Mapping[str, NodeType]) -> Materialization:
    own = types.get(node_type)
    if own is not None:
        return own.materialization
    return {"source": Materialization.SOURCE, "view": Materialization.VIEW}.get(
        node_type, Materialization.TABLE
    )


def check_config(
    config: Mapping[str, Any], node_type: str, types: Mapping[str, NodeType]
) -> list[tuple[str, str, str, str]]:
    """What is wrong with a node's configuration: (key, code, message, hint)."""
    own = types.get(node_type)
    if own is None:
        if not config:
            return []
        hint = "remove it, or use a node type of node_types/"
        return [("", "unknown_key", f"the node type {node_type} takes no config", hint)]
    found = []
    for key, value in config.items():
        schema = own.config_schema.get(key)
        if schema is None:
            known = list(own.config_schema)
            hint = did_you_mean(key, known, f"the keys are {', '.join(known)}" if known else "it takes none")
            found.append((key, "unknown_key", f"the node type {own.name} has no config {key}", hint))
            continue
        problem = _value_problem(value, schema)
        if problem:
            hint = str(schema.get("description") or f"see {own.path}")
            found.append((key, "bad_value", f"config.{key} {problem}", hint))
    for key, schema in own.config_schema.items():
        if schema.get("required") and key not in config and "default" not in schema:
            hint = f"add `config: {{{key}: …}}` to the header"
            found.append(("", "missing_key", f"the node type {own.name} needs config.{key}", hint))
    return found


def _value_problem(value: Any, schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    allowed = _KINDS.get(str(kind))
    if allowed is not None:
        fits = isinstance(value, allowed) and not (isinstance(value, bool) and bool not in allowed)
        if not fits:
            return f"must be of type {kind}, not {value!r}"
    if "enum" in schema and value not in schema["enum"]:
        return f"must be one of {', '.join(map(str, schema['enum']))}, not {value!r}"
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if "minimum" in schema and value < schema["minimum"]:
            return f"must be at least {schema['minimum']}"
        if "maximum" in schema and value > schema["maximum"]:
            return f"must be at most {schema['maximum']}"
    if isinstance(value, list) and isinstance(schema.get("items"), dict):
        return next(
            (f"has an item that {p}" for item in value if (p := _value_problem(item, schema["items"]))), ""
        )
    return ""
