"""`headgate restore`: a backup in place of the embedded state."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

import click

from headgate.cli import flags, output, server_file
from headgate.cli.commands.backup import LOAD, require_embedded
from headgate.cli.invocation import current

if TYPE_CHECKING:
    from headgate.store.backup import Restored


@flags.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option(
    "--key",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="The key of its secrets (`backup --with-key`), beside those that are here.",
)
@flags.as_json
def restore(*, file: Path, key: Path | None, as_json: bool) -> None:
    """Put a backup in place of the embedded state. The state that was there is kept beside it.

    Nothing may use the state meanwhile. Runs that were open when the backup was made are marked as failed; a rerun
    asks the warehouse what they published.

    \b
    Examples:
      headgate restore /backups/headgate-2026-11-21.db
      headgate restore state.db --key state.db.key
    """
    from headgate.identity.keyring import KEY_FILE, read_keys, write_keys
    from headgate.store import backup
    from headgate.store.store import STATE_FILE

    current().refuse_server("headgate restore")
    settings = current().settings()
    require_embedded(settings, LOAD)
    server_file.require_none(settings.state_dir)
    keys = [] if key is None else read_keys(key)
    restored = backup.restore(file, settings.state_dir / STATE_FILE, datetime.now(UTC))
    if keys:
        place = settings.state_dir / KEY_FILE
        known = {one.reveal(): one for one in (*keys, *read_keys(place))}
        write_keys(place, list(known.values()))
    if as_json:
        output.show_json(_body(file, restored))
        return
    output.show(f"restored {file}: up to run {restored.facts.newest_run}")
    if restored.kept is not None:
        output.show(f"the state that was there is kept as {restored.kept}")
    if restored.ended:
        numbers = output.names([str(run.id) for run in restored.ended])
        output.say(f"open when it was made, and now failed: {numbers}; `headgate rerun` goes on with one")
    output.say(
        "what was deployed since then stands in the warehouse: `headgate plan` shows where they differ"
    )


def _body(file: Path, restored: Restored) -> dict[str, object]:
    return {
        "file": str(file),
        "kept": None if restored.kept is None else str(restored.kept),
        "newestRun": restored.facts.newest_run,
        "stateUID": restored.facts.uid,
        "endedRuns": [run.id for run in restored.ended],
    }
