-- Environment locks. A lock counts while its run is open.

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
