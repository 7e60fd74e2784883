-- When a job last succeeded: by its end, NULL last or, backwards, first.

CREATE INDEX job_log_by_end ON job_log (name, status, end_date, id)
