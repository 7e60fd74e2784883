"""Which version of the project is to be deployed: the working tree, or what a tag names."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec

from headgate.compile import Compiled, describe_version
from headgate.errors import Refused, UsageError
from headgate.model.project import Environment, Manifest
from headgate.service import asking
from headgate.service.context import Context, find_environment
from headgate.service.planning import Wanted
from headgate.service.project import wanted_tree
from headgate.store.tags import Tag

DIRTY = "dirty"
_TAG = re.compile(r"[A-Za-z0-9][A-Za-z0-9._/+-]{0,99}")


def tree_version(root: Path) -> str:
    """The commit that is checked out, or `dirty` where the folder differs from it or is not in git at all."""
    version = describe_version(root)
    return version.commit[:12] if version.commit and not version.dirty else DIRTY


def tree_for(context: Context, compiled: Compiled, environment: Environment) -> Wanted:
    """The working tree, for `environment`. Raises Refused `commit_required`."""
    version = tree_version(context.project_root)
    if version == DIRTY and environment.require_commit:
        raise Refused(
            "commit_required",
            f"{environment.name} takes only committed versions (require_commit)",
            hint="commit your changes first",
        )
    return wanted_tree(compiled, version)


def tagged(context: Context, project: str, name: str) -> Wanted:
    """What the tag `name` names. Raises NotFound `tag_not_found`."""
    digest = context.store.tags.get(project, name).manifest_digest
    content = context.store.blobs.get(digest)
    return Wanted(msgspec.json.decode(content, type=Manifest), digest, content, name)


def tag_tree(context: Context, compiled: Compiled, name: str) -> Tag:
    """Name the working tree's manifest. Raises UsageError `tag_invalid`, Refused `tag_exists`."""
    _check_tag(name)
    (digest,) = context.store.blobs.put([compiled.manifest_json])
    return context.store.tags.set(compiled.manifest.name, name, digest)


def tag_manifest(context: Context, wanted: Wanted, name: str) -> Tag:
    """Name any manifest. Raises as `tag_tree`."""
    _check_tag(name)
    (digest,) = context.store.blobs.put([wanted.json])
    return context.store.tags.set(wanted.manifest.name, name, digest)


def tag_deployed(context: Context, environment: str, name: str) -> Tag:
    """Name what is deployed. Raises UsageError `tag_invalid`, NotFound, Refused (`not_deployed`, `tag_exists`)."""
    _check_tag(name)
    row = find_environment(context, environment)
    content = asking.deployed_content(context, row)
    (digest,) = context.store.blobs.put([content.manifest_json()])
    return context.store.tags.set(row.project, name, digest)


def _check_tag(name: str) -> None:
    if not _TAG.fullmatch(name):
        raise UsageError(
            "tag_invalid",
            f"{name!r} cannot be a tag",
            hint="write letters, digits and . _ - / +, and begin with a letter or a digit: v3, 2026-01-31",
        )
