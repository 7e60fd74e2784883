"""`headgate job-log import` as a process: from one real server into another, whatever happens on the way."""

from __future__ import annotations

import json
import signal
import subprocess
import threading
from base64 import b64encode
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2 as httpx
import pytest
from tests.joblog.between import Between, Told, standing_before
from tests.joblog.conftest import JobLogServer, Log, serving
from tests.joblog.test_commands import HEADGATE, run

from headgate.client.other_log import OtherLog
from headgate.errors import HeadgateError, UsageError
from headgate.joblog.importing import read_origin
from headgate.settings import Settings

COLUMNS = (
    "name",
    "start_date",
    "end_date",
    "message",
    "status",
    "records_processed",
    "source",
    "destination",
)
Row = dict[str, Any]
CAP = 300
"""Rows that the other server gives at once, fewer than it is asked for."""


class Other:
    """The job log that is imported: readable without a token."""

    def __init__(self, server: JobLogServer) -> None:
        self.server = server
        self.table = f"{server.url}/jobs"
        self._auth = server.token("joblog")

    def add(self, *rows: Row) -> None:
        for start in range(0, len(rows), 1_000):
            answer = self.server.client.post(
                "/jobs", json=rows[start : start + 1_000], headers={**self._auth, "Prefer": "missing=default"}
            )
            assert answer.status_code == 201, answer.text

    def change(self, number: int, **values: Any) -> None:
        answer = self.server.client.patch(f"/jobs?id=eq.{number}", json=values, headers=self._auth)
        assert answer.status_code == 204, answer.text

    def delete(self, number: int) -> None:
        self.server.client.delete(f"/jobs?id=eq.{number}", headers=self._auth)

    def rows(self) -> list[Row]:
        rows: list[Row] = []
        while page := self.server.client.get(f"/jobs?order=id&offset={len(rows)}").json():
            rows += page
        return rows


@pytest.fixture
def other(tmp_path: Path) -> Iterator[Other]:
    settings = Settings(tmp_path / "other", joblog_anonymous="read", joblog_max_rows=CAP)
    with serving(tmp_path / "other.db", settings) as server:
        yield Other(server)


@pytest.fixture
def there(other: Other) -> Iterator[Between]:
    """Stands before the other log."""
    with standing_before(other.server.url) as between:
        yield between


@pytest.fixture
def here(log: Log, monkeypatch: pytest.MonkeyPatch) -> Iterator[Between]:
    """Stands before our log, where the command finds it."""
    with standing_before(log.url) as between:
        monkeypatch.setenv("HEADGATE_SERVER", between.url)
        yield between


def row(number: int = 0, **more: Any) -> Row:
    usual = {
        "name": f"job {number % 5}",
        "start_date": f"2024-01-01T00:00:00.{number:06d}-06:00",
        "end_date": "2024-01-01 07:00:00+00",
        "message": None,
        "status": "success",
        "records_processed": number,
        "source": "crm",
        "destination": "lake",
    }
    return {**usual, **more}


ODD = (
    row(1, name='größer 🚀 O\'Brien "x" \\ ,()', message="line\nline\ttab \u2028 {\"a\": 'b'}"),
    row(2, start_date="-infinity", end_date="infinity"),
    row(3, end_date="infinity", status="in_progress"),
    row(4, message="", source="", destination="", records_processed=None),
    row(5, records_processed=2**31 - 1, status="abandoned"),
    row(6, records_processed=-(2**31), end_date=None, status="error"),
    row(7, start_date="0001-01-01", end_date="9999-12-31 23:59:59.999999"),
    row(8, message="x" * 100_000),
)


def plain(rows: list[Row]) -> list[tuple[Any, ...]]:
    return [tuple(one[name] for name in COLUMNS) for one in rows]


def assert_equal(log: Log, other: Other) -> None:
    assert plain(log.rows()) == plain(other.rows())


def ours(*arguments: str, code: int = 0) -> Any:
    return json.loads(run("import", *arguments, "--json", code=code).stdout)


