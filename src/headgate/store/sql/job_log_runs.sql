-- Runs of the job log that our own client begins and finishes, and how far each job has come.

-- name: columns
-- A record, as clients see it.
id, name, start_date, end_date, message, status, records_processed, source, destination

-- name: answered
-- What a call with this key was answered.
SELECT action, record_id, answer FROM job_log_call WHERE name = :name AND key = :key

-- name: remember
-- A call that is carried out.
INSERT INTO job_log_call (name, key, action, record_id, answer, created_at)
VALUES (:name, :key, :action, :record_id, :answer, :now)

-- name: forget
-- Calls that nobody sends again any more.
DELETE FROM job_log_call WHERE name = :name AND created_at < :before

-- name: begin
-- A run in progress.
INSERT INTO job_log (name, start_date, status, source, destination)
VALUES (:name, :start_date, 'in_progress', :source, :destination) RETURNING {columns}

-- name: finish
-- Ends a run that is not over; it never ends before it began.
UPDATE job_log SET status = :status, message = :message, records_processed = :records_processed,
  end_date = CASE WHEN start_date > :end_date THEN start_date ELSE :end_date END
WHERE id = :id AND status NOT IN ('success', 'error') RETURNING {columns}

-- name: get
-- One record.
SELECT {columns} FROM job_log WHERE id = :id

-- name: previous
-- The success of a name that ended last, by the index that has it so.
SELECT {columns} FROM job_log WHERE name = :name AND status = 'success' AND end_date IS NOT NULL
ORDER BY (end_date IS NULL) DESC, end_date DESC, id DESC LIMIT 1

-- name: newest
-- The record of a name that began last.
SELECT {columns} FROM job_log WHERE name = :name ORDER BY start_date DESC, id DESC LIMIT 1

-- name: newest_of_each
-- The record of each name that began last, by name: found name by name, not row by row.
WITH RECURSIVE names (name, place) AS (
  SELECT min(name), 1 FROM job_log WHERE name > :after
  UNION ALL
  SELECT (SELECT min(later.name) FROM job_log AS later WHERE later.name > names.name), place + 1
  FROM names WHERE names.name IS NOT NULL AND place < :limit)
SELECT {newest_columns} FROM names JOIN job_log AS log ON log.id = (
  SELECT newest.id FROM job_log AS newest WHERE newest.name = names.name
  ORDER BY newest.start_date DESC, newest.id DESC LIMIT 1)
LEFT JOIN job_watch AS watch ON watch.name = log.name
ORDER BY log.name

-- name: newest_of_these
-- The same, of these names alone.
SELECT {newest_columns} FROM (SELECT DISTINCT name FROM job_log WHERE name > :after AND name IN ({ids})) AS names
JOIN job_log AS log ON log.id = (
  SELECT newest.id FROM job_log AS newest WHERE newest.name = names.name
  ORDER BY newest.start_date DESC, newest.id DESC LIMIT 1)
LEFT JOIN job_watch AS watch ON watch.name = log.name
ORDER BY log.name LIMIT :limit

-- name: newest_columns
-- A record, and how its job stands.
log.id, log.name, log.start_date, log.end_date, log.message, log.status, log.records_processed, log.source,
  log.destination, watch.state

-- name: watermark
-- How far a job has come.
SELECT watermark FROM job_log_job WHERE name = :name

-- name: advance
-- A new watermark, but never that of a run which began before the one that set the present one.
UPDATE job_log_job SET watermark = :watermark, watermark_start = :start_date
WHERE name = :name AND (watermark_start IS NULL OR watermark_start <= :start_date)
