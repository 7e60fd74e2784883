"""A run's events as a stream: whole, in order, once, and gone on with after a cut."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx2 as httpx
import msgspec
import pytest
from tests.api.serving import Served, served

from headgate.api import Limits


def events(response: httpx.Response) -> Iterator[dict[str, Any]]:
    for line in response.iter_lines():
        if line.startswith("data: "):
            yield msgspec.json.decode(line.removeprefix("data: "))


def started(server: Served) -> int:
    return int(server.post("/api/v1/runs", {"environment": 1}).json()["run"]["id"])


def stored(server: Served, run_id: int) -> list[int]:
    return [event.id for event in server.context.store.events.read(run_id=run_id, limit=1000)]


def test_a_stream_begins_before_the_run_and_ends_with_it(server: Served) -> None:
    run_id = started(server)
    with server.client.stream("GET", f"/api/v1/runs/{run_id}/events") as response:
        assert response.headers["content-type"].startswith("text/event-stream")
        assert response.headers["x-accel-buffering"] == "no"
        found = events(response)
        first = next(found)
        assert (first["kind"], first["data"]["status"]) == ("run_status", "waiting")
        carried = threading.Thread(target=server.carry_out, args=(run_id,))
        carried.start()
        rest = list(found)
        carried.join()
    assert [event["id"] for event in [first, *rest]] == stored(server, run_id)
    assert rest[-1]["data"]["status"] == "succeeded"
    assert {"step_status", "steps_planned", "table_published"} <= {event["kind"] for event in rest}
    assert {event["runID"] for event in rest} == {run_id}


def test_a_reader_that_was_cut_off_goes_on_where_it_was(server: Served) -> None:
    run_id = started(server)
    server.carry_out(run_id)
    address = f"/api/v1/runs/{run_id}/events"
    every = stored(server, run_id)
    for seen in (0, 3, len(every) - 1):
        last = {"Last-Event-ID": str(every[seen])}
        with server.client.stream("GET", address, headers=last) as response:
            assert [event["id"] for event in events(response)] == every[seen + 1 :]
            if seen == len(every) - 1:
                assert response.status_code == 204


def test_many_readers_of_many_runs_get_their_own(server: Served) -> None:
    run_ids = [started(server) for _ in range(3)]
    found: dict[int, list[int]] = {}

    def read(reader: int, run_id: int) -> None:
        with server.client.stream("GET", f"/api/v1/runs/{run_id}/events") as response:
            found[reader] = [event["id"] for event in events(response)]

    readers = [threading.Thread(target=read, args=(n, run_ids[n % 3])) for n in range(12)]
    for reader in readers:
        reader.start()
    for run_id in run_ids:
        server.carry_out(run_id)
    for reader in readers:
        reader.join(20)
    for n in range(12):
        assert found[n] == stored(server, run_ids[n % 3])
    assert {thread.name for thread in threading.enumerate() if thread.name == "news"} == {"news"}


def test_a_head_of_a_stream_has_its_headers_and_an_end(
    server: Served, caplog: pytest.LogCaptureFixture
) -> None:
    run_id = started(server)
    response = server.client.head(f"/api/v1/runs/{run_id}/events")
    assert (response.status_code, response.content) == (200, b"")
    assert response.headers["content-type"].startswith("text/event-stream")
    server.post(f"/api/v1/runs/{run_id}/cancel")
    assert caplog.records == []


def test_a_run_of_another_is_not_streamed(server: Served) -> None:
    run_id = started(server)
    headers = {"Authorization": f"Bearer {server.new_token('run:4')}"}
    address = f"/api/v1/runs/{run_id}/events"
    assert server.client.get(address, headers=headers).status_code == 403
    assert server.get("/api/v1/runs/999999/events").status_code == 404
    assert server.client.get(address, headers={"Last-Event-ID": "abc"}).status_code == 400
    server.post(f"/api/v1/runs/{run_id}/cancel")


@pytest.fixture
def impatient(tmp_path: Path) -> Iterator[Served]:
    with served(tmp_path, Limits(heartbeat_seconds=0.05)) as started_server:
        yield started_server


def test_a_silent_stream_says_now_and_then_that_it_is_there(impatient: Served) -> None:
    run_id = started(impatient)
    with impatient.client.stream("GET", f"/api/v1/runs/{run_id}/events") as response:
        lines = response.iter_lines()
        assert next(line for line in lines if line.startswith(":")) == ": nothing new"
        assert next(line for line in lines if line.startswith(":")) == ": nothing new"
        impatient.post(f"/api/v1/runs/{run_id}/cancel")
        rest = [line for line in lines if line.startswith("event:")]
        assert rest == ["event: run_status"]


def test_a_client_that_reads_nothing_keeps_nobody_waiting(server: Served) -> None:
    run_id = started(server)
    host, port = server.url.removeprefix("http://").split(":")
    with socket.create_connection((host, int(port))) as deaf:
        deaf.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1024)
        head = f"GET /api/v1/runs/{run_id}/events HTTP/1.1\r\nHost: x\r\n"
        deaf.sendall(f"{head}Authorization: Bearer {server.token}\r\n\r\n".encode())
        with server.client.stream("GET", f"/api/v1/runs/{run_id}/events") as response:
            server.carry_out(run_id)
            assert len(list(events(response))) == len(stored(server, run_id))


def test_metrics_count_requests_runs_steps_and_rows(server: Served) -> None:
    run_id = started(server)
    waiting = server.get("/metrics").text
    assert 'headgate_runs_open{kind="refresh",status="waiting"} 1.0' in waiting
    server.carry_out(run_id)
    ended = 'headgate_run_seconds_count{kind="refresh",status="succeeded"}'
    before = waiting.partition(ended)[2].partition("\n")[0]
    pages = (server.get("/metrics").text for _ in range(1000))  # the log is read on a thread of its own
    text = next(
        page for page in pages if ended in page and page.partition(ended)[2].partition("\n")[0] != before
    )
    assert 'headgate_runs_open{kind="refresh",status="waiting"} 0.0' in text
    for line in (
        'headgate_run_wait_seconds_count{kind="refresh"}',
        'headgate_step_seconds_count{status="succeeded"}',
        'headgate_rows_total{change="inserted"}',
        'headgate_request_seconds_count{method="GET",route="/metrics",status="200"}',
        'headgate_request_seconds_count{method="POST",route="/api/v1/runs",status="201"}',
        "process_resident_memory_bytes",
    ):
        assert line in text
    headers = {"Authorization": f"Bearer {server.new_token('run:4')}"}
    assert server.client.get("/metrics", headers=headers).status_code == 403
