"""Project files -> Manifest. Importing this package is cheap; parsers are loaded when a file must be parsed.

`source` reads the disk; a file's summary depends on that file alone (`file_summary`, cached by content);
`assemble` joins all summaries into the manifest; `project` is the way through.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from headgate.compile.manifest_file import read_manifest, write_manifest
    from headgate.compile.project import Compiled, compile_project
    from headgate.compile.rebind import Rendered, bind_text, find_references, render_hook, render_stages
    from headgate.compile.source import Version, describe_version, find_root

_HOMES = {
    "Compiled": "project",
    "Rendered": "rebind",
    "Version": "source",
    "bind_text": "rebind",
    "compile_project": "project",
    "describe_version": "source",
    "find_references": "rebind",
    "find_root": "source",
    "read_manifest": "manifest_file",
    "render_hook": "rebind",
    "render_stages": "rebind",
    "write_manifest": "manifest_file",
}

__all__ = [
    "Compiled",
    "Rendered",
    "Version",
    "bind_text",
    "compile_project",
    "describe_version",
    "find_references",
    "find_root",
    "read_manifest",
    "render_hook",
    "render_stages",
    "write_manifest",
]


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from importlib import import_module

    return getattr(import_module(f"{__name__}.{_HOMES[name]}"), name)
