"""Jinja text -> SQL text, in a sandbox: a template sees what is passed in here and nothing else.

No file, no environment variable, no secret, no clock and no randomness can be reached from a template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from headgate.compile.parse import Problem
from headgate.compile.read_parameters import ReadParameters
from headgate.errors import did_you_mean

_MARK = "\ue000"
"""Stands before a name that makes no edge while a template runs; taken out afterwards."""

_STAGE = "\ue001"
_PLAIN_NAME = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_MISSING_PARAMETER = re.compile(r"ReadParameters object' has no (?:attribute|element) '(.*)'")
_JINJA = re.compile(r"\{[{%#]")


def has_jinja(text: str) -> bool:
    return _JINJA.search(text) is not None


@dataclass(frozen=True, slots=True)
class RenderedText:
    """`no_links` are offsets in `text` of names that make no edge; `links` are edges without a name."""

    text: str
    reads_parameters: tuple[str, ...] = ()
    no_links: tuple[int, ...] = ()
    links: tuple[tuple[str, ...], ...] = ()


class TemplateFailed(Exception):
    """`line` counts from 1 within the template; `file` is set where the fault lies in a macro file."""

    def __init__(self, code: str, message: str, line: int, hint: str, file: str | None = None) -> None:
        super().__init__(message)
        self.code, self.message, self.line, self.hint, self.file = code, message, line, hint, file


class Renderer:
    """Renders templates with one set of macros. Making one is cheap; macros are compiled at first use."""

    def __init__(self, macros: Mapping[str, str]) -> None:
        self.macros = macros
        self.environment = _environment()
        self._macro_cache: dict[str, Any] | None = None

    def render(
        self,
        template: str,
        parameters: Mapping[str, Any],
        *,
        this: str = "",
        extra: Mapping[str, Any] | None = None,
    ) -> RenderedText:
        """`this` is the node's own name as text. Raises TemplateFailed."""
        read = ReadParameters(parameters)
        links: list[tuple[str, ...]] = []
        functions = _functions(links)
        context: dict[str, Any] = {"parameters": read, **functions, **(extra or {})}
        if this:
            context["this"] = _MARK + this
        self.environment.start()
        try:
            context = {**self._load_macros(context), **context}
            marked = self.environment.from_string(template).render(context)
        except TemplateFailed:
            raise
        except Exception as error:  # a template may fail in any way that Python can
            raise self._failure(error, parameters=parameters) from error
        text, no_links = _take_marks_out(marked)
        return RenderedText(text, read.names_read(), no_links, tuple(links))

    def check_syntax(self, template: str) -> None:
        """Raises TemplateFailed where the template cannot be parsed."""
        try:
            self.environment.parse(template)
        except Exception as error:
            raise self._failure(error) from error

    def _load_macros(self, context: Mapping[str, Any]) -> dict[str, Any]:
        """Macros see what the template sees, so that a macro may call ref() and read parameters."""
        found: dict[str, Any] = {}
        if not self.macros:
            return found
        if self._macro_cache is None:
            self._macro_cache = {}
            for path in sorted(self.macros):
                try:
                    self._macro_cache[path] = self.environment.from_string(self.macros[path])
                except Exception as error:
                    raise self._failure(error, path) from error
        for _ in range(
            min(len(self._macro_cache), 2)
        ):  # twice, so that macros of any two files may call each other
            for path, template in self._macro_cache.items():
                try:
                    module = template.make_module({**context, **found})
                except Exception as error:
                    raise self._failure(error, path) from error
                names = {name: value for name, value in vars(module).items() if not name.startswith("_")}
                found.update(names)
        return found

    def _failure(
        self, error: Exception, file: str | None = None, parameters: Mapping[str, Any] | None = None
    ) -> TemplateFailed:
        from jinja2 import TemplateSyntaxError, UndefinedError
        from jinja2.exceptions import SecurityError

        line = _line_of(error)
        if isinstance(error, TemplateSyntaxError):
            hint = "check the braces, and that every block is closed"
            return TemplateFailed("template_error", f"template: {error.message}", error.lineno, hint, file)
        missing = _MISSING_PARAMETER.search(str(error)) if isinstance(error, UndefinedError) else None
        if missing is not None:
            known = sorted(parameters or {})
            shown = ", ".join(known)
            otherwise = f"the parameters are {shown}" if known else "add it to `parameters` in headgate.yml"
            message = f"the parameter {missing[1]} is not defined"
            hint = did_you_mean(missing[1], known, otherwise)
            return TemplateFailed("unknown_parameter", message, line, hint, file)
        if isinstance(error, UndefinedError):
            hint = self._hint_for(str(error.message))
            return TemplateFailed("template_error", f"template: {error.message}", line, hint, file)
        if isinstance(error, SecurityError):
            hint = "templates run in a sandbox: no files, no environment variables, no secrets"
            return TemplateFailed("template_error", f"template: {error.message}", line, hint, file)
        text = str(error) or type(error).__name__
        if "no loader" in text:
            hint = "a template cannot read files; what it shares with others is a macro in macros/"
            return TemplateFailed("template_error", "template: it includes another file", line, hint, file)
        return TemplateFailed("template_error", f"template: {text}", line, "correct the template", file)

    def _hint_for(self, message: str) -> str:
        known = [*_functions([]), "parameters", "this", "config"]
        for text in self.macros.values():
            known += re.findall(r"{%-?\s*macro\s+(\w+)", text)
        otherwise = f"a template knows {', '.join(known)}"
        undefined = re.fullmatch(r"'(\w+)' is undefined", message)
        return did_you_mean(undefined[1], known, otherwise) if undefined else otherwise


