"""Names for the shell's completion: nodes, jobs, environments, runs. From what is at hand (the last compile, the
state); fast, and never an error, because whoever presses Tab cannot read one."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, TypeVar

import click
from click.shell_completion import CompletionItem

from headgate.cli.invocation import Invocation

if TYPE_CHECKING:
    from headgate.service.asking import KnownNames
    from headgate.settings import Settings
    from headgate.store.store import Store

T = TypeVar("T")

MOST = 500


def complete_names(kind: str, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
    """At most so many items that a shell can show. Names are compared without case, as selectors do."""
    try:
        invocation = ctx.find_object(Invocation) or Invocation()
        found = _names(kind, invocation.settings())
        folded = incomplete.lower()
        items = [CompletionItem(name, help=help_) for name, help_ in found if name.lower().startswith(folded)]
        return items[:MOST]
    except Exception:  # the outermost loop of a completion: no answer is the only good one
        return []


def _names(kind: str, settings: Settings) -> Iterable[tuple[str, str]]:
    if kind == "runs":
        return _from_state(settings, _runs) or ()
    from headgate.service.working_tree import known_names

    known = known_names(settings)
    if not known.environments:  # never compiled, or by another version
        known = _from_state(settings, _deployed) or known
    match kind:
        case "nodes":
            return known.nodes
        case "jobs":
            return known.jobs
        case _:
            return known.environments


def _from_state(settings: Settings, ask: Callable[[Store], T]) -> T | None:
    from headgate.store.store import STATE_FILE, open_store

    if settings.database_url is None and not (settings.state_dir / STATE_FILE).is_file():
        return None  # opening it would make it
    with open_store(settings) as store:
        return ask(store)


def _runs(store: Store) -> list[tuple[str, str]]:
    return [(str(run.id), f"{run.kind} {run.status}") for run in store.runs.list(limit=50)]


def _deployed(store: Store) -> KnownNames:
    from headgate.service.asking import deployed_names

    return deployed_names(store)
