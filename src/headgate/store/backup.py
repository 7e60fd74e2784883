"""Copies of the embedded state: taken while others write, checked, and put back in place of the state.

A copy holds the state as it stood at one instant. What a warehouse holds is not in it, nor the key of stored secrets.
"""

from __future__ import annotations

import os
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from headgate.errors import NotFound, Refused, StateError
from headgate.model.runs import Run
from headgate.model.steps import StepError
from headgate.store.migrate import SCHEMA_VERSION
from headgate.store.sqlite import APPLICATION_ID, create_file, driver, mapped
from headgate.store.store import Store

PAGES = 2000
"""How many pages are copied at once, 8 MB: between two such steps Ctrl-C is heard."""
LOCK_SECONDS = 1.0
BESIDE = ("-wal", "-shm", "-journal")
_DAMAGED = ("state_corrupt", "not_a_backup")


@dataclass(frozen=True, slots=True)
class StateFacts:
    """What a file holds: whose state, of which version, up to which run."""

    uid: str
    headgate_version: str
    schema_version: int
    newest_run: int
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Restored:
    """`kept` is the state that was replaced. `ended` are the runs that were open when the copy was taken."""

    facts: StateFacts
    kept: Path | None
    ended: tuple[Run, ...]


def back_up(state: Path, target: Path, *, replace: bool = False) -> StateFacts:
    """Writes the state as it stands now into the new file `target`, for its owner alone; whole and checked, or not at
    all. Nobody who uses the state waits for it.

    Raises NotFound `state_not_found`, Refused (`backup_exists`, `backup_not_writable`), StateError.
    """
    if not state.exists():
        raise NotFound(
            "state_not_found", f"there is no state {state}", hint="name its folder with --state-dir"
        )
    if target.exists() and not replace:
        raise Refused(
            "backup_exists", f"{target} is there already", hint="name another file, or give --force"
        )
    with _written_whole(target) as partial:
        with closing(_connected(state)) as source, closing(_connected(partial)) as copy:
            _copy(source, copy, (state, target))
        return inspect(partial)


def inspect(path: Path) -> StateFacts:
    """Reads a whole copy and says what it holds.

    Raises NotFound `backup_not_found`, Refused `not_a_backup`, StateError (`state_corrupt`, `state_too_new`).
    """
    if not path.is_file():
        raise NotFound("backup_not_found", f"there is no file {path}")
    try:
        with closing(_connected(path, reading=True)) as raw:
            if _value(raw, "PRAGMA application_id") != APPLICATION_ID:
                raise _no_backup(path)
            trouble = _value(raw, "PRAGMA quick_check(1)")
            if trouble != "ok":
                raise StateError(
                    "state_corrupt", f"{path} is damaged: {trouble}", hint="take an older backup"
                )
            meta = dict(raw.execute("SELECT key, value FROM meta").fetchall())
            facts = StateFacts(
                uid=meta["uid"],
                headgate_version=meta["headgate_version"],
                schema_version=_value(raw, "PRAGMA user_version"),
                newest_run=_value(raw, "SELECT coalesce(max(id), 0) FROM run"),
                size_bytes=path.stat().st_size,
            )
    except driver.DatabaseError as error:
        raise _no_backup(path) from error
    if facts.schema_version > SCHEMA_VERSION:
        raise StateError(
            "state_too_new",
            f"{path} was written by Headgate {facts.headgate_version}, which is newer than this one",
            hint=f"install Headgate {facts.headgate_version} or newer",
        )
    return facts


def restore(backup: Path, state: Path, at: datetime) -> Restored:
    """Puts a copy in place of the state, brought to this version's schema. The replaced state is kept beside it. Runs
    that were open when the copy was taken are ended: what became of them only the warehouse knows.

    All of it, or nothing: whoever opens the state meanwhile waits. Raises as `inspect` does, and Refused
    `state_in_use`.
    """
    facts = inspect(backup)
    create_file(state)
    with _staged(backup, state) as (staged, ended):
        kept = _kept(state, at)
        with _alone(state, kept) as (live, was_empty), closing(_connected(staged)) as source:
            if not was_empty:
                with _written_whole(kept) as partial, closing(_connected(partial)) as copy:
                    _copy(live, copy, (state, kept))
            _copy(source, live, (backup, state))
    return Restored(facts, kept if kept.exists() else None, ended)


@contextmanager
def _staged(backup: Path, state: Path) -> Iterator[tuple[Path, tuple[Run, ...]]]:
    """The copy as it is put in place, and the runs that were ended in it."""
    with tempfile.TemporaryDirectory(prefix=".restore-", dir=state.parent) as folder:
        staged = Path(folder) / state.name
        create_file(staged)
        with closing(_connected(backup, reading=True)) as source, closing(_connected(staged)) as copy:
            _copy(source, copy, (backup, state))
        with Store.open(staged) as store:
            ended = tuple(
                store.runs.interrupt(run.id, run.fence, _restored(run)) for run, _ in store.runs.open()
            )
        yield staged, ended


