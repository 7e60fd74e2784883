"""Every error of a project: its code, its exact place, and a hint that helps."""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

import pytest

from .conftest import Fail, Files

CASES = Path(__file__).with_name("errors.txt")


@dataclass(frozen=True, slots=True)
class Case:
    title: str
    files: Files
    expected: list[str]


def read_cases(text: str) -> list[Case]:
    cases = []
    for block in re.split(r"^## ", text, flags=re.MULTILINE)[1:]:
        title, rest = block.split("\n", 1)
        before, expected = rest.split("\n=>\n")
        parts = re.split(r"^--- (.+)\n", before + "\n", flags=re.MULTILINE)[1:]
        files: Files = dict(zip(parts[::2], parts[1::2], strict=True))
        cases.append(Case(title, files, expected.strip().split("\n")))
    return cases


@pytest.mark.parametrize("case", read_cases(CASES.read_text()), ids=lambda case: case.title)
def test_error_has_its_code_and_exact_place_and_a_useful_hint(errors: Fail, case: Case) -> None:
    found = errors(case.files)
    wanted = [line.split(" ", 2) for line in case.expected]
    assert [f"{d.location} {d.code}" for d in found] == [f"{place} {code}" for place, code, *_ in wanted]
    for diagnostic, (_, _, *words) in zip(found, wanted, strict=True):
        assert diagnostic.hint
        assert "".join(words) in diagnostic.hint


def test_cycle_names_its_path(errors: Fail) -> None:
    found = errors(
        {
            "nodes/STG/A.sql": "select x from STG.C",
            "nodes/STG/B.sql": "select x from STG.A",
            "nodes/STG/C.sql": "select x from STG.B",
        }
    )
    assert [d.code for d in found] == ["cycle"]
    assert "STG.A -> STG.C -> STG.B -> STG.A" in found[0].message


def test_one_broken_file_blames_no_other(errors: Fail) -> None:
    found = errors(
        {
            "nodes/STG/A.sql": "selec 1",
            "nodes/STG/B.sql": "select x, y from STG.A",
            "nodes/STG/C.sql": "select x, z from STG.B",
        }
    )
    assert {d.location.file for d in found} == {"nodes/STG/A.sql", "nodes/STG/C.sql"}


def test_what_is_not_a_query_is_said_without_speaking_of_nodes(errors: Fail) -> None:
    (found,) = errors({"tests/t.sql": "insert into x select 1"})
    assert found.message == "INSERT is not a query"
    assert "node" not in found.hint
