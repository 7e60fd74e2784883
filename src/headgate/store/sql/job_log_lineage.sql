-- Runs that OpenLineage's events tell of, and the records that they make.

-- name: find
-- Whose run it is.
SELECT name FROM job_log_lineage WHERE run_id = :run_id

-- name: know
-- A run that is heard of for the first time; nothing where it is known.
INSERT INTO job_log_lineage (run_id, name, record_id, told, changed_at)
VALUES (:run_id, :name, NULL, :told, :now) ON CONFLICT (run_id) DO NOTHING

-- name: hold
-- A run, until the change is made.
SELECT name, record_id, told FROM job_log_lineage WHERE run_id = :run_id {for_update}

-- name: keep
-- What is known of a run now.
UPDATE job_log_lineage SET name = :name, record_id = :record_id, told = :told, changed_at = :now WHERE run_id = :run_id

-- name: add
-- Its record.
INSERT INTO job_log (name, start_date, end_date, message, status, records_processed, source, destination)
VALUES (:name, :start_date, :end_date, :message, :status, :records_processed, :source, :destination)
RETURNING {columns}

-- name: columns
-- A record, as clients see it.
id, name, start_date, end_date, message, status, records_processed, source, destination

-- name: standing
-- How a record stands, which others may have changed.
SELECT name, status FROM job_log WHERE id = :id {for_update}

-- name: change
-- What is new of a record.
UPDATE job_log SET {sets} WHERE id = :id RETURNING {columns}
