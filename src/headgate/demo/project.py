"""Writes the example project into a folder. Makes no data and no git repository."""

from __future__ import annotations

import shutil
from pathlib import Path

from headgate.errors import HeadgateError, UsageError

_PACKAGE = Path(__file__).parent
_LOCAL = ("data", ".headgate")
"""What a run leaves in a project's folder: never part of what is copied."""


def write_project(target: Path) -> None:
    """Copy the example project to `target`, which may be absent or empty.

    Raises UsageError `folder_not_empty` or `folder_not_writable`.
    """
    source = _source()
    try:
        if target.exists() and (not target.is_dir() or next(target.iterdir(), None) is not None):
            raise UsageError(
                "folder_not_empty",
                f"{target} is not an empty folder",
                hint="name a folder that does not exist yet, or empty this one",
            )
        shutil.copytree(source, target, ignore=shutil.ignore_patterns(*_LOCAL), dirs_exist_ok=True)
    except (OSError, shutil.Error) as error:
        raise UsageError(
            "folder_not_writable",
            f"the project cannot be written to {target}: {error}",
            hint="name a folder that you may write to",
        ) from error


def _source() -> Path:
    """A wheel holds the project inside the package; in a checkout it is the one under `examples`."""
    candidates = (_PACKAGE / "tpch", _PACKAGE.parents[2] / "examples" / "tpch")
    for folder in candidates:
        if (folder / "headgate.yml").is_file():
            return folder
    raise HeadgateError(
        "installation_incomplete",
        f"the example project is missing: there is no {candidates[0]}",
        hint="install headgate again",
    )
