"""The job log behind a real server, on both databases."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2 as httpx
import pytest
import uvicorn
from tests.api.serving import listening
from tests.contract.store.conftest import BACKENDS, address, emptied

from headgate.api import AppContext, create_app
from headgate.api.protocol import http_config
from headgate.model.secret import Secret
from headgate.service import access
from headgate.service.context import Context
from headgate.settings import Settings
from headgate.store import Store

JWT_SECRET = "a secret that both sides of the tests know"
ROLES = (("etl_writer", "joblog"), ("etl_reader", "joblog:read"))


@dataclass(frozen=True, slots=True)
class JobLogServer:
    url: str
    context: Context
    client: httpx.Client

    def token(self, scopes: str, name: str | None = None) -> dict[str, str]:
        """The header of a new token."""
        made = access.create_token(self.context, access.TokenRequest(name or scopes, scopes))
        return {"Authorization": f"Bearer {made.text.reveal()}"}


NewServer = Callable[..., JobLogServer]


@contextmanager
def serving(target: Path | str, settings: Settings, port: int = 0) -> Iterator[JobLogServer]:
    store = Store.connect(target)
    context = Context(store, settings, _no_warehouse)
    with listening(port) as (listener, url):
        app = create_app(AppContext(context, base_url=url))
        server = uvicorn.Server(http_config(app, log_level="warning"))
        thread = threading.Thread(target=server.run, args=([listener],), daemon=True)
        thread.start()
        with httpx.Client(base_url=url, timeout=30, trust_env=False) as client:
            assert client.get("/healthz").status_code == 200
            yield JobLogServer(url, context, client)
        server.should_exit = True
        thread.join(10)
    store.close()


def _no_warehouse(*_: object) -> Any:
    raise AssertionError("the job log asks no warehouse")


@pytest.fixture(params=BACKENDS)
def target(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    return empty_state(request, tmp_path)


def empty_state(request: pytest.FixtureRequest, folder: Path) -> Path | str:
    """On the database that is the fixture's parameter."""
    if request.param == "sqlite":
        return folder / "state.db"
    return emptied(request.getfixturevalue("state_url"))


@pytest.fixture
def new_server(target: Path | str, tmp_path: Path) -> Iterator[NewServer]:
    """Serves the job log with these settings; readable without a token unless they say otherwise."""
    usual = Settings(tmp_path, joblog_anonymous="read", jwt_secret=Secret(JWT_SECRET), jwt_roles=ROLES)
    with ExitStack() as stack:

        def create(**settings: Any) -> JobLogServer:
            return stack.enter_context(serving(target, replace(usual, **settings)))

        yield create


@pytest.fixture
def server(new_server: NewServer) -> JobLogServer:
    return new_server()


@pytest.fixture(scope="session")
def state_url(postgres_url: str) -> str:
    import psycopg

    with psycopg.connect(postgres_url, autocommit=True) as connection:
        connection.execute("CREATE DATABASE job_log_state")
    url = address(postgres_url, "job_log_state")
    Store.open_url(url).close()
    return url


class Log:
    """A job log that can be stopped and started again at its address."""

    def __init__(self, target: Path | str, folder: Path, stack: ExitStack) -> None:
        self._target = target
        self._folder = folder
        self._stack = stack
        self._running = ExitStack()
        with listening() as (_, self.url):
            pass
        self.server = self.start()
        self.token = access.create_token(
            self.server.context, access.TokenRequest("etl", "joblog")
        ).text.reveal()

    def start(self) -> JobLogServer:
        port = urlsplit(self.url).port or 0
        self.server = self._running.enter_context(serving(self._target, Settings(self._folder), port))
        self._stack.push(self._running)
        return self.server

    def stop(self) -> None:
        self._running.close()

    def new_token(self, scopes: str) -> str:
        return access.create_token(self.server.context, access.TokenRequest(scopes, scopes)).text.reveal()

    def rows(self, query: str = "order=id") -> list[dict[str, Any]]:
        auth = {"Authorization": f"Bearer {self.token}"}
        found: list[dict[str, Any]] = self.server.client.get(f"/jobs?{query}", headers=auth).json()
        return found

    def told(self) -> list[tuple[str, str]]:
        return [(row["name"], row["status"]) for row in self.rows()]


@pytest.fixture
def spool(tmp_path: Path) -> Path:
    return tmp_path / "state" / "job-log"


@pytest.fixture
def log(target: Path | str, tmp_path: Path, spool: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Log]:
    for name in [name for name in os.environ if name.startswith("HEADGATE_")]:
        monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("HEADGATE_STATE_DIR", str(spool.parent))
    monkeypatch.setattr("headgate.client.log_sender.PAUSES", ())
    with ExitStack() as stack:
        started = Log(target, tmp_path / "server", stack)
        monkeypatch.setenv("HEADGATE_SERVER", started.url)
        monkeypatch.setenv("HEADGATE_TOKEN", started.token)
        yield started


def waiting(spool: Path) -> list[str]:
    """What a spool's files hold, but for locks."""
    return sorted(path.suffix for path in spool.glob("*") if "lock" not in path.name)
