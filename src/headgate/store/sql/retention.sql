-- What is kept no longer, found and dropped in small pieces.

-- name: begin
-- A sweep, where none was begun of late (by a clock that is right): one process at a time does it.
INSERT INTO meta (key, value) VALUES ('pruned_at', :now)
ON CONFLICT (key) DO UPDATE SET value = excluded.value
  WHERE meta.value < :before OR meta.value > :now

-- name: leave
-- A sweep that is left to whoever comes next.
DELETE FROM meta WHERE key = 'pruned_at'

-- name: drop_keys
-- Idempotency keys that nobody sends again.
DELETE FROM idempotency WHERE (caller, key) IN (
  SELECT caller, key FROM idempotency WHERE created_at < :before ORDER BY created_at LIMIT :limit)

-- name: drop_changes
-- The oldest changes of how jobs of the log stand.
DELETE FROM job_watch_change WHERE id IN (
  SELECT id FROM job_watch_change WHERE at < :before ORDER BY at LIMIT :limit)

-- name: drop_lineage
-- What was known of runs, beside their records, of which nothing was told since long.
DELETE FROM job_log_lineage WHERE run_id IN (
  SELECT run_id FROM job_log_lineage WHERE changed_at < :before ORDER BY changed_at LIMIT :limit)

-- name: drop_events
-- The oldest events, but for those of runs that are not over.
DELETE FROM event WHERE id IN (
  SELECT id FROM (
    SELECT id, at FROM event
    WHERE run_id IS NULL OR NOT EXISTS (SELECT 1 FROM work WHERE work.run_id = event.run_id)
    ORDER BY id LIMIT :limit) AS oldest
  WHERE at < :before)

-- name: ended
-- Runs that are over since long, the first to end first; not those that made what is deployed, or a deploy of which only
-- the warehouse knows what became.
SELECT id, ended_at, environment_id, job_id,
  rerun_of IS NOT NULL OR EXISTS (SELECT 1 FROM run AS again WHERE again.rerun_of = run.id)
FROM run
WHERE ended_at IS NOT NULL AND ended_at < :before AND (ended_at, id) > (:after_at, :after_id)
  AND NOT EXISTS (
    SELECT 1 FROM deployment CROSS JOIN environment
    WHERE deployment.run_id = run.id AND environment.id = deployment.environment_id
      AND (deployment.status = 'applying' OR deployment.unsettled = 1
        OR environment.current_deployment_id = deployment.id))
ORDER BY ended_at, id LIMIT :limit

-- name: lock
-- Runs that nobody else drops, and that nobody repeats from now on.
SELECT id FROM run WHERE id IN (SELECT value FROM json_each(:ids)) ORDER BY id

-- name: repeated
-- Which runs were repeated, and by which.
SELECT rerun_of, id FROM run WHERE rerun_of IN (SELECT value FROM json_each(:ids))

-- name: drop_statements
-- Some statements of a run.
DELETE FROM step_statement WHERE (run_id, step_id, position) IN (
  SELECT run_id, step_id, position FROM step_statement WHERE run_id = :run_id LIMIT :limit)

-- name: drop_run
-- A run with its steps.
DELETE FROM run WHERE id = :id

-- name: old_texts
-- Texts that nothing has used of late.
SELECT digest FROM statement_text WHERE used_at < :before ORDER BY used_at LIMIT :limit

-- name: begun
-- Runs that began before an instant.
SELECT id, started_at FROM run
WHERE started_at IS NOT NULL AND started_at < :before AND (started_at, id) > (:after_at, :after_id)
ORDER BY started_at, id LIMIT :limit

-- name: texts_of
-- The texts of a run's statements.
SELECT DISTINCT text_digest FROM step_statement WHERE run_id = :run_id

-- name: keep_text
-- A text that a run which is kept still names.
UPDATE statement_text SET used_at = :now WHERE digest = :digest

-- name: drop_text
-- A text, unless somebody has used it meanwhile.
DELETE FROM statement_text WHERE digest = :digest AND used_at < :before

-- name: undecided_since
-- When the oldest run began that is not over, or the oldest deploy of which only the warehouse knows what became.
SELECT min(at) FROM (
  SELECT min(started_at) AS at FROM run WHERE status IN ('running', 'waiting') AND started_at IS NOT NULL
  UNION ALL
  SELECT min(created_at) FROM deployment AS d WHERE unsettled = 1
    AND NOT EXISTS (SELECT 1 FROM deployment AS later WHERE later.environment_id = d.environment_id
      AND later.number > d.number AND later.status = 'deployed')) AS undecided
