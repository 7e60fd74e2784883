"""Tokens, users, secrets and the audit trail by the command line; and that no secret is ever seen."""

from __future__ import annotations

import os
import re
import subprocess

import pexpect
import pytest
from tests.e2e.cli_support import Done, Project, command, environment

CANARY = "c4n4ry-in-the-mine"


def fed(project: Project, text: str | bytes, *arguments: str, code: int = 0, **variables: str) -> Done:
    """A command with something on its standard input."""
    ended = subprocess.run(
        command(*arguments),
        cwd=project.folder,
        env=environment(**variables),
        input=text if isinstance(text, bytes) else text.encode(),
        capture_output=True,
        check=False,
        timeout=120,
    )
    done = Done(ended.returncode, ended.stdout.decode(), ended.stderr.decode())
    assert done.code == code, f"{done.out}\n{done.err}"
    return done


def test_token_is_printed_once_alone_on_standard_output(fresh: Project) -> None:
    made = fresh.run("token", "create", "--name", "airflow", "--scope", "run:7,4", "--scope", "read")
    text = made.out.strip()
    assert re.fullmatch(r"hg_[0-9A-Za-z]{43}", text)
    assert made.err == "token 1, airflow, may run:4,7 read; it is shown this once:\n"
    listed = fresh.run("token", "list")
    assert "airflow" in listed.out
    for shown in (listed.out, fresh.run("token", "--json").out, fresh.run("audit", "--json").out):
        assert text not in shown
    assert text.encode() not in (fresh.folder / ".headgate" / "state.db").read_bytes()


def test_token_ends_when_it_is_said_and_when_it_is_revoked(fresh: Project) -> None:
    fresh.run("user", "create", "ann")
    body = fresh.run(
        "token",
        "create",
        "--name",
        "laptop",
        "--scope",
        "admin",
        "--user",
        "ann",
        "--expires",
        "90d",
        "--json",
    ).body
    assert (body["userName"], body["scopes"], body["status"]) == ("ann", "admin", "valid")
    assert body["createdAt"][:4] <= body["expiresAt"][:4]
    assert body["token"].startswith("hg_")
    revoked = fresh.run("token", "revoke", "laptop", "--json").body
    assert (revoked["status"], "token" in revoked) == ("revoked", False)
    assert fresh.run("token", "list", "--json").body["data"] == []
    assert [one["status"] for one in fresh.run("token", "list", "--all", "--json").body["data"]] == [
        "revoked"
    ]


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("--scope", "run:4", "--scope", "raed"), "error: scope, column 7: there is no scope raed"),
        (("--scope", "read", "--expires", "soon"), "error: 'soon' is no time at which a token ends"),
        (("--scope", "read", "--expires", "2020-01-01"), "error: a token must expire in the future"),
        (("--scope", "read", "--user", "eve"), "error: there is no user eve"),
    ],
)
def test_token_that_cannot_be_made_is_said_in_one_line(
    fresh: Project, arguments: tuple[str, ...], says: str
) -> None:
    done = fresh.run("token", "create", "--name", "x", *arguments, code=2)
    assert done.err.startswith(says + "\n")
    assert done.out == ""


def test_wrong_scope_is_shown_with_its_place(fresh: Project) -> None:
    done = fresh.run("token", "create", "--name", "x", "--scope", "deploy run:4,,7", code=2)
    assert done.err.splitlines() == [
        "error: scope, column 14: a name is missing",
        "hint: run:4,nightly",
        "    deploy run:4,,7",
        "                 ^",
    ]


def test_users_are_made_changed_and_shown_without_their_addresses(fresh: Project) -> None:
    fed(fresh, f"mailto://ann:{CANARY}@example.com\n\nslack://a/b/c\n", "user", "create", "ann", "--notify")
    shown = fresh.run("user", "show", "ann")
    assert "mailto://***, slack://***" in shown.out
    changed = fresh.run("user", "update", "1", "--email", "ann@example.com", "--no-notify", "--json").body
    assert (changed["email"], changed["notify"]) == ("ann@example.com", [])
    assert "ann@example.com" in fresh.run("user").out
    assert fresh.run("user", "create", "ann", code=2).err.startswith("error: there is a user ann already")
    wrong = fed(fresh, CANARY, "user", "update", "ann", "--notify", code=2)
    assert CANARY not in wrong.err


