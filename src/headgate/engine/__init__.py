"""Carries Steps out against a warehouse. Knows no store, API or project; journals through `StepSink`.

- `executor`: the DAG: which step runs next, on which thread, and what a failure skips.
- `step`: one step: its statements, checks, marker, commit, and retries of conflicts.
- `stop`: the one way to stop a run from outside.
"""
