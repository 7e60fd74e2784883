"""One file's text -> its `FileSummary`. What is found here depends on the file and the `Context` alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from headgate.compile.layout import FileKind, Place, place_of
from headgate.compile.summary import FileSummary, Finding


@dataclass(frozen=True, slots=True)
class Context:
    """What a file's meaning may depend on besides itself. `digest` covers all that a template can see."""

    dialect: str
    parameters: Mapping[str, Any] = field(default_factory=dict)
    macros: Mapping[str, str] = field(default_factory=dict)
    type_defaults: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)


class Summarizer:
    """Summarizes files of one project. Parsers are imported when the first file needs them."""

    def __init__(self, context: Context) -> None:
        self.context = context
        self._renderer: Any = None

    def summarize(self, path: str, content: bytes) -> FileSummary:
        """Never raises: what is wrong with the file is among the findings."""
        place = place_of(path)
        try:
            text = content.decode("utf-8-sig" if place.kind is not FileKind.NODE else "utf-8")
        except UnicodeDecodeError as error:
            line = content.count(b"\n", 0, error.start) + 1
            finding = Finding("not_utf8", "the file is not UTF-8 text", line, 1, "save it as UTF-8")
            return FileSummary(findings=(finding,), broken=True)
        nul = text.find("\0")
        if nul >= 0:  # UTF-16 without its mark is UTF-8 too, to the letter
            line = text.count("\n", 0, nul) + 1
            message = "the file holds a NUL character, so it is no text"
            return FileSummary(
                findings=(Finding("not_utf8", message, line, 1, "save it as UTF-8"),), broken=True
            )
        text = text.replace("\r\n", "\n")
        match place.kind:
            case FileKind.NODE:
                return self.node(place, text)
            case FileKind.TEST:
                return self.project_test(text)
            case FileKind.MACRO | FileKind.TYPE_TEMPLATE:
                return self.template(text)
            case FileKind.SOURCES:
                return self.sources(text)
            case FileKind.UNKNOWN:
                return FileSummary()
            case _:
                return self.yaml_file(place.kind, text)

    @property
    def renderer(self) -> Any:
        if self._renderer is None:
            from headgate.compile.render import Renderer

            self._renderer = Renderer(self.context.macros)
        return self._renderer

    # YAML files

    def yaml_file(self, kind: FileKind, text: str) -> FileSummary:
        from headgate.compile import file_checks, schema
        from headgate.compile.yaml_file import load_yaml

        models: dict[FileKind, Any] = {
            FileKind.PROJECT: schema.PROJECT,
            FileKind.ENVIRONMENT: schema.ENVIRONMENT,
            FileKind.JOB: schema.JOB,
            FileKind.SUBGRAPH: schema.SUBGRAPH,
            FileKind.WATCHES: schema.WATCHES,
            FileKind.NODE_TYPE: schema.NODE_TYPE,
        }
        document = load_yaml(text)
        findings = list(document.findings)
        if findings and document.data is None:
            return FileSummary(findings=tuple(findings), broken=True)
        if kind is FileKind.JOB:
            file_checks.drop_other_workloads(document, findings)
        fits = schema.validate(models[kind], document, findings)
        if fits:
            findings += file_checks.CHECKS.get(kind, file_checks.nothing)(document)
        broken = not fits or any(finding.severity == "error" for finding in findings)
        data = document.data if isinstance(document.data, dict) else {}
        return FileSummary(data, document.marks, tuple(findings), broken=broken)

    def sources(self, text: str) -> FileSummary:
        from headgate.compile import file_checks, schema
        from headgate.compile.declared_tests import read_tests
        from headgate.compile.yaml_file import load_yaml

        document = load_yaml(text)
        findings = list(document.findings)
        data = document.data
        if data is None or not isinstance(data, dict):
            if data is not None:
                hint = "write `NAME: {columns: {…}}`, one key for each source table"
                findings.append(Finding("bad_value", "sources.yml must be a mapping", 1, 1, hint))
            return FileSummary(findings=tuple(findings), broken=bool(findings))
        good = {}
        for name, entry in data.items():
            if schema.validate(schema.SOURCE, document, findings, at=name):
                good[name] = entry or {}
                findings += read_tests(good[name], document.marks, at=name)[1]
                findings += file_checks.freshness(good[name], document.marks, name)
            else:
                good[name] = {"broken": True}
        return FileSummary(good, document.marks, tuple(findings))

    # SQL files

    def node(self, place: Place, text: str) -> FileSummary:
        from headgate.compile import file_checks, schema
        from headgate.compile.declared_tests import read_tests
        from headgate.compile.header import split_header

        file = split_header(text)
        if file.finding is not None:
            return FileSummary(findings=(file.finding,), broken=True)
        findings: list[Finding] = []
        data, marks = self.header(file.header, schema.NODE, findings)
        if data is None:
            data, broken = {}, True
        else:
            broken = False
            findings += read_tests(data, marks)[1]
            findings += file_checks.test_expressions(data, marks, self.context.dialect)
        summary = FileSummary(data, marks, broken=broken, line_offset=file.line_offset)
        summary.column_offset = file.column_offset
        if data.get("enabled") is False:
            summary.findings = tuple(findings)
            return summary
        if data.get("type") == "source":
            if file.body:
                hint = "remove the query, or choose another type"
                message = "a source has no query"
                findings.append(Finding("load_conflict", message, file.line_offset + 1, 1, hint))
        else:
            from headgate.compile.render import quote_name

            this = f"{quote_name(place.folder)}.{quote_name(place.name)}"
            self.query(summary, file.body, findings, this)
            self.hooks(data, marks, findings, this)
        summary.findings = tuple(findings)
        return summary

    def project_test(self, text: str) -> FileSummary:
        from headgate.compile import file_checks, schema
        from headgate.compile.header import split_header

        file = split_header(text)
        if file.finding is not None:
            return FileSummary(findings=(file.finding,), broken=True)
        findings: list[Finding] = []
        data, marks = self.header(file.header, schema.TEST, findings)
        if data is not None:
            findings += file_checks.threshold(data, marks)
        summary = FileSummary(data or {}, marks, broken=data is None, line_offset=file.line_offset)
        summary.column_offset = file.column_offset
        self.query(summary, file.body, findings, "")
        summary.findings = tuple(findings)
        return summary

    def header(
        self, header: str | None, model: Any, findings: list[Finding]
    ) -> tuple[dict[str, Any] | None, Any]:
        if header is None or not header.strip():
            return {}, {}
        from headgate.compile.schema import validate
        from headgate.compile.yaml_file import load_yaml

        document = load_yaml(header)
        findings += document.findings
        if document.findings and document.data is None:
            return None, document.marks
        if not validate(model, document, findings):
            return None, document.marks
        return document.data or {}, document.marks

    def query(self, summary: FileSummary, body: str, findings: list[Finding], this: str) -> None:
        """Render and parse the body into the summary."""
        from headgate.compile.parse import parse_query
        from headgate.compile.render import TemplateFailed, has_jinja, problem_of

        text, no_links = body, ()
        if has_jinja(body):
            summary.template = body
            try:
                rendered = self.renderer.render(
                    body, self.context.parameters, this=this, extra={"config": self.config(summary.data)}
                )
            except TemplateFailed as failure:
                if failure.file is None:  # a macro file's own fault is reported there
                    problem = problem_of(failure, body)
                    line, column = _plain_place(summary, body, problem.offset)
                    findings.append(Finding(problem.code, problem.message, line, column, problem.hint))
                summary.broken = True
                return
            text, no_links = rendered.text, rendered.no_links
            summary.reads_parameters, summary.links = rendered.reads_parameters, rendered.links
        parsed = parse_query(text, self.context.dialect, no_links)
        summary.query, summary.summary = parsed.text, parsed.summary
        for problem in parsed.problems:
            summary.query = text
            line, column = self.place(summary, problem.offset, this)
            findings.append(Finding(problem.code, problem.message, line, column, problem.hint))
            summary.broken = True

    def config(self, data: Mapping[str, Any]) -> dict[str, Any]:
        defaults = self.context.type_defaults.get(str(data.get("type") or ""), {})
        return {**defaults, **(data.get("config") or {})}

    def place(self, summary: FileSummary, offset: int, this: str) -> tuple[int, int]:
        """Line and column in the file of a character of its rendered query."""
        query = summary.query or ""
        if summary.template is None:
            return _plain_place(summary, query, offset)
        from headgate.compile.render import map_lines, source_offset

        extra = {"config": self.config(summary.data)}
        lines = map_lines(self.renderer, summary.template, self.context.parameters, this, extra)
        line, column = source_offset(summary.template, query, max(offset, 0), lines)
        return line + summary.line_offset, column + (summary.column_offset if line == 1 else 0)

    def hooks(self, data: dict[str, Any], marks: Any, findings: list[Finding], this: str) -> None:
        """Try the templates of pre_sql and post_sql; their text is kept as it is."""
        from headgate.compile.declared_load import as_list
        from headgate.compile.render import TemplateFailed, has_jinja
        from headgate.compile.schema import place

        for key in ("pre_sql", "post_sql"):
            for index, text in enumerate(as_list(data.get(key))):
                if not has_jinja(text):
                    continue
                try:
                    extra = {"config": self.config(data)}
                    self.renderer.render(text, self.context.parameters, this=this, extra=extra)
                except TemplateFailed as failure:
                    if failure.file is None:
                        path = f"{key}/{index}" if f"{key}/{index}" in marks else key
                        line, column = place(marks, path, value=True)
                        findings.append(Finding(failure.code, failure.message, line, column, failure.hint))

    def template(self, text: str) -> FileSummary:
        """A macro file or a template of a node type: its syntax alone."""
        from headgate.compile.render import Renderer, TemplateFailed

        try:
            Renderer({}).check_syntax(text)
        except TemplateFailed as failure:
            finding = Finding(failure.code, failure.message, failure.line, 1, failure.hint)
            return FileSummary({"text": text}, findings=(finding,), broken=True)
        return FileSummary({"text": text})


def _plain_place(summary: FileSummary, text: str, offset: int) -> tuple[int, int]:
    offset = max(offset, 0)
    line = text.count("\n", 0, offset)
    column = offset - (text.rfind("\n", 0, offset) + 1) + 1
    if line == 0:
        column += summary.column_offset
    return summary.line_offset + line + 1, column
