"""Where the data lives: one protocol (`base`), one file per engine, and what both need around it.

Nothing here builds the SQL of a load (`plan`) or knows a project, a run's journal or our own state (`store`).
Engine modules import their driver, so they are reached only through `open`.
"""
