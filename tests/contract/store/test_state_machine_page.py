"""docs/reference/state-machine.md says what the code allows."""

from __future__ import annotations

import re
from pathlib import Path

from headgate.model.runs import RUN_MOVES, STEP_MOVES

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "state-machine.md"


def moves(section: str) -> list[tuple[str, str]]:
    text = PAGE.read_text(encoding="utf-8").split(f"\n## {section}\n")[1].split("\n## ")[0]
    return re.findall(r"^\| `(\w+)` \| `(\w+)` \| \S.* \|$", text, re.MULTILINE)


def test_page_lists_every_move_of_a_run() -> None:
    assert sorted(moves("Runs")) == sorted((s.value, t.value) for s, ts in RUN_MOVES.items() for t in ts)


def test_page_lists_every_move_of_a_step() -> None:
    assert sorted(moves("Steps")) == sorted((s.value, t.value) for s, ts in STEP_MOVES.items() for t in ts)
