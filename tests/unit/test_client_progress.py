"""What somebody who watches a run from afar is told of its events."""

from __future__ import annotations

import io
from datetime import UTC, datetime
from typing import Any

from headgate.client.progress import Printer, Teller
from headgate.model.runs import Event, Run, RunKind, RunRequest, RunStatus

AT = datetime(2026, 1, 1, tzinfo=UTC)


def told(*events: tuple[str, str | None, dict[str, Any]]) -> list[str]:
    out = io.StringIO()
    teller = Teller(Run(12, "u", RunKind.REFRESH, RunStatus.RUNNING, 1, AT, RunRequest()), Printer(out))
    for number, (kind, step, data) in enumerate(events):
        teller.hear(Event(number, AT, kind, run_id=12, step_id=step, environment_id=1, data=data))
    teller.close()
    return out.getvalue().splitlines()


def test_run_that_begins_at_once_is_not_said_to_wait() -> None:
    assert told(
        ("run_status", None, {"status": "waiting"}),
        ("run_status", None, {"status": "running"}),
        ("steps_planned", None, {"count": 1}),
        ("step_status", "STG.A", {"status": "running"}),
        ("step_status", "STG.A", {"status": "succeeded"}),
        ("run_status", None, {"status": "succeeded"}),
    ) == ["refresh 12: 1 step", "1/1 succeeded STG.A"]


def test_run_that_is_handed_back_says_why_it_waits() -> None:
    assert told(("run_status", None, {"status": "waiting", "reason": "its worker stops"})) == [
        "waiting: its worker stops"
    ]


def test_run_without_a_step_says_so() -> None:
    events = (("steps_planned", None, {"count": 0}), ("run_status", None, {"status": "succeeded"}))
    assert told(*events) == ["refresh 12: 0 steps"]
