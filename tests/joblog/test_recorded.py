"""Every recorded request is answered as PostgREST answered it, on both databases."""

from __future__ import annotations

from typing import Any

import pytest
from tests.joblog.conftest import JWT_SECRET, NewServer
from tests.joblog.recorded import CASES, differences, reset

SETTINGS: dict[str, dict[str, Any]] = {
    "default": {},
    "aggregates": {"joblog_aggregates": True},
    "max-rows-5": {"joblog_max_rows": 5},
    "tx-override": {"joblog_tx_end": "commit-allow-override"},
}
LEFT_OUT = frozenset({"fts"})
"""Full-text search needs PostgreSQL's own types; `test_left_out` says how it is refused."""


@pytest.mark.parametrize("config", SETTINGS)
def test_every_recorded_answer_is_the_same(config: str, new_server: NewServer) -> None:
    server = new_server(**SETTINGS[config])
    cases = [case for case in CASES if case["config"] == config and not LEFT_OUT & set(case.get("tags", ()))]
    assert cases
    found: dict[str, list[str]] = {}
    for case in cases:
        reset(server.client, JWT_SECRET)
        if unlike := differences(server.client, case, JWT_SECRET):
            found[f"{case['id']} {case['title']}"] = unlike
    assert found == {}


def test_full_text_search_is_refused_and_says_what_there_is(new_server: NewServer) -> None:
    answer = new_server().client.get("/jobs?message=fts(english).wait")
    assert (answer.status_code, answer.json()["code"]) == (400, "0A000")
    assert answer.json()["hint"] == "ilike, imatch and in find texts"
