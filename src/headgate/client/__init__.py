"""A Headgate server from Python, and what the command line speaks to a server with.

- `client`: `Client`, typed. `run`: a run that was started. `calls`: one method for each call, bodies as they are.
- `reading`: bodies -> values. `answers`: the values that are the client's own.
- `transport`: requests, tried again where that is safe. `failures`: answers -> errors. `events`: what a run does,
  as it does it.
- `job`: `headgate.joblog.Job`. `logged_run`: one run. `log_calls`: what is told, `log_address`: to whom; `log_sender`,
  `spool`: now, or later.
- `beside`: the server that runs over a project. `terminating`: SIGTERM as an exception.

A server is known by its answers alone: nothing here imports `service` or `store`. Importing this package imports no
HTTP library; making a `Client` does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgate.client.client import Client
    from headgate.client.run import RunHandle

__all__ = ["Client", "RunHandle"]


def __getattr__(name: str) -> Any:
    if name == "Client":
        from headgate.client.client import Client

        return Client
    if name == "RunHandle":
        from headgate.client.run import RunHandle

        return RunHandle
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
