"""What a deployment holds, as content-addressed blobs: written once by a deploy, read in small parts by runs.

A refresh of one node reads the catalog and one step; a plan reads every bound node.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Generic, TypeVar

import msgspec

from headgate.model.bound import BoundManifest, BoundNode, BoundTest, Catalog, WarehouseFacts
from headgate.model.project import Environment, Manifest
from headgate.model.runs import Deployment
from headgate.model.steps import Step
from headgate.store.store import Store

T = TypeVar("T")

CATALOG, FACTS, ENVIRONMENT, MANIFEST, DDL = "catalog", "facts", "environment", "manifest", "ddl"
"""Names of a deployment's blobs beside those of its nodes."""

_encoder = msgspec.json.Encoder()
_step = msgspec.json.Decoder(Step)
_bound_node = msgspec.json.Decoder(BoundNode)
_bound_test = msgspec.json.Decoder(BoundTest)


def encode(value: object) -> bytes:
    """A value of `model` as JSON; equal values give equal bytes."""
    return _encoder.encode(value)


class _Decoded(Generic[T]):
    """The values decoded last, by digest: each start of a run asks for a catalog, and all starts ask for the same
    few. What is handed out is shared: nobody changes it."""

    def __init__(self, kind: type[T], most: int) -> None:
        self._kind = kind
        self._most = most
        self._kept: OrderedDict[str, T] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, store: Store, digest: str) -> T:
        with self._lock:
            if digest in self._kept:
                self._kept.move_to_end(digest)
                return self._kept[digest]
        value = msgspec.json.decode(store.blobs.get(digest), type=self._kind)
        with self._lock:
            self._kept[digest] = value
            while len(self._kept) > self._most:
                self._kept.popitem(last=False)
        return value


_catalogs = _Decoded(Catalog, 4)
_manifests = _Decoded(Manifest, 2)


@dataclass(frozen=True, slots=True)
class Content:
    """Reads the parts of one deployment."""

    store: Store
    deployment: Deployment

    def catalog(self) -> Catalog:
        return _catalogs.get(self.store, self.deployment.digests[CATALOG])

    def runnable(self) -> Catalog:
        """The catalog with the jobs that live in the state beside those of files: what runs are started from."""
        catalog = self.catalog()
        stored = {one.job.id: one.job for one in self.store.jobs.list(self.deployment.environment_id)}
        return replace(catalog, jobs={**catalog.jobs, **stored}) if stored else catalog

    def manifest(self) -> Manifest:
        return _manifests.get(self.store, self.deployment.digests[MANIFEST])

    def facts(self) -> WarehouseFacts:
        if FACTS not in self.deployment.digests:
            return WarehouseFacts()
        return msgspec.json.decode(self._blob(FACTS), type=WarehouseFacts)

    def environment(self) -> Environment:
        return msgspec.json.decode(self._blob(ENVIRONMENT), type=Environment)

    def manifest_json(self) -> bytes:
        return self._blob(MANIFEST)

    def ddl(self) -> list[Step]:
        return msgspec.json.decode(self._blob(DDL), type=list[Step])

    def steps(self, ids: Iterable[str]) -> dict[str, Step]:
        """The refresh steps of these nodes and tests, by id, in the order given."""
        wanted = list(ids)
        digests = self.store.deployments.step_digests(self.deployment.id, wanted)
        blobs = self.store.blobs.get_many(set(digests.values()))
        return {name: _step.decode(blobs[digests[name]]) for name in wanted}

    def bound(self, dialect: str, ids: Iterable[str] | None = None) -> BoundManifest:
        """The nodes and tests as bound (all of them, or these)."""
        digests = self.store.deployments.bound_digests(self.deployment.id, None if ids is None else list(ids))
        blobs = self.store.blobs.get_many(set(digests.values()))
        tests = set(self.catalog().tests)
        return BoundManifest(
            environment_id=self.deployment.environment_id,
            dialect=dialect,
            nodes={n: _bound_node.decode(blobs[d]) for n, d in digests.items() if n not in tests},
            tests={n: _bound_test.decode(blobs[d]) for n, d in digests.items() if n in tests},
        )

    def _blob(self, name: str) -> bytes:
        return self.store.blobs.get(self.deployment.digests[name])


def step_digests(store: Store, steps: Mapping[str, Step]) -> dict[str, str]:
    return dict(zip(steps, store.blobs.put(encode(step) for step in steps.values()), strict=True))