def _restored(run: Run) -> StepError:
    return StepError(
        "restored",
        "the run was open when the backup was made that is now the state",
        f"headgate rerun {run.id} asks the warehouse what was published, and does the rest",
    )


def _kept(state: Path, at: datetime) -> Path:
    """A free name for the replaced state."""
    kept = state.with_name(f"{state.name}.before-restore-{at:%Y%m%dT%H%M%SZ}")
    number = 1
    while kept.exists():
        number += 1
        kept = kept.with_name(f"{kept.name.partition('Z')[0]}Z-{number}")
    return kept


@contextmanager
def _alone(state: Path, kept: Path) -> Iterator[tuple[Any, bool]]:
    """A connection to a state that nobody else has open, or opens meanwhile; and whether nothing is in it. A file that
    cannot be read is put aside as `kept`."""
    live = _connected(state, timeout=LOCK_SECONDS)
    try:
        try:
            _lock(live, state)
        except StateError as error:
            if error.code not in _DAMAGED:
                raise
            live.close()
            for suffix in ("", *BESIDE):
                with suppress(FileNotFoundError):
                    os.rename(f"{state}{suffix}", f"{kept}{suffix}")
            create_file(state)
            live = _connected(state, timeout=LOCK_SECONDS)
            _lock(live, state)
        yield live, _value(live, "SELECT count(*) FROM sqlite_master") == 0
        live.execute("PRAGMA locking_mode=NORMAL")
        live.execute("PRAGMA journal_mode=WAL").fetchall()
        Path(f"{state}-journal").unlink(missing_ok=True)  # empty, and of no use from now on
    finally:
        live.close()


def _lock(live: Any, state: Path) -> None:
    try:
        live.execute("PRAGMA locking_mode=EXCLUSIVE")
        # Only who is alone can leave the log of writes; it is merged into the file then.
        live.execute("PRAGMA journal_mode=DELETE").fetchall()
        live.execute("BEGIN EXCLUSIVE")
        live.execute("COMMIT")  # the lock stays
    except driver.Error as error:
        found = mapped(error, state)
        if isinstance(found, StateError) and found.code == "state_locked":
            raise Refused(
                "state_in_use",
                f"another process has the state {state} open",
                hint="stop servers, workers and commands of this project first",
            ) from error
        raise found from error


def _copy(source: Any, target: Any, names: tuple[Path, Path]) -> None:
    """`names` are what people call the two."""
    try:
        # Read as it stood at one instant: without this, the copy would begin again with every write of somebody.
        source.execute("BEGIN")
        source.execute("SELECT 1 FROM sqlite_master").fetchall()
        source.backup(target, pages=PAGES, progress=lambda *_: None)
        source.execute("COMMIT")
    except driver.Error as error:
        found = mapped(error, names[0])
        full = isinstance(found, StateError) and found.code == "disk_full"
        raise (mapped(error, names[1]) if full else found) from error


def _connected(path: Path, *, reading: bool = False, timeout: float = 10.0) -> Any:
    """`reading` leaves the file alone, and its folder: nothing that was not merged into it is read."""
    address = f"file:{quote(str(path.absolute()))}"
    if reading and not path.with_name(f"{path.name}-wal").exists():
        address += "?mode=ro&immutable=1"
    try:
        return driver.connect(address, uri=True, timeout=timeout, isolation_level=None)
    except driver.Error as error:
        raise mapped(error, path) from error


def _value(raw: Any, sql: str) -> Any:
    return raw.execute(sql).fetchone()[0]


def _no_backup(path: Path) -> Refused:
    return Refused("not_a_backup", f"{path} is no backup of a state", hint="`headgate backup FILE` makes one")


@contextmanager
def _written_whole(target: Path) -> Iterator[Path]:
    """A file beside `target` that takes its place when it was written without an error."""
    try:
        handle, name = tempfile.mkstemp(prefix=f".{target.name}.", dir=target.parent)
        os.close(handle)
    except OSError as error:
        raise _not_writable(target, error) from error
    partial = Path(name)
    try:
        yield partial
        with partial.open("rb") as file:
            os.fsync(file.fileno())
        try:
            os.replace(partial, target)
        except OSError as error:
            raise _not_writable(target, error) from error
    finally:
        for suffix in ("", *BESIDE):
            partial.with_name(partial.name + suffix).unlink(missing_ok=True)


def _not_writable(target: Path, error: OSError) -> Refused:
    return Refused(
        "backup_not_writable",
        f"cannot write {target}: {error.strerror}",
        hint="name a file in a folder that you may write to",
    )
