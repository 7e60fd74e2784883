-- Jobs that were made by the API or in the app, and which jobs of files are inactive.

-- name: columns
-- What a row of a job holds.
environment_id, id, definition, active, created_at, updated_at, updated_by

-- name: next_id
-- An id that no job has and no run remembers.
SELECT max(id) + 1 FROM (
  SELECT :lowest - 1 AS id UNION ALL SELECT max(id) FROM job UNION ALL SELECT max(job_id) FROM run
) AS used

-- name: add
-- A job.
INSERT INTO job (environment_id, id, name, definition, active, created_at, updated_at, updated_by)
VALUES (:environment_id, :id, :name, :definition, :active, :now, :now, :by)
RETURNING {columns}

-- name: change
-- Another definition of a job.
UPDATE job SET name = :name, definition = :definition, active = :active, updated_at = :now, updated_by = :by
WHERE environment_id = :environment_id AND id = :id
RETURNING {columns}

-- name: delete
-- A job that is no more.
DELETE FROM job WHERE environment_id = :environment_id AND id = :id

-- name: get
-- One job.
SELECT {columns} FROM job WHERE environment_id = :environment_id AND id = :id

-- name: list
-- The jobs of an environment.
SELECT {columns} FROM job WHERE environment_id = :environment_id ORDER BY id

-- name: inactive
-- Jobs of files that are not to be triggered here.
SELECT job_id FROM inactive_job WHERE environment_id = :environment_id

-- name: deactivate
-- One of them.
INSERT INTO inactive_job (environment_id, job_id, updated_at, updated_by)
VALUES (:environment_id, :job_id, :now, :by)
ON CONFLICT (environment_id, job_id) DO NOTHING

-- name: activate
-- One less of them.
DELETE FROM inactive_job WHERE environment_id = :environment_id AND job_id = :job_id
