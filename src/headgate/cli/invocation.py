"""What one call of the command line knows before its command begins: the project's folder, the settings, and whom it
asks: a server, or the project's own state.

All are looked for when they are first needed, so that help and version need none.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from headgate.cli.embedded import Embedded
    from headgate.cli.local import LocalTarget
    from headgate.cli.target import Target
    from headgate.engine.stop import Stop
    from headgate.model.project import Environment
    from headgate.model.secret import Secret
    from headgate.settings import Settings

PROJECT_FILE = "headgate.yml"


class Invocation:
    """The object of click's context. What stands for flags is None where they are not given."""

    def __init__(self) -> None:
        self.project: Path | None = None
        self.state_dir: Path | None = None
        self.no_color = False
        self.server: str | None = None
        self.profile: str | None = None
        self.color: bool | None = None
        self._root: Path | None = None
        self._settings: Settings | None = None

    @property
    def root(self) -> Path:
        """The folder of headgate.yml: the one named by --project, else the nearest from here upwards.

        Raises NotFound `not_a_project`.
        """
        if self._root is None:
            self._root = find_project(self.project)
        return self._root

    def optional_root(self) -> Path | None:
        """The project's folder, None outside any project; one that was named must be there."""
        from headgate.errors import NotFound

        try:
            return self.root
        except NotFound:
            if self.project is not None:
                raise
            return None

    @property
    def root_of_files(self) -> Path:
        """The same, for a question about the files that could be meant for a server."""
        from headgate.errors import NotFound
        from headgate.settings import NO_SERVER

        try:
            return self.root
        except NotFound as error:
            if self.settings().server in (None, NO_SERVER):
                raise
            hint = "name an environment with -e to ask the server what is deployed there"
            raise NotFound(error.code, error.message, hint=hint) from None

    def refuse_server(self, command: str) -> None:
        """For a command of this machine's own state. Raises UsageError `not_over_http` where a flag names a server."""
        from headgate.errors import UsageError
        from headgate.settings import NO_SERVER

        if self.profile or (self.server and self.server != NO_SERVER):
            raise UsageError(
                "not_over_http",
                f"{command} works on the state of this machine, and asks no server",
                hint="run it on the server's machine, without --server and --profile",
            )

    def settings(self, **given: Any) -> Settings:
        """The settings of the project; `given` are flags by setting's name, None where not given."""
        if self._settings is None or given:
            from headgate.settings import load

            own = {
                "state_dir": self.state_dir,
                "color": "never" if self.no_color else None,
                "server": self.server,
                "profile": self.profile,
            }
            self._settings = load(self.optional_root(), flags={**own, **given})
            self.use_color(self._settings.color)
        return self._settings

    def use_color(self, color: str) -> None:
        """`auto` leaves it to click: colours on a terminal only."""
        self.color = {"always": True, "never": False}.get(color)
        context = click.get_current_context(silent=True)
        while context is not None:
            context.color = self.color
            context = context.parent

    @contextmanager
    def open(self, label: str, *, stop: Stop | None = None, **given: Any) -> Iterator[Embedded]:
        """The project's own state, open, with a worker."""
        from headgate.cli.embedded import embedded
        from headgate.cli.output import say

        with embedded(self.settings(**given), self.root, label=label, on_wait=say, stop=stop) as opened:
            yield opened

    @contextmanager
    def local(self, label: str, *, stop: Stop | None = None) -> Iterator[LocalTarget]:
        """The same, to be asked as a server is."""
        from headgate.cli.local import LocalTarget

        with self.open(label, stop=stop) as opened:
            yield LocalTarget(opened, self._known)

    @contextmanager
    def target(self, label: str, *, stop: Stop | None = None) -> Iterator[Target]:
        """Whom the command asks. A server that is named by flag, variable or profile; else one that runs over this
        project; else the project's own state, opened for the command."""
        settings = self.settings()
        found = self.server_asked()
        if found is None:
            with self.local(label, stop=stop) as local:
                yield local
            return
        from headgate.cli.remote import Here, RemoteTarget
        from headgate.client.transport import Patience, Transport

        here = Here(
            self.optional_root(),
            settings.state_dir / "cache",
            beside=settings.server is None,
            wait_seconds=settings.wait_seconds,
        )
        transport = Transport(*found, Patience(busy_seconds=settings.wait_seconds))
        try:
            yield RemoteTarget(transport, here)
        finally:
            transport.close()

    def server_asked(self) -> tuple[str, Secret | None] | None:
        """The address of the server that commands ask, and the token that they show it; None where they ask none."""
        from headgate.settings import NO_SERVER

        settings = self.settings()
        if settings.server is None:
            return _server_beside(settings)
        return None if settings.server == NO_SERVER else (settings.server, settings.token)

    def _known(self) -> list[Environment]:
        from headgate.cli.known import known_environments  # loads the compiler

        return known_environments(self)


def _server_beside(settings: Settings) -> tuple[str, Secret | None] | None:
    """The server that runs over this state, and what to show it: the token that is set, else its admin's."""
    from headgate.cli import server_file
    from headgate.cli.output import say

    found = server_file.read(settings.state_dir)
    if found is None:
        return None
    say(f"asking the server at {found.url}")
    token = settings.token or settings.admin_token
    return found.url, token or server_file.admin_token(settings.state_dir)


def find_project(named: Path | None) -> Path:
    """`compile.source.find_root`, without the cost of its package, which a refresh never needs."""
    start = Path.cwd() if named is None else named.expanduser()
    start = start.resolve()
    for folder in (start, *start.parents) if named is None else (start,):
        if (folder / PROJECT_FILE).is_file():
            return folder
    from headgate.errors import NotFound

    where = f"{start} or above it" if named is None else str(start)
    raise NotFound(
        "not_a_project",
        f"there is no {PROJECT_FILE} in {where}",
        hint="change into a project folder, name one with --project, or make one with `headgate init`",
    )


def current() -> Invocation:
    found = click.get_current_context().find_object(Invocation)
    assert found is not None
    return found