def test_secret_is_piped_in_used_and_never_shown(ready: Project) -> None:
    path = ready.folder / "environments" / "dev.yml"
    path.write_text(path.read_text().replace("data/dev.duckdb", '"${secret:PLACE}"'))
    missing = ready.run("plan", "-e", "dev", code=2)
    assert "headgate secret set PLACE" in missing.err
    assert fed(ready, "data/dev.duckdb\n", "secret", "set", "PLACE").out == "PLACE is set\n"
    ready.run("plan", "-e", "dev")
    ready.run("refresh", "-e", "dev")
    ready.run("secret", "rotate")
    ready.run("refresh", "-e", "dev")
    (listed,) = ready.run("secret", "list", "--json").body["data"]
    assert sorted(listed) == ["name", "updatedAt", "updatedBy"]
    ready.run("secret", "delete", "PLACE")
    assert ready.run("secret", "delete", "PLACE", code=2).err.startswith("error: there is no secret PLACE")


def test_value_as_an_argument_is_refused_and_not_repeated(fresh: Project) -> None:
    for arguments in ((CANARY,), (f"--value={CANARY}",), ("--json", CANARY)):
        done = fresh.run("secret", "set", "PG", *arguments, code=2)
        assert done.err.startswith("error: the value of a secret is never an argument")
        assert CANARY not in done.err + done.out
    assert fresh.run("secret", "list", "--json").body["data"] == []


def test_value_is_typed_without_being_shown(fresh: Project) -> None:
    program, *arguments = command("secret", "set", "PG")
    child = pexpect.spawn(
        program, arguments, cwd=str(fresh.folder), env=environment(), encoding="utf-8", timeout=60
    )
    seen = ""
    for prompt in ("Value of PG: ", "Repeat for confirmation: "):
        child.expect_exact(prompt)
        child.waitnoecho()
        child.sendline(CANARY)
    child.expect(pexpect.EOF)
    seen += child.before or ""
    child.close()
    assert child.exitstatus == 0
    assert "PG is set" in seen
    assert CANARY not in seen


def test_canary_is_in_no_file_and_in_no_answer(fresh: Project) -> None:
    fed(fresh, CANARY, "secret", "set", "PG")
    fed(fresh, f"mailto://ann:{CANARY}@example.com", "user", "create", "ann", "--notify")
    said = [fresh.run(*words, "--json").out for words in (("secret",), ("user",), ("audit",), ("doctor",))]
    assert CANARY not in "".join(said)
    state = fresh.folder / ".headgate"
    files = [path for path in state.rglob("*") if path.is_file()]
    assert state / "secret.key" in files
    assert [path for path in files if CANARY.encode() in path.read_bytes()] == []
    assert os.stat(state / "secret.key").st_mode & 0o077 == 0


def test_other_key_is_said_with_what_to_do(ready: Project) -> None:
    path = ready.folder / "environments" / "dev.yml"
    path.write_text(path.read_text().replace("data/dev.duckdb", '"${secret:PLACE}"'))
    key = "x" * 43 + "="
    fed(ready, "data/dev.duckdb", "secret", "set", "PLACE", HEADGATE_SECRET_KEY=key)
    done = ready.run("plan", "-e", "dev", code=1, HEADGATE_SECRET_KEY="y" * 43 + "=")
    assert done.err.startswith(
        "error: the secret PLACE was sealed with another key than HEADGATE_SECRET_KEY holds"
    )
    wrong = ready.run("plan", "-e", "dev", code=2, HEADGATE_SECRET_KEY=CANARY)
    assert "openssl rand -base64 32" in wrong.err
    assert CANARY not in wrong.err


def test_who_did_what_is_found_by_subject(fresh: Project) -> None:
    fed(fresh, "one", "secret", "set", "PG")
    fed(fresh, "two", "secret", "set", "OTHER")
    fresh.run("secret", "delete", "PG")
    found = fresh.run("audit", "--subject", "secret/PG", "--json").body["data"]
    assert [one["action"] for one in found] == ["secret_deleted", "secret_set"]
    assert "secret_deleted" in fresh.run("audit", "--action", "secret_deleted").out