def test_every_record_comes_over_as_it_is(log: Log, other: Other) -> None:
    log.server.client.post("/jobs", json=row(9, name="own"), headers={"Authorization": f"Bearer {log.token}"})
    events = log.server.context.store.events.last_id()
    other.add(*ODD, *map(row, range(2_000)))
    done = run("import", other.table)
    assert done.stdout == f"2,008 records imported from {other.table} (2,008 in all)\n"
    assert done.stderr == "1 record in progress there: the next import asks for them again\n"
    own, *rest = log.rows()
    assert (own["name"], plain(rest)) == ("own", plain(other.rows()))
    assert log.server.context.store.events.last_id() == events  # what ended long ago starts nothing
    assert run("import", other.table).stdout == f"0 records imported from {other.table} (2,008 in all)\n"
    other.add(row(1))
    body = ours(other.table.replace("http://127.0.0.1", "HTTP://127.0.0.1") + "/", "--page", "7")
    assert (body["imported"], body["updated"], body["data"][0]["lastID"]) == (1, 0, 2_009)
    assert len(log.rows()) == 2_010


def test_an_empty_log_is_imported(log: Log, other: Other) -> None:
    assert ours(other.table)["data"][0]["lastID"] is None
    other.add(row(1))
    run("import", other.table)
    assert_equal(log, other)


def test_what_was_in_progress_is_asked_for_again(log: Log, other: Other) -> None:
    open_ = {"end_date": None, "records_processed": None}
    other.add(
        *(row(number, status="in_progress", **open_) for number in range(5)),
        row(5, status="running", **open_),
    )
    assert ours(other.table)["data"][0]["inProgress"] == 6
    other.change(1, status="success", end_date="2024-01-02", records_processed=7)
    other.change(2, message="still at it")
    other.delete(3)
    other.change(6, status="crashed", end_date="2024-01-02")
    done = run("import", other.table)
    assert done.stdout == f"0 records imported, 3 updated from {other.table} (6 in all)\n"
    mine = plain(log.rows())
    assert [one for at, one in enumerate(mine) if at != 2] == plain(other.rows())
    assert mine[2][4] == "in_progress"  # deleted there: nobody says what became of it
    assert ours(other.table)["data"][0]["inProgress"] == 3


def test_a_server_that_gives_little_at_once_is_asked_for_the_rest(log: Log, tmp_path: Path) -> None:
    settings = Settings(tmp_path / "other", joblog_anonymous="read", joblog_max_rows=3)
    with serving(tmp_path / "other.db", settings) as server:
        other = Other(server)
        other.add(*(row(number, status="in_progress", end_date=None) for number in range(11)))
        assert ours(other.table)["data"][0]["inProgress"] == 11
        for number in range(1, 12):
            other.change(number, status="success", end_date="2024-01-02")
        other.delete(5)
        body = ours(other.table)
        assert (body["updated"], body["data"][0]["inProgress"]) == (10, 0)
        assert plain(log.rows()[:4] + log.rows()[5:]) == plain(other.rows())


def test_a_log_that_was_made_anew_is_told_of(log: Log, other: Other) -> None:
    other.add(row(1), row(2))
    run("import", other.table)
    other.delete(2)
    assert "if that log was made anew, --forget" in run("import", other.table).stderr
    assert len(log.rows()) == 2


def test_what_is_imported_counts_for_what_is_watched(log: Log, other: Other) -> None:
    auth = {"Authorization": f"Bearer {log.token}"}
    address = "/api/v1/jobLog/watches/orders"
    log.server.client.put(address, json={"every": "1d"}, headers=auth)
    other.add(row(0, name="orders", start_date="now", status="in_progress", end_date=None))
    run("import", other.table)
    assert log.server.client.get(address, headers=auth).json()["state"] == "new"
    other.change(1, end_date="now", status="success")
    run("import", other.table)
    assert log.server.client.get(address, headers=auth).json()["state"] == "up"


def test_a_run_that_was_ended_here_stays_ended_until_it_ends_there(log: Log, other: Other) -> None:
    other.add(row(0, name="orders", status="in_progress", end_date=None))
    run("import", other.table)
    run("finish", "1", "--status", "error", "--message", "nobody works on it")
    other.change(1, message="at it")
    assert ours(other.table)["updated"] == 0
    assert log.rows()[0]["message"] == "nobody works on it"
    other.change(1, status="success", end_date="2024-01-02")
    assert ours(other.table)["updated"] == 1
    assert_equal(log, other)


