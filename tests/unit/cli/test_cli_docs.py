"""The pages that must follow the code: every command in docs/reference/cli.md, every code in docs/errors.md."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path

import headgate.errors as tree
from headgate.cli.main import COMMANDS
from headgate.cli.reference import reference_page

ROOT = Path(__file__).parents[3]
CODE = re.compile(r"[a-z][a-z0-9]*(_[a-z0-9]+)*")
MAKERS = {
    *(name for name, value in vars(tree).items() if isinstance(value, type)),
    "StepError", "Problem", "ColumnProblem", "NameProblem", "TemplateFailed", "usage",
}  # fmt: skip


def test_reference_of_the_command_line_is_up_to_date() -> None:
    page = (ROOT / "docs" / "reference" / "cli.md").read_text(encoding="utf-8")
    assert page == reference_page(), (
        "write headgate.cli.reference.reference_page() into docs/reference/cli.md"
    )


def test_every_command_shows_an_example_in_its_help() -> None:
    page = reference_page()
    for name in COMMANDS:
        assert re.search(rf"^(#+ .*\n\n)?headgate {name}\b", page, re.MULTILINE), name


def test_every_code_of_an_error_is_documented() -> None:
    pages = [ROOT / "docs" / "errors.md", ROOT / "docs" / "reference" / "compile-errors.md"]
    documented = {code for page in pages for code in re.findall(r"`([a-z0-9_]+)`", page.read_text())}
    used = {
        code: path for path in sorted((ROOT / "src" / "headgate").rglob("*.py")) for code in codes_of(path)
    }
    assert len(used) > 100
    assert {code: path.name for code, path in used.items() if code not in documented} == {}


def test_no_documented_code_is_gone() -> None:
    rows = re.findall(r"^\| (`[^|]+) \|", (ROOT / "docs" / "errors.md").read_text(), re.MULTILINE)
    sources = "\n".join(path.read_text() for path in (ROOT / "src" / "headgate").rglob("*.py"))
    gone = [c for row in rows for c in re.findall(r"`([a-z0-9_]+)`", row) if f'"{c}"' not in sources]
    assert gone == []


def codes_of(path: Path) -> Iterator[str]:
    """What stands as the code of an error that is made in this file."""
    made_elsewhere = path.name.endswith("_errors.py")  # tables of (code, hint)
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if made_elsewhere and isinstance(node, ast.Constant) and "_" in str(node.value):
            yield from _texts(node)
        if not isinstance(node, ast.Call):
            continue
        name = node.func.id if isinstance(node.func, ast.Name) else ""
        if name in MAKERS or (name == "Finding" and path.parent.name == "compile"):
            first = [*node.args[:1], *(k.value for k in node.keywords if k.arg == "code")]
            for value in first:
                yield from _texts(value)


def _texts(value: ast.expr) -> Iterator[str]:
    match value:
        case ast.Constant(value=str(text)) if CODE.fullmatch(text):
            yield text
        case ast.IfExp(body=body, orelse=other):
            yield from _texts(body)
            yield from _texts(other)
