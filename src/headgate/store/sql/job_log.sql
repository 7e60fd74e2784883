-- The job log. Conditions, orders and columns are made by job_log_sql.

-- name: columns
-- A record, as clients see it.
id, name, start_date, end_date, message, status, records_processed, source, destination

-- name: advance
-- Lets ids that are given from now on come after one that was given from outside. SQLite does so by itself.
SELECT :id

-- name: found
-- Which of these ids are there, and whose.
SELECT id, name FROM job_log WHERE id IN ({ids})