def test_a_record_that_appears_below_the_last_one_is_not_missed(log: Log, other: Other) -> None:
    other.add(*(row(number, id=number) for number in (1, 2, 4, 5)))
    run("import", other.table)
    other.add(row(3, id=3, status="in_progress", end_date=None))  # its transaction took longer
    assert ours(other.table)["imported"] == 1
    other.change(3, status="success", end_date="2024-01-02")
    assert ours(other.table)["updated"] == 1
    assert [one["records_processed"] for one in log.rows()] == [1, 2, 4, 5, 3]
    other.add(row(9, id=5_000))
    run("import", other.table)
    body = httpx.get(
        f"{log.url}/api/v1/jobLog/imports?origin={other.table}",
        headers={"Authorization": f"Bearer {log.token}"},
        trust_env=False,
    ).json()
    assert (len(body["open"]), body["open"][0], body["inProgress"]) == (999, 4_001, 0)


# --- whatever happens -------------------------------------------------------------------------------------


def started(*arguments: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [*HEADGATE, "import", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )


def stopped_by(
    between: Between, place: str, method: str, number: int, send: signal.Signals, *arguments: str
) -> subprocess.CompletedProcess[str]:
    """The command, which gets a signal when its request of that number has come, or has been answered."""
    reached, go_on = threading.Event(), threading.Event()

    def wait(asked: str, _: str, count: int) -> Told | None:
        if (asked, count) != (method, number):
            return None
        reached.set()
        go_on.wait(30)
        return Told(None)

    setattr(between, place, wait)
    process = started(*arguments)
    assert reached.wait(30)
    process.send_signal(send)
    out, err = process.communicate(timeout=30)
    go_on.set()
    between.forget()
    return subprocess.CompletedProcess([], process.returncode, out, err)


@pytest.mark.parametrize("number", [1, 2, 4])
@pytest.mark.parametrize("place", ["before", "after"])
def test_a_killed_import_goes_on_where_it_was(
    log: Log, other: Other, here: Between, place: str, number: int
) -> None:
    other.add(*map(row, range(250)), row(250, status="in_progress", end_date=None))
    done = stopped_by(here, place, "POST", number, signal.SIGKILL, other.table, "--page", "50")
    assert done.returncode == -signal.SIGKILL
    assert len(log.rows()) == 50 * (number - (place == "before"))
    run("import", other.table)
    assert_equal(log, other)


def test_ctrl_c_says_how_it_goes_on(log: Log, other: Other, there: Between) -> None:
    other.add(*map(row, range(100)))
    table = f"{there.url}/jobs"
    done = stopped_by(there, "before", "GET", 4, signal.SIGINT, table, "--page", "20")
    assert done.returncode == 1
    assert done.stderr.split("\n", 1)[0] == "40 records imported; the same command goes on from there"
    run("import", table)
    assert_equal(log, other)


def test_an_answer_that_was_lost_is_no_record_twice(log: Log, other: Other, here: Between) -> None:
    other.add(*map(row, range(250)))
    here.after = lambda method, _, count: Told(None) if method == "POST" and count % 2 else None
    run("import", other.table, "--page", "30")
    assert_equal(log, other)


def test_two_imports_at_once_import_once(log: Log, other: Other) -> None:
    other.add(*map(row, range(600)))
    both = [started(other.table, "--page", "10", "--json") for _ in range(2)]
    done = [json.loads(process.communicate(timeout=60)[0])["imported"] for process in both]
    assert_equal(log, other)
    assert sum(done) == 600


def test_a_server_in_trouble_is_asked_again(log: Log, other: Other, there: Between) -> None:
    other.add(*map(row, range(20)))
    told = {2: Told(503, '{"message": "starting"}'), 3: Told(None)}
    there.before = lambda _, __, count: told.get(count)
    run("import", f"{there.url}/jobs", "--page", "10")
    assert_equal(log, other)


def test_large_messages_are_sent_in_pieces(log: Log, other: Other, here: Between) -> None:
    other.add(*(row(number, message="é" * 900_000) for number in range(8)))
    run("import", other.table)
    assert_equal(log, other)
    assert len([path for path in here.paths if "?" not in path]) > 2


# --- what is wrong ----------------------------------------------------------------------------------------


def told_by(there: Between, told: Told, *arguments: str, code: int = 2) -> str:
    there.before = lambda *_: told
    return run("import", f"{there.url}/jobs", *arguments, code=code).stderr


@pytest.mark.parametrize(
    ("told", "code", "words"),
    [
        (
            Told(200, "<html>welcome</html>", "text/html"),
            1,
            "answers 200 with text/html, and not with a list",
        ),
        (Told(200, '{"swagger": "2.0", "paths": {}}'), 1, "it describes a server: name its table"),
        (Told(200, '[{"id": 1'), 1, "not with a list of records"),
        (Told(200, ""), 1, "not with a list of records"),
        (Told(200, "\ufeff[]"), 1, "not with a list of records"),
        (Told(403, '{"message": "permission denied for table jobs"}'), 2, "wants a token (403): permission"),
        (Told(404, '{"message": "no such table"}'), 2, "there is no table at"),
        (Told(404, "<html/>", "text/html"), 2, "there is no table at"),
        (Told(400, '{"code": "42703", "message": "column jobs.source does not exist"}'), 2, "jobs.source"),
        (Told(400, "<html/>", "text/html"), 1, "answers 400 with text/html"),
        (Told(301, "", headers={"Location": "https://x/jobs"}), 2, "it has moved to https://x/jobs"),
        (Told(200, "[5]"), 2, "without an id that is a number: 5"),
        (Told(200, '[{"name": "orders"}]'), 2, "without an id"),
        (Told(200, '[{"id": true}]'), 2, "without an id"),
        (Told(200, '[{"id": 1.5}]'), 2, "without an id"),
        (Told(200, '[{"id": 1e30}]'), 2, "without an id"),
        (Told(200, f'[{{"id": {2**70}}}]'), 2, "without an id"),
    ],
)
def test_what_is_no_job_log_is_said_so(there: Between, told: Told, code: int, words: str) -> None:
    there.before = lambda *_: told
    other_log = OtherLog(read_origin(f"{there.url}/jobs"), None, 10)
    with closing(other_log), pytest.raises(HeadgateError) as error:
        other_log.newest()
    assert words in f"{error.value}: {error.value.hint}"
    assert error.value.hint
    assert error.value.exit_code == code


@pytest.mark.parametrize("target", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": None}, 'null value in column "name"'),
        ({"start_date": None}, 'null value in column "start_date"'),
        ({"start_date": "soon"}, 'invalid input syntax for type timestamp with time zone: "soon"'),
        ({"end_date": "0001-01-01 00:00:00 BC"}, "invalid input syntax"),
        ({"records_processed": 1.5}, 'invalid input syntax for type integer: "1.5"'),
        ({"records_processed": "many"}, "invalid input syntax for type integer"),
        ({"records_processed": True}, "invalid input syntax for type integer"),
        ({"status": None}, 'null value in column "status"'),
        ({"name": "x" * 2_001}, "name has more than 2,000 bytes"),
        ({"message": "a\0b"}, "0x00"),
        ({"records_processed": 2**63}, "is out of range for type bigint"),
    ],
)
def test_a_record_that_cannot_be_read_ends_the_import_and_keeps_the_pages_before(
    log: Log, there: Between, values: Row, words: str
) -> None:
    rows = [{"id": number, **row(number)} for number in range(1, 6)]
    rows[3] |= values

    def answer(_: str, path: str, __: int) -> Told:
        found = rows[::-1] if "order=id.desc" in path else rows
        for word in parse_qs(urlsplit(path).query).get("id", ()):
            operator, _, value = word.partition(".")
            if operator == "gt":
                found = [one for one in found if one["id"] > int(value)]
            else:
                found = [one for one in found if str(one["id"]) in value.strip("()").split(",")]
        return Told(200, json.dumps(found[:2]))

    there.before = answer
    stderr = run("import", f"{there.url}/jobs", code=2).stderr
    assert f"record 4 of {there.url}/jobs cannot be imported: " in stderr
    assert words in stderr
    assert f"{there.url}/jobs?id=eq.4" in stderr
    assert plain(log.rows())[1][5] == 2
    run("import", f"{there.url}/jobs", "--skip", "4")
    assert [one["records_processed"] for one in log.rows()] == [1, 2, 3, 5]
    rows[3] |= row(4)
    run("import", f"{there.url}/jobs")
    assert [one["records_processed"] for one in log.rows()] == [1, 2, 3, 5, 4]