def stages_of(text: str) -> list[tuple[str, str]]:
    """Split the text of a type's run template at its `{% stage 'Name' %}` tags: (name, SQL) pairs."""
    head, *rest = text.split(_STAGE)
    found = [("Run", head.strip())] if head.strip() else []
    for part in rest:
        name, _, sql = part.partition("\n")
        if sql.strip():
            found.append((name, sql.strip()))
    return found


def quote_name(name: str) -> str:
    return name if _PLAIN_NAME.fullmatch(name) else '"' + name.replace('"', '""') + '"'


def source_offset(
    template: str, rendered: str, offset: int, line_map: list[tuple[int, int]]
) -> tuple[int, int]:
    """Line and column in the template of a character of the rendered text. `line_map` as `map_lines` gives."""
    line = 1
    start = 0
    for begin, template_line in line_map:
        if begin > offset:
            break
        start, line = begin, template_line
    lines = template.split("\n")
    line = min(line + rendered.count("\n", start, offset), len(lines))
    word = re.match(r"\w+", rendered[offset:])
    found = lines[line - 1].find(word[0]) if word else -1
    return line, max(found, 0) + 1


def map_lines(
    renderer: Renderer, template: str, parameters: Mapping[str, Any], this: str, extra: Mapping[str, Any]
) -> list[tuple[int, int]]:
    """Where each part of the rendered text comes from: (offset in the text, line of the template).

    Renders once more with marks put into the text parts; used only to place an error.
    """
    from jinja2 import nodes

    environment = renderer.environment
    environment.start()
    try:
        tree = environment.parse(template)
        for node in list(tree.find_all(nodes.Output)):
            marked: list[Any] = []
            for part in node.nodes:
                marked += [nodes.TemplateData(f"\ue002{part.lineno}\ue003", lineno=part.lineno), part]
            node.nodes = marked
        code = environment.from_string(tree)
        links: list[tuple[str, ...]] = []
        context: dict[str, Any] = {"parameters": parameters, **_functions(links), **extra, "this": this}
        text = code.render({**renderer._load_macros(context), **context}).replace(_MARK, "")
    except Exception:
        return []
    result: list[tuple[int, int]] = []
    removed = 0
    for match in re.finditer("\ue002(\\d+)\ue003", text):
        result.append((match.start() - removed, int(match[1])))
        removed += len(match[0])
    return result


def problem_of(failure: TemplateFailed, template: str) -> Problem:
    """The failure as a problem at the start of its line of the template."""
    lines = template.split("\n")
    before = sum(len(line) + 1 for line in lines[: max(failure.line - 1, 0)])
    return Problem(failure.code, failure.message, min(before, len(template)), failure.hint)


def _functions(links: list[tuple[str, ...]]) -> dict[str, Callable[..., str]]:
    def named(parts: tuple[object, ...], function: str) -> tuple[str, ...]:
        if len(parts) not in (1, 2) or not all(isinstance(part, str) and part for part in parts):
            raise ValueError(f"{function}() takes a location and a name: {function}('STG', 'ORDERS')")
        return tuple(str(part) for part in parts)

    def ref(*parts: object) -> str:
        return ".".join(map(quote_name, named(parts, "ref")))

    def ref_no_link(*parts: object) -> str:
        return _MARK + ".".join(map(quote_name, named(parts, "ref_no_link")))

    def ref_link(*parts: object) -> str:
        links.append(named(parts, "ref_link"))
        return ""

    return {"ref": ref, "ref_no_link": ref_no_link, "ref_link": ref_link}


def _take_marks_out(marked: str) -> tuple[str, tuple[int, ...]]:
    if _MARK not in marked:
        return marked, ()
    parts = marked.split(_MARK)
    offsets, length = [], 0
    for part in parts[:-1]:
        length += len(part)
        offsets.append(length)
    return "".join(parts), tuple(offsets)


def _line_of(error: BaseException) -> int:
    """The template's line in the traceback (the innermost one of the outermost template)."""
    line = 0
    traceback = error.__traceback__
    while traceback is not None:
        if traceback.tb_frame.f_code.co_filename == "<template>":
            line = traceback.tb_lineno
            break
        traceback = traceback.tb_next
    return line or 1


@cache
def _environment() -> Any:
    from headgate.compile.sandbox import Sandbox

    return Sandbox(_STAGE)
