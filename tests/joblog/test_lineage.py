"""OpenLineage's published client, as it is, against a real server; then what it cannot be made to send."""

from __future__ import annotations

import gzip
import itertools
import json
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any
from uuid import uuid4

import httpx2 as httpx
import hypothesis
import pytest
import requests
from hypothesis import strategies as st
from openlineage.client import OpenLineageClient
from openlineage.client.event_v2 import (
    DatasetEvent,
    InputDataset,
    Job,
    JobEvent,
    OutputDataset,
    Run,
    RunEvent,
    RunState,
    StaticDataset,
)
from openlineage.client.facet_v2 import error_message_run, output_statistics_output_dataset, schema_dataset
from openlineage.client.serde import Serde
from tests.joblog.conftest import JobLogServer
from tests.joblog.test_guide import blocks

PATH = "/api/v1/lineage"
Headers = dict[str, str]
Row = dict[str, Any]


@pytest.fixture
def auth(server: JobLogServer) -> Headers:
    return server.token("joblog")


@pytest.fixture
def client(server: JobLogServer, auth: Headers) -> OpenLineageClient:
    return new_client(server.url, auth)


def new_client(url: str, auth: Headers, **transport: Any) -> OpenLineageClient:
    key = auth["Authorization"].removeprefix("Bearer ")
    http = {"type": "http", "url": url, "auth": {"type": "api_key", "apiKey": key}, **transport}
    config: Any = {"transport": http}
    return OpenLineageClient(config=config)


def event(state: RunState | None, run_id: str, minute: int, name: str = "orders", **more: Any) -> RunEvent:
    facets = more.pop("facets", {})
    return RunEvent(
        eventTime=f"2018-01-31T06:{minute:02}:00.123456789Z",
        eventType=state,
        run=Run(run_id, facets=facets),
        job=Job(more.pop("namespace", "default"), name),
        producer="https://example.com/etl",
        **more,
    )


def written(name: str, rows: int | None = None) -> OutputDataset:
    facets: Any = {}
    if rows is not None:
        facets["outputStatistics"] = output_statistics_output_dataset.OutputStatisticsOutputDatasetFacet(
            rows, 512
        )
    return OutputDataset("postgres://lake", name, outputFacets=facets)


def failure(message: str, trace: str | None = None) -> dict[str, Any]:
    return {"errorMessage": error_message_run.ErrorMessageRunFacet(message, "python", trace)}


def rows(server: JobLogServer) -> list[Row]:
    found: list[Row] = server.client.get("/jobs?order=id").json()
    return found


def row(server: JobLogServer) -> Row:
    (found,) = rows(server)
    return found


def endings(server: JobLogServer) -> list[tuple[str, str]]:
    events = server.context.store.events.read(limit=1000)
    return [(one.data["name"], one.data["status"]) for one in events if one.kind == "job_log_recorded"]


def post(server: JobLogServer, auth: Headers, content: Any, **headers: str) -> httpx.Response:
    body = content if isinstance(content, bytes) else Serde.to_json(content).encode()
    usual = {"Content-Type": "application/json", **auth}
    return server.client.post(PATH, content=body, headers={**usual, **headers})


