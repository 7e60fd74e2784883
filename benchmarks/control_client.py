"""How the benchmarks speak to a server: plain HTTP on one connection that is kept, as a scheduler would."""

from __future__ import annotations

import http.client
import json
import time
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlsplit

POLL_SECONDS = 0.01


class Client:
    def __init__(self, url: str, token: str) -> None:
        self._connection = http.client.HTTPConnection(urlsplit(url).netloc, timeout=60)
        self._connection.connect()
        self._headers = {"authorization": f"Bearer {token}", "content-type": "application/json"}

    def call(self, path: str, body: Mapping[str, Any] | None = None) -> Any:
        method = "GET" if body is None else "POST"
        content = None if body is None else json.dumps(body)
        self._connection.request(method, path, content, self._headers)
        answer = self._connection.getresponse()
        text = answer.read()
        if answer.status >= 300:
            raise RuntimeError(f"{path}: {answer.status} {text.decode()}")
        return json.loads(text)

    def start(self, **details: object) -> int:
        started: int = self.call("/scheduler/startRun", {"runDetails": {"environmentID": "1", **details}})[
            "runCounter"
        ]
        return started

    def wait(self, run: int) -> None:
        """Until the run has ended well."""
        while (status := self.call(f"/scheduler/runStatus?runCounter={run}")["runStatus"]) != "completed":
            if status in ("failed", "canceled"):
                raise RuntimeError(f"run {run} {status}")
            time.sleep(POLL_SECONDS)

    def first_statement(self, run: int) -> tuple[float, float]:
        """When the only step of an ended run was created, and when its first statement began, in seconds."""
        (step,) = self.call(f"/api/v1/runs/{run}/results")["data"]
        created = self.call(f"/api/v1/runs/{run}")["createdAt"]
        return _seconds(created), _seconds(step["queryResults"][0]["startTime"])


def _seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()
