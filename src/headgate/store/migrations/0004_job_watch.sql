-- What is expected of a job in the job log, and how it stands. `definition` is JSON; `project` and `path` name the file
-- that says it, empty where it lives here. Whoever moves a state counts `version` up, so that two who look at the same
-- time tell of a change once. `look_at` is when time alone may change something; a record of the name sets it to 0.

CREATE TABLE job_watch (
  name text NOT NULL PRIMARY KEY,
  definition text NOT NULL,
  overlap text NOT NULL,
  stale_micros bigint NOT NULL,
  project text NOT NULL,
  path text NOT NULL,
  paused integer NOT NULL,
  created_at bigint NOT NULL,
  resumed_at bigint,
  state text NOT NULL,
  state_since bigint NOT NULL,
  reason text NOT NULL,
  unusual integer NOT NULL,
  unusual_reason text NOT NULL,
  due_at bigint,
  look_at bigint NOT NULL,
  version bigint NOT NULL
) {clustered};
CREATE INDEX job_watch_by_look ON job_watch (look_at);

-- Every change of how a job stands; `alert` is 1 where somebody is to be told.
CREATE TABLE job_watch_change (
  id {identity},
  name text NOT NULL,
  at bigint NOT NULL,
  subject text NOT NULL,
  before text NOT NULL,
  after text NOT NULL,
  alert integer NOT NULL,
  reason text NOT NULL
);
CREATE INDEX job_watch_change_by_name ON job_watch_change (name, id);
CREATE INDEX job_watch_change_by_time ON job_watch_change (at);

-- How far another job log was taken over, by its address, and with a name one job of it; moved in the transaction that
-- writes the records. `last_id` is NULL before the first one.
CREATE TABLE job_log_import (
  origin text NOT NULL PRIMARY KEY,
  url text NOT NULL,
  name text,
  last_id bigint,
  records bigint NOT NULL,
  started_at bigint NOT NULL,
  changed_at bigint NOT NULL
) {clustered};

CREATE INDEX job_log_import_by_url ON job_log_import (url);

-- Records that were in progress there when they were taken: they are asked for again. Without `record_id` it is an id
-- that was missing among its neighbours, whose record may appear late.
CREATE TABLE job_log_import_open (
  origin text NOT NULL,
  other_id bigint NOT NULL,
  record_id bigint,
  PRIMARY KEY (origin, other_id)
) {clustered};

-- Runs that OpenLineage events tell of, by their own name for a run. `told` is JSON: all that is known of one. Without a
-- record, that is nothing but datasets yet.
CREATE TABLE job_log_lineage (
  run_id text NOT NULL PRIMARY KEY,
  name text NOT NULL,
  record_id bigint,
  told text NOT NULL,
  changed_at bigint NOT NULL
) {clustered};
CREATE INDEX job_log_lineage_by_age ON job_log_lineage (changed_at)
