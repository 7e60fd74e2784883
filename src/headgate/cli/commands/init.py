"""`headgate init`: a small project that works, with a word on everything in it."""

from __future__ import annotations

import json
import re
from pathlib import Path

import click

from headgate.cli import flags, output
from headgate.errors import UsageError

STARTER = Path(__file__).parents[1] / "starter"
_RENAMED = {"gitignore": ".gitignore"}


@flags.command()
@click.argument("directory", metavar="[DIR]", default=".", type=click.Path(path_type=Path))
@flags.as_json
def init(*, directory: Path, as_json: bool) -> None:
    """Make a small project that works: two sources, three nodes, tests and a job. DIR must be empty or absent.

    \b
    Example:
      headgate init shop && cd shop && headgate deploy -e dev && headgate refresh -e dev
    """
    try:
        written = write_starter(directory)
    except OSError as error:
        raise UsageError(
            "folder_not_writable",
            f"the project cannot be written to {directory}: {(error.strerror or str(error)).lower()}",
            hint="name a folder that you may write to",
        ) from error
    if as_json:
        output.show_json({"folder": str(directory.resolve()), "files": written})
        return
    output.show_lines(written)
    here = directory.resolve() == Path.cwd()
    output.say("\nnext:" if here else f"\nnext, in {directory}:")
    for command, meaning in (
        ("headgate compile", "check the files"),
        ("headgate plan -e dev", "see what a deploy would do"),
        ("headgate deploy -e dev", "make the tables"),
        ("headgate refresh -e dev", "load them, and run their tests"),
    ):
        output.say(f"  {command:<26}{meaning}")


def write_starter(folder: Path) -> list[str]:
    """Write the files, and return their paths in the project. Raises UsageError `folder_not_empty`, OSError."""
    if folder.exists() and not folder.is_dir():
        raise UsageError("folder_not_empty", f"{folder} is a file", hint="name a folder")
    # A repository that was just made is as good as empty.
    if folder.exists() and any(entry.name != ".git" for entry in folder.iterdir()):
        raise UsageError(
            "folder_not_empty",
            f"{folder} is not an empty folder",
            hint="name a folder that does not exist yet: headgate init my_project",
        )
    name = re.sub(r"[^a-z0-9_]+", "_", folder.resolve().name.lower()).strip("_") or "starter"
    written = []
    for source in sorted(path for path in STARTER.rglob("*") if path.is_file()):
        path = source.relative_to(STARTER).as_posix()
        path = _RENAMED.get(path, path)
        target = folder / path
        target.parent.mkdir(parents=True, exist_ok=True)
        text = source.read_text(encoding="utf-8")
        if path == "headgate.yml":
            text = text.replace("name: starter", f"name: {json.dumps(name) if name.isdigit() else name}")
        target.write_text(text, encoding="utf-8")
        written.append(path)
    return written
