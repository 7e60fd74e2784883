"""Commands answer alike, whether they ask a server or the project's own state: text, JSON, exit codes."""

from __future__ import annotations

import json
import re
import shlex
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.e2e.cli_support import Done, Project
from tests.e2e.served import Server, running

LOOKING = [
    "status",
    "runs",
    "runs list --limit 1",
    "runs list --status failed",
    "runs list -e dev -j 4",
    "runs list -e nope",
    "runs show 2",
    "runs show 99",
    "logs 2",
    "logs 2 B --sql",
    "logs 2 NOPE",
    "logs 2 --failed",
    "environments",
    "environments show dev",
    "environments show 7",
    "jobs list -e dev",
    "jobs show nightly -e dev",
    "jobs show nightli -e dev",
    "nodes list -e dev",
    "nodes list -e dev --limit 2",
    "nodes list -e dev --include '{ name: NIX } OR { A }'",
    "nodes list -e dev --include '{ name: NIX } OR { A }' --strict",
    "nodes list -e dev --include '{ nam: A }'",
    "nodes show A -e dev",
    "nodes show NIX -e dev",
    "nodes lineage MART.C -e dev",
    "nodes lineage MART.C.id -e dev",
    "nodes lineage MART.C.nix -e dev",
    "tag",
    "cancel 2",
    "cancel 99",
    "rerun 2",
    "rerun 99",
    "refresh -e nope",
    "refresh --include '{ A } {'",
    "refresh --include '{ NIX }'",
    "refresh -e dev -j nope",
    "token",
    "token revoke 99",
    "user",
    "user show nobody",
    "secret",
    "secret delete NIX",
    "audit",
]
"""Each is asked of one state in both ways, as text and as JSON."""

CHANGING = [
    "environments apply",
    "tag create v1",
    "tag create v1",
    "tag create v2 -e dev",
    "plan -e dev",
    "plan -e dev --to 1",
    "plan -e dev --tag nope",
    "refresh -e dev",
    "refresh -e dev -j 4",
    "refresh --include '{ NIX } OR { A }'",
    "refresh --parameters low=5",
    "refresh --from 2026-01-01",
    "rerun 7",
    "write broken",
    "plan -e dev --exit-code",
    "deploy -e dev",
    "deploy -e dev --allow-destructive",
    "refresh -e dev",
    "runs show 10",
    "logs 10 --failed",
    "write whole",
    "deploy -e dev --allow-destructive",
    "rerun 10 --same-version",
    "rerun 10",
    "deploy -e dev --to 1",
    "deploy -e dev --tag v1",
    "write unreadable",
    "plan -e dev",
    "write whole",
    "token create --name admin --scope admin",
    "token create --name four --scope run:4 --expires 90d",
    "token create --name four --scope wrong",
    "token revoke four",
    "user create ann --email ann@example.com",
    "user update ann --email a@example.com",
    "secret set 'bad name'",
]
"""Done in turn to two copies of one project. What is written is the node that makes the difference."""

WRITTEN = {
    "broken": "select id, cast('x' || id as bigint) as double_amount from STG.A\n",
    "whole": "select id, amount * 2 as double_amount from STG.A\n",
    "unreadable": "select id, from from\n",
}
TIMES = re.compile(r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(\.\d+)?( UTC|Z)?|\b\d+\.\d\ds|\d+ms")
OWN = re.compile(r"hg_\w+|asking the server at .*\n|waiting: run .*\n|(?m:^ *\d+/\d+ .*\n)|root|token admin")
"""Texts of tokens, who asks, that a busy machine takes its time, and steps in the order in which they ended."""
OF_THE_MOMENT = ("durationSeconds", "requestID", "text", "queryID")


@pytest.fixture(scope="module")
def looked_at(seen: Project, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Project]:
    project = seen.copy_to(tmp_path_factory.mktemp("looked") / "four")
    project.run("tag", "create", "first")
    project.run("user", "create", "ann")
    with running(project, "serve", "--port", "0"):
        Server(project)
        yield project


@pytest.mark.parametrize("line", LOOKING)
def test_what_is_asked_is_answered_alike(looked_at: Project, line: str) -> None:
    for form in ((), ("--json",)):
        with ThreadPoolExecutor() as both:
            arguments = (*shlex.split(line), *form)
            asked = [
                both.submit(looked_at.run, *arguments, *flags, code=None)
                for flags in (("--server", "local"), ())
            ]
            local, served = (one.result() for one in asked)
        assert served.err.startswith("asking the server at http://127.0.0.1:")
        assert shown(served) == shown(local)
        if local.code != 0:
            break  # what is wrong is said in one way


def test_what_is_done_is_done_alike(seen: Project, tmp_path: Path) -> None:
    local = seen.copy_to(tmp_path / "local" / "four")
    remote = seen.copy_to(tmp_path / "served" / "four")
    with running(remote, "serve", "--port", "0"):
        Server(remote)
        local.run(
            "token", "create", "--name", "first", "--scope", "read"
        )  # the number of the server's own one
        for position, line in enumerate(CHANGING):
            if line.startswith("write "):
                for project in (local, remote):
                    project.write("nodes/STG/B.sql", WRITTEN[line.removeprefix("write ")])
                continue
            arguments = [*shlex.split(line), *(["--json"] if position % 2 else [])]
            with ThreadPoolExecutor() as both:
                asked = [both.submit(project.run, *arguments, code=None) for project in (local, remote)]
                done = [shown(one.result()) for one in asked]
            assert done[0] == done[1], line


def shown(done: Done) -> tuple[int, Any, str]:
    out = json.loads(done.out, object_hook=lasting) if done.out.startswith("{") else plain(done.out)
    return done.code, out, plain(done.err)


def lasting(body: dict[str, Any]) -> dict[str, Any]:
    return {
        name: plain(value) if isinstance(value, str) else value
        for name, value in body.items()
        if name not in OF_THE_MOMENT
    }


def plain(text: str) -> str:
    """Without what differs from one moment to the next. Columns of a table are as wide as what is in them."""
    return re.sub(r" +", " ", OWN.sub("", TIMES.sub("<time>", text)))
