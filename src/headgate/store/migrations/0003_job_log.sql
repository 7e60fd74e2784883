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
CREATE INDEX job_log_by_start ON job_log (start_date, id);

-- What is known of a job by its name, and what starts and finishes of that name wait for each other on. `watermark` is
-- JSON: how far the job has come, by its own word; `watermark_start` is when the run began that said so.
CREATE TABLE job_log_job (
  name text NOT NULL PRIMARY KEY,
  watermark text,
  watermark_start bigint
) {clustered};

-- Starts and finishes that were carried out, by the key that came with them; sent again, they get the same answer.
CREATE TABLE job_log_call (
  name text NOT NULL,
  key text NOT NULL,
  action text NOT NULL,
  record_id bigint NOT NULL,
  answer text NOT NULL,
  created_at bigint NOT NULL,
  PRIMARY KEY (name, key)
);
CREATE INDEX job_log_call_by_age ON job_log_call (name, created_at)
