"""A real server on a free port over a small project, and a client that speaks HTTP to it."""

from __future__ import annotations

import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import httpx2 as httpx
import uvicorn
from tests.contract.projects import Project

from headgate.api import AppContext, Limits, create_app
from headgate.api.protocol import http_config
from headgate.model.project import WarehouseConfig
from headgate.model.runs import Run
from headgate.service import access
from headgate.service.context import Context

JOB = """
id: 4
name: nightly
refresh: {include: "{ name: * }", exclude: "{ tag: slow }", parallelism: 3}
parameters: {low: 2}
"""


@dataclass(frozen=True, slots=True)
class Served:
    """`project` is what the server serves; `context` its own, without a process that carries runs out."""

    project: Project
    context: Context
    url: str
    token: str
    client: httpx.Client

    def new_token(self, scopes: str) -> str:
        made = access.create_token(self.context, access.TokenRequest(scopes, scopes))
        return made.text.reveal()

    def get(self, path: str, **query: Any) -> httpx.Response:
        return self.client.get(path, params=query or None)

    def post(self, path: str, body: Any = None, **options: Any) -> httpx.Response:
        return self.client.post(path, json=body, **options)

    def carry_out(self, run_id: int) -> Run:
        return self.project.state.worker.run_one(run_id)


def write_project(root: Path) -> Project:
    tree = Project(root, WarehouseConfig("duckdb", {"path": str(root / "data.duckdb")}))
    tree.write("nodes/RAW/sources.yml", "# raw tables\nITEMS:\n  columns: {id: {type: bigint}}\n")
    tree.write("nodes/STG/GOOD.sql", "/*---\ntags: [slow]\n---*/\nselect id from RAW.ITEMS")
    tree.write(
        "nodes/MART/LOW.sql",
        "/*---\ncolumns: {id: {tests: [unique]}}\n---*/\n"
        "select id, id * 2 as twice from STG.GOOD where id >= {{ parameters.low }}",
    )
    tree.write("jobs/nightly.yml", JOB)
    tree.write("subgraphs/marts.yml", "name: marts\nnodes: [MART.LOW]\n")
    return tree


@contextmanager
def served(root: Path, limits: Limits | None = None) -> Iterator[Served]:
    project = write_project(root)
    with project.opened():
        project.sql("create schema raw")
        project.sql("create table raw.items as select range as id from range(5)")
        assert project.deploy().status == "succeeded"
        context = replace(project.state.context, owner=None)
        token = access.create_token(context, access.TokenRequest("tests", "admin")).text.reveal()
        with listening() as (listener, url):
            app = create_app(AppContext(context, base_url=url, limits=limits or Limits()))
            server = uvicorn.Server(http_config(app, log_level="warning"))
            thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
            thread.start()
            headers = {"Authorization": f"Bearer {token}"}
            with httpx.Client(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
                # The socket listens already: a request waits in its queue until the server takes it.
                assert client.get("/healthz").status_code == 200
                yield Served(project, context, url, token, client)
            server.should_exit = True
            thread.join(10)


@contextmanager
def listening(port: int = 0) -> Iterator[tuple[socket.socket, str]]:
    # The protocol is named, because the event loop turns Nagle's delay of 40 ms off for named ones only.
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind(("127.0.0.1", port))
        listener.listen()
        yield listener, f"http://127.0.0.1:{listener.getsockname()[1]}"
