"""The control plane by its targets, on SQLite and on PostgreSQL: real servers, real clients, real processes.

    python benchmarks/control_bench.py [--parts server,start,accept,claims,lists,memory] [--states sqlite,postgres]
        [--past 1000000] [--json] [--procrastinate PYTHON] [--prefect BIN] [--dagster BIN]

PostgreSQL comes from a wheel and waits for its disk, as a server of one's own does. Each part begins with an empty
state. The contestants are what a user would run instead, each in an environment of its own: `procrastinate` (a queue
in PostgreSQL) claims the same number of jobs; the servers of `prefect` and `dagster` start and rest.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import asdict
from pathlib import Path

import control_parts as parts
from contestants import procrastinate_claims, server_at_rest
from control_lists import lists
from figures import Figure
from servers import new_database, postgres_server, postgres_settings

from headgate.store import Store

PARTS = ("server", "start", "accept", "claims", "lists", "memory")


class State:
    """Makes an empty state for each part."""

    def __init__(self, name: str, folder: Path, server: str | None) -> None:
        self.name = name
        self._folder = folder
        self._server = server

    def fresh(self, part: str) -> tuple[Path, dict[str, str], Callable[[], Store], str]:
        """The project's folder, the variables that name its state, what opens it, and its address."""
        root = self._folder / f"{self.name}_{part}"
        root.mkdir()
        if self._server is None:
            path = root / ".headgate" / "state.db"
            return root, {}, lambda: Store.open(path), str(path)
        url = new_database(self._server, part)
        return root, {"HEADGATE_DATABASE_URL": url}, lambda: Store.open_url(url), url


def measured(state: State, part: str, arguments: argparse.Namespace) -> Iterator[Figure]:
    root, environ, open_store, address = state.fresh(part)
    match part:
        case "server":
            yield from parts.server_start(root, environ, rounds=5)
        case "start":
            yield from parts.start_to_statement(root, environ, arguments.runs)
        case "accept":
            yield from parts.accepted_starts(root, environ, arguments.seconds, clients=4)
        case "claims":
            yield from parts.claims(open_store, address, arguments.queued, workers=8)
        case "lists":
            yield from lists(root, environ, open_store, arguments.past)
        case "memory":
            yield from parts.memory(root, environ, arguments.many, arguments.memory_seconds)


def contestants(arguments: argparse.Namespace, server: str | None) -> Iterator[tuple[str, Figure]]:
    if arguments.procrastinate is not None and server is not None:
        url = new_database(server, "procrastinate")
        yield "procrastinate", procrastinate_claims(arguments.procrastinate, url, arguments.queued)
    for name in ("prefect", "dagster"):
        if command := getattr(arguments, name):
            try:
                yield from ((name, figure) for figure in server_at_rest(name, command))
            except RuntimeError as error:
                print(f"{name}: {error}", file=sys.stderr)


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--parts", default=",".join(PARTS))
    parser.add_argument("--states", default="sqlite,postgres")
    parser.add_argument("--runs", type=int, default=50, help="starts on an idle server")
    parser.add_argument("--seconds", type=float, default=10, help="how long clients start runs")
    parser.add_argument("--queued", type=int, default=2000, help="runs to claim")
    parser.add_argument("--past", type=int, default=1_000_000, help="runs to list")
    parser.add_argument("--many", type=int, default=10_000, help="runs to carry out while memory is watched")
    parser.add_argument("--memory-seconds", type=float, default=120, help="how long that may last")
    parser.add_argument("--procrastinate", type=Path, metavar="PYTHON", help="a Python that has it")
    parser.add_argument("--prefect", type=Path, metavar="BIN", help="its command")
    parser.add_argument(
        "--dagster", type=Path, metavar="BIN", help="its command, with dagster-webserver beside"
    )
    parser.add_argument("--json", action="store_true")
    arguments = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # servers are stopped on the way out
    names = arguments.states.split(",")
    found: dict[str, list[Figure]] = {}

    def note(name: str, figure: Figure) -> None:
        found.setdefault(name, []).append(figure)
        if not arguments.json:
            print(line(name, figure), flush=True)

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="headgate-control-")))
        server = stack.enter_context(postgres_server()) if "postgres" in names else None
        settings = postgres_settings(server) if server else "not used"
        if not arguments.json:
            print(f"{os.cpu_count()} cores, load {os.getloadavg()[0]:.1f} at the beginning")
            print("PostgreSQL:", settings)
        for name in names:
            state = State(name, folder, server if name == "postgres" else None)
            for part in arguments.parts.split(","):
                for figure in measured(state, part, arguments):
                    note(name, figure)
        for name, figure in contestants(arguments, server):
            note(name, figure)
    if arguments.json:
        answer = {name: [asdict(figure) for figure in figures] for name, figures in found.items()}
        machine = {"cores": os.cpu_count(), "load": os.getloadavg(), "postgres": settings}
        print(json.dumps({**machine, "figures": answer}, indent=2))
    sys.exit(any(figure.met is False for figures in found.values() for figure in figures))


def line(name: str, figure: Figure) -> str:
    verdict = {None: "", True: "met", False: "MISSED"}[figure.met]
    value = f"{figure.value:,.1f} {figure.unit}".strip()
    least = "" if figure.least is None else f"({figure.least:,.1f})"
    return f"{name:13} {value:>13} {least:>9}  {figure.limit:7} {verdict:6} {figure.name}"


if __name__ == "__main__":
    main()
