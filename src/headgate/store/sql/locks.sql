-- Environment and table locks. A lock counts while its run is open.

-- name: environment_holder
-- The run that stands in the way of a lock: granted to another, or an exclusive one that came first.
SELECT environment_lock.run_id FROM environment_lock JOIN run ON run.id = environment_lock.run_id
WHERE environment_lock.environment_id = :environment_id AND environment_lock.run_id <> :run_id
  AND run.status IN ('waiting', 'running')
  AND (
    (environment_lock.granted = 1 AND (environment_lock.mode = 'exclusive' OR :mode = 'exclusive'))
    OR (environment_lock.granted = 0 AND (:mode = 'shared' OR environment_lock.run_id < :run_id))
  )
ORDER BY environment_lock.granted DESC, environment_lock.run_id LIMIT 1

-- name: own_environment_lock
-- What a run has of an environment already.
SELECT mode, granted FROM environment_lock WHERE environment_id = :environment_id AND run_id = :run_id

-- name: set_environment_lock
-- A lock, granted or waited for.
INSERT INTO environment_lock (environment_id, run_id, mode, granted)
VALUES (:environment_id, :run_id, :mode, :granted)
ON CONFLICT (environment_id, run_id) DO UPDATE SET mode = excluded.mode, granted = excluded.granted

-- name: unlock
-- Every environment lock of a run.
DELETE FROM environment_lock WHERE run_id = :run_id

-- name: table_holder
-- The run that writes a table.
SELECT table_lock.run_id, table_lock.step_id, table_lock.fence
FROM table_lock JOIN run ON run.id = table_lock.run_id
WHERE table_key = :table_key AND run.status IN ('waiting', 'running')

-- name: set_table_lock
-- The lock, over one that no longer counts.
INSERT INTO table_lock (table_key, run_id, fence, step_id) VALUES (:table_key, :run_id, :fence, :step_id)
ON CONFLICT (table_key) DO UPDATE SET run_id = excluded.run_id, fence = excluded.fence,
  step_id = excluded.step_id

-- name: unlock_table
-- Lets a table go, if it is still held under this claim.
DELETE FROM table_lock WHERE table_key = :table_key AND run_id = :run_id AND fence = :fence
