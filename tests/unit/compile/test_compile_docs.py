"""Every code that compile can report is in its reference page."""

from __future__ import annotations

import re
from pathlib import Path

ROOT = Path(__file__).parents[3]


def test_every_code_is_documented() -> None:
    page = (ROOT / "docs/reference/compile-errors.md").read_text()
    documented = set(re.findall(r"`([a-z_0-9]+)`", page))
    errors = (ROOT / "tests/unit/compile/errors.txt").read_text()
    tested = set(re.findall(r"^\S+:\d+:\d+ ([a-z_]+)", errors, flags=re.MULTILINE))
    assert len(tested) > 40
    assert tested <= documented


def test_every_key_of_a_file_is_documented() -> None:
    from headgate.compile import schema

    page = (ROOT / "docs/reference/project-files.md").read_text()
    kinds = [schema.PROJECT, schema.ENVIRONMENT, schema.NODE, schema.SOURCE, schema.SUBGRAPH]
    watch = schema.WATCHES.value
    assert isinstance(watch, schema.Keys)
    kinds += [schema.JOB, schema.TEST, schema.NODE_TYPE, watch]
    words = set(re.findall(r"[a-z_]+", page))
    for kind in kinds:
        assert set(kind.keys) <= words
