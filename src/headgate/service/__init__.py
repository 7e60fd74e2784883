"""Use cases: one public function each over a Context. They decide, write down and return; nothing is carried out.

- `context`: what every use case is given.
- `project`: compile the working tree, apply its environments. `planning`: what a deploy would change.
- `deploying`: start a deploy. `running`: start, rerun and cancel runs. `rebinding`: steps for other parameters.
- `asking`: what is there, for people and programs.
"""
