"""What selectors are evaluated over, from a manifest: of the working tree, or as it is deployed."""

from __future__ import annotations

from collections.abc import Mapping

from headgate.model.bound import BoundManifest, Catalog, Selectable
from headgate.model.project import Environment, Manifest


def catalog_of(
    manifest: Manifest,
    environment: Environment | None = None,
    states: Mapping[str, str] | None = None,
    bound: BoundManifest | None = None,
) -> Catalog:
    """The catalog of `manifest`, in the manifest's order. `states` maps a node id to `new` or `modified`.

    With `bound`, the readers of a parameter are those whose tests, hooks and type's templates read it as well.
    """
    readers: dict[str, list[str]] = {}
    for reader in (*(bound or manifest).nodes.values(), *manifest.tests.values()):
        for name in reader.reads_parameters:
            readers.setdefault(name, []).append(reader.id)
    own = environment.parameters if environment else {}
    return Catalog(
        nodes=tuple(
            Selectable(
                id=node.id,
                name=node.name,
                location=node.location,
                node_type=node.node_type,
                path=node.path,
                tags=node.tags,
                depends_on=node.depends_on,
                state=(states or {}).get(node.id, "unchanged"),
            )
            for node in manifest.nodes.values()
        ),
        subgraphs={name: subgraph.nodes for name, subgraph in manifest.subgraphs.items()},
        jobs=manifest.jobs,
        parameters={**manifest.parameters, **own},
        parameter_readers={name: tuple(ids) for name, ids in readers.items()},
        tests={test.id: test.depends_on for test in manifest.tests.values()},
    )
