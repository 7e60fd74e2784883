-- name: previous
-- The success of a name that ended last, by the index that has it so.
SELECT {columns} FROM job_log WHERE name = :name AND status = 'success' AND end_date IS NOT NULL
ORDER BY end_date DESC, id DESC LIMIT 1
