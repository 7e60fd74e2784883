"""Which version is to be deployed where, as a server is asked: an uploaded manifest, a tag, an earlier deployment, or
the working tree that the server stands in."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass

import msgspec

from headgate.errors import NotFound, Refused, UsageError
from headgate.model.project import Manifest
from headgate.service import project, versions
from headgate.service.context import Context, find_environment
from headgate.service.planning import Prepared, Wanted, prepare_deploy, prepare_return
from headgate.store.tags import Tag

MANIFEST_VERSION = "uploaded"


@dataclass(frozen=True, slots=True)
class Target:
    """At most one of `manifest` (a digest), `tag` and `to` (a deployment's number); the working tree without them.
    `version` labels a manifest for people: a commit, or `dirty`."""

    environment: str
    manifest: str | None = None
    version: str = ""
    tag: str | None = None
    to: int | None = None

    def __post_init__(self) -> None:
        if sum(given is not None for given in (self.manifest, self.tag, self.to)) > 1:
            raise UsageError(
                "version_ambiguous", "manifest, tag and to exclude each other", hint="give one of them"
            )


def prepare(context: Context, target: Target, *, apply: bool = False) -> Prepared:
    """Plan `target`. With `apply`, the working tree's environments are written into the state first, as a deploy of
    it wants them.

    Raises NotFound (`manifest_not_found`, `tag_not_found`, `deployment_not_found`), Refused `commit_required`,
    UsageError (`version_ambiguous`, `not_a_project`), ProjectError, WarehouseError.
    """
    if target.manifest is None and target.tag is None and target.to is None:
        compiled = project.compile_tree(context)
        if apply:
            project.apply_environments(context, compiled)
        environment = project.environment_of(compiled, target.environment)
        return prepare_deploy(context, environment, versions.tree_for(context, compiled, environment))
    row = find_environment(context, target.environment)
    if target.to is not None:
        return prepare_return(context, row.environment, target.to)
    if target.tag is not None:
        return prepare_deploy(context, row.environment, versions.tagged(context, row.project, target.tag))
    assert target.manifest is not None
    wanted = uploaded(context, target.manifest, target.version or MANIFEST_VERSION)
    if wanted.version == versions.DIRTY and row.environment.require_commit:
        raise Refused(
            "commit_required",
            f"{row.environment.name} takes only committed versions (require_commit)",
            hint="commit your changes first",
        )
    if wanted.manifest.name != row.project:
        raise Refused(
            "project_differs",
            f"{row.environment.name} belongs to the project {row.project}, the manifest to {wanted.manifest.name}",
            hint="deploy it to an environment of its own project",
        )
    return prepare_deploy(context, row.environment, wanted)


def upload(context: Context, digest: str, content: bytes) -> Manifest:
    """Keep a manifest, for a deploy or a tag within a day. Raises UsageError (`digest_differs`,
    `manifest_unreadable`)."""
    found = hashlib.sha256(content).hexdigest()
    if found != digest:
        raise UsageError(
            "digest_differs", f"the manifest's digest is {found}", hint="send its bytes as they were digested"
        )
    try:
        manifest = msgspec.json.decode(content, type=Manifest)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise UsageError(
            "manifest_invalid",
            f"the manifest cannot be read: {error}",
            hint="compile it with the version of the server",
        ) from error
    context.store.blobs.put([content])
    return manifest


def uploaded(context: Context, digest: str, version: str = "") -> Wanted:
    """Raises NotFound `manifest_not_found`."""
    try:
        content = context.store.blobs.get(digest)
        return Wanted(msgspec.json.decode(content, type=Manifest), digest, content, version)
    except (NotFound, msgspec.MsgspecError):
        raise NotFound(
            "manifest_not_found",
            f"there is no manifest {digest[:12]}",
            hint=f"upload it first: PUT /api/v1/manifests/{digest}",
        ) from None


def tag(context: Context, name: str, environment: str | None, digest: str | None) -> Tag:
    """Name what is deployed in an environment, an uploaded manifest, or the working tree where neither is given.

    Raises NotFound, UsageError `tag_invalid`, Refused (`tag_exists`, `not_deployed`).
    """
    if digest is not None:
        return versions.tag_manifest(context, uploaded(context, digest), name)
    if environment is not None:
        return versions.tag_deployed(context, environment, name)
    return versions.tag_tree(context, project.compile_tree(context), name)
