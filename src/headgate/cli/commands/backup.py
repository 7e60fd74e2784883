"""`headgate backup`: the embedded state into one file, while servers and commands go on."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from headgate.cli import flags, output
from headgate.cli.invocation import current
from headgate.errors import Refused

if TYPE_CHECKING:
    from headgate.settings import Settings

DUMP = 'pg_dump --schema=headgate --format=custom --file=headgate.dump "$HEADGATE_DATABASE_URL"'
LOAD = 'pg_restore --clean --if-exists --dbname="$HEADGATE_DATABASE_URL" headgate.dump'


@flags.command()
@click.argument("file", metavar="FILE", type=click.Path(path_type=Path))
@click.option("--force", is_flag=True, help="Replace the file where it is there already.")
@click.option(
    "--with-key", is_flag=True, help="Copy the key of stored secrets too, to FILE.key. Keep it elsewhere."
)
@flags.as_json
def backup(*, file: Path, force: bool, with_key: bool, as_json: bool) -> None:
    """Write the embedded state into a file: runs, deployments, tokens, secrets (sealed), as they stand at one instant.

    Servers and runs go on meanwhile. What the warehouses hold is not in it.

    \b
    Examples:
      headgate backup /backups/headgate-$(date +%F).db
      headgate backup state.db --with-key
    """
    from headgate.store.backup import back_up
    from headgate.store.store import STATE_FILE

    current().refuse_server("headgate backup")
    settings = current().settings()
    require_embedded(settings, DUMP)
    facts = back_up(settings.state_dir / STATE_FILE, file, replace=force)
    key = _copy_key(settings, file) if with_key else None
    if as_json:
        output.show_json(
            {
                "file": str(file),
                "key": None if key is None else str(key),
                "sizeBytes": facts.size_bytes,
                "newestRun": facts.newest_run,
                "stateUID": facts.uid,
                "schemaVersion": facts.schema_version,
            }
        )
        return
    output.show(f"{file}: {facts.size_bytes / 1e6:,.1f} MB, up to run {facts.newest_run}")
    if key is not None:
        output.show(f"{key}: the key of the stored secrets; keep it apart from the backup")
    left_out = "the data in the warehouses, variables and files that environments name"
    if key is None:
        left_out += ", the key of stored secrets (--with-key)"
    output.say(f"not in it: {left_out}")


def require_embedded(settings: Settings, instead: str) -> None:
    """Raises Refused `backup_embedded_only`."""
    if settings.database_url is not None:
        raise Refused(
            "backup_embedded_only",
            "the state is in a PostgreSQL database, which has its own tools for copies",
            hint=instead,
        )


def _copy_key(settings: Settings, file: Path) -> Path | None:
    from headgate.identity.keyring import KEY_FILE, read_keys, write_keys

    keys = read_keys(settings.state_dir / KEY_FILE)
    if not keys:
        where = "HEADGATE_SECRET_KEY holds it" if settings.secret_key else "no secret was ever stored"
        output.say(f"there is no {KEY_FILE}: {where}")
        return None
    key = file.with_name(f"{file.name}.key")
    write_keys(key, keys)
    return key
