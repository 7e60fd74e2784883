-- What every write of a worker asks first: is the run still mine?

-- name: held
-- The claim with this fence, where it stands.
SELECT environment_id, cancel_requested FROM run WHERE id = :run_id AND fence = :fence AND status = 'running'

-- name: open
-- A run that waits or runs and that nobody claimed since this fence.
SELECT environment_id, cancel_requested FROM run
WHERE id = :run_id AND fence = :fence AND status IN ('waiting', 'running')

-- name: environment
-- Taken by whoever claims a run there.
SELECT id FROM environment WHERE id = :id
