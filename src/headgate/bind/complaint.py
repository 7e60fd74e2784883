"""What the warehouse says against a node's query -> an error at the query's place in its file."""

from __future__ import annotations

import re

from headgate.compile.rebind import Rendered
from headgate.errors import HeadgateError, Location
from headgate.model.project import Node

_POSITION = re.compile(r" \(line (\d+)(?:, column \d+)?\)$")


def placed(
    error: HeadgateError, node: Node, text: Rendered, *, added_lines: int, as_written: bool
) -> HeadgateError:
    """`error` with the line of the node's file, where that is known.

    `added_lines` stood before the query in what was described. A translated query (`as_written` false) has
    other lines than the file, and a rendered one may.
    """
    found = _POSITION.search(error.message)
    error.location = Location(node.path)
    if found is None:
        return error
    said = error.message[: found.start()]
    line = int(found[1]) - added_lines
    if line < 1 or not as_written:
        error.message = said
    elif node.template is not None:
        error.message = f"{said} (line {line} of the rendered query)"
    else:
        blank = text.query[: len(text.query) - len(text.query.lstrip())]
        error.message = said
        error.location = Location(node.path, node.line_offset + blank.count("\n") + line)
    error.args = (error.message,)
    return error


def without_position(message: str) -> str:
    """What the warehouse says, without the place in a statement that nobody wrote."""
    return _POSITION.sub("", message)
