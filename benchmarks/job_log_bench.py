"""The job log by its targets, on SQLite and on PostgreSQL: a real server, and clients that speak HTTP to it.

    python benchmarks/job_log_bench.py [--records 10000000] [--states sqlite,postgres] [--json]

The records are generated inside the database, so that a first run needs minutes and not hours; PostgreSQL then vacuums
them, as it has in a log that grew so long by itself. The raw contestant asks the database's driver for the same record,
in the clients' own process: what is left is the price of HTTP, tokens and PostgREST's answers.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psycopg
from servers import Server, new_database, postgres_server, serving

from headgate.joblog.watch import Watch
from headgate.store import Store
from headgate.store.audit import Actor
from headgate.store.job_watches import Defined

NAMES = 2_000
TURNS = 50
WRITERS = 16
BULK_ROWS = 500
BULKS = 8
SINGLES = 60
STREAMED = 1_000_000
GENERATE = """
INSERT INTO job_log (name, start_date, end_date, message, status, records_processed, source, destination)
SELECT 'job ' || (n * 7919 % {names}), {start} + n * 1000000,
  CASE WHEN n % 97 = 5 THEN NULL ELSE {start} + n * 1000000 + 60000000 END,
  CASE WHEN n % 31 = 0 THEN 'division by zero' END,
  CASE WHEN n % 97 = 5 THEN 'in_progress' WHEN n % 31 = 0 THEN 'error' ELSE 'success' END,
  n % 5000, 'source ' || n % 7, 'destination ' || n % 5
