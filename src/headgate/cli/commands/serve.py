"""`headgate serve`: the API and a worker in one process."""

from __future__ import annotations

import logging
import socket
import threading
from typing import TYPE_CHECKING

import click

from headgate.cli import flags, output, server_file
from headgate.cli.errors import DONE, FAILED
from headgate.cli.hosting import Hosted, Signals, hosted, talk
from headgate.cli.invocation import PROJECT_FILE, current
from headgate.engine.stop import Stop
from headgate.errors import HeadgateError, ProjectError, UsageError

if TYPE_CHECKING:
    from headgate.settings import Settings

log = logging.getLogger("headgate.serve")


@flags.command()
@click.option("--host", metavar="ADDRESS", help="Where to listen; by default 127.0.0.1, this machine alone.")
@click.option("--port", metavar="PORT", help="By default 8600; 0 takes a free one.")
@click.option("--max-running", metavar="N", help="How many runs are carried out at once; by default 4.")
@click.option("--no-worker", is_flag=True, help="Answer only, and leave the runs to `headgate worker`.")
def serve(*, host: str | None, port: str | None, max_running: str | None, no_worker: bool) -> int:
    """Answer the HTTP API and carry out what is started by it, until it is stopped.

    The first time, a token for the admin is made and its file is named. In a project's folder, the project's
    environments are known at once, and commands there find the server by themselves.

    \b
    Examples:
      headgate serve
      headgate serve --host 0.0.0.0 --port 8600
    """
    invocation = current()
    invocation.refuse_server("headgate serve")
    root = invocation.optional_root()
    settings = invocation.settings(host=host, port=port, max_running=max_running)
    server_file.require_none(settings.state_dir)
    talk(debug=settings.debug)
    listening = _listen(settings.host, settings.port)
    with listening, hosted(settings, root, label="headgate serve") as server:
        if root is None:
            output.say(f"there is no {PROJECT_FILE} here: environments and deploys come from elsewhere")
        else:
            _apply_project(server)
        return _serve(server, settings, listening, no_worker=no_worker)


def _serve(server: Hosted, settings: Settings, listening: socket.socket, *, no_worker: bool) -> int:
    import uvicorn

    from headgate.api import AppContext, create_app
    from headgate.api.protocol import http_config
    from headgate.service import access

    url = f"http://{_shown(settings.host)}:{listening.getsockname()[1]}"
    admin = access.ensure_admin_token(server.context.store, settings.state_dir, settings.admin_token)
    app = create_app(AppContext(server.context, base_url=settings.public_url or url))
    http = uvicorn.Server(http_config(app, log_config=None, timeout_graceful_shutdown=3))
    stop = Stop()
    Signals(server.host, stop).install()
    answering = threading.Thread(target=http.run, args=([listening],), name="http", daemon=True)
    working = threading.Thread(
        target=server.host.serve, args=(stop,), kwargs={"drain_seconds": settings.drain_seconds}, name="host"
    )
    threads = [answering] if no_worker else [answering, working]
    with server_file.announced(settings.state_dir, url):
        for thread in threads:
            thread.start()
        output.say(f"the state is in {server.context.store.where}")
        output.say(f"listening on {url}")
        output.say(admin.message)
        while not stop.wait(0.5) and answering.is_alive():
            pass
        broke = not stop.requested
        output.say(f"stopping: {stop.reason or 'the server ended by itself'}")
        stop.request("the server ended by itself")
        if server.host.running:
            output.say("runs that do not end soon are handed back; once more hands them back at once")
        for thread in reversed(threads):  # answers are given as long as runs end
            if thread is answering:
                app.close()
                http.should_exit = True
            thread.join()
    return FAILED if broke else DONE


def _listen(host: str, port: int) -> socket.socket:
    """A bound socket, so that a port that is taken is known before anything else is done."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        listening = socket.socket(family, kind, protocol)
        listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listening.bind(address)
    except (OSError, OverflowError) as error:
        reason = getattr(error, "strerror", None) or str(error)
        raise UsageError(
            "cannot_listen",
            f"cannot listen on {host}:{port}: {reason}",
            hint="choose another --host or --port; --port 0 takes a free one",
        ) from error
    return listening


def _shown(host: str) -> str:
    """An address that a person on this machine can open."""
    if host in ("0.0.0.0", "::", ""):
        return "127.0.0.1"
    return f"[{host}]" if ":" in host else host


def _apply_project(server: Hosted) -> None:
    """Make the environments and watches of the project's files known. A project that does not compile is served all
    the same: what is deployed runs."""
    from headgate.service.project import apply_files, compile_tree

    try:
        apply_files(server.context, compile_tree(server.context))
    except ProjectError as error:
        log.warning(
            "the project has %d errors (headgate compile); what is deployed runs", len(error.diagnostics)
        )
    except HeadgateError as error:
        log.warning("the project's files cannot be applied: %s", error.message)
