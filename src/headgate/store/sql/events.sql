-- The append-only log of changes, read in commit order.

-- name: add
-- One event.
INSERT INTO event (at, kind, run_id, step_id, environment_id, data)
VALUES (:at, :kind, :run_id, :step_id, :environment_id, :data)

-- name: read
-- What came after one event, oldest first.
SELECT id, at, kind, run_id, step_id, environment_id, data FROM event
WHERE id > :after_id ORDER BY id LIMIT :limit

-- name: read_of_run
-- The same, of one run.
SELECT id, at, kind, run_id, step_id, environment_id, data FROM event
WHERE run_id = :run_id AND id > :after_id ORDER BY id LIMIT :limit

-- name: last_id
-- The id of the newest event.
SELECT max(id) FROM event

-- name: last_move
-- The newest move of a run.
SELECT id FROM event WHERE run_id = :run_id AND kind = 'run_status' ORDER BY id DESC LIMIT 1
