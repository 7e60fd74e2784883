-- The job log: what ETL jobs that run elsewhere say of their runs. Instants are microseconds since 1970, as
-- everywhere; the largest and the smallest number that fit are infinity and -infinity.

CREATE TABLE job_log (
  id {identity},
  name text NOT NULL,
  start_date bigint NOT NULL,
  end_date bigint,
  message text,
  status text NOT NULL,
  records_processed bigint,
  source text NOT NULL,
  destination text NOT NULL
);

-- The newest of a name, and its history.
CREATE INDEX job_log_by_name ON job_log (name, start_date, id);
-- What runs, and what failed lately.
CREATE INDEX job_log_by_status ON job_log (status, start_date, id);
CREATE INDEX job_log_by_start ON job_log (start_date, id)
