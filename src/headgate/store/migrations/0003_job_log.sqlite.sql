-- When a job last succeeded: by its end, NULL last or first, which an index of SQLite only has as a column of its own.

CREATE INDEX job_log_by_end ON job_log (name, status, (end_date IS NULL), end_date, id)