def code_of(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["error"]["code"]


# --- the client ---------------------------------------------------------------------------------------


def test_a_run_that_the_client_tells_of_is_a_record(server: JobLogServer, client: OpenLineageClient) -> None:
    run_id = str(uuid4())
    schema = schema_dataset.SchemaDatasetFacet([schema_dataset.SchemaDatasetFacetFields("id", "bigint")])
    crm = InputDataset("postgres://crm", "public.orders", facets={"schema": schema})
    client.emit(event(RunState.START, run_id, 0, inputs=[crm]))
    began = row(server)
    assert began | {"id": 0} == {
        "id": 0,
        "name": "orders",
        "start_date": "2018-01-31T06:00:00.123456+00:00",
        "end_date": None,
        "message": None,
        "status": "in_progress",
        "records_processed": None,
        "source": "postgres://crm/public.orders",
        "destination": "",
    }
    client.emit(event(RunState.RUNNING, run_id, 1, outputs=[written("mart.orders", 900)]))
    client.emit(
        event(RunState.COMPLETE, run_id, 2, outputs=[written("mart.orders", 1200), written("mart.log", 3)])
    )
    assert row(server) == began | {
        "end_date": "2018-01-31T06:02:00.123456+00:00",
        "status": "success",
        "records_processed": 1203,
        "destination": "postgres://lake/mart.orders, postgres://lake/mart.log",
    }
    assert endings(server) == [("orders", "success")]


def test_a_run_that_is_only_seen_to_fail_is_a_record(server: JobLogServer, client: OpenLineageClient) -> None:
    facets = failure("no such table", f"{'x' * 9_000}\nOperationalError: no such table")
    client.emit(event(RunState.FAIL, str(uuid4()), 5, namespace="crm", facets=facets))
    found = row(server)
    assert (found["name"], found["status"], found["start_date"]) == ("crm/orders", "error", found["end_date"])
    assert found["message"].startswith("no such table\nxxx")
    assert found["message"].endswith("OperationalError: no such table")
    assert len(found["message"]) == 4_000
    assert endings(server) == [("crm/orders", "error")]


def test_what_is_aborted_is_an_error_that_says_so(server: JobLogServer, client: OpenLineageClient) -> None:
    run_id = str(uuid4())
    client.emit(event(RunState.START, run_id, 0))
    client.emit(event(RunState.ABORT, run_id, 1))
    assert (row(server)["status"], row(server)["message"]) == ("error", "aborted")


def test_a_start_after_the_end_only_says_when_it_was(server: JobLogServer, client: OpenLineageClient) -> None:
    run_id = str(uuid4())
    client.emit(event(RunState.COMPLETE, run_id, 9))
    client.emit(event(RunState.START, run_id, 3, inputs=[InputDataset("a", "b")]))
    client.emit(event(RunState.RUNNING, run_id, 12))
    found = row(server)
    assert (found["status"], found["start_date"][14:16], found["end_date"][14:16]) == ("success", "03", "09")
    assert found["source"] == "a/b"
    assert endings(server) == [("orders", "success")]


def test_a_later_end_wins_over_an_earlier_one(server: JobLogServer, client: OpenLineageClient) -> None:
    run_id = str(uuid4())
    client.emit(event(RunState.FAIL, run_id, 9, facets=failure("boom")))
    client.emit(event(RunState.COMPLETE, run_id, 8))
    assert (row(server)["status"], row(server)["message"]) == ("error", "boom")
    client.emit(event(RunState.COMPLETE, run_id, 10))
    assert (row(server)["status"], row(server)["message"]) == ("success", None)
    assert endings(server) == [("orders", "error"), ("orders", "success")]


def test_remarks_change_nothing_but_datasets(server: JobLogServer, client: OpenLineageClient) -> None:
    run_id = str(uuid4())
    client.emit(event(RunState.OTHER, run_id, 0, outputs=[written("a", 5)]))
    client.emit(event(None, run_id, 1, outputs=[written("b", 6)]))
    assert rows(server) == []
    client.emit(event(RunState.COMPLETE, run_id, 2))
    client.emit(event(RunState.OTHER, run_id, 30, outputs=[written("c", 7)]))
    found = row(server)
    assert (found["start_date"], found["records_processed"]) == (found["end_date"], 18)
    assert found["destination"] == "postgres://lake/a, postgres://lake/b, postgres://lake/c"
    assert endings(server) == [("orders", "success")]


def test_events_of_jobs_and_datasets_are_taken_and_record_nothing(
    server: JobLogServer, client: OpenLineageClient
) -> None:
    at = "2018-01-31T06:00:00Z"
    client.emit(JobEvent(eventTime=at, job=Job("crm", "orders")))
    client.emit(DatasetEvent(eventTime=at, dataset=StaticDataset("crm", "orders")))
    assert rows(server) == []


def test_the_client_may_pack_what_it_sends(server: JobLogServer, auth: Headers) -> None:
    client = new_client(server.url, auth, compression="gzip")
    client.emit(event(RunState.COMPLETE, str(uuid4()), 0, facets=failure("x" * 100_000)))
    assert row(server)["status"] == "success"


def test_the_client_shows_what_the_server_refuses(server: JobLogServer, auth: Headers) -> None:
    run_id = str(uuid4())
    with pytest.raises(requests.HTTPError, match="401 Client Error: Unauthorized"):
        new_client(server.url, {"Authorization": "Bearer hg_wrong"}).emit(event(RunState.START, run_id, 0))
    with pytest.raises(requests.HTTPError, match="403 Client Error: Forbidden"):
        new_client(server.url, server.token("joblog:read")).emit(event(RunState.START, run_id, 0))
    own = new_client(server.url, server.token("joblog:orders"))
    with pytest.raises(requests.HTTPError, match="403"):
        own.emit(event(RunState.START, run_id, 0, "customers"))
    assert rows(server) == []
    own.emit(event(RunState.START, run_id, 0))
    assert row(server)["name"] == "orders"


def test_the_guide_as_it_stands(server: JobLogServer, auth: Headers, tmp_path: Path) -> None:
    """Configured by nothing but the environment."""
    (example,) = [one for one in blocks("python") if "openlineage" in one]
    (exports,) = [one for one in blocks("sh") if "OPENLINEAGE_URL" in one]
    token = tmp_path / ".headgate" / "admin-token"
    token.parent.mkdir()
    token.write_text(auth["Authorization"].removeprefix("Bearer ") + "\n")
    (tmp_path / "load.py").write_text(example)
    script = f"{exports.replace('http://127.0.0.1:8600', server.url)}\nexec {sys.executable} -W error load.py"
    environment = {name: value for name, value in os.environ.items() if not name.startswith("OPENLINEAGE")}
    for _ in range(2):
        done = subprocess.run(
            ["bash", "-euc", script],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    found = rows(server)
    assert [(one["name"], one["status"], one["records_processed"]) for one in found] == [
        ("crm/orders", "success", 1200)
    ] * 2
    assert (found[0]["source"], found[0]["destination"]) == (
        "postgres://crm:5432/shop.public.orders",
        "s3://lake/orders",
    )


# --- once, in any order, and many at a time -----------------------------------------------------------


def history(run_id: str) -> list[RunEvent]:
    return [
        event(RunState.START, run_id, 0, inputs=[InputDataset("crm", "b"), InputDataset("crm", "a")]),
        event(RunState.RUNNING, run_id, 1, outputs=[written("o", 3)], inputs=[InputDataset("crm", "c")]),
        event(RunState.FAIL, run_id, 2, facets=failure("boom")),
        event(RunState.COMPLETE, run_id, 3, outputs=[written("o", 30), written("p", 4)]),
        event(RunState.OTHER, run_id, 4, inputs=[InputDataset("crm", "a"), InputDataset("crm", "d")]),
    ]


COUNT = len(history(str(uuid4())))
MADE = {
    "start_date": "2018-01-31T06:00:00.123456+00:00",
    "end_date": "2018-01-31T06:03:00.123456+00:00",
    "message": None,
    "status": "success",
    "records_processed": 34,
    "source": "crm/b, crm/a, crm/c, crm/d",
    "destination": "postgres://lake/o, postgres://lake/p",
}


@hypothesis.settings(
    max_examples=15,
    deadline=None,
    derandomize=True,
    database=None,
    suppress_health_check=list(hypothesis.HealthCheck),
)
@hypothesis.given(
    order=st.permutations(range(COUNT)), again=st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=3)
)
def test_the_same_events_make_the_same_record_in_any_order(
    server: JobLogServer, client: OpenLineageClient, order: list[int], again: list[int]
) -> None:
    run_id = str(uuid4())
    name = f"orders_{run_id}"
    for place in [*order, *again]:
        one = history(run_id)[place]
        one.job.name = name
        client.emit(one)
    (found,) = server.client.get(f"/jobs?name=eq.{name}").json()
    assert {key: found[key] for key in MADE} == MADE


def test_the_same_event_again_changes_nothing(
    server: JobLogServer, auth: Headers, client: OpenLineageClient
) -> None:
    run_id = str(uuid4())
    for one in history(run_id):
        client.emit(one)
    before, told = row(server), endings(server)
    note = {"message": "seen by ann", "records_processed": 1}
    assert server.client.patch(f"/jobs?id=eq.{before['id']}", json=note, headers=auth).status_code == 204
    for one in history(run_id):
        answer = post(server, auth, one)
        assert (answer.status_code, answer.json()) == (201, {"id": before["id"], "name": "orders"})
    assert row(server) == before | note
    assert endings(server) == told


def test_events_of_one_run_that_come_at_once_make_one_record(server: JobLogServer, auth: Headers) -> None:
    runs = [str(uuid4()) for _ in range(6)]
    barrier = threading.Barrier(4)
    broken: list[BaseException] = []

    def send(turn: int) -> None:
        client = new_client(server.url, auth)
        try:
            for run_id in runs:
                sent = history(run_id)
                barrier.wait(30)
                for one in sent[turn:] + sent[:turn] if turn % 2 else reversed(sent):
                    client.emit(one)
        except BaseException as error:
            broken.append(error)
            barrier.abort()

    together(send, 4)
    assert broken == []
    found = rows(server)
    assert len(found) == len(runs)
    assert all({key: one[key] for key in MADE} == MADE for one in found)


def together(call: Callable[[int], None], count: int) -> None:
    threads = [threading.Thread(target=call, args=(number,)) for number in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


# --- beside other writers -----------------------------------------------------------------------------


def test_what_others_wrote_stays_until_an_event_says_otherwise(
    server: JobLogServer, auth: Headers, client: OpenLineageClient
) -> None:
    run_id = str(uuid4())
    client.emit(event(RunState.START, run_id, 0))
    by_hand = {"status": "error", "message": "nobody saw its end"}
    server.client.patch("/jobs?name=eq.orders", json=by_hand, headers=auth)
    closed = row(server)
    client.emit(event(RunState.RUNNING, run_id, 1, outputs=[written("a", 5)]))
    assert row(server) == closed | {"destination": "postgres://lake/a", "records_processed": 5}
    client.emit(event(RunState.COMPLETE, run_id, 2))
    assert (row(server)["status"], row(server)["message"]) == ("success", None)
    assert endings(server) == [("orders", "error"), ("orders", "success")]


def test_a_record_that_somebody_deleted_stays_deleted(
    server: JobLogServer, auth: Headers, client: OpenLineageClient
) -> None:
    run_id = str(uuid4())
    client.emit(event(RunState.START, run_id, 0))
    server.client.delete("/jobs?name=eq.orders", headers=auth)
    for one in (event(RunState.START, run_id, 0), event(RunState.COMPLETE, run_id, 2)):
        answer = post(server, auth, one)
        assert (answer.status_code, answer.json()) == (200, {"id": None, "name": "orders"})
    assert rows(server) == []


def test_a_run_in_progress_keeps_no_other_from_being_told(
    server: JobLogServer, auth: Headers, client: OpenLineageClient
) -> None:
    client.emit(event(RunState.START, str(uuid4()), 0))
    client.emit(event(RunState.START, str(uuid4()), 1))
    assert [one["status"] for one in rows(server)] == ["in_progress"] * 2
    refused = server.client.post("/api/v1/jobLog", json={"name": "orders", "overlap": "refuse"}, headers=auth)
    assert code_of(refused) == (409, "job_in_progress")


def test_a_run_has_the_name_of_its_last_event_and_is_written_by_who_may_write_both(
    server: JobLogServer, auth: Headers, client: OpenLineageClient
) -> None:
    run_id = str(uuid4())
    client.emit(event(RunState.START, run_id, 0, "customers"))
    end = event(RunState.COMPLETE, run_id, 2, "orders")
    assert code_of(post(server, server.token("joblog:orders"), end)) == (403, "scope_missing")
    assert (row(server)["name"], row(server)["status"]) == ("customers", "in_progress")
    assert post(server, auth, end).json() == {"id": row(server)["id"], "name": "orders"}
    client.emit(event(RunState.RUNNING, run_id, 1, "unknown"))
    assert (row(server)["name"], row(server)["status"]) == ("orders", "success")
    assert endings(server) == [("orders", "success")]
    client.emit(event(RunState.OTHER, run_id, 3, "orders.daily"))
    assert row(server)["name"] == "orders.daily"
    assert endings(server) == [("orders", "success"), ("orders.daily", "success")]


# --- what no client should send -----------------------------------------------------------------------


@pytest.mark.parametrize(
    ("content", "code"),
    [
        (b"", "body_malformed"),
        (b"no", "body_malformed"),
        (b"\xff\xfe{", "body_malformed"),
        (b"[" * 50_000, "body_malformed"),
        (b"[]", "lineage_event_invalid"),
        (b"{}", "lineage_event_invalid"),
        (b'{"eventTime": "soon", "run": {"runId": "1"}}', "lineage_event_invalid"),
    ],
)
def test_what_is_no_event_is_refused_with_what_is_wrong(
    server: JobLogServer, auth: Headers, content: bytes, code: str
) -> None:
    answer = post(server, auth, content)
    assert code_of(answer) == (400, code)
    assert answer.json()["error"]["errorString"] != ""


def test_a_name_that_no_database_takes_is_refused(server: JobLogServer, auth: Headers) -> None:
    answer = post(server, auth, event(RunState.START, str(uuid4()), 0, "a\0b"))
    assert code_of(answer) == (400, "lineage_event_invalid")
    assert "`job`" in answer.json()["error"]["errorString"]
    assert post(server, auth, event(RunState.START, str(uuid4()), 0, "\U0001f600" * 500)).status_code == 201
    assert code_of(post(server, auth, event(RunState.START, str(uuid4()), 0, "x" * 501)))[0] == 400


def test_a_packed_event_is_unpacked_so_far_and_no_further(server: JobLogServer, auth: Headers) -> None:
    one = Serde.to_json(event(RunState.START, str(uuid4()), 0)).encode()
    packed = gzip.compress(one)
    bomb = gzip.compress(b" " * (64 << 20) + one)
    assert len(bomb) < 100_000

    def sent(content: bytes, encoding: str = "gzip") -> httpx.Response:
        return post(server, auth, content, **{"Content-Encoding": encoding})

    assert code_of(sent(bomb)) == (413, "body_too_large")
    assert code_of(post(server, auth, b" " * (8 << 20) + one)) == (413, "body_too_large")
    for broken in (one, packed[:-9], packed + b"x", b""):
        assert code_of(sent(broken)) == (400, "body_malformed")
    assert code_of(sent(packed, "br")) == (415, "content_encoding_unsupported")
    assert rows(server) == []
    assert sent(one, "identity").status_code == 201
    large = json.loads(one) | {"producer": "x" * (6 << 20)}
    assert sent(gzip.compress(json.dumps(large).encode())).status_code == 201


def test_many_datasets_of_many_events_stay_within_bounds(
    server: JobLogServer, client: OpenLineageClient
) -> None:
    run_id = str(uuid4())
    numbers = itertools.count()
    for minute in range(3):
        inputs = [InputDataset("crm", f"table_{next(numbers):04}") for _ in range(700)]
        client.emit(event(RunState.RUNNING, run_id, minute, inputs=inputs))
    source = row(server)["source"]
    assert source.startswith("crm/table_0000, crm/table_0001, ")
    assert len(source) < 1_100
