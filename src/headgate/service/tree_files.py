"""Edits files of a working tree: nodes as SQL, jobs and subgraphs as YAML whose comments and order stay. Works while
the project does not compile: mending it is what editing is for.

Every name becomes a part of a path only after it was held against a pattern, and every path is held against the folder
that it must stay in.
"""

from __future__ import annotations

import io
import os
import re
import tempfile
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from headgate.errors import NotFound, Refused, UsageError

_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_ .-]{0,98}[A-Za-z0-9_]|[A-Za-z0-9_]")
MOST_BYTES = 1_000_000


def place(root: Path, folder: str, *parts: str, suffix: str) -> Path:
    """The path of a file to write. Raises UsageError `file_name_invalid` for what is no plain name, or would lead out
    of `folder` by a link."""
    for part in parts:
        if not _NAME.fullmatch(part) or ".." in part:
            raise UsageError(
                "file_name_invalid",
                f"{part[:100]!r} cannot be the name of a file",
                hint="letters, digits, blanks and . _ -, at most 100",
            )
    base = (root / folder).resolve()
    path = base.joinpath(*parts[:-1], parts[-1] + suffix)
    if not path.resolve().is_relative_to(base):
        raise UsageError("file_name_invalid", f"{'/'.join(parts)} leads out of {folder}/")
    return path


def relative(root: Path, path: Path) -> str:
    return path.relative_to(root.resolve()).as_posix()


def write(path: Path, text: str, *, new: bool = False) -> None:
    """All of it or nothing. Raises Refused `file_exists` where it is to be `new`, UsageError (`file_too_large`,
    `file_not_writable`)."""
    if len(text.encode()) > MOST_BYTES:
        raise UsageError("file_too_large", f"{path.name} would have more than {MOST_BYTES:,} bytes")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, temporary = tempfile.mkstemp(dir=path.parent, prefix=".", suffix=".tmp")
        try:
            with os.fdopen(handle, "w", encoding="utf-8") as file:
                file.write(text)
            os.chmod(temporary, 0o644)
            if new:
                os.link(temporary, path)  # fails where the file is there, whoever made it
                os.unlink(temporary)
            else:
                os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                os.unlink(temporary)
            raise
    except FileExistsError:
        raise Refused("file_exists", f"{path.name} is there already", hint="change it instead") from None
    except OSError as error:
        raise UsageError("file_not_writable", f"cannot write {path.name}: {error.strerror}") from error


def delete(path: Path) -> None:
    try:
        path.unlink()
    except OSError as error:
        raise UsageError("file_not_writable", f"cannot delete {path.name}: {error.strerror}") from error


def read(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound("file_not_found", f"{path.name} cannot be read") from error


# --- YAML ---------------------------------------------------------------------------------------------


def documents(root: Path, folder: str) -> Iterator[tuple[Path, Mapping[str, Any]]]:
    """The YAML files of a folder that can be read, each with what it says."""
    for path in sorted((root / folder).glob("*.y*ml")):
        with suppress(UsageError, NotFound):
            data = _load(read(path), path)
            if isinstance(data, Mapping):
                yield path, data


def edit(path: Path, change: Callable[[Any], None]) -> None:
    """Changes what a YAML file says. Raises UsageError `yaml_syntax` where it cannot be read."""
    data = _load(read(path), path)
    change(data)
    write(path, _dumped(data))


def create(path: Path, data: Mapping[str, Any]) -> None:
    write(path, _dumped(dict(data)), new=True)


def set_keys(data: Any, values: Mapping[str, Any]) -> None:
    """Sets what differs, and takes away what is None: all else stays as it was written."""
    for name, value in values.items():
        if value is None:
            data.pop(name, None)
        elif isinstance(value, Mapping) and isinstance(data.get(name), Mapping):
            set_keys(data[name], value)
        elif name not in data or data[name] != value:
            data[name] = value


def _yaml() -> Any:
    from ruamel.yaml import YAML

    yaml = YAML()
    yaml.preserve_quotes = True
    yaml.width = 4096
    return yaml


def _load(text: str, path: Path) -> Any:
    from ruamel.yaml.error import YAMLError

    try:
        return _yaml().load(text)
    except YAMLError as error:
        raise UsageError(
            "file_unreadable", f"{path.name} is no YAML: {' '.join(str(error).split())[:300]}"
        ) from error


def _dumped(data: Any) -> str:
    out = io.StringIO()
    _yaml().dump(data, out)
    return out.getvalue()