FROM {numbers} AS numbers (n)
"""
START = 1_400_000_000_000_000
NUMBERS = {
    "sqlite": "(WITH RECURSIVE c (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM c WHERE n < {count}) SELECT n FROM c)",
    "postgres": "generate_series(CAST(1 AS bigint), {count})",
}


@dataclass(frozen=True, slots=True)
class Figure:
    state: str
    name: str
    value: float
    unit: str
    target: str


def generate(store: Store, target: Path | str, count: int) -> None:
    numbers = NUMBERS[store.database.dialect].format(count=count)
    names = "numbers (n)" if store.database.dialect == "postgres" else "numbers"
    sql = GENERATE.format(names=NAMES, start=START, numbers=numbers).replace("numbers (n)", names)
    with store.database.write() as connection:
        connection.change(sql)
    if store.database.dialect == "sqlite":
        with store.database.write() as connection:
            connection.change("ANALYZE job_log")
    else:
        with psycopg.connect(str(target), autocommit=True) as connection:
            connection.execute("VACUUM ANALYZE headgate.job_log")


def raw_per_second(state: str, target: Path | str) -> Figure:
    """The same question as `requests_per_second`, by as many clients, to the driver alone."""
    question = (
        "SELECT id, name, start_date, end_date, message, status, records_processed, source, destination FROM {table} "
        "WHERE name = {name} AND status = 'success' ORDER BY {order} end_date DESC LIMIT 1"
    )

    def work(number: int, done: list[int]) -> None:
        connection: Any
        if state == "sqlite":
            connection = sqlite3.connect(target)
            sql = question.format(table="job_log", name="?", order="(end_date IS NULL) DESC,")
        else:
            connection = psycopg.connect(str(target), autocommit=True)
            sql = question.format(table="headgate.job_log", name="%s", order="")
        for turn in range(100):
            rows = connection.execute(sql, (f"job {(number * 100 + turn) % NAMES}",)).fetchall()
            if len(json.dumps(rows)) < 50:
                sys.exit(f"the driver found nothing: {rows}")
        connection.close()
        done.append(100)

    count, seconds = at_once(8, work)
    return Figure(state, "raw: the driver alone", round(count / seconds), "/s", "")


class Client:
    """One connection that is kept."""

    def __init__(self, url: str, token: str) -> None:
        parts = urlsplit(url)
        self._connection = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=600)
        self._headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}

    def get(self, path: str, headers: dict[str, str]) -> tuple[int, bytes]:
        return self._ask("GET", path, None, headers)

    def post(self, path: str, body: bytes) -> tuple[int, bytes]:
        return self._ask("POST", path, body, {})

    def _ask(self, method: str, path: str, body: bytes | None, headers: dict[str, str]) -> tuple[int, bytes]:
        self._connection.request(method, path, body, {**self._headers, **headers})
        answer = self._connection.getresponse()
        return answer.status, answer.read()

    def stream(self, path: str, headers: dict[str, str]) -> int:
        """How many bytes the answer has; they are not kept."""
        self._connection.request("GET", path, headers={**self._headers, **headers})
        answer = self._connection.getresponse()
        size = 0
        while piece := answer.read(1 << 20):
            size += len(piece)
        return size

    def close(self) -> None:
        self._connection.close()


QUESTIONS: dict[str, tuple[str, dict[str, str], str]] = {
    "most_recent": ("/jobs?name=eq.job%20{n}&status=eq.success&order=end_date.desc&limit=1", {}, "10 ms"),
    "page of a name": ("/jobs?name=eq.job%20{n}&order=start_date.desc&limit=100", {}, "10 ms"),
    "page of errors": ("/jobs?status=eq.error&order=start_date.desc&limit=100", {}, "10 ms"),
    "newest page": ("/jobs?order=id.desc&limit=100", {}, "10 ms"),
    "count of a name": (
        "/jobs?name=eq.job%20{n}&select=id&limit=1",
        {"Prefer": "count=exact"},
        "50 ms",
    ),
    "latest of each name": ("/jobs_latest?select=name,status,end_date&limit=100&order=name", {}, ""),
}


def questions(state: str, url: str, token: str) -> Iterator[Figure]:
    client = Client(url, token)
    for name, (path, headers, target) in QUESTIONS.items():
        times = []
        for turn in range(TURNS):
            asked = path.format(n=turn * 37 % NAMES)
            began = time.perf_counter()
            status, content = client.get(asked, headers)
            times.append(time.perf_counter() - began)
            if status not in (200, 206) or content == b"[]":
                sys.exit(f"{asked}: {status} {content[:200]!r}")
        yield Figure(state, name, round(statistics.median(times) * 1000, 2), "ms", target)
    client.close()


def requests_per_second(state: str, url: str, token: str) -> Figure:
    """By eight clients at once that each ask for the most recent success of a name."""

    def work(number: int, done: list[int]) -> None:
        client = Client(url, token)
        for turn in range(100):
            client.get(QUESTIONS["most_recent"][0].format(n=(number * 100 + turn) % NAMES), {})
        client.close()
        done.append(100)

    count, seconds = at_once(8, work)
    return Figure(state, "requests a second", round(count / seconds), "/s", "")


def record(number: int) -> dict[str, object]:
    return {
        "name": f"writer {number % WRITERS}",
        "start_date": "2018-06-16T05:00:00Z",
        "status": "success",
        "records_processed": number,
        "source": "s",
        "destination": "d",
    }


def writes(state: str, url: str, token: str) -> Iterator[Figure]:
    bulk = json.dumps([record(number) for number in range(BULK_ROWS)]).encode()
    one = json.dumps(record(1)).encode()

    def post(body: bytes, times: int, rows: int) -> Callable[[int, list[int]], None]:
        def work(_: int, done: list[int]) -> None:
            client = Client(url, token)
            for _turn in range(times):
                status, content = client.post("/jobs", body)
                if status != 201:
                    sys.exit(f"POST /jobs: {status} {content[:200]!r}")
            client.close()
            done.append(times * rows)

        return work

    before = count_of(url, token)
    bulk_rows, seconds = at_once(WRITERS, post(bulk, BULKS, BULK_ROWS))
    yield Figure(state, "rows a second, in bulk", round(bulk_rows / seconds), "/s", "1,000 /s")
    single_rows, seconds = at_once(WRITERS, post(one, SINGLES, 1))
    yield Figure(state, "single writes a second", round(single_rows / seconds), "/s", "300 /s")
    lost = bulk_rows + single_rows - (count_of(url, token) - before)
    yield Figure(state, "rows lost", lost, "", "0")


def count_of(url: str, token: str) -> int:
    client = Client(url, token)
    _, content = client.get("/jobs?name=like.writer*&select=count", {})
    client.close()
    count: int = json.loads(content)[0]["count"]
    return count


def at_once(count: int, work: Callable[[int, list[int]], None]) -> tuple[int, float]:
    done: list[int] = []
    threads = [threading.Thread(target=work, args=(number, done)) for number in range(count)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if len(done) < count:
        sys.exit("a writer ended before its work")
    return sum(done), time.perf_counter() - began


def looks(state: str, target: Path | str) -> Iterator[Figure]:
    """Every name is watched, and all are due at the same moment; then none is."""
    watches = {
        f"job {number}": Defined(Watch(every=86_400.0), "bench", "watches/all.yml") for number in range(NAMES)
    }
    with Store.connect(target) as store:
        store.job_watches.apply("bench", watches, by=Actor("bench"))
        began, judged = time.perf_counter(), 0
        while found := store.job_watch_looks.look():
            judged += len({one.name for one in found})
        seconds = time.perf_counter() - began
        if judged != NAMES:
            sys.exit(f"{judged} of {NAMES} jobs were judged")
        yield Figure(state, "look at a watched job", round(seconds / NAMES * 1000, 2), "ms", "")
        began = time.perf_counter()
        for _ in range(TURNS):
            store.job_watch_looks.look()
        yield Figure(
            state, "look where none is due", round((time.perf_counter() - began) / TURNS * 1000, 3), "ms", ""
        )


def stream(state: str, server: Server) -> Iterator[Figure]:
    client = Client(server.url, server.token)
    before = server.resident_mb()
    highest = [before]
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(0.02):
            highest.append(server.resident_mb())

    watcher = threading.Thread(target=watch)
    watcher.start()
    began = time.perf_counter()
    size = client.stream(f"/jobs?limit={STREAMED}&order=id", {"Accept": "text/csv"})
    seconds = time.perf_counter() - began
    ended.set()
    watcher.join()
    client.close()
    yield Figure(state, f"CSV of {STREAMED:,} rows ({size / 2**20:.0f} MB)", round(seconds, 1), "s", "")
    yield Figure(state, "memory that it took", round(max(highest) - before, 1), "MB", "constant")


@contextmanager
def served(state: str, target: str | None, count: int) -> Iterator[tuple[Server, Path | str]]:
    with tempfile.TemporaryDirectory() as name:
        root = Path(name)
        (root / "headgate.yml").write_text("name: bench\nlocations: [A]\n")
        environ = {} if target is None else {"HEADGATE_DATABASE_URL": target}
        began = time.perf_counter()
        state_target = root / ".headgate" / "state.db" if target is None else target
        store = Store.connect(state_target)
        generate(store, state_target, count)
        store.close()
        print(f"{state}: {count:,} records in {time.perf_counter() - began:.0f} s", file=sys.stderr)
        with serving(root, environ, "--no-worker") as server:
            yield server, state_target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawTextHelpFormatter)
    parser.add_argument("--records", type=int, default=10_000_000)
    parser.add_argument("--states", default="sqlite,postgres")
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    figures: list[Figure] = []
    with ExitStack() as stack:
        for state in arguments.states.split(","):
            target = None
            if state == "postgres":
                target = new_database(stack.enter_context(postgres_server()), "job_log")
            with served(state, target, arguments.records) as (server, where):
                figures += questions(state, server.url, server.token)
                figures.append(requests_per_second(state, server.url, server.token))
                figures.append(raw_per_second(state, where))
                figures += writes(state, server.url, server.token)
                figures += stream(state, server)
                figures += looks(state, where)
    if arguments.json:
        print(json.dumps([asdict(one) for one in figures], indent=2))
        return
    print(f"{arguments.records:,} records, {NAMES:,} names, {os.cpu_count()} cores, median of {TURNS}")
    for one in figures:
        print(f"{one.state:10}{one.name:36}{one.value:>12,} {one.unit:4}{one.target:>12}")


if __name__ == "__main__":
    main()
