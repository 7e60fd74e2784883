"""Which server an ETL script logs to, and where what it could not tell waits meanwhile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from headgate.client import beside
from headgate.client.transport import checked_url
from headgate.errors import ServerUnavailable, UsageError
from headgate.model.secret import Secret
from headgate.settings import NO_SERVER, Settings, load

PROJECT_FILE = "headgate.yml"


@dataclass(frozen=True, slots=True)
class LogAddress:
    """`place` names the log for ever, also while no server runs there: an address, or the folder of the state that it
    stands beside."""

    place: str
    url: str | None
    token: Secret | None

    def server(self) -> tuple[str, Secret | None]:
        """Where to ask now, and what to show. Raises ServerUnavailable."""
        if self.url is not None:
            return self.url, self.token
        folder = Path(self.place)
        found = beside.read(folder)
        if found is None:
            raise ServerUnavailable(
                "server_unavailable", f"no server runs over {folder}", hint="start it: `headgate serve`"
            )
        return found.url, self.token or beside.admin_token(folder)


def log_address(
    url: str | None = None, token: str | None = None, profile: str | None = None
) -> tuple[LogAddress, Path]:
    """By arguments, variables and profile, else the server that runs on this project; and the folder of its spool.

    Raises UsageError (`server_needed`, `server_url_invalid`, and those of settings).
    """
    root = _project()
    settings = load(root, flags={"profile": profile})
    return address_of(settings, url, token, has_project=root is not None), spool_folder(settings)


def address_of(
    settings: Settings, url: str | None = None, token: str | None = None, *, has_project: bool
) -> LogAddress:
    """The same, by settings that are read. Raises UsageError (`server_needed`, `server_url_invalid`)."""
    secret = None if token is None else Secret(token)
    named = url or settings.server
    if named is None and has_project:
        return own_address(settings, secret)
    if named is None or named == NO_SERVER:
        raise UsageError(
            "server_needed",
            "which server keeps the job log?",
            hint="give its address, or set HEADGATE_SERVER",
        )
    if secret is None and named == settings.server:  # a token of the settings goes nowhere else
        secret = settings.token
    checked = checked_url(named)
    return LogAddress(checked, checked, secret)


def own_address(settings: Settings, token: Secret | None = None) -> LogAddress:
    """The log of the project's own state, whoever answers for it."""
    own = token or settings.token or settings.admin_token
    return LogAddress(str(settings.state_dir.resolve()), None, own)


def spool_folder(settings: Settings) -> Path:
    """In the state's folder where one is named, else in the user's own: the script may stand in no project."""
    if settings.sources["state_dir"] == "default":
        try:
            return Path.home() / ".local" / "state" / "headgate" / "job-log"
        except RuntimeError:  # a container's user without a home
            pass
    return settings.state_dir / "job-log"


def _project() -> Path | None:
    here = Path.cwd()
    return next((folder for folder in (here, *here.parents) if (folder / PROJECT_FILE).is_file()), None)
