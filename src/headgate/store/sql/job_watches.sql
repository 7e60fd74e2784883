-- Watches over jobs of the job log, how each job stands, and every change of it.

-- name: columns
-- A watch whole.
name, definition, project, path, paused, created_at, resumed_at, state, state_since, reason, unusual, unusual_reason,
  due_at, look_at, version

-- name: get
-- One watch.
SELECT {columns} FROM job_watch WHERE name = :name

-- name: hold
-- One watch, until the change is made.
SELECT {columns} FROM job_watch WHERE name = :name {for_update}

-- name: list
-- Watches by name.
SELECT {columns} FROM job_watch WHERE name > :after AND {states} AND {visible} ORDER BY name LIMIT :limit

-- name: of_project
-- The watches of one project's files.
SELECT {columns} FROM job_watch WHERE project = :project ORDER BY name {for_update}

-- name: add
-- A new watch; nothing where there is one. Its version is none that a watch of this name had before.
INSERT INTO job_watch (name, definition, overlap, stale_micros, project, path, paused, created_at, state, state_since,
  reason, unusual, unusual_reason, look_at, version)
VALUES (:name, :definition, :overlap, :stale_micros, :project, :path, 0, :now, 'new', :now,
  'no run has ended yet', 0, '', 0, :now)
ON CONFLICT (name) DO NOTHING

-- name: define
-- Another definition; how the job stands is judged anew.
UPDATE job_watch SET definition = :definition, overlap = :overlap, stale_micros = :stale_micros, project = :project,
  path = :path, look_at = 0, version = version + 1 WHERE name = :name

-- name: pause
-- Takes a job out, or in again from now on.
UPDATE job_watch SET paused = :paused, resumed_at = :resumed_at, look_at = 0, version = version + 1
WHERE name = :name

-- name: remove
-- One watch.
DELETE FROM job_watch WHERE name = :name

-- name: due
-- What time or a record calls to be looked at; also what was to be looked at by a clock that went ahead and is right now.
SELECT {columns} FROM (SELECT {columns} FROM job_watch WHERE look_at <= :now ORDER BY look_at LIMIT :limit) AS due
UNION ALL
SELECT {columns} FROM (SELECT {columns} FROM job_watch WHERE look_at > :astray ORDER BY look_at LIMIT :limit) AS astray

-- name: due_one
-- One job, where it is so.
SELECT {columns} FROM job_watch WHERE name = :name AND (look_at <= :now OR look_at > :astray)

-- name: settle
-- How a job stands, unless something has happened since it was looked at.
UPDATE job_watch SET state = :state, state_since = :state_since, reason = :reason, unusual = :unusual,
  unusual_reason = :unusual_reason, due_at = :due_at, look_at = :look_at, version = version + 1
WHERE name = :name AND version = :version

-- name: in_order
-- Takes watches in the order in which everybody takes them.
SELECT name FROM job_watch WHERE name IN ({ids}) ORDER BY name {for_update}

-- name: touch
-- Has these looked at again.
UPDATE job_watch SET look_at = 0, version = version + 1 WHERE name IN ({ids})

-- name: overlaps
-- What becomes of a run that begins while another one of its name is in progress, where a watch has a rule for it.
SELECT name, overlap FROM job_watch WHERE overlap <> 'allow' AND name IN ({ids})

-- name: record_columns
-- A record, as clients see it.
id, name, start_date, end_date, message, status, records_processed, source, destination

-- name: newest
-- The newest runs of a name.
SELECT {record_columns} FROM job_log WHERE name = :name AND start_date <= :until
ORDER BY start_date DESC, id DESC LIMIT :limit

-- name: close
-- Ends runs of a name that are taken for dead, unless its watch was changed since. An index by start would lead through
-- those of all names.
UPDATE job_log SET status = 'error', end_date = :now, message = :message
WHERE name = :name AND status = 'in_progress' AND start_date + 0 <= :before
  AND EXISTS (SELECT 1 FROM job_watch WHERE job_watch.name = :name AND version = :version) RETURNING {record_columns}

-- name: stale
-- Runs in progress for longer than their watch, or else everybody, allows.
SELECT log.id, log.name, log.start_date, log.end_date, log.message, log.status, log.records_processed, log.source,
  log.destination
FROM job_log AS log LEFT JOIN job_watch AS watch ON watch.name = log.name
WHERE log.status = 'in_progress' AND log.start_date <= :now - coalesce(watch.stale_micros, :stale_micros) AND {visible}
ORDER BY log.start_date DESC, log.id DESC LIMIT :limit

-- name: told
-- A change of how a job stands.
INSERT INTO job_watch_change (name, at, subject, before, after, alert, reason)
VALUES (:name, :at, :subject, :before, :after, :alert, :reason)

-- name: changes
-- Changes, the newest first.
SELECT id, name, at, subject, before, after, alert, reason FROM job_watch_change
WHERE id < :before_id AND alert >= :alert AND {visible} ORDER BY id DESC LIMIT :limit

-- name: changes_of
-- The same, of one job.
SELECT id, name, at, subject, before, after, alert, reason FROM job_watch_change
WHERE name = :name AND id < :before_id AND alert >= :alert ORDER BY id DESC LIMIT :limit

-- name: counts
-- How many jobs stand how; of those that are paused nobody is told.
SELECT state, count(*), sum(unusual * (1 - paused)) FROM job_watch GROUP BY state
