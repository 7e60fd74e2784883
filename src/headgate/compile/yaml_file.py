"""YAML text -> plain values with the place of every key. Knows nothing of what the keys mean.

The surprises of YAML 1.1 are kept out: only true and false are booleans (`on`, `off`, `yes` and `no` are
words), `12:30:00` and dates are words, `010` is a word and not eight, a key given twice is an error.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Any

import yaml

from headgate.compile.summary import Finding

Marks = dict[str, tuple[int, int, int, int]]

_INT = re.compile(r"[-+]?(0|[1-9][0-9]*)")
_FLOAT = re.compile(r"[-+]?(\.[0-9]+|(0|[1-9][0-9]*)(\.[0-9]*)?)([eE][-+]?[0-9]+)?")
_TRUE = frozenset({"true", "True", "TRUE"})
_FALSE = frozenset({"false", "False", "FALSE"})
_NULL = frozenset({"", "~", "null", "Null", "NULL"})
_MOST_VALUES = 200_000  # an alias inside an alias grows without bound

_Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


@dataclass(slots=True)
class YamlText:
    """`data` is None where the text is empty or could not be read; `findings` says why."""

    data: Any = None
    marks: Marks = field(default_factory=dict)
    findings: list[Finding] = field(default_factory=list)


def join(*parts: str | int) -> str:
    """The name of a place in a YAML document, as `marks` has it."""
    return "/".join(map(str, parts))


def load_yaml(text: str) -> YamlText:
    """Read one document. Never raises: a syntax error is a finding."""
    result = YamlText()
    try:
        node = yaml.compose(text, Loader=_Loader)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        line, column = (mark.line + 1, mark.column + 1) if mark else (1, 1)
        problem = error.problem or error.context or "not valid YAML"
        result.findings.append(Finding("yaml_syntax", f"YAML: {problem}", line, column, _hint(text, line)))
        return result
    except yaml.YAMLError as error:  # a character that YAML forbids
        reason = " ".join(str(error).split())
        result.findings.append(Finding("yaml_syntax", f"YAML: {reason}", 1, 1, "remove the character"))
        return result
    if node is not None:
        _Reader(result).read_root(node)
    return result


def _hint(text: str, line: int) -> str:
    lines = text.split("\n")
    if 0 < line <= len(lines) and "\t" in lines[line - 1]:
        return "indent with spaces; YAML forbids tabs"
    return "check the indentation, colons and brackets here; quote text that holds ': ' or '#'"


class _TooLarge(Exception):
    pass


class _Reader:
    def __init__(self, result: YamlText) -> None:
        self.result = result
        self.count = 0
        self.open_nodes: set[int] = set()

    def read_root(self, node: Any) -> None:
        self.result.marks[""] = _places(node, node)
        try:
            self.result.data = self.read(node, "")
        except _TooLarge:
            self.complain(node, "yaml_syntax", "the document has too many values", "use fewer aliases")
            self.result.data = None

    def complain(self, node: Any, code: str, message: str, hint: str) -> None:
        mark = node.start_mark
        self.result.findings.append(Finding(code, message, mark.line + 1, mark.column + 1, hint))

    def read(self, node: Any, path: str) -> Any:
        self.count += 1
        if self.count > _MOST_VALUES:
            raise _TooLarge
        if isinstance(node, yaml.ScalarNode):
            return self.scalar(node)
        if id(node) in self.open_nodes:
            self.complain(node, "yaml_syntax", "an alias names what it is part of", "write the value out")
            return None
        self.open_nodes.add(id(node))
        try:
            if isinstance(node, yaml.SequenceNode):
                return self.sequence(node, path)
            return self.mapping(node, path)
        finally:
            self.open_nodes.discard(id(node))

    def scalar(self, node: Any) -> Any:
        text: str = node.value
        if node.style:
            return text
        if not node.tag.startswith("tag:yaml.org,2002:"):
            self.complain(node, "yaml_syntax", f"the tag {node.tag} is not known", "quote the value")
            return text
        if text in _TRUE or text in _FALSE:
            return text in _TRUE
        if text in _NULL:
            return None
        if _INT.fullmatch(text):
            return int(text) if len(text) <= 18 else text
        if _FLOAT.fullmatch(text):
            return float(text)
        return text

    def sequence(self, node: Any, path: str) -> list[Any]:
        values = []
        for index, item in enumerate(node.value):
            place = f"{path}/{index}" if path else str(index)
            self.result.marks[place] = _places(item, item)
            values.append(self.read(item, place))
        return values

    def mapping(self, node: Any, path: str) -> dict[str, Any]:
        values: dict[str, Any] = {}
        merged: dict[str, Any] = {}
        for key_node, value_node in node.value:
            if not isinstance(key_node, yaml.ScalarNode):
                self.complain(key_node, "yaml_syntax", "a key must be a word", "quote the key")
                continue
            key: str = key_node.value
            place = f"{path}/{key}" if path else key
            if key == "<<" and not key_node.style:
                for part in _as_list(self.read(value_node, place)):
                    if isinstance(part, dict):
                        merged = {**part, **merged}
                continue
            if key in values:
                first = self.result.marks[place][0]
                message = f"the key {key} is given twice, first in line {first}"
                self.complain(key_node, "duplicate_key", message, "remove one of the two")
                continue
            self.result.marks[place] = _places(key_node, value_node)
            values[key] = self.read(value_node, place)
        return {**merged, **values} if merged else values


def _as_list(value: Any) -> list[Any]:
    return value if isinstance(value, list) else [value]


def _places(key: Any, value: Any) -> tuple[int, int, int, int]:
    first, second = key.start_mark, value.start_mark
    return (first.line + 1, first.column + 1, second.line + 1, second.column + 1)
