"""`headgate job-log watch`: by file, by command, in a project without a server and over one."""

from __future__ import annotations

from tests.e2e.cli_support import Project, wait_until
from tests.e2e.served import Server, running

WATCHES = """\
orders: {every: 1h, grace: 10m}
crm/contacts: {cron: "0 6 * * *", overlap: refuse}
"""


def states(project: Project, *arguments: str) -> dict[str, str]:
    body = project.run("job-log", "watch", *arguments, "--json").body
    return {one["name"]: one["state"] for one in body["data"]}


def test_a_job_is_watched_shown_paused_and_left(fresh: Project) -> None:
    assert "no job is watched" in fresh.run("job-log", "watch").err
    made = fresh.run("job-log", "watch", "orders", "--every", "1d", "--grace", "2h").out
    assert "every 1d, grace 2h" in made
    number = fresh.run("job-log", "start", "orders").out.strip()
    fresh.run("job-log", "finish", number, "--status", "error", "--message", "no answer")
    assert f"run {number} failed" in fresh.run("job-log", "watch").out
    assert fresh.run("job-log", "watch", "--exit-code", code=1).out
    assert states(fresh, "--state", "up") == {}
    assert (
        "no job that is watched is up or late"
        in fresh.run("job-log", "watch", "--state", "up", "--state", "late").err
    )
    told = fresh.run("job-log", "changes", "--alerts").out
    assert "new -> down" in told
    cron = fresh.run("job-log", "watch", "orders", "--cron", "@daily", "--json").body["watch"]
    assert (cron["every"], cron["cron"], cron["grace"]) == (None, "@daily", "2h")
    fresh.run("job-log", "watch", "orders", "--pause")
    assert states(fresh) == {"orders": "paused"}
    assert fresh.run("job-log", "watch", "--exit-code").code == 0
    fresh.run("job-log", "watch", "orders", "--resume")
    assert states(fresh) == {"orders": "new"}
    number = fresh.run("job-log", "start", "orders").out.strip()
    assert f"run {number} since 2" in fresh.run("job-log", "watch", "orders").out
    fresh.run("job-log", "finish", number)
    assert f"run {number} at 2" in fresh.run("job-log", "watch", "orders").out
    fresh.run("job-log", "watch", "orders", "--remove")
    assert states(fresh) == {}


def test_what_cannot_be_says_why_and_changes_nothing(fresh: Project) -> None:
    for flags, words in (
        (("orders",), "nobody watches orders"),
        (("orders", "--every", "soon"), "no duration"),
        (("orders", "--every", "1d", "--cron", "@daily"), "exclude each other"),
        (("orders", "--cron", "0 6"), "no cron expression"),
        (("orders", "--cron", "@daily", "--timezone", "Berlin"), "Europe/Berlin"),
        (("--every", "1d"), "which job?"),
        (("orders", "--remove", "--pause"), "goes alone"),
        (("orders", "--state", "up"), "leave the name"),
        (("orders", "--pause"), "nobody watches orders"),
    ):
        done = fresh.run("job-log", "watch", *flags, code=2)
        assert words in done.err, flags
        assert "Traceback" not in done.err
    assert states(fresh) == {}


def test_files_of_a_project_are_known_by_apply_and_not_by_a_deploy(fresh: Project) -> None:
    fresh.write("watches/crm.yml", WATCHES)
    fresh.run("deploy", "-e", "dev")  # it may be that of a branch
    assert states(fresh) == {}
    fresh.run("job-log", "apply")
    assert states(fresh) == {"orders": "new", "crm/contacts": "new"}
    assert "watches/crm.yml" in fresh.run("job-log", "watch", "orders", "--every", "2h", code=2).err
    fresh.run("job-log", "start", "crm/contacts")
    assert "in progress since" in fresh.run("job-log", "start", "crm/contacts", code=2).err
    fresh.write("watches/crm.yml", "orders:\n")
    assert "orders" in fresh.run("job-log", "apply").out
    assert states(fresh) == {"orders": "new"}
    fresh.write("watches/crm.yml", "orders: {every: soon}\n")
    assert "watches/crm.yml:1:1" in fresh.run("job-log", "apply", code=2).err
    assert states(fresh) == {"orders": "new"}


