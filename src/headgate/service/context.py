"""What every use case is given: the state, the settings, the project's folder and a way to the warehouses."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from headgate.errors import Refused, UsageError
from headgate.model.project import Environment
from headgate.model.runs import Owner
from headgate.settings import Settings
from headgate.store import Store
from headgate.store.audit import Actor
from headgate.store.environments import EnvironmentRow
from headgate.warehouse.base import Warehouse

OpenWarehouse = Callable[[Environment, str], Warehouse]
"""(environment, who asks) -> its warehouse, open. Waits while somebody else holds it, and says for whom."""


@dataclass(frozen=True, slots=True)
class Context:
    """`root` is the project's folder, None where there is none (a server's worker)."""

    store: Store
    settings: Settings
    open_warehouse: OpenWarehouse
    root: Path | None = None
    requested_by: str = ""
    request_id: str = ""
    """Of the API's request, for the audit trail."""
    owner: Owner | None = None
    """The process that carries out what it starts (the embedded command line); None on a server."""

    @property
    def actor(self) -> Actor:
        """Whoever asks, as the audit trail names them."""
        return Actor(self.requested_by or "unknown", self.request_id)

    @property
    def project_root(self) -> Path:
        if self.root is None:
            raise UsageError(
                "not_a_project", "this needs a project folder", hint="run it where headgate.yml is"
            )
        return self.root


def find_environment(context: Context, name: str | None) -> EnvironmentRow:
    """The environment by name or id as applied; the only one there is where no name is given."""
    if name is not None:
        number = name.isascii() and name.isdigit() and len(name) <= 18  # what the state's integers hold
        return context.store.environments.get(int(name) if number else name)
    rows = context.store.environments.list()
    if len(rows) == 1:
        return rows[0]
    if not rows:
        raise Refused(
            "not_deployed",
            "no environment has been deployed yet",
            hint="headgate deploy -e <environment>",
        )
    raise UsageError(
        "environment_needed",
        f"which environment? There are {', '.join(row.environment.name for row in rows)}",
        hint="name one with -e, or set HEADGATE_ENVIRONMENT",
    )
