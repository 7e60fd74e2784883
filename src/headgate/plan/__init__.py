"""What is to be done, as values and finished SQL: pure, without I/O or a clock.

- `load`: the SQL of each load strategy. `checks`: the SQL of keys and tests.
- `steps`: nodes -> refresh steps; changes -> deploy steps.
- `diff`: deployed, wanted and what stands in the warehouse -> changes.
"""
