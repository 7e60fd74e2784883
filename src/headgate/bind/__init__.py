"""Manifest + environment + described types -> BoundManifest: finished SQL that a refresh uses word for word.

- `text`: references in a query -> physical relations, and the project's dialect -> the warehouse's.
- `places`: locations -> physical names.
- `fragments`: tests, hooks and templates -> finished SQL.
- `manifest`: the whole, node by node in dependency order, asking the warehouse only what changed.
- `catalog`: what selectors are evaluated over.
"""
