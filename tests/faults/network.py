"""A wire to PostgreSQL that a test may cut: a relay on a port of its own, before the server's socket."""

from __future__ import annotations

import select
import socket
import threading
from contextlib import suppress

from psycopg.conninfo import conninfo_to_dict, make_conninfo

LOOK_SECONDS = 0.05


class Wire:
    """`cut` with `silent` lets nothing through and says nothing, as a network does that loses packets; else it ends
    all connections and takes no new one. `mend` lets everything through again, also what was held back."""

    def __init__(self, url: str) -> None:
        given = conninfo_to_dict(url)
        host = str(given["host"])
        port = int(str(given.get("port") or 5432))
        self._server: str | tuple[str, int] = (
            f"{host}/.s.PGSQL.{port}" if host.startswith("/") else (host, port)
        )
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.url = _address(url, self._listener.getsockname()[1])
        self._open = threading.Event()
        self._open.set()
        self._refused = False
        self._closed = False
        self._pairs: list[tuple[socket.socket, socket.socket]] = []
        self._threads = [threading.Thread(target=self._accept, name="wire", daemon=True)]
        self._threads[0].start()

    def cut(self, *, silent: bool) -> None:
        self._open.clear()
        self._refused = not silent
        if not silent:
            for pair in self._pairs:
                for end in pair:
                    _shut(end)

    def mend(self) -> None:
        self._refused = False
        self._open.set()

    def close(self) -> None:
        self._closed = True
        self._open.set()
        for thread in self._threads:
            thread.join()
        for end in (self._listener, *(end for pair in self._pairs for end in pair)):
            end.close()

    def _accept(self) -> None:
        while not self._closed:
            if not select.select([self._listener], [], [], LOOK_SECONDS)[0]:
                continue
            client, _ = self._listener.accept()
            if self._refused:
                client.close()
                continue
            server = socket.socket(socket.AF_UNIX if isinstance(self._server, str) else socket.AF_INET)
            server.connect(self._server)
            self._pairs.append((client, server))
            thread = threading.Thread(target=self._relay, args=(client, server), name="wire", daemon=True)
            self._threads.append(thread)
            thread.start()

    def _relay(self, client: socket.socket, server: socket.socket) -> None:
        other = {client: server, server: client}
        while not self._closed:
            self._open.wait()
            for end in select.select(list(other), [], [], LOOK_SECONDS)[0]:
                self._open.wait()
                try:
                    data = end.recv(65536)
                    other[end].sendall(data)
                except OSError:
                    data = b""
                if not data:
                    for one in other:
                        _shut(one)
                    return


def _shut(end: socket.socket) -> None:
    with suppress(OSError):  # it has ended already
        end.shutdown(socket.SHUT_RDWR)


def _address(url: str, port: int) -> str:
    given = make_conninfo(url, host="127.0.0.1", port=port)
    return f"postgresql://?{'&'.join(given.split())}"
