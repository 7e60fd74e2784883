"""A manifest as JSON, in one canonical form: equal manifests are equal bytes and have equal digests.

That holds because the compiler sorts every mapping it puts into a manifest (`sorted_data`).
"""

from __future__ import annotations

import contextlib
import gc
import hashlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from headgate.errors import StateError
from headgate.model.project import Manifest


@contextlib.contextmanager
def paused_collector() -> Iterator[None]:
    """Leave the garbage collector out while very many objects are made, none of them garbage."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()


def sorted_data(value: Any) -> Any:
    """The same plain data with the keys of every mapping in order: their order in a file means nothing."""
    if isinstance(value, dict):
        return {key: sorted_data(value[key]) for key in sorted(value)}
    if isinstance(value, list):
        return [sorted_data(item) for item in value]
    return value


def encode_manifest(manifest: Manifest) -> bytes:
    return msgspec.json.encode(manifest)


def decode_manifest(content: bytes) -> Manifest:
    """Raises StateError `manifest_unreadable`."""
    try:
        with paused_collector():
            return msgspec.json.decode(content, type=Manifest)
    except (msgspec.DecodeError, ValueError) as error:
        hint = "compile the project again with this version"
        raise StateError("manifest_unreadable", f"the manifest cannot be read: {error}", hint=hint) from error


def manifest_digest(content: bytes) -> str:
    """The sha256 of the JSON, as hex."""
    return hashlib.sha256(content).hexdigest()


def write_manifest(manifest: Manifest, path: Path) -> None:
    path.write_bytes(encode_manifest(manifest))


def read_manifest(path: Path) -> Manifest:
    """Raises StateError `manifest_unreadable`; OSError where the file cannot be read."""
    return decode_manifest(path.read_bytes())
