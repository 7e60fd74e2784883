-- What every write of a worker asks first: is the run still mine? The answer holds until the write is committed.

-- name: held
-- The claim with this fence, where it stands.
SELECT environment_id, cancel_requested FROM run
WHERE id = :run_id AND fence = :fence AND status = 'running' {for_update}

-- name: open
-- A run that waits or runs and that nobody claimed since this fence.
SELECT environment_id, cancel_requested FROM run
WHERE id = :run_id AND fence = :fence AND status IN ('waiting', 'running') {for_update}

-- name: environment
-- Taken by whoever claims a run there.
SELECT id FROM environment WHERE id = :id {for_update}
