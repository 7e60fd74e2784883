"""Cuts an SQL file into its YAML header and its body. Knows nothing of either's meaning."""

from __future__ import annotations

from dataclasses import dataclass

from headgate.compile.summary import Finding

OPENING = "/*---"
CLOSING = "---*/"


@dataclass(frozen=True, slots=True)
class SqlFile:
    """`header` is padded with blanks so that lines and columns of its YAML are those of the file.

    `body` starts at line `line_offset + 1` of the file; `column_offset` is what stands before it there.
    """

    header: str | None
    body: str
    line_offset: int
    column_offset: int = 0
    finding: Finding | None = None


def split_header(text: str) -> SqlFile:
    """Split at the closing mark. A header must be the first thing in the file, but for blanks."""
    start = len(text) - len(text.lstrip("\ufeff \t\r\n"))
    if not text.startswith(OPENING, start):
        return _trimmed(text, start, None)
    closing = text.find(CLOSING, start + len(OPENING))
    if closing < 0:
        line = text.count("\n", 0, start) + 1
        finding = Finding(
            "header_not_closed", f"the header has no {CLOSING}", line, 1, f"add {CLOSING} after it"
        )
        return SqlFile(None, "", 0, finding=finding)
    before = "".join(c if c == "\n" else " " for c in text[: start + len(OPENING)])
    header = before + text[start + len(OPENING) : closing]
    return _trimmed(text, closing + len(CLOSING), header)


def _trimmed(text: str, begin: int, header: str | None) -> SqlFile:
    """Leave out blank lines before the body and blanks after it."""
    first = begin
    while first < len(text) and text[first] in "\ufeff \t\r\n":
        first += 1
    line_start = text.rfind("\n", 0, first) + 1
    cut = max(line_start, begin)
    if text.startswith("\ufeff", cut):
        cut += 1
    return SqlFile(header, text[cut:].rstrip(), text.count("\n", 0, cut), cut - line_start)
