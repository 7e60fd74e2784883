"""A state with a history: ended runs, and steps and statements of them, generated inside the database itself."""

from __future__ import annotations

from datetime import timedelta

from headgate.store import Store
from headgate.store.codec import MICROSECOND

# {numbers} counts the runs by `n`; about one in 50 is a deploy, 40 jobs share the others with runs of none.
RUNS = """
INSERT INTO run (uid, kind, status, environment_id, created_at, started_at, ended_at, request, deployment_id,
  job_id, job_name, config_key, requested_by, fence, notes)
SELECT 'past' || n, CASE WHEN n % 50 = 7 THEN 'deploy' ELSE 'refresh' END,
  CASE WHEN n % 97 = 0 THEN 'failed' WHEN n % 89 = 0 THEN 'warning' WHEN n % 83 = 0 THEN 'canceled'
    WHEN n % 79 = 0 THEN 'skipped' ELSE 'succeeded' END,
  :environments_from + n % :environments, :from + n * :apart, :from + n * :apart + 1000,
  :from + n * :apart + 61000000,
  '{"include":"","exclude":"","parallelism":16,"parameters":{},"force":false}', NULL,
  CASE WHEN n % 50 = 7 OR n % 10 = 3 THEN NULL ELSE n % 40 END,
  CASE WHEN n % 50 = 7 OR n % 10 = 3 THEN NULL ELSE 'job ' || n % 40 END,
  CASE WHEN n % 50 = 7 OR n % 10 = 3 THEN NULL ELSE 'job/' || n % :environments || '/' || n % 40 END,
  'benchmark', 1, '[]'
FROM {numbers}
"""
STEPS = """
INSERT INTO step (run_id, step_id, position, name, kind, status, location, node_type, started_at, ended_at,
  rows_inserted, rows_updated, rows_deleted, published, attempts)
SELECT id, 'MART.NODE_' || s, s, 'NODE_' || s, 'table', 'succeeded', 'MART', 'stage', started_at, ended_at,
  10, 0, 0, 1, 1
FROM run CROSS JOIN {steps} WHERE uid LIKE 'past%'
"""
STATEMENTS = """
INSERT INTO step_statement (run_id, step_id, position, name, role, status, text_digest, started_at, ended_at, rows)
SELECT run_id, step_id, p, 'load', 'publish', 'succeeded', 'text' || position || '/' || p, started_at, ended_at, 10
FROM step CROSS JOIN {statements}
"""
TEXTS = """
INSERT INTO statement_text (digest, sql, used_at)
SELECT 'text' || s || '/' || p, 'insert into mart.node_' || s || ' select ' || p, 0 FROM {steps} CROSS JOIN {statements}
"""
STATEMENTS_OF_A_STEP = 2
INDEXES = {
    "sqlite": "SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name = 'run' AND sql IS NOT NULL",
    "postgres": "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'headgate' AND tablename = 'run'"
    " AND indexname NOT IN (SELECT conname FROM pg_constraint)",
}


def generate(
    store: Store, count: int, *, steps: int = 0, environments: int = 4, over: timedelta = timedelta(days=365)
) -> None:
    """`count` ended runs, spread over a time until now, each of `steps` steps."""
    database = store.database
    now = store.now_micros()
    apart = over // MICROSECOND // count
    parameters = {
        "from": now - count * apart - 120_000_000,
        "apart": apart,
        "environments": environments,
        "environments_from": 1,
    }
    words = {
        "numbers": _numbers(database.dialect, "n", count),
        "steps": _numbers(database.dialect, "s", steps),
        "statements": _numbers(database.dialect, "p", STATEMENTS_OF_A_STEP),
    }
    with database.write() as connection:
        indexes = connection.rows(INDEXES[database.dialect])
        for name, _ in indexes:  # made again in one go, which is many times faster
            connection.change(f"DROP INDEX {name}")
        connection.change(_filled(RUNS, words), parameters)
        for _, definition in indexes:
            connection.change(definition)
        if steps:
            for statement in (STEPS, STATEMENTS, TEXTS):
                connection.change(_filled(statement, words))
    if database.dialect == "postgres":
        with database.read() as connection:
            connection.change("VACUUM ANALYZE run")  # as its own housekeeping has done after a while


def _filled(statement: str, words: dict[str, str]) -> str:
    for word, text in words.items():
        statement = statement.replace(f"{{{word}}}", text)
    return statement


def _numbers(dialect: str, name: str, count: int) -> str:
    if dialect == "postgres":
        return f"generate_series(1, {count}) AS {name}"
    return (
        f"(WITH RECURSIVE numbers({name}) AS (SELECT 1 UNION ALL SELECT {name} + 1 FROM numbers"
        f" WHERE {name} < {count}) SELECT {name} FROM numbers) AS {name}s"
    )
