-- The same, where others write meanwhile. A row that is locked to be dropped cannot be named by a new rerun.

-- name: lock
-- Runs that nobody else drops, and that nobody repeats from now on.
SELECT id FROM run WHERE id IN (SELECT value::bigint FROM json_array_elements_text(:ids::json) AS value)
ORDER BY id FOR UPDATE SKIP LOCKED

-- name: repeated
-- Which runs were repeated, and by which.
SELECT rerun_of, id FROM run
WHERE rerun_of IN (SELECT value::bigint FROM json_array_elements_text(:ids::json) AS value)
