"""Values that two or more layers exchange: frozen dataclasses and enums, standard library only.

`ProjectFiles -> Manifest -> BoundManifest -> (selected nodes) -> Steps -> Run -> StepEvents -> RunResult`

- `project`: what the files of a project say once compiled: nodes, environments, jobs, the manifest.
- `bound`: a manifest bound to one environment: finished SQL, physical names, types of the warehouse.
- `steps`: what the engine carries out, and how it reports back.
- `runs`: runs, deployments and their statuses as the store keeps them.
"""
