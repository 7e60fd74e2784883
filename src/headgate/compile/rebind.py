"""Renders a node's template again with other parameters, and finds the nodes that a text names. No disk."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

from headgate.compile.names import Entry, Names
from headgate.compile.node_build import link, references, resolve_links
from headgate.compile.summary import FileSummary
from headgate.errors import Diagnostic, Location, ProjectError
from headgate.model.project import Manifest, Node, ProjectTest, TableReference


@dataclass(frozen=True, slots=True)
class Rendered:
    """A text with the nodes it names. `references` are spans of `query`, in order."""

    query: str
    references: tuple[TableReference, ...] = ()
    depends_on: tuple[str, ...] = ()
    reads_parameters: tuple[str, ...] = ()


def bind_text(node: Node | ProjectTest, manifest: Manifest, parameters: Mapping[str, Any]) -> Rendered:
    """The node's query with these parameters over the project's own.

    A query without a template is returned as compiled. Raises ProjectError where the template or its SQL is
    not valid with these parameters, or names what does not exist.
    """
    if node.template is None:
        return Rendered(node.query or "", node.references, node.depends_on)
    from headgate.compile.parse import parse_query

    values = {**manifest.parameters, **parameters}
    this = _this(node)
    config = node.config if isinstance(node, Node) else {}
    rendered = _render(node.template, manifest, values, node, this=this, extra={"config": config})
    parsed = parse_query(rendered.text, manifest.dialect, rendered.no_links)
    if parsed.problems:
        _fail(node, [(problem.code, problem.message, problem.hint) for problem in parsed.problems])
    summary = FileSummary(
        query=parsed.text, template=node.template, summary=parsed.summary, links=rendered.links
    )
    names = _names(manifest)
    links = link(summary, names, lambda _offset: (1, 1))
    if links.findings:
        _fail(node, [(finding.code, finding.message, finding.hint) for finding in links.findings])
    qualifiers = resolve_links(summary, links, {}, manifest.dialect).qualifiers
    return Rendered(
        parsed.text,
        references(summary, links, qualifiers),
        tuple(sorted({target.id for target in links.depends_on})),
        rendered.reads_parameters,
    )


def render_hook(node: Node, text: str, manifest: Manifest, parameters: Mapping[str, Any]) -> Rendered:
    """pre_sql, post_sql, or the SQL of a test: any statements, with references found. `{{ this }}` is the
    node's own name, a reference like others."""
    from headgate.compile.render import has_jinja

    if not has_jinja(text):
        return Rendered(text, find_references(text, manifest))
    values = {**manifest.parameters, **parameters}
    rendered = _render(text, manifest, values, node, this=_this(node), extra={"config": node.config})
    return Rendered(rendered.text, find_references(rendered.text, manifest), (), rendered.reads_parameters)


def render_stages(
    node: Node,
    text: str,
    manifest: Manifest,
    parameters: Mapping[str, Any],
    context: Mapping[str, Any],
) -> tuple[list[tuple[str, str]], tuple[str, ...]]:
    """A node type's template (`run.sql.j2`, `create.sql.j2`) as named statements, (name, SQL), and the parameters
    that it read.

    `context` gives `this`, `columns`, `query`, `config` as the statements shall see them.
    """
    from headgate.compile.render import stages_of

    values = {**manifest.parameters, **parameters}
    extra = {"config": node.config, **{key: value for key, value in context.items() if key != "this"}}
    rendered = _render(text, manifest, values, node, this=str(context.get("this", _this(node))), extra=extra)
    return stages_of(rendered.text), rendered.reads_parameters


def find_references(text: str, manifest: Manifest) -> tuple[TableReference, ...]:
    """Every place in any SQL text where `LOCATION.NAME` names a node, as tokens: the text need not be a query.

    Names inside strings and comments are not found; a name that is a CTE's or an alias's never has two parts.
    """
    if "." not in text:
        return ()
    from sqlglot.errors import SqlglotError

    from headgate.compile.parse import dialect_of

    names = _names(manifest)
    try:
        tokens = dialect_of(manifest.dialect).tokenize(text)
    except SqlglotError:
        return ()
    found: list[TableReference] = []
    for index, first in enumerate(tokens[:-2]):
        dot, second = tokens[index + 1], tokens[index + 2]
        adjoining = dot.text == "." and first.end + 1 == dot.start and dot.end + 1 == second.start
        if not adjoining or (index > 0 and tokens[index - 1].text == "."):
            continue
        entry = names.by_name.get((first.text.lower(), second.text.lower()))
        if entry is None:
            continue
        following = tokens[index + 3].text if index + 3 < len(tokens) else ""
        found.append(
            TableReference(entry.id, first.start, second.end + 1, second.text, qualifier=following == ".")
        )
    return tuple(found)


def _this(node: Node | ProjectTest) -> str:
    if not isinstance(node, Node):
        return ""
    from headgate.compile.render import quote_name

    return f"{quote_name(node.location)}.{quote_name(node.name)}"


def _render(
    template: str,
    manifest: Manifest,
    values: Mapping[str, Any],
    node: Node | ProjectTest,
    *,
    this: str,
    extra: Mapping[str, Any],
) -> Any:
    from headgate.compile.render import Renderer, TemplateFailed

    try:
        return Renderer(manifest.macros).render(template, values, this=this, extra=extra)
    except TemplateFailed as failure:
        line = failure.line + (node.line_offset if template == node.template else 0)
        location = Location(failure.file or node.path, line, 1)
        raise ProjectError([Diagnostic(failure.code, failure.message, location, failure.hint)]) from failure


def _fail(node: Node | ProjectTest, problems: list[tuple[str, str, str]]) -> None:
    location = Location(node.path)
    raise ProjectError([Diagnostic(code, message, location, hint) for code, message, hint in problems])


class _ById:
    """A manifest compared by identity, so that its index of names is made once."""

    def __init__(self, manifest: Manifest) -> None:
        self.manifest = manifest

    def __hash__(self) -> int:
        return id(self.manifest)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _ById) and other.manifest is self.manifest


def _names(manifest: Manifest) -> Names:
    return _index(_ById(manifest))


@lru_cache(maxsize=2)
def _index(key: _ById) -> Names:
    manifest = key.manifest
    locations = {name.lower(): name for name in manifest.locations}
    names = Names(locations, manifest.default_location or None)
    for node in manifest.nodes.values():
        entry = Entry(node.id, node.location, node.name, node.path)
        names.by_name[node.location.lower(), node.name.lower()] = entry
        names.by_id[node.id.lower()] = entry
    return names