def test_null_where_ours_has_none_and_numbers_beyond_32_bits_are_kept(log: Log, there: Between) -> None:
    given = {"id": 2**40, **row(records_processed=2**40, source=None), "more": [1]}
    del given["destination"]
    there.before = lambda _, path, __: Told(200, json.dumps([] if "id=gt" in path else [given]))
    assert ours(f"{there.url}/jobs")["data"][0]["lastID"] == 2**40
    (mine,) = log.rows()
    assert (mine["records_processed"], mine["source"], mine["destination"]) == (2**40, "", "")


@pytest.mark.parametrize("target", ["sqlite"], indirect=True)
@pytest.mark.usefixtures("log")
def test_a_server_that_does_not_heed_the_question_is_not_asked_for_ever(there: Between) -> None:
    rows = [{"id": 2, **row(2)}, {"id": 1, **row(1)}]
    there.before = lambda *_: Told(200, json.dumps(rows))
    assert "answers record 1 behind record 2" in run("import", f"{there.url}/jobs", code=1).stderr
    there.before = lambda _, path, __: Told(
        200, json.dumps([{"id": 9, **row(2)}] if "desc" in path else [{"id": 1, **row(1)}])
    )
    assert "answers record 1 behind record 1" in run("import", f"{there.url}/jobs", code=1).stderr


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("127.0.0.1:1/jobs", "is no address of a table"),
        ("ftp://host/jobs", "is no address of a table"),
        ("http://[::1/jobs", "is no address of a table"),
        ("http://host:99999/jobs", "is no address of a table"),
        ("http://host/jo bs", "is no address of a table"),
        (f"http://host/{'x' * 500}", "the address or the name is too long"),
        ("http://host", "http://host is a server, and no table of it"),
        ("http://host:3000/", "name the table: http://host:3000/jobs"),
        ("http://host/jobs?name=eq.x", "names are given with --name"),
        ("http://user:pass@host/jobs", "a token with HEADGATE_IMPORT_TOKEN"),
    ],
)
def test_an_address_that_is_none_of_a_table_is_said_so(url: str, words: str) -> None:
    with pytest.raises(UsageError) as error:
        read_origin(url)
    text = f"{error.value}: {error.value.hint}"
    assert words in text
    assert "pass@" not in text


