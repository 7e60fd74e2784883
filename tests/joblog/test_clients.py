"""Published clients of the Jobs API and of PostgREST, as they are, against a real server."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any

import jobutil
import pytest
import requests
from postgrest import APIError, CountMethod, SyncPostgrestClient
from tdutils import jobutil as old_jobutil
from tests.joblog.conftest import JWT_SECRET, JobLogServer
from tests.joblog.recorded import header_of

WRITER = header_of("writer", JWT_SECRET)
CLIENTS = {"atd-jobs-util": jobutil.Job, "tdutils": old_jobutil.Job}
TOKENS = ("ours", "jwt")


@pytest.fixture(params=TOKENS)
def auth(request: pytest.FixtureRequest, server: JobLogServer) -> str:
    header = WRITER if request.param == "jwt" else server.token("joblog")
    return header["Authorization"].removeprefix("Bearer ")


@pytest.mark.filterwarnings("ignore:For compatibility with the datetime.timestamp:DeprecationWarning")
@pytest.mark.parametrize("package", CLIENTS)
def test_the_walk_through_of_the_jobs_api(package: str, server: JobLogServer, auth: str) -> None:
    """Ask, start, ask again unchanged, end, ask again moved; then a failure, which moves nothing."""

    def new_job() -> Any:
        return CLIENTS[package](
            auth=auth, name="signals", url=f"{server.url}/jobs", source="knack", destination="socrata"
        )

    job = new_job()
    assert job.most_recent() is None
    started = job.start()
    assert (started["status"], started["end_date"]) == ("in_progress", None)
    assert job.most_recent() is None
    ended = job.result("success", records_processed=12)
    assert (ended["id"], ended["status"], ended["records_processed"]) == (started["id"], "success", 12)
    assert ended["end_date"] is not None
    moved = job.most_recent()
    assert moved == int(datetime.fromisoformat(started["start_date"]).timestamp())

    failing = new_job()
    failing.start()
    assert failing.most_recent() == moved
    failed = failing.result("error", message="Something went wrong!")
    assert (failed["status"], failed["message"]) == ("error", "Something went wrong!")
    assert failing.most_recent() == moved
    assert failing.most_recent(status="error") is not None


def test_the_clients_delete_without_a_filter_deletes_nothing(
    server: JobLogServer, auth: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = jobutil.Job(auth=auth, name="a", url=f"{server.url}/jobs", source="s", destination="d")
    job.start()
    monkeypatch.setattr("builtins.input", lambda _: "Yes")
    with pytest.raises(requests.HTTPError) as caught:
        job.delete()
    assert caught.value.response is not None
    assert caught.value.response.json()["code"] == "21000"
    assert len(server.client.get("/jobs").json()) == 1


def row(number: int, **values: Any) -> dict[str, Any]:
    usual = {
        "name": f"n{number % 3}",
        "start_date": datetime(2018, 6, 1 + number, tzinfo=UTC).isoformat(),
        "end_date": None,
        "status": "success" if number % 2 else "error",
        "records_processed": number,
        "source": "s",
        "destination": "d",
        "message": None,
    }
    return {**usual, **values}


def test_the_postgrest_package_reads_and_writes(server: JobLogServer) -> None:
    with SyncPostgrestClient(server.url, schema="api", headers=dict(WRITER)) as opened:
        client: Any = opened
        made = client.table("jobs").insert([row(number) for number in range(9)], count=CountMethod.exact)
        answer = made.execute()
        assert (len(answer.data), answer.count) == (9, 9)
        found = (
            client.table("jobs")
            .select("id,name,records:records_processed", count=CountMethod.exact)
            .in_("name", ["n0", "n1"])
            .gte("records_processed", 3)
            .or_("status.eq.error,records_processed.gt.6")
            .order("records_processed", desc=True)
            .range(0, 1)
            .execute()
        )
        assert ([one["records"] for one in found.data], found.count) == ([7, 6], 3)
        first = client.table("jobs").select("*").eq("records_processed", 0).single().execute().data
        assert first["name"] == "n0"
        nobody = client.table("jobs").select("*").eq("name", "nobody").maybe_single().execute()
        assert nobody is None or nobody.data is None
        changed = client.table("jobs").update({"message": "seen"}).eq("id", first["id"]).execute()
        assert changed.data[0]["message"] == "seen"
        merged = client.table("jobs").upsert(row(0, id=first["id"], message="merged")).execute()
        assert merged.data[0]["message"] == "merged"
        assert len(client.table("jobs").delete().eq("name", "n2").execute().data) == 3
        csv = client.table("jobs").select("name").ilike("name", "N1").order("id").csv().execute()
        assert csv.data == "name\nn1\nn1\nn1"
        with pytest.raises(APIError) as caught:
            client.table("jobs").select("nope").execute()
        assert caught.value.code == "42703"
        with pytest.raises(APIError) as caught:
            client.table("jobs").select("*").single().execute()
        assert caught.value.code == "PGRST116"


def test_the_postgrest_package_asks_from_many_tasks_at_once(server: JobLogServer) -> None:
    from postgrest import AsyncPostgrestClient

    async def write_all() -> int:
        async with AsyncPostgrestClient(server.url, schema="public", headers=dict(WRITER)) as opened:
            client: Any = opened
            await asyncio.gather(
                *(client.table("jobs").insert(row(number)).execute() for number in range(20))
            )
            answer = await client.table("jobs").select("id", count=CountMethod.exact).limit(1).execute()
            return answer.count or 0

    assert asyncio.run(write_all()) == 20