def test_a_server_knows_the_files_tells_of_alerts_and_answers_as_the_project_does(fresh: Project) -> None:
    fresh.write("watches/crm.yml", WATCHES)
    fresh.run("job-log", "watch", "nightly", "--every", "1s", "--grace", "0s")
    with running(fresh, "serve", "--port", "0") as process:
        server = Server(fresh)
        assert set(states(fresh)) == {"orders", "crm/contacts", "nightly"}
        wait_until(lambda: server.call("/api/v1/jobLog/changes?alerts=true&name=nightly")["data"] != [])
        server.call(
            "/jobs",
            {"name": "orders", "start_date": "now", "status": "error", "source": "", "destination": ""},
        )
        # No question: the server's own look has to find it.
        wait_until(lambda: 'headgate_job_log_jobs{state="down"} 2.0' in metrics(server))
        remote = fresh.run("job-log", "watch", "orders", "--json").body
        applied = fresh.run("job-log", "apply", "--json").body
        fresh.write("watches/crm.yml", "")
        fresh.run("job-log", "apply")
        assert set(states(fresh)) == {"nightly"}
        process.terminate()
        _, log = process.communicate(timeout=30)
    assert "job orders: new -> down: run 1 failed" in log
    assert log.count("job nightly: ") == log.count("job nightly: new -> down: ") == 1
    assert remote["watch"]["every"] == "1h"
    local = fresh.run("job-log", "watch", "nightly", "--json").body
    assert set(local) == set(remote)
    fresh.write("watches/crm.yml", WATCHES)
    again = fresh.run("job-log", "apply", "--json").body
    assert [set(one) for one in again["data"]] == [set(one) for one in applied["data"]]
    assert set(fresh.run("job-log", "watch", "--json").body) == {"data", "next", "limit", "stale"}


def test_of_many_runs_that_hang_the_newest_are_shown(fresh: Project) -> None:
    fresh.run("job-log", "watch", "orders", "--stale-after", "1s")
    for _ in range(11):
        fresh.run("job-log", "start", "orders")
    wait_until(lambda: len(fresh.run("job-log", "watch", "--json").body["stale"]) == 11)
    seen = fresh.run("job-log", "watch")
    assert "11 runs in progress for too long; the newest 10:" in seen.err
    assert len(seen.out.splitlines()) == 2 + 11


def test_a_paused_job_with_an_unusual_count_fails_no_check(fresh: Project) -> None:
    fresh.run("job-log", "watch", "orders", "--records", "some")
    number = fresh.run("job-log", "start", "orders").out.strip()
    fresh.run("job-log", "finish", number, "--records", "0")
    fresh.run("job-log", "watch", "--exit-code", code=1)
    fresh.run("job-log", "watch", "orders", "--pause")
    fresh.run("job-log", "watch", "--exit-code")
    fresh.run("job-log", "watch", "orders", "--exit-code")


def test_the_watches_of_a_project_under_its_old_name_can_be_left(fresh: Project) -> None:
    fresh.write("watches/crm.yml", WATCHES)
    fresh.run("job-log", "apply")
    text = (fresh.folder / "headgate.yml").read_text(encoding="utf-8")
    old = next(line.split()[1] for line in text.splitlines() if line.startswith("name:"))
    fresh.write("headgate.yml", text.replace(f"name: {old}", "name: renamed"))
    refused = fresh.run("job-log", "apply", code=2).err
    assert f"headgate job-log apply --forget {old}" in refused
    fresh.run("job-log", "apply", "--forget", old)
    assert states(fresh) == {}
    assert "crm/contacts" in fresh.run("job-log", "apply").out


def metrics(server: Server) -> str:
    import urllib.request

    headers = {"authorization": f"Bearer {server.token}"}
    with urllib.request.urlopen(urllib.request.Request(f"{server.url}/metrics", headers=headers)) as answer:
        return str(answer.read().decode())
