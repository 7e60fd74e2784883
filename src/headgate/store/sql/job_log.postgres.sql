-- name: advance
-- Lets ids that are given from now on come after one that was given from outside.
SELECT setval(pg_get_serial_sequence('job_log', 'id'), greatest(:id, nextval(pg_get_serial_sequence('job_log', 'id'))))
