"""Use cases: one public function each over a Context. They decide, write down and return; nothing is carried out.

- `context`: what every use case is given.
- `project`: compile the working tree, apply its environments. `planning`: what a deploy would change.
- `deploying`: start a deploy. `running`: start, rerun and cancel runs. `rebinding`: steps for other parameters.
- `asking`: what is there by the state, `working_tree` by the files; `lineage`. `bodies`, `node_bodies`: as JSON.
- `access`: who asks, tokens, the audit trail. `users`, `secrets`; `access_bodies`: as JSON.
- `versions`: which version is meant. `sources`: columns of sources. `checking`: whether all is well.
"""
