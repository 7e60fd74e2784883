"""The environment in which templates run: what they can reach, and how long and how much they may compute.

Imports Jinja, so it is itself imported late. What a template is given is said in `render`.
"""

from __future__ import annotations

import threading
from collections.abc import Iterable, Iterator
from typing import Any

from jinja2 import StrictUndefined, Undefined, nodes
from jinja2.ext import Extension
from jinja2.sandbox import ImmutableSandboxedEnvironment
from jinja2.visitor import NodeTransformer

from headgate.compile.read_parameters import ReadParameters

_MOST_CHARACTERS = 10_000_000
_MOST_BITS = 100_000
_MOST_TURNS = 1_000_000
"""Turns of loops and calls of one rendering. Counted, not timed: a project compiles on every machine or on none."""


class Sandbox(ImmutableSandboxedEnvironment):
    """`stage_mark` is what `{% stage 'Name' %}` prints before the name."""

    intercepted_binops = frozenset(["*", "**"])

    def __init__(self, stage_mark: str) -> None:
        super().__init__(
            undefined=StrictUndefined,
            finalize=_printable,
            extensions=[_Stage, "jinja2.ext.do"],
            keep_trailing_newline=True,
            cache_size=0,
        )
        self.stage_mark = stage_mark
        self.turns = threading.local()
        self.filters.pop("random", None)
        self.globals.pop("lipsum", None)

    def start(self) -> None:
        """A rendering begins on this thread."""
        self.turns.left = _MOST_TURNS

    def turn(self) -> None:
        self.turns.left -= 1
        if self.turns.left < 0:
            raise ValueError(f"more than {_MOST_TURNS:,} turns of loops and calls")

    def counted(self, items: Iterable[Any]) -> Iterator[Any]:
        for item in items:
            self.turn()
            yield item

    def _generate(self, source: nodes.Template, *args: Any, **options: Any) -> str:
        return super()._generate(_CountTurns().visit(source), *args, **options)

    def call(self, context: Any, called: Any, /, *args: Any, **options: Any) -> Any:
        self.turn()
        return super().call(context, called, *args, **options)

    def getattr(self, obj: Any, attribute: str) -> Any:
        if isinstance(obj, ReadParameters) and obj.has(attribute):
            return obj[attribute]
        return super().getattr(obj, attribute)

    def call_binop(self, context: Any, operator: str, left: Any, right: Any) -> Any:
        """A power, a product or a repetition must not fill the memory."""
        if isinstance(left, int) and isinstance(right, int):
            bits = left.bit_length()
            if (bits * abs(right) if operator == "**" else bits + right.bit_length()) > _MOST_BITS:
                raise ValueError("the number is too large")
        elif operator == "*":
            for text, times in ((left, right), (right, left)):
                repeated = isinstance(text, (str, list, tuple)) and isinstance(times, int)
                if repeated and len(text) * times > _MOST_CHARACTERS:
                    raise ValueError("the repetition is too long")
        return super().call_binop(context, operator, left, right)


class _CountTurns(NodeTransformer):
    """Makes every loop take its items through `Sandbox.counted`."""

    def visit_For(self, node: nodes.For) -> nodes.Node:  # noqa: N802  Jinja's own way to name visitors
        self.generic_visit(node)
        counted = nodes.EnvironmentAttribute("counted", lineno=node.lineno)
        node.iter = nodes.Call(counted, [node.iter], [], None, None, lineno=node.lineno)
        return node


class _Stage(Extension):
    """`{% stage 'Name' %}`: a statement of that name begins here."""

    tags = {"stage"}  # noqa: RUF012

    def parse(self, parser: Any) -> nodes.Node:
        line = next(parser.stream).lineno
        name = parser.parse_expression()
        mark: str = self.environment.stage_mark  # type: ignore[attr-defined]
        return nodes.Output([nodes.TemplateData(mark), name, nodes.TemplateData("\n")], lineno=line)


def _printable(value: Any) -> Any:
    """What a function prints holds its address, so equal files would give unequal manifests."""
    if isinstance(value, ReadParameters) or (callable(value) and not isinstance(value, Undefined)):
        raise ValueError("a function or all parameters at once are no text: call it, or name one")
    return value
