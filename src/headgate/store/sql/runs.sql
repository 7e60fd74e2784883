-- Runs as people see them, and the work that a process carries out.

-- name: columns
-- What a row of a run holds.
run.id, run.uid, run.kind, run.status, run.environment_id, run.created_at, run.request, run.deployment_id,
run.job_id, run.job_name, run.rerun_of, run.config_key, run.started_at, run.ended_at, run.fence,
run.requested_by, run.error, run.notes, run.priority, run.not_before

-- name: returned
-- The same columns, as RETURNING wants them.
id, uid, kind, status, environment_id, created_at, request, deployment_id, job_id, job_name, rerun_of,
config_key, started_at, ended_at, fence, requested_by, error, notes, priority, not_before

-- name: add
-- A run, waiting or over before it began.
INSERT INTO run (uid, kind, status, environment_id, created_at, ended_at, request, deployment_id, job_id, job_name,
  rerun_of, config_key, requested_by, requested_by_user, priority, not_before, notes)
VALUES (:uid, :kind, :status, :environment_id, :now, :ended_at, :request, :deployment_id, :job_id, :job_name,
  :rerun_of, :config_key, :requested_by, :requested_by_user, :priority, :not_before, :notes)
RETURNING {returned}

-- name: add_work
-- Its work, with the process it belongs to, if it does.
INSERT INTO work (run_id, owner_host, owner_pid, owner_process_started, owner_label, attached)
VALUES (:run_id, :host, :pid, :process_started, :label, :attached)

-- name: get
-- One run.
SELECT {columns} FROM run WHERE id = :id

-- name: list
-- The first runs of one range of an index.
SELECT {columns} FROM run WHERE {where} ORDER BY {order} LIMIT {limit}

-- name: list_merged
-- The first runs of several ranges.
SELECT {columns} FROM ({parts}) AS part CROSS JOIN run WHERE run.id = part.id ORDER BY {order} LIMIT {limit}

-- name: list_part
-- The first runs of one range, by id.
SELECT id FROM (SELECT run.id FROM run WHERE {where} ORDER BY {order} LIMIT {limit}) AS part

-- name: last_of_environment
-- The newest run of an environment.
SELECT {columns} FROM run WHERE environment_id = :environment_id ORDER BY id DESC LIMIT 1

-- name: open
-- Runs that are not over, with the process each belongs to, oldest first.
SELECT {columns}, work.owner_host, work.owner_pid, work.owner_process_started, work.owner_label
FROM work CROSS JOIN run
WHERE run.id = work.run_id AND run.status IN ({statuses}) ORDER BY work.run_id

-- name: pin
-- The deployment that a run makes or carries out.
UPDATE run SET deployment_id = :deployment_id WHERE id = :id AND fence = :fence AND status = 'running'

-- name: finish
-- Any move to a final status, of the claim with this fence.
UPDATE run SET status = :status, ended_at = :now, error = :error, notes = :notes
WHERE id = :id AND fence = :fence AND status IN ({allowed})
RETURNING {returned}

-- name: request_cancel
-- The flag that a running process polls.
UPDATE run SET cancel_requested = 1 WHERE id = :id AND status = 'running' AND cancel_requested = 0

-- name: cancel_requested
-- The flag.
SELECT cancel_requested FROM run WHERE id = :id

-- name: attached
-- Whether an open run belongs to the process that started it.
SELECT attached FROM work WHERE run_id = :run_id

-- name: end_work
-- The work of a run that is over.
DELETE FROM work WHERE run_id = :run_id

-- name: family
-- A run, what it was a rerun of, and all reruns of those, oldest first.
WITH RECURSIVE up (id, rerun_of) AS (
  SELECT id, rerun_of FROM run WHERE id = :id
  UNION SELECT run.id, run.rerun_of FROM run JOIN up ON run.id = up.rerun_of
), down (id) AS (
  SELECT id FROM up WHERE rerun_of IS NULL
  UNION SELECT run.id FROM run JOIN down ON run.rerun_of = down.id
)
SELECT {columns} FROM run JOIN down ON run.id = down.id ORDER BY run.id

-- name: newest
-- The newest id, for hints.
SELECT max(id) FROM run

-- name: interrupt
-- An open run whose process died; the fence moves, so that the process writes nothing if it lives after all.
UPDATE run SET status = 'failed', ended_at = :now, error = :error, fence = fence + 1
WHERE id = :id AND fence = :fence AND status IN ({allowed})
RETURNING {returned}

-- name: cancel_waiting
-- A run that never started.
UPDATE run SET status = 'canceled', ended_at = :now WHERE id = :id AND status = 'waiting'
RETURNING {returned}

-- name: open_counts
-- How many runs wait and run, by kind, and since when the oldest does.
SELECT kind, status, count(*), min(created_at) FROM run
WHERE status IN ('running', 'waiting') GROUP BY kind, status
