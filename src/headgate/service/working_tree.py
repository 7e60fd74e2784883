"""What is there, by the project's files. Needs no state, so it answers where that is broken, or not there yet."""

from __future__ import annotations

from pathlib import Path

import msgspec

from headgate.bind.catalog import catalog_of
from headgate.compile import Compiled, compile_project
from headgate.compile.cache import Cache
from headgate.model.bound import Catalog
from headgate.model.project import Environment, Manifest
from headgate.service.asking import KnownNames
from headgate.settings import Settings


def compile_folder(root: Path, settings: Settings) -> Compiled:
    """The project compiled, with its cache. Raises ProjectError with all errors."""
    return compile_project(root, cache_dir=_cache_folder(settings))


def tree_catalog(compiled: Compiled, environment: Environment | None = None) -> Catalog:
    """What selectors are evaluated over, as the files say."""
    return catalog_of(compiled.manifest, environment)


def known_names(settings: Settings) -> KnownNames:
    """From the last good compile, without looking at a file: fast, and only as new as that. Empty without it."""
    saved = Cache(_cache_folder(settings)).read_project()
    if saved is None:
        return KnownNames()
    manifest = msgspec.json.decode(saved.manifest_json, type=Manifest)
    return KnownNames(
        tuple((node.id, node.node_type) for node in manifest.nodes.values()),
        tuple((str(job.id), job.name) for job in manifest.jobs.values()),
        tuple((e.name, f"environment {e.id}") for e in saved.environments.values()),
    )


def _cache_folder(settings: Settings) -> Path:
    return settings.state_dir / "cache"
