-- Other job logs that are taken over: how far, and which of their records may still change.

-- name: columns
-- A record of ours, as it is compared with the other one's.
id, name, start_date, end_date, message, status, records_processed, source, destination

-- name: know
-- An origin that is imported for the first time; nothing where it is known.
INSERT INTO job_log_import (origin, url, name, last_id, records, started_at, changed_at)
VALUES (:origin, :url, :name, NULL, 0, :now, :now) ON CONFLICT (origin) DO NOTHING

-- name: hold
-- How far it is taken, until the change is made.
SELECT last_id FROM job_log_import WHERE origin = :origin {for_update}

-- name: jobs_of
-- Jobs of a log that are taken over each on its own.
SELECT name FROM job_log_import WHERE url = :url AND name IS NOT NULL AND last_id IS NOT NULL ORDER BY name LIMIT 3

-- name: progress
-- How far it is taken.
SELECT last_id, records, (SELECT count(record_id) FROM job_log_import_open WHERE origin = :origin), started_at, changed_at
FROM job_log_import WHERE origin = :origin

-- name: advance
-- Records that were taken, and the last of them.
UPDATE job_log_import SET last_id = :last_id, records = records + :imported, changed_at = :now WHERE origin = :origin

-- name: forget
-- An origin, as if nothing had come from it.
DELETE FROM job_log_import WHERE origin = :origin AND last_id IS NOT NULL

-- name: forget_open
-- What was asked for again of it.
DELETE FROM job_log_import_open WHERE origin = :origin

-- name: add
-- A record that is over.
INSERT INTO job_log (name, start_date, end_date, message, status, records_processed, source, destination)
VALUES (:name, :start_date, :end_date, :message, :status, :records_processed, :source, :destination)

-- name: add_open
-- A record that may still change.
INSERT INTO job_log (name, start_date, end_date, message, status, records_processed, source, destination)
VALUES (:name, :start_date, :end_date, :message, :status, :records_processed, :source, :destination) RETURNING id

-- name: present
-- A record of ours, until the change is made.
SELECT {columns} FROM job_log WHERE id = :id {for_update}

-- name: change
-- What the other one says of a record now.
UPDATE job_log SET name = :name, start_date = :start_date, end_date = :end_date, message = :message, status = :status,
  records_processed = :records_processed, source = :source, destination = :destination
WHERE id = :id

-- name: open
-- What is asked for again, from an id on.
SELECT other_id FROM job_log_import_open WHERE origin = :origin AND other_id > :after ORDER BY other_id LIMIT :limit

-- name: open_of
-- Which of these ids are asked for again, and our records of them.
SELECT other_id, record_id FROM job_log_import_open
WHERE origin = :origin AND other_id >= :first AND other_id <= :last

-- name: watch
-- Something to be asked for again.
INSERT INTO job_log_import_open (origin, other_id, record_id) VALUES (:origin, :other_id, :record_id)
ON CONFLICT (origin, other_id) DO UPDATE SET record_id = excluded.record_id

-- name: unwatch
-- A record that changes no more.
DELETE FROM job_log_import_open WHERE origin = :origin AND other_id = :other_id

-- name: gone
-- A record that is no more; an id whose record may appear late is waited for on.
DELETE FROM job_log_import_open WHERE origin = :origin AND other_id = :other_id AND record_id IS NOT NULL

-- name: give_up
-- Missing ids that are too far below the last one for a record to appear.
DELETE FROM job_log_import_open WHERE origin = :origin AND record_id IS NULL AND other_id < :before