def test_our_own_log_is_not_imported_into_itself(log: Log) -> None:
    assert "is the log that would be written" in run("import", f"{log.url}/jobs", code=2).stderr
    own = log.url.replace("127.0.0.1", "localhost")
    assert "is the log that would be written" in run("import", f"{own}/jobs", code=2).stderr


# --- who may ----------------------------------------------------------------------------------------------


def test_the_other_server_gets_the_token_that_is_its_own(
    log: Log, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with serving(tmp_path / "other.db", Settings(tmp_path / "other")) as server:
        other = Other(server)
        other.add(row(1))
        with standing_before(server.url) as there:
            table = f"{there.url}/jobs"
            stderr = run("import", table, code=2).stderr
            assert f"{table} wants a token (401): Anonymous access is disabled" in stderr
            monkeypatch.setenv("HEADGATE_IMPORT_TOKEN", "wrong")
            assert "does not take the token (401)" in run("import", table, code=2).stderr
            token = server.token("joblog:read")["Authorization"].removeprefix("Bearer ")
            monkeypatch.setenv("HEADGATE_IMPORT_TOKEN", token)
            run("import", table)
            assert there.authorizations == {None, "Bearer wrong", f"Bearer {token}"}
            monkeypatch.delenv("HEADGATE_IMPORT_TOKEN")
            arguments = [*HEADGATE, "import", table, "--token"]
            done = subprocess.run(arguments, input=f"{token}\n", capture_output=True, text=True, check=True)
            assert done.stdout == f"0 records imported from {table} (1 in all)\n"
            refused = run("import", table, "--token", token, code=2).stderr
            assert "a token is never an argument" in refused
            assert token not in refused
    assert len(log.rows()) == 1


def test_a_token_of_named_jobs_imports_those_alone(
    log: Log, other: Other, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = ('a"b\\,(c)&id=gt.5 🚀', "größer")
    other.add(*(row(number, name=names[number % 3] if number % 3 < 2 else "more") for number in range(90)))
    monkeypatch.setenv("HEADGATE_TOKEN", log.new_token(f"joblog:{names[1]}"))
    stderr = run("import", other.table, code=2).stderr
    assert "may not write the job log of all names" in stderr
    assert "with --name" in stderr
    assert "may not write the job log of a" in run("import", other.table, "--name", names[0], code=2).stderr
    assert log.rows() == []
    assert ours(other.table, "--name", names[1])["imported"] == 30
    monkeypatch.setenv("HEADGATE_TOKEN", log.token)
    body = ours(other.table, "--name", names[0], "--name", names[1])
    assert [one["records"] for one in body["data"]] == [30, 30]
    assert (body["imported"], len(log.rows())) == (30, 60)
    assert "records would come twice" in run("import", other.table, code=2).stderr


def test_one_job_of_a_log_that_came_whole_does_not_come_twice(log: Log, other: Other) -> None:
    other.add(row(0, name="orders"))
    run("import", other.table)
    assert "is imported as a whole" in run("import", other.table, "--name", "orders", code=2).stderr
    assert len(log.rows()) == 1


def test_what_is_forgotten_begins_anew(log: Log, other: Other) -> None:
    other.add(*map(row, range(5)), row(5, status="in_progress", end_date=None))
    assert "nothing was imported from" in run("import", other.table, "--forget", code=2).stderr
    run("import", other.table)
    run("import", other.table, "--forget")
    assert ours(other.table, "--name", "job 1")["imported"] == 1
    assert len(log.rows()) == 7
    body = ours(other.table, "--name", "job 0")
    assert (body["imported"], body["data"][0]["inProgress"]) == (2, 1)


def test_without_a_server_the_log_of_the_project_takes_it(
    log: Log, other: Other, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HEADGATE_SERVER", "local")
    (tmp_path / "headgate.yml").write_text("name: four\ndialect: duckdb\n")
    other.add(*ODD, row(1, name="imported", status="in_progress"))
    assert ours(other.table, "--page", "3")["imported"] == len(ODD) + 1
    other.change(len(ODD) + 1, status="success")
    assert ours(other.table)["updated"] == 1
    assert "success, 1 record (run 9)" in run("last", "imported").stdout
    assert log.rows() == []


# --- over HTTP --------------------------------------------------------------------------------------------

Ask = Callable[..., httpx.Response]


@pytest.fixture
def ask(log: Log) -> Ask:
    def ask(**more: Any) -> httpx.Response:
        body = {"origin": "http://other/jobs", "afterID": None, "records": [], **more}
        headers = {"Authorization": f"Bearer {log.token}"}
        return log.server.client.post("/api/v1/jobLog/imports", json=body, headers=headers)

    return ask


def test_a_page_that_does_not_go_on_from_the_last_one_is_refused(log: Log, ask: Ask) -> None:
    first = ask(records=[{"id": 4, **row(4)}]).json()
    assert (first["lastID"], first["imported"], first["records"]) == (4, 1, 1)
    for after in (None, 3, 5):
        answer = ask(afterID=after, records=[{"id": 9, **row(9)}])
        assert (answer.status_code, answer.json()["error"]["code"]) == (409, "import_moved")
    again = ask(afterID=4, records=[{"id": 4, **row(4)}]).json()
    assert (again["imported"], again["lastID"], len(log.rows())) == (0, 4, 1)


def test_the_longest_address_and_name_are_kept(log: Log, ask: Ask) -> None:
    text = b64encode(Random(1).randbytes(2_000)).decode().replace("/", "-")  # no index makes it shorter
    name, url = text[:2_000], f"http://other/{text[:487]}"
    answer = ask(origin=url, name=name, records=[{"id": 1, **row(1, name=name)}])
    assert (answer.status_code, answer.json()["lastID"]) == (200, 1)
    assert log.rows()[0]["name"] == name


@pytest.mark.parametrize("target", ["sqlite"], indirect=True)
@pytest.mark.parametrize(
    "more",
    [
        {"records": [{"id": 2, **row(2)}, {"id": 2, **row(2)}]},
        {"records": [{"id": 2, **row(2)}, {"id": 1, **row(1)}]},
        {"records": [7]},
        {"records": {"id": 1}},
        {"records": [{"id": 1, **row(1)}], "name": "another"},
        {"records": [{"id": 1, **row(1, name="a\0b")}]},
        {"origin": "http://other"},
        {"origin": "jobs"},
        {"origin": f"http://other/{'x' * 1_000}"},
        {"name": "é" * 1_001},
        {"origin": "http://user@other/jobs"},
        {"afterID": "1"},
        {"afterID": 2**63},
        {"gone": ["x"]},
        {"gone": [2**64]},
        {"more": 1},
    ],
)
def test_a_page_that_cannot_be_read_is_refused(log: Log, ask: Ask, more: dict[str, Any]) -> None:
    answer = ask(**more)
    assert answer.status_code == 400, answer.text
    assert answer.json()["error"]["errorString"]
    assert log.rows() == []
