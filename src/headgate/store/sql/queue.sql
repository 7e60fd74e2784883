-- Who may carry out what: claims, leases, and runs that go back to waiting.
--
-- The row of a run is its lock. It holds its environment from its first claim to its end, also while it was handed
-- back: a deploy alone, everything else beside others.

-- name: candidate
-- The waiting run that is next for a host: nobody's, due, its configuration and its environment free.
SELECT run.id, run.environment_id FROM run JOIN work ON work.run_id = run.id
  JOIN environment ON environment.id = run.environment_id
WHERE run.status = 'waiting' AND work.attached = 0 AND {which}
  AND (run.not_before IS NULL OR run.not_before <= :now)
  AND (environment.host IS NULL OR environment.host = :host)
  AND NOT EXISTS (SELECT 1 FROM run AS other WHERE other.config_key = run.config_key AND other.status = 'running')
  AND NOT EXISTS (SELECT 1 FROM run AS other WHERE other.environment_id = run.environment_id
    AND other.status IN ('running', 'waiting') AND other.started_at IS NOT NULL AND other.id <> run.id
    AND (other.kind = 'deploy' OR run.kind = 'deploy'))
  AND (run.kind = 'deploy' OR run.started_at IS NOT NULL OR NOT EXISTS (
    SELECT 1 FROM run AS other WHERE other.environment_id = run.environment_id
    AND other.status = 'waiting' AND other.kind = 'deploy'
    AND (other.not_before IS NULL OR other.not_before <= :now)))
  AND (environment.max_running IS NULL OR environment.max_running > (
    SELECT count(*) FROM run AS other WHERE other.environment_id = run.environment_id
    AND other.status IN ('running', 'waiting') AND other.started_at IS NOT NULL AND other.id <> run.id))
ORDER BY run.priority DESC, run.id LIMIT 1

-- name: ahead
-- The run that one has to wait for: the one that runs with the same key, else the first that waited.
SELECT {columns} FROM run AS mine CROSS JOIN run
WHERE mine.id = :id AND run.config_key = mine.config_key AND run.id <> mine.id
  AND run.status IN ('running', 'waiting') AND (run.status = 'running' OR run.id < mine.id)
ORDER BY run.status, run.id LIMIT 1

-- name: in_environment
-- The run that has the environment which one wants to itself, or that wants it to itself.
SELECT {columns} FROM run AS mine CROSS JOIN run
WHERE mine.id = :id AND run.environment_id = mine.environment_id AND run.id <> mine.id
  AND run.status IN ('running', 'waiting') AND run.started_at IS NOT NULL
  AND (run.kind = 'deploy' OR mine.kind = 'deploy')
ORDER BY run.id LIMIT 1

-- name: deploy_waiting
-- The deploy that came to an environment and lets no other run begin.
SELECT {columns} FROM run AS mine CROSS JOIN run
WHERE mine.id = :id AND mine.kind <> 'deploy' AND mine.started_at IS NULL
  AND run.environment_id = mine.environment_id AND run.status = 'waiting' AND run.kind = 'deploy'
  AND (run.not_before IS NULL OR run.not_before <= :now)
ORDER BY run.id LIMIT 1

-- name: crowd
-- How many runs an environment may have at once, and has beside one.
SELECT max_running, (SELECT count(*) FROM run AS other WHERE other.environment_id = environment.id
  AND other.status IN ('running', 'waiting') AND other.started_at IS NOT NULL AND other.id <> :id)
FROM environment WHERE environment.id = :environment_id

-- name: environment_of
-- Where a run runs.
SELECT environment_id, status FROM run WHERE id = :id

-- name: claim
-- waiting -> running. A refresh without a deployment pins the one that stands now.
UPDATE run SET status = 'running', fence = fence + 1, started_at = coalesce(started_at, :now),
  deployment_id = coalesce(deployment_id, CASE WHEN kind = 'refresh' THEN (
    SELECT current_deployment_id FROM environment WHERE environment.id = run.environment_id) END)
WHERE id = :id AND status = 'waiting'
RETURNING {returned}

-- name: own
-- The process that carries a run out, and until when it need not be heard of again.
UPDATE work SET owner_host = :host, owner_pid = :pid, owner_process_started = :process_started,
  owner_label = :label, lease_until = :lease_until
WHERE run_id = :run_id

-- name: extend
-- A heartbeat.
UPDATE work SET lease_until = :lease_until WHERE run_id = :run_id

-- name: hand_back
-- running -> waiting; the fence moves, so that the process that had it writes nothing more.
UPDATE run SET status = 'waiting', fence = fence + 1 WHERE id = :id AND fence = :fence AND status = 'running'
RETURNING {returned}

-- name: disown
-- Nobody's any more.
UPDATE work SET owner_host = NULL, owner_pid = NULL, owner_process_started = NULL, owner_label = NULL,
  lease_until = NULL
WHERE run_id = :run_id

-- name: expired
-- Open runs whose process was not heard of for a whole lease.
SELECT {columns}, work.attached FROM work CROSS JOIN run
WHERE work.lease_until < :now AND run.id = work.run_id AND run.status IN ('running', 'waiting')
ORDER BY run.id

-- name: unfinished_of
-- Open runs that processes of one host have, each with its process.
SELECT {columns}, work.attached, work.owner_host, work.owner_pid, work.owner_process_started, work.owner_label
FROM work CROSS JOIN run
WHERE work.owner_host = :host AND run.id = work.run_id AND run.status IN ('running', 'waiting')
ORDER BY run.id

-- name: open_alike
-- The runs of one configuration that are not over, oldest first.
SELECT {columns} FROM run WHERE config_key = :config_key AND status IN ('running', 'waiting') ORDER BY id

-- name: answered
-- The run that a request with this key made before.
SELECT request_digest, run_id FROM idempotency WHERE caller = :caller AND key = :key

-- name: remember
-- Which run a request with this key made.
INSERT INTO idempotency (caller, key, request_digest, run_id, created_at)
VALUES (:caller, :key, :request_digest, :run_id, :now)

-- name: lengths
-- How many runs wait and run, for each kind.
SELECT kind, status, count(*) FROM work CROSS JOIN run WHERE run.id = work.run_id GROUP BY kind, status
