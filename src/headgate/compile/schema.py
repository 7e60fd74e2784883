"""Pydantic models of every file kind, and their errors as findings with a place.

They say which keys there are and of what kind; what values mean together is checked in `declare` and `assemble`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal, get_args

from pydantic import BaseModel, ConfigDict, Field, ValidationError

from headgate.compile.summary import Finding
from headgate.compile.yaml_file import Marks, YamlText, join
from headgate.errors import did_you_mean

Text = str
Texts = str | list[str]
LoadWord = Literal["full", "append", "merge", "interval", "scd2", "template"]
ShortTest = str | dict[str, Any]
PositiveInt = Annotated[int, Field(ge=1)]
NaturalInt = Annotated[int, Field(ge=0)]


class _File(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True, defer_build=True)


class ProjectFile(_File):
    name: Text
    dialect: Text = "duckdb"
    locations: list[str] = Field(min_length=1)
    default_location: Text | None = None
    parameters: dict[str, Any] = {}
    description: Text = ""


class MappingEntry(_File):
    schema_: Text = Field(alias="schema")
    database: Text | None = None


class WarehouseEntry(BaseModel):
    model_config = ConfigDict(extra="allow", strict=True, defer_build=True)
    type: Text


class EnvironmentFile(_File):
    id: PositiveInt
    name: Text
    warehouse: WarehouseEntry
    mappings: dict[str, MappingEntry]
    parameters: dict[str, Any] = {}
    require_commit: bool = False
    description: Text = ""


class ColumnEntry(_File):
    type: Text | None = None
    description: Text = ""
    tests: list[ShortTest] = []
    nullable: bool | None = None


class LoadEntry(_File):
    strategy: LoadWord
    key: Texts | None = None
    time_column: Text | None = None
    interval: Text | None = None
    start: Text | None = None
    lookback: NaturalInt | None = None
    max_intervals: PositiveInt | None = None
    delete: Literal["keep", "not_in_source", "close"] | None = None
    updated_at: Text | None = None


class NodeHeader(_File):
    id: Text | None = None
    type: Text = "stage"
    load: str | LoadEntry | None = None
    key: Texts | None = None
    time_column: Text | None = None
    interval: Text | None = None
    start: Text | None = None
    lookback: NaturalInt | None = None
    max_intervals: PositiveInt | None = None
    delete: Literal["keep", "not_in_source", "close"] | None = None
    updated_at: Text | None = None
    on_schema_change: Literal["fail", "add_columns", "sync", "ignore"] | None = None
    tags: Texts | None = None
    description: Text = ""
    columns: dict[str, ColumnEntry | None] | None = None
    tests: list[ShortTest] | None = None
    pre_sql: Texts | None = None
    post_sql: Texts | None = None
    renamed_from: Text | None = None
    enabled: bool = True
    config: dict[str, Any] | None = None


class FreshnessEntry(_File):
    loaded_at: Text
    warn_after: str | int | None = None
    error_after: str | int | None = None


class SourceEntry(_File):
    id: Text | None = None
    table: Text | None = None
    file: Text | None = None
    loaded_by: Text | None = None
    freshness: FreshnessEntry | None = None
    columns: dict[str, ColumnEntry | None] | None = None
    tests: list[ShortTest] | None = None
    tags: Texts | None = None
    description: Text = ""


class SubgraphFile(_File):
    name: Text
    nodes: list[str]
    description: Text = ""


class RefreshEntry(_File):
    include: Text = ""
    exclude: Text = ""
    parallelism: PositiveInt | None = None


class RetriesEntry(_File):
    max: NaturalInt = 0
    delay: str | int | None = None
    backoff: Annotated[float, Field(ge=1)] | NaturalInt = 1.0
    from_: Literal["failure", "start"] | None = Field(default=None, alias="from")


class JobEnvironment(_File):
    active: bool | None = None
    triggers: list[dict[str, Any]] | None = None
    conditions: list[dict[str, Any]] | None = None


class JobFile(_File):
    id: Annotated[int, Field(ge=1, lt=100_000)]
    name: Text
    description: Text = ""
    refresh: RefreshEntry | None
    parameters: dict[str, Any] = {}
    environments: dict[str, JobEnvironment | None] = {}
    overlap: Literal["queue", "coalesce", "skip", "replace"] | None = None
    retries: RetriesEntry | None = None
    timeout: str | int | None = None
    tags: Texts | None = None


class TestHeader(_File):
    __test__ = False

    severity: Literal["error", "warn"] = "error"
    threshold: str | int | None = None
    tags: Texts | None = None
    description: Text = ""


class NodeTypeFile(_File):
    name: Text | None = None
    description: Text = ""
    materialization: Literal["table", "view"] = "table"
    load: Literal["builtin", "template"] = "builtin"
    default_load: Literal["full", "append", "merge", "interval", "scd2"] | None = None
    config: dict[str, Any] = {}


def validate(model: type[BaseModel], document: YamlText, findings: list[Finding], at: str = "") -> bool:
    """Check the document's value (or what stands at `at`) against the model. False where it does not fit."""
    value = document.data
    for part in filter(None, at.split("/")):
        value = value[part]
    if value is None:
        value = {}
    try:
        model.model_validate(value)
    except ValidationError as error:
        findings += _findings(model, error, document.marks, at)
        return False
    return True


