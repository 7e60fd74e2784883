"""`headgate backup` and `restore` as people call them."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

from tests.e2e.cli_support import Project, command, environment
from tests.e2e.served import Server, running, stop


def newest_run(project: Project) -> int:
    newest: int = project.run("runs", "--limit", "1", "--json").body["data"][0]["id"]
    return newest


def store_secret(project: Project, value: str) -> None:
    subprocess.run(
        command("secret", "set", "PG_PASSWORD"),
        cwd=project.folder,
        env=environment(),
        input=value,
        text=True,
        capture_output=True,
        check=True,
    )


def test_backup_of_a_server_at_work_is_restored_when_it_has_stopped(ready: Project, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    with running(ready, "serve", "--port", "0") as process:
        server = Server(ready)
        run = server.start(jobID="4")
        made = ready.run("backup", str(copy))
        assert f"up to run {run}" in made.out
        assert "not in it: the data in the warehouses" in made.err
        refused = ready.run("restore", str(copy), code=2)
        assert "a server runs over this state already" in refused.err
        later = server.start(jobID="4")
        stop(process)
    assert newest_run(ready) == later
    done = ready.run("restore", str(copy))
    assert f"restored {copy}: up to run {run}" in done.out
    assert "is kept as" in done.out
    assert newest_run(ready) == run
    assert ready.run("refresh", "-e", "dev", "-j", "4").code == 0


def test_both_answer_as_json(ready: Project, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    run = newest_run(ready)
    made = ready.run("backup", str(copy), "--json").body
    assert (made["file"], made["newestRun"], made["key"]) == (str(copy), run, None)
    assert made["sizeBytes"] == copy.stat().st_size
    done = ready.run("restore", str(copy), "--json").body
    assert (done["newestRun"], done["stateUID"], done["endedRuns"]) == (run, made["stateUID"], [])
    assert Path(done["kept"]).exists()


def test_secrets_are_opened_by_the_key_that_was_kept_apart(ready: Project, tmp_path: Path) -> None:
    copy, state = tmp_path / "copy.db", ready.folder / ".headgate"
    store_secret(ready, "first")
    made = ready.run("backup", str(copy), "--with-key")
    key = tmp_path / "copy.db.key"
    assert f"{key}: the key of the stored secrets" in made.out
    assert key.stat().st_mode & 0o777 == 0o600
    (state / "secret.key").unlink()
    (state / "state.db").unlink()
    store_secret(ready, "second")
    ready.run("restore", str(copy), "--key", str(key))
    assert ready.run("secret", "rotate", "--json").body["count"] == 1  # it opens what it seals again
    assert len((state / "secret.key").read_text().split()) == 1


def test_what_cannot_be_done_is_said(ready: Project, tmp_path: Path) -> None:
    copy = tmp_path / "copy.db"
    assert "there is no file" in ready.run("restore", str(copy), code=2).err
    copy.write_text("precious")
    there = ready.run("backup", str(copy), code=2)
    assert ("is there already" in there.err, "--force" in there.err) == (True, True)
    assert "is no backup of a state" in ready.run("restore", str(copy), code=2).err
    ready.run("backup", str(copy), "--force")
    shared = {"HEADGATE_DATABASE_URL": "postgresql://state@db.example/headgate"}
    assert "pg_dump --schema=headgate" in ready.run("backup", "x.db", code=2, **shared).err
    assert "pg_restore" in ready.run("restore", str(copy), code=2, **shared).err
    assert json.loads(ready.run("runs", "--json").out)["data"]
