"""A run is followed to its end: by its stream, after breaks, and where no stream comes through."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.api.test_client_transport import CUT, Script, Time, scripted, transport

from headgate.client.calls import Calls
from headgate.client.events import GONE_SECONDS, Following, ServerEvent, parse
from headgate.client.transport import Transport
from headgate.errors import ServerUnavailable
from headgate.model.runs import Event, Run, RunStatus

RUN: dict[str, Any] = {
    "id": 7, "kind": "refresh", "status": "running", "environmentID": "1", "createdAt": "2026-01-01T00:00:00Z",
    "runDetails": {
        "includeNodesSelector": "", "excludeNodesSelector": "", "parallelism": 1,
        "forceIgnoreWorkspaceStatus": False, "from": None, "to": None,
    },
    "runTimeParameters": {}, "deploymentID": 1, "jobID": None, "jobName": None, "reRunID": None,
    "runStartTime": None, "runEndTime": None, "createdBy": "ann", "error": None, "notes": [],
}  # fmt: skip


def run(status: str) -> tuple[int, bytes]:
    return 200, json.dumps({**RUN, "status": status}).encode()


def stream(*ids: int) -> tuple[int, bytes]:
    return 200, b"".join(
        b"id: %d\nevent: x\ndata: %s\n\n"
        % (
            number,
            json.dumps(
                {"id": number, "at": RUN["createdAt"], "kind": "x", "runID": 7, "nodeID": None,
                 "environmentID": "1", "data": {}}
            ).encode(),
        )
        for number in ids
    )  # fmt: skip


def followed(sender: Transport, time: Time, **options: Any) -> tuple[list[int], Run | None, list[str]]:
    told: list[str] = []
    following = Following(Calls(sender), 7, told=told.append, clock=time.clock, sleep=time.sleep, **options)
    heard = list(following.events())
    ids = [event.id for event in heard if isinstance(event, Event)]
    runs = [one for one in heard if isinstance(one, Run)]
    return ids, runs[-1] if runs else None, told


def test_run_is_followed_to_its_last_event() -> None:
    script, time = Script([stream(1, 2, 3), run("succeeded")]), Time()
    with scripted(script) as url, transport(url, time) as sender:
        ids, ended, told = followed(sender, time)
    assert (ids, told) == ([1, 2, 3], [])
    assert ended is not None
    assert ended.status is RunStatus.SUCCEEDED


def test_stream_that_breaks_goes_on_after_the_last_event_that_came() -> None:
    script = Script([stream(1, 2), run("running"), stream(3), run("failed")])
    time = Time()
    with scripted(script) as url, transport(url, time) as sender:
        ids, ended, _ = followed(sender, time)
    assert ids == [1, 2, 3]
    assert ended is not None
    assert ended.status is RunStatus.FAILED
    streams = [headers.get("Last-Event-ID") for _, path, headers in script.asked if path.endswith("/events")]
    assert streams == [None, "2"]


def test_server_that_is_gone_for_a_while_is_waited_for_and_said_to_be_back() -> None:
    script = Script([*[CUT] * 12, stream(1), run("succeeded")])
    time = Time()
    with scripted(script) as url, transport(url, time) as sender:
        ids, _, told = followed(sender, time)
    assert ids == [1]
    assert [text.split(" http")[0] for text in told] == ["no answer from", "the server is back"]


def test_server_that_stays_away_is_not_waited_for_for_ever() -> None:
    script, time = Script([CUT]), Time()
    with scripted(script) as url, transport(url, time) as sender, pytest.raises(ServerUnavailable):
        followed(sender, time)
    assert GONE_SECONDS < time.clock() < GONE_SECONDS * 1.2


def test_run_is_looked_after_by_questions_where_there_is_no_stream() -> None:
    gone = (404, b'{"error": {"errorString": "x", "errorDetail": "", "code": "route_not_found", "hint": ""}}')
    script = Script([gone, run("running"), run("running"), run("succeeded")])
    time = Time()
    with scripted(script) as url, transport(url, time) as sender:
        ids, ended, _ = followed(sender, time)
    assert ids == []
    assert ended is not None
    assert ended.status is RunStatus.SUCCEEDED
    assert sum(path.endswith("/events") for _, path, _ in script.asked) == 1


def test_wait_ends_when_its_time_is_up() -> None:
    script, time = Script([stream(1), run("running"), *[stream(), run("running")] * 50]), Time()
    with scripted(script) as url, transport(url, time) as sender, pytest.raises(TimeoutError, match="run 7"):
        followed(sender, time, give_up_at=5.0)
    assert time.clock() == pytest.approx(5.0)


# --- the format of a stream -----------------------------------------------------------------------------


def test_comments_are_passed_over_and_data_of_several_lines_is_one() -> None:
    lines = [": hello", "", "id: 4", "event: a", "data: 1", "data:2", "", "data: next", "", "id: 5"]
    assert list(parse(lines)) == [ServerEvent("4", "a", "1\n2"), ServerEvent("4", "message", "next")]


TEXT = st.text(st.characters(codec="utf-8", exclude_characters="\r\n\x0b\x0c\x1c\x1d\x1e\x85\u2028\u2029"))


@given(st.lists(st.tuples(st.integers(0), TEXT.filter(bool), st.lists(TEXT, min_size=1, max_size=3))))
def test_any_stream_is_read_as_it_was_written(events: list[tuple[int, str, list[str]]]) -> None:
    lines = []
    for number, kind, data in events:
        lines += [f"id: {number}", f"event: {kind}", *(f"data: {line}" for line in data), ""]
    assert list(parse(lines)) == [
        ServerEvent(str(number), kind, "\n".join(data)) for number, kind, data in events
    ]