def _findings(model: type[BaseModel], error: ValidationError, marks: Marks, at: str) -> list[Finding]:
    found: dict[str, Finding] = {}
    for detail in error.errors(include_url=False, include_context=False):
        loc = [part for part in detail["loc"] if _is_key(part, detail["loc"])]
        path = join(*([at] if at else []), *loc)
        finding = _finding(model, detail, loc, path, marks)
        # A union complains once for every member; the first complaint about a place is enough.
        found.setdefault(path, finding)
    return list(found.values())


def _is_key(part: str | int, loc: tuple[str | int, ...]) -> bool:
    """Leave out what pydantic adds to name the member of a union."""
    if isinstance(part, int):
        return True
    noise = ("str", "int", "float", "bool", "LoadEntry", "[key]")
    return not (
        part in noise or part.startswith(("list[", "dict[", "literal[", "constrained", "function"))
    ) or (loc[0] == part and len(loc) == 1)


def _finding(model: type[BaseModel], detail: Any, loc: list[str | int], path: str, marks: Marks) -> Finding:
    name = str(loc[-1]) if loc else ""
    if detail["type"] == "extra_forbidden":
        line, column = place(marks, path)
        known = _keys_at(model, loc[:-1])
        hint = did_you_mean(name, known, f"the keys are {', '.join(known)}")
        return Finding("unknown_key", f"unknown key {name}", line, column, hint)
    if detail["type"] == "missing":
        parent = path.rpartition("/")[0]
        line, column = place(marks, parent)
        owner = f" in {parent.replace('/', '.')}" if parent else ""
        return Finding("missing_key", f"the key {name} is missing{owner}", line, column, f"add `{name}:`")
    line, column = place(marks, path, value=True)
    wanted = str(detail["msg"]).replace("Input should be", "should be")
    shown = path.replace("/", ".") or "the file"
    got = detail.get("input")
    but = f", not {got!r}" if isinstance(got, (str, int, float, bool)) else ""
    hint = "write a mapping of keys and values" if "dictionary" in wanted or "instance of" in wanted else ""
    return Finding("bad_value", f"{shown} {_plain(wanted)}{but}", line, column, hint or "correct the value")


def _plain(message: str) -> str:
    message = message.replace("a valid dictionary or object to extract fields from", "a mapping")
    message = message.replace("a valid dictionary or instance of", "a mapping:").replace("a valid ", "a ")
    return message if message.startswith("should") else f"is not right: {message}"


def _keys_at(model: Any, loc: list[str | int]) -> list[str]:
    for part in loc:
        if isinstance(model, type) and issubclass(model, BaseModel):
            fields = {field.alias or name: field for name, field in model.model_fields.items()}
            if part not in fields:
                break
            model = _inner_model(fields[str(part)].annotation) or model
    return [field.alias or name for name, field in model.model_fields.items()]


def _inner_model(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in get_args(annotation) if (found := _inner_model(part))), None)


def place(marks: Marks, path: str, *, value: bool = False) -> tuple[int, int]:
    """Line and column of a key (or of its value); of the nearest enclosing key where it has none."""
    while path not in marks:
        if not path:
            return (1, 1)
        path = path.rpartition("/")[0]
    found = marks[path]
    return found[2:] if value else found[:2]
