-- Steps of runs and their statements, as journaled.

-- name: columns
-- What a row of a step holds.
run_id, step_id, name, kind, status, location, node_type, started_at, ended_at, rows_inserted,
rows_updated, rows_deleted, published, attempts, error, notes

-- name: plan
-- A step that waits.
INSERT INTO step (run_id, step_id, position, name, kind, status, location, node_type)
VALUES (:run_id, :step_id, :position, :name, :kind, 'waiting', :location, :node_type)

-- name: list
-- A run's steps as planned.
SELECT {columns} FROM step WHERE run_id = :run_id ORDER BY position

-- name: statuses
-- Some steps' statuses.
SELECT step_id, status FROM step WHERE run_id = :run_id AND step_id IN ({ids})

-- name: start
-- A step begins.
UPDATE step SET status = 'running', started_at = :at
WHERE run_id = :run_id AND step_id = :step_id AND status IN ({allowed})

-- name: finish
-- A step ends.
UPDATE step SET status = :status, ended_at = :at, rows_inserted = :rows_inserted,
  rows_updated = :rows_updated, rows_deleted = :rows_deleted, published = :published,
  attempts = :attempts, error = :error, notes = :notes
WHERE run_id = :run_id AND step_id = :step_id AND status IN ({allowed})

-- name: reuse
-- A step that an earlier run did.
UPDATE step SET status = 'reused', ended_at = :at
WHERE run_id = :run_id AND step_id = :step_id AND status IN ({allowed})

-- name: close_events
-- One event for each step that is about to be closed.
INSERT INTO event (at, kind, run_id, step_id, environment_id, data)
SELECT :at, 'step_status', run_id, step_id, :environment_id, :data FROM step
WHERE run_id = :run_id AND status = :from_status ORDER BY position

-- name: reopen
-- Steps that ran when their process left go back to waiting.
UPDATE step SET status = 'waiting', started_at = NULL WHERE run_id = :run_id AND status = 'running'

-- name: open_statuses
-- Whether a run has steps that are not over, and how those stand.
SELECT DISTINCT status FROM step WHERE run_id = :run_id AND status IN ('running', 'waiting')

-- name: close
-- Closes every step that is in one status.
UPDATE step SET status = :to_status, ended_at = :at, error = :error
WHERE run_id = :run_id AND status = :from_status

-- name: add_statement
-- A statement that ran.
INSERT INTO step_statement (run_id, step_id, position, name, role, status, text_digest, started_at,
  ended_at, rows, counts, query_id, test, error)
VALUES (:run_id, :step_id, :position, :name, :role, :status, :text_digest, :started_at,
  :ended_at, :rows, :counts, :query_id, :test, :error)

-- name: add_text
-- Its text, where it has not run before. One that has stays for as long again, also where it is just being dropped.
INSERT INTO statement_text (digest, sql, used_at) VALUES (:digest, :sql, :now)
ON CONFLICT (digest) DO UPDATE SET used_at = excluded.used_at WHERE statement_text.used_at < :stale

-- name: statements
-- The statements of a run, in the order of its plan.
SELECT step_statement.step_id, step_statement.name, role, sql, step_statement.status,
  step_statement.started_at, step_statement.ended_at, rows, counts, query_id, step_statement.error, test
FROM step JOIN step_statement ON step_statement.run_id = step.run_id AND step_statement.step_id = step.step_id
  JOIN statement_text ON statement_text.digest = step_statement.text_digest
WHERE step.run_id = :run_id {only}
ORDER BY step.position, step_statement.position

-- name: learn_duration
-- How long a step that ended well usually takes: each time counts for a third.
INSERT INTO usual_duration (environment_id, step_id, duration_us)
SELECT run.environment_id, step.step_id, step.ended_at - step.started_at
FROM step JOIN run ON run.id = step.run_id
WHERE step.run_id = :run_id AND step.step_id = :step_id AND step.started_at IS NOT NULL
ON CONFLICT (environment_id, step_id) DO UPDATE
SET duration_us = (2 * usual_duration.duration_us + excluded.duration_us) / 3

-- name: usual_durations
-- How long some steps usually take.
SELECT step_id, duration_us FROM usual_duration
WHERE environment_id = :environment_id AND step_id IN ({ids})
