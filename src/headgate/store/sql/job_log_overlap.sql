-- Runs of one name that are in progress beside each other.

-- name: columns
-- A record, as clients see it.
id, name, start_date, end_date, message, status, records_processed, source, destination

-- name: know
-- A job that is heard of for the first time; nothing where it is known.
INSERT INTO job_log_job (name) VALUES (:name) ON CONFLICT (name) DO NOTHING

-- name: hold
-- A job, until the change is made.
SELECT name FROM job_log_job WHERE name = :name {for_update}

-- name: in_progress
-- A run of a name that is not over. Any will do: an order would lead past the index by name.
SELECT id, start_date FROM job_log WHERE name = :name AND status = 'in_progress' LIMIT 1

-- name: take_over
-- Ends the other runs of a name that are not over.
UPDATE job_log SET status = 'error', end_date = :now, message = :message
WHERE name = :name AND status = 'in_progress' AND id <> :id RETURNING {columns}
